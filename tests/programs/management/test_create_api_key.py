from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from programs.api_keys import LENGTH, is_well_formed
from programs.models import ApiKey, Scope

pytestmark = pytest.mark.django_db


def create_api_key(*arguments: str) -> tuple[str, str]:
    """What the command writes on standard output and on standard error."""
    stdout, stderr = StringIO(), StringIO()
    call_command("create_api_key", *arguments, stdout=stdout, stderr=stderr)
    return stdout.getvalue(), stderr.getvalue()


def test_the_key_stands_alone_on_standard_output() -> None:
    stdout, stderr = create_api_key("Web shop")

    key = stdout.removesuffix("\n")
    assert len(key) == LENGTH
    assert is_well_formed(key)
    assert key not in stderr
    assert "Web shop" in stderr
    assert "this once" in stderr


def test_the_key_works_at_once() -> None:
    stdout, _ = create_api_key("Web shop")

    response = APIClient(headers={"X-API-Key": stdout.strip()}).get("/v1/programs")

    assert response.status_code == 200


def test_no_scope_means_all_and_is_said() -> None:
    _, stderr = create_api_key("Web shop")

    row = ApiKey.objects.get()
    assert row.scopes == Scope.values
    assert row.expires_at is None
    assert row.created_by == "command:create_api_key"
    assert "all: no --scope was given" in stderr
    assert "Expires:  never" in stderr


def test_given_scopes_are_the_only_ones() -> None:
    stdout, stderr = create_api_key(
        "Till", "--scope", "events:write", "--scope", "participants:read"
    )

    answer = APIClient(headers={"X-API-Key": stdout.strip()}).get("/v1/programs")
    assert ApiKey.objects.get().scopes == ["participants:read", "events:write"]
    assert "Scopes:   participants:read, events:write\n" in stderr
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("text", "lifetime"),
    [
        ("30m", timedelta(minutes=30)),
        ("12h", timedelta(hours=12)),
        ("90d", timedelta(days=90)),
        ("52w", timedelta(weeks=52)),
        ("1w2d12h30m15s", timedelta(days=9, hours=12, minutes=30, seconds=15)),
        ("3653d", timedelta(days=3653)),
    ],
)
def test_a_key_expires_when_it_was_said(text: str, lifetime: timedelta) -> None:
    before = timezone.now()

    _, stderr = create_api_key("Till", "--expires-in", text)

    expires_at = ApiKey.objects.get().expires_at
    assert expires_at is not None
    assert before + lifetime <= expires_at <= timezone.now() + lifetime
    assert f"{expires_at:%Y-%m-%d %H:%M} UTC" in stderr


@pytest.mark.parametrize(
    "text", ["", "0d", "-1d", "90", "d", "1.5s", "90 d", "90y", "٣d", "3654d", "9999999w", "9" * 99]
)
def test_an_expiry_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="--expires-in takes a duration such as 30m"):
        create_api_key("Till", f"--expires-in={text}")

    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("name", ["", "  \t", "x" * 256, "two\nlines", "\udcff"])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    with pytest.raises(CommandError, match="NAME needs 1 to 255 characters"):
        create_api_key(name)

    assert not ApiKey.objects.exists()


def test_a_name_loses_the_space_around_it() -> None:
    create_api_key(f" {'x' * 255} ")

    assert ApiKey.objects.get().name == "x" * 255


def test_an_unknown_scope_is_refused_with_the_known_ones() -> None:
    with pytest.raises(CommandError, match="participants:write"):
        create_api_key("Till", "--scope", "everything")

    assert not ApiKey.objects.exists()
