"""What quickstart writes to .env, and what a copied .env sets."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.quickstart import embedded, local


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Path]:
    """The .env, not yet there, of a machine where nothing is configured but a database."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ["DATABASE_URL"] = "postgres:///example"
    yield tmp_path / ".env"
    os.environ.clear()
    os.environ.update(before)


def test_quickstart_keeps_a_secret_key_that_only_its_owner_can_read(machine: Path) -> None:
    local.complete_environment("quickstart", env_file=machine)

    assert stat.S_IMODE(machine.stat().st_mode) == 0o600
    assert machine.read_text() == f"SECRET_KEY={os.environ['SECRET_KEY']}\n"
    assert len(os.environ["SECRET_KEY"]) >= 50
    assert os.environ["HTTPS"] == "False"


def test_the_secret_key_of_the_first_run_serves_for_all(machine: Path) -> None:
    local.complete_environment("quickstart", env_file=machine)
    kept, key = machine.read_text(), os.environ.pop("SECRET_KEY")

    local.complete_environment("quickstart", env_file=machine)

    assert (machine.read_text(), os.environ["SECRET_KEY"]) == (kept, key)


def test_lines_of_a_file_stay_and_the_file_is_closed_to_others(machine: Path) -> None:
    machine.write_text("LOG_LEVEL=INFO")
    machine.chmod(0o644)

    local.complete_environment("quickstart", env_file=machine)

    assert machine.read_text() == f"LOG_LEVEL=INFO\nSECRET_KEY={os.environ['SECRET_KEY']}\n"
    assert stat.S_IMODE(machine.stat().st_mode) == 0o600


def test_what_the_environment_says_goes_before_all(machine: Path) -> None:
    os.environ.update(SECRET_KEY="given", HTTPS="True")

    local.complete_environment("quickstart", env_file=machine)

    assert (os.environ["SECRET_KEY"], os.environ["HTTPS"]) == ("given", "True")
    assert not machine.exists()


def test_other_commands_make_no_secret_key_for_a_configured_database(machine: Path) -> None:
    with pytest.raises(local.NotConfigured, match="Set SECRET_KEY"):
        local.complete_environment("migrate", env_file=machine)

    assert not machine.exists()
    assert "HTTPS" not in os.environ


def test_a_file_that_cannot_be_written_is_said(machine: Path) -> None:
    with pytest.raises(local.NotConfigured, match="cannot be written"):
        local.complete_environment("quickstart", env_file=machine / "folder/.env")


def test_a_copy_of_the_example_sets_nothing(machine: Path) -> None:
    shutil.copy(embedded.PROJECT / ".env.example", machine)
    before = dict(os.environ)

    with pytest.raises(local.NotConfigured):
        local.complete_environment("migrate", env_file=machine)

    assert dict(os.environ) == before
