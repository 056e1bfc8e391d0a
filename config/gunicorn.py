"""Configuration of gunicorn, for production and quickstart alike: `gunicorn -c python:config.gunicorn`."""

import os
import signal
from pathlib import Path
from threading import Thread

import environ

env = environ.Env()
environ.Env.read_env(Path(__file__).resolve().parent.parent / ".env")

wsgi_app = "config.wsgi"
worker_class = "config.web_worker.WebWorker"
workers = env.int("WEB_CONCURRENCY", default=2)
threads = env.int("WEB_THREADS", default=4)

# No call may hold a thread and its locks forever. libpq passes this to PostgreSQL, from the server only: migrations and
# imports may take longer. What waits at COMMIT, for a row that another row points to, is no statement: only `lock_timeout`
# ends that. A verb that met it begins again, for as long as LONGEST_WAIT (programs/kernel/database.py) says.
_LIMITS = "-c statement_timeout=15s -c lock_timeout=1s"
raw_env = [] if "PGOPTIONS" in os.environ else [f"PGOPTIONS={_LIMITS}"]

# Longer than a proxy keeps an idle connection (nginx: 60 seconds), or it could send a request while we close the
# connection. An idle connection holds no thread.
keepalive = 75
# An external_id of 255 characters takes 3,060 bytes of a path once it is percent-encoded, and a tag as many.
limit_request_line = 8190

# Workers touch a file at each event of their loop as a sign of life; on a disk that takes a tenth of their time.
_memory = "/dev/shm"  # noqa: S108 (gunicorn makes a file there that nobody can guess)
worker_tmp_dir = _memory if os.access(_memory, os.W_OK) else None

loglevel = env.str("LOG_LEVEL", default="WARNING").lower()
accesslog = None  # a proxy has one, and it takes time from every call
control_socket_disable = True  # it would be a second way in, a socket in the user's home


def when_ready(server: object) -> None:
    """End together with the quickstart that started this server, even if that was killed."""
    lifeline = os.environ.get("QUICKSTART_LIFELINE")
    if lifeline:
        Thread(target=_end_with, args=[int(lifeline)], daemon=True).start()


def _end_with(lifeline: int) -> None:
    os.read(lifeline, 1)  # returns when quickstart's end of the pipe is closed
    os.kill(os.getpid(), signal.SIGTERM)
