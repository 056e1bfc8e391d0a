import json
import os
import socket
import threading
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles.finders import get_finders
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django.fixtures import Settings

from config.management.commands import quickstart
from config.quickstart import serving
from participants.models import Enrollment, Event, Participant, StateChange
from programs.models import ApiKey, Program, ProgramStatus, Rule
from tests.config.quickstart.first_run import curl_line, found, soon


@pytest.fixture
def manifest(settings: Settings, tmp_path: Path) -> Path:
    """What says that all static files are collected, so that a test need not wait for it."""
    settings.STATIC_ROOT = tmp_path / "static"
    manifest = tmp_path / "static/staticfiles.json"
    manifest.parent.mkdir()
    names = [name for finder in get_finders() for name, _ in finder.list([])]
    manifest.write_text(json.dumps({"paths": dict.fromkeys(names, "")}))
    return manifest


def set_up(port: int = 8000) -> str:
    output = StringIO()
    call_command("quickstart", no_serve=True, port=port, stdout=output)
    return output.getvalue()


@pytest.mark.django_db
@pytest.mark.usefixtures("manifest")
def test_the_first_run_shows_what_opens_admin_and_api() -> None:
    output = set_up(port=8123)

    assert found("Admin", output) == "http://127.0.0.1:8123/admin/"
    admin = User.objects.get(username=found("User", output))
    assert admin.is_superuser
    assert admin.check_password(found("Password", output))
    assert found("API key", output) in curl_line(output)
    assert str(Program.objects.get().id) in curl_line(output)
    assert Enrollment.objects.count() == Participant.objects.count() == 5
    changes = StateChange.objects.values_list("changed_by", flat=True)
    assert {label.partition(":")[0] for label in changes} == {"command", "rule", "tier_track"}
    assert set(Event.objects.values_list("status", flat=True)) == {"COMPLETED"}


@pytest.mark.django_db
@pytest.mark.usefixtures("manifest")
def test_a_second_run_keeps_the_data_and_makes_nothing_twice() -> None:
    first = set_up()
    models = [User, ApiKey, Program, Rule, Participant, Enrollment, StateChange, Event]
    before = [list(model._default_manager.order_by("pk").values()) for model in models]

    second = set_up()

    assert before == [list(model._default_manager.order_by("pk").values()) for model in models]
    assert found("Password", first) not in second
    assert found("API key", first) not in second
    assert "$LAUREL_API_KEY" in curl_line(second)


@pytest.mark.django_db
@pytest.mark.usefixtures("manifest")
def test_what_is_missing_is_made_beside_what_is_there() -> None:
    User.objects.create_superuser("owner", password="kept")

    output = set_up()

    assert found("User", output) == "owner"
    assert User.objects.count() == 1
    assert User.objects.get().check_password("kept")
    assert found("API key", output).startswith("lrl_")
    assert Program.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("manifest")
def test_who_has_a_program_gets_no_demo_data() -> None:
    Program.objects.create(name="Ours")

    output = set_up()

    assert Program.objects.get().name == "Ours"
    assert not Participant.objects.exists()
    assert "program_id" not in curl_line(output)


@pytest.mark.django_db
@pytest.mark.usefixtures("manifest")
def test_an_archived_demo_program_stays_archived() -> None:
    set_up()
    Program.objects.update(status=ProgramStatus.ARCHIVED)

    output = set_up()

    assert Program.objects.get().status == ProgramStatus.ARCHIVED
    assert "program_id" not in curl_line(output)


@pytest.mark.django_db
@pytest.mark.usefixtures("manifest")
def test_what_could_not_be_shown_is_not_kept() -> None:
    class Closed(StringIO):
        def flush(self) -> None:
            if "Password" in self.getvalue():
                raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        call_command("quickstart", no_serve=True, stdout=Closed())

    assert not User.objects.exists()
    assert not ApiKey.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("manifest")
def test_a_run_waits_until_another_has_made_its_things() -> None:
    def run() -> None:
        set_up()
        connection.close()

    second = threading.Thread(target=run)
    with quickstart._alone():
        second.start()
        assert soon(somebody_waits)
        User.objects.create_superuser("admin", password="kept")
    second.join()

    assert User.objects.get().check_password("kept")


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = database "
            "WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
        )
        return cursor.fetchone() is not None


@pytest.mark.django_db
def test_static_files_are_collected_when_one_is_new_or_changed(manifest: Path) -> None:
    collected = manifest.parent / "admin/css/base.css"

    set_up()
    assert not collected.exists()

    os.utime(manifest, (0, 0))
    set_up()
    assert collected.exists()

    manifest.write_text('{"paths": {}}')
    collected.unlink()
    set_up()
    assert collected.exists()


def test_a_port_that_is_taken_is_said_before_anything_is_done() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        # Without access to the database: the set-up would fail in another way.
        with pytest.raises(CommandError, match=f"port {port}: .*in use"):
            call_command("quickstart", port=port)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),  # noqa: S104
        ("::1", "http://[::1]:8000"),
        ("::", "http://[::1]:8000"),
        ("laurel.example.com", "http://laurel.example.com:8000"),
    ],
)
def test_an_address_that_works_here_is_shown(host: str, url: str) -> None:
    assert serving.url_of(host, 8000) == url
