import http.client
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles.finders import get_finders
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django.fixtures import Settings

from config.management.commands import quickstart
from config.quickstart import embedded, local, serving
from participants.models import Enrollment, Event, Participant, StateChange
from programs.models import ApiKey, Program, ProgramStatus, Rule


@pytest.fixture
def manifest(settings: Settings, tmp_path: Path) -> Path:
    """What says that all static files are collected, so that a test need not wait for it."""
    settings.STATIC_ROOT = tmp_path / "static"
    manifest = tmp_path / "static/staticfiles.json"
    manifest.parent.mkdir()
    names = [name for finder in get_finders() for name, _ in finder.list([])]
    manifest.write_text(json.dumps({"paths": dict.fromkeys(names, "")}))
    return manifest


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Path]:
    """The .env, not yet there, of a machine where nothing is configured but a database."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ["DATABASE_URL"] = "postgres:///example"
    yield tmp_path / ".env"
    os.environ.clear()
    os.environ.update(before)


def set_up(port: int = 8000) -> str:
    output = StringIO()
    call_command("quickstart", no_serve=True, port=port, stdout=output)
    return output.getvalue()


def found(label: str, output: str) -> str:
    match = re.search(rf"^{label} +(\S.*)$", output, re.MULTILINE)
    assert match, output
    return match[1]


def curl_line(output: str) -> str:
    [line] = [line for line in output.splitlines() if line.startswith("curl ")]
    return line


# Setting up


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


# The environment


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


def test_every_variable_is_explained_and_every_explained_one_is_read() -> None:
    folder = embedded.PROJECT / "config"
    code = "".join((folder / name).read_text() for name in ("settings.py", "gunicorn.py"))
    read = set(re.findall(r"""env\.\w+\(\s*["'](\w+)""", code))

    explained = re.findall(
        r"^#([A-Z_]+)=", (embedded.PROJECT / ".env.example").read_text(), re.MULTILINE
    )

    assert sorted(explained) == sorted(read)


def test_a_copy_of_the_example_sets_nothing(machine: Path) -> None:
    shutil.copy(embedded.PROJECT / ".env.example", machine)
    before = dict(os.environ)

    with pytest.raises(local.NotConfigured):
        local.complete_environment("migrate", env_file=machine)

    assert dict(os.environ) == before


@pytest.mark.parametrize("missing", ["SECRET_KEY", "DATABASE_URL"])
def test_a_server_does_not_start_without(missing: str, tmp_path: Path) -> None:
    given = {"SECRET_KEY": "x" * 50, "DATABASE_URL": "postgres:///example"}
    del given[missing]
    copy_of_the_project(tmp_path)

    server = subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn", "-b", "127.0.0.1:0"],
        cwd=tmp_path,
        env=given,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert server.returncode != 0
    assert f"Set the {missing} environment variable" in server.stderr


def test_a_server_with_the_settings_of_production_has_no_warning(tmp_path: Path) -> None:
    copy_of_the_project(tmp_path)

    checked = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=tmp_path,
        env={"SECRET_KEY": "0123456789" * 6, "DATABASE_URL": "postgres:///example"},
        capture_output=True,
        text=True,
    )

    assert (checked.returncode, checked.stderr) == (0, "")


# All of it, on a machine that nobody has configured


def copy_of_the_project(folder: Path) -> None:
    hidden = shutil.ignore_patterns(".?*", "__pycache__")  # .env, .venv, .laurel, .git..
    shutil.copytree(embedded.PROJECT, folder, ignore=hidden, dirs_exist_ok=True)


