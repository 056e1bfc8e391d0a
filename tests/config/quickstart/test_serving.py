"""The whole of quickstart, on a machine that nobody has configured."""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import pytest

from config.quickstart import embedded
from tests.config.quickstart.first_run import copy_of_the_project, curl_line, found, soon


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
    [stylesheet] = re.findall(r'href="(/static/programs/laurel\.\w+\.css)"', login.read().decode())
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
