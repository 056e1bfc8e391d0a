from django.db.migrations.recorder import MigrationRecorder
from django.test import Client, override_settings


@override_settings(ALLOWED_HOSTS=["laurel.example"])
def test_a_probe_may_come_to_an_address(db: None, client: Client) -> None:
    for path in ("/healthz", "/readyz"):
        assert client.get(path, headers={"Host": "10.0.0.5"}).status_code == 200


def test_health_needs_no_key(db: None, client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}


def test_health_says_when_a_migration_is_missing(db: None, client: Client) -> None:
    MigrationRecorder.Migration.objects.filter(app="participants").delete()

    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200