class Quickstart:
    """`manage.py quickstart` as somebody runs it, with what it has printed so far."""

    started: ClassVar[list["Quickstart"]] = []

    def __init__(self, project: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "quickstart", "--port", "0", *options],
            cwd=project,
            env={"PATH": os.environ["PATH"], "HOME": str(project)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.output = ""
        self.started.append(self)

    def serving(self) -> "Quickstart":
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        for line in self.process.stdout:
            self.output += line
            if line.startswith("Laurel is serving"):
                return self
        raise AssertionError(self.output + self.process.stderr.read())

    def get(self, path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
        address = found("Admin", self.output).split("/")[2]
        client = http.client.HTTPConnection(address, timeout=30)
        client.request(method, path, headers={"Accept": "text/html", **headers})
        return client.getresponse()

    def stop(self, number: signal.Signals) -> tuple[int, str]:
        """The exit code, and what was printed from then on."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        output, errors = self.process.communicate(timeout=60)
        return self.process.returncode, output + errors


@contextmanager
def a_project(folder: Path) -> Iterator[Path]:
    copy_of_the_project(folder)
    yield folder
    for running in Quickstart.started:
        running.process.kill()
        running.process.communicate()
    Quickstart.started.clear()
    assert soon(lambda: not processes_of(folder))
    if os.geteuid() == 0:
        shutil.rmtree(embedded._home(folder), ignore_errors=True)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Path]:
    """A project that was never set up."""
    with a_project(tmp_path / "laurel") as folder:
        yield folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project that somebody may have set up."""
    with a_project(tmp_path_factory.mktemp("project") / "laurel") as folder:
        yield folder


def processes_of(project: Path) -> list[str]:
    """Command lines of what works in the project or on its data."""
    commands = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (folder / "cmdline").read_text().replace("\0", " ")
            if (folder / "cwd").readlink() == project or str(embedded._home(project)) in command:
                commands.append(command)
    return commands


def soon(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


@pytest.mark.slow
def test_one_command_makes_a_laurel_that_works_and_ctrl_c_ends_all_of_it(fresh: Path) -> None:
    first = Quickstart(fresh).serving()

    key = found("API key", first.output)
    pasted = subprocess.run(
        ["sh", "-c", curl_line(first.output) + " -s -o /dev/null -w '%{http_code}'"],
        capture_output=True,
        text=True,
    )
    assert pasted.stdout == "200"  # the event was processed within the call
    login = first.get("/admin/login/")
    assert login.status == 200
    [stylesheet] = re.findall(r'href="(/static/admin/css/base\.\w+\.css)"', login.read().decode())
    assert first.get(stylesheet).status == 200
    assert first.get("/docs").status == 200
    # The longest addresses that the contract allows are not too long for the server.
    longest = quote("😀" * 255)
    tag = f"/v1/participants/external:{longest}/state/tags/{longest}"
    assert first.get(tag, "DELETE", **{"X-API-Key": key}).status == 404
    assert len(processes_of(fresh)) > 3
    assert first.stop(signal.SIGINT) == (0, "")
    assert processes_of(fresh) == []

    second = Quickstart(fresh).serving()
    assert "shown this once" not in second.output
    kept = second.get("/v1/participants/external:customer-1006", **{"X-API-Key": key})
    assert kept.status == 200
    assert second.stop(signal.SIGTERM) == (0, "")
    assert processes_of(fresh) == []


@pytest.mark.slow
def test_a_killed_quickstart_leaves_nothing_running(project: Path) -> None:
    killed = Quickstart(project).serving()

    killed.stop(signal.SIGKILL)

    assert soon(lambda: not processes_of(project))


@pytest.mark.slow
def test_a_connection_that_a_browser_left_open_does_not_hold_up_the_end(project: Path) -> None:
    running = Quickstart(project).serving()
    address, _, port = found("Admin", running.output).split("/")[2].partition(":")

    with socket.create_connection((address, int(port))):
        time.sleep(6)  # for five, gunicorn waits for a request in another way
        asked_at = time.monotonic()
        assert running.stop(signal.SIGINT) == (0, "")

    assert time.monotonic() - asked_at < 20


@pytest.mark.slow
def test_a_server_that_ends_by_itself_is_an_error(project: Path) -> None:
    running = Quickstart(project).serving()
    [gunicorn] = subprocess.run(
        ["pgrep", "-P", str(running.process.pid), "-f", "gunicorn"], capture_output=True, text=True
    ).stdout.split()

    os.kill(int(gunicorn), signal.SIGKILL)

    code, printed = running.wait()
    assert code == 1
    assert "ended by itself" in printed
