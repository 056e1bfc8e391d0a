"""Settings that `manage.py` supplies on a machine without any: a secret key and the embedded database.

A server that wsgi.py starts gets neither, and does not start without them.
"""

import fcntl
import os
import secrets
from pathlib import Path

import environ

from config.quickstart import embedded

ENV_FILE = embedded.PROJECT / ".env"


class NotConfigured(Exception):
    """A setting is missing and cannot be generated; the message says which, and what to do."""


def complete_environment(command: str = "", *, env_file: Path = ENV_FILE) -> None:
    """Set the missing environment variables that the settings need, for this process and its children.

    Raises NotConfigured.
    """
    environ.Env.read_env(env_file)
    has_database = bool(os.environ.get("DATABASE_URL"))
    if not has_database or command == "quickstart":
        _ensure_secret_key(env_file)
        # Not stored in the file, where a server with HTTPS would read it.
        os.environ.setdefault("HTTPS", "False")
    if "SECRET_KEY" not in os.environ:
        raise NotConfigured(
            "Set SECRET_KEY (.env.example explains it), or let manage.py quickstart make one."
        )
    if not has_database:
        os.environ["DATABASE_URL"] = _embedded_database()


def _ensure_secret_key(env_file: Path) -> None:
    if "SECRET_KEY" in os.environ:
        return
    try:
        fd = os.open(env_file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with open(fd, "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            environ.Env.read_env(env_file)  # another process may have been faster
            if "SECRET_KEY" not in os.environ:
                os.fchmod(fd, 0o600)  # an existing file may be readable by others
                text = file.read()
                line_break = "\n" if text and not text.endswith("\n") else ""
                key = secrets.token_urlsafe(50)
                file.write(f"{line_break}SECRET_KEY={key}\n")
                os.environ["SECRET_KEY"] = key
    except OSError as error:
        raise NotConfigured(
            f"Set SECRET_KEY: none could be made, as {env_file} cannot be written ({error.strerror})."
        ) from error


def _embedded_database() -> str:
    try:
        return embedded.start()
    except embedded.EmbeddedDatabaseError as error:
        raise NotConfigured(str(error)) from error
