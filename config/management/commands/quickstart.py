"""Set up and serve Laurel on a fresh machine, with an administrator, an API key and demo data."""

import ipaddress
import json
import secrets
import shlex
import socket
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections, transaction
from django.db.models import Q
from django.utils import timezone

from config.quickstart import demo, local, serving
from programs import api_keys
from programs.kernel import exact_json, instants
from programs.kernel.actors import Actor, ActorKind
from programs.models import ApiKey, Program, ProgramStatus, Scope

BY = Actor(ActorKind.COMMAND, "quickstart")
ADMIN = "admin"
KEY_NAME = "quickstart"
ADVISORY_LOCK = 1_280_591_436  # any number that nobody else locks in this database
MANAGE = ".venv/bin/python manage.py"


class Command(BaseCommand):
    help = (
        "Sets up Laurel and serves it, for one machine: migrations, static files, an administrator, an API key and, in an empty "
        "database, demo data. Run again, it creates nothing twice."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="The address to serve at.")
        parser.add_argument("--port", type=int, default=8000, help="The port; 0 takes a free one.")
        parser.add_argument("--no-serve", action="store_true", help="Only set up.")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        if options["no_serve"]:
            self._set_up(serving.url_of(host, port))
            return
        try:
            with serving.listening(host, port) as listener:
                url = serving.url_of(host, listener.getsockname()[1])
                self._set_up(url)
                self._serve(listener, host, url)
        except serving.CannotServe as error:
            raise CommandError(str(error)) from error

    def _set_up(self, url: str) -> None:
        if local.ENV_FILE.exists() and local.ENV_FILE.stat().st_mode & 0o077:
            self.stderr.write(f"Others may read {local.ENV_FILE}: chmod 600 it.")
        self._say("Preparing the database and the static files...")
        with _alone():
            call_command("migrate", verbosity=0, interactive=False)
            if not _static_files_are_collected():
                call_command("collectstatic", verbosity=0, interactive=False)
            # Neither the password nor the key can be shown again, so both are rolled back if they are not shown.
            with transaction.atomic():
                demo.make(by=BY)
                user, password = _administrator()
                self._show(url, user, password, _key())

    def _show(self, url: str, user: str, password: str | None, key: str | None) -> None:
        as_before = f"(as before; {MANAGE} changepassword {user} sets another)"
        lines = [
            "",
            f"Admin     {url}/admin/",
            f"User      {user}",
            f"Password  {password or as_before}",
            f"API       {url}/v1/participants",
            f"API docs  {url}/docs",
        ]
        if key:
            lines += [f"API key   {key}", "", "Password and key are shown this once. Try the key:"]
        else:
            lines += ["API key   (as before)", "", "To try the API with a new key:", ""]
            lines += [f'export LAUREL_API_KEY="$({MANAGE} create_api_key curl)"']
        self._say("\n".join([*lines, "", _curl_line(url, key), ""]))

    def _serve(self, listener: socket.socket, host: str, url: str) -> None:
        connections.close_all()
        if not ipaddress.ip_address(listener.getsockname()[0]).is_loopback:
            self._say(
                "Other machines reach it by a name in ALLOWED_HOSTS (.env.example), unencrypted."
            )
        with (
            serving.worker("process_events", self._say),
            serving.worker("run_jobs", self._say),
            serving.server(listener, host) as server,
        ):
            signals = serving.stop_on_signals(server)
            if serving.is_ready(server, url):
                self._say(f"Laurel is serving at {url} - stop with Ctrl-C")
                server.wait()
        if not signals:
            raise serving.CannotServe("The server did not start, or ended by itself.")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


@contextmanager
def _alone() -> Iterator[None]:
    """Let only one quickstart at a time set up this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])


def _static_files_are_collected() -> bool:
    """Whether the manifest, which is written last, lists every file and is newer. Collecting takes seconds."""
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if not manifest.exists():
        return False
    known = json.loads(manifest.read_text())["paths"]
    collected_at = manifest.stat().st_mtime
    return all(
        path in known and Path(storage.path(path)).stat().st_mtime < collected_at
        for finder in get_finders()
        for path, storage in finder.list([])
    )


def _administrator() -> tuple[str, str | None]:
    """Return the name of an administrator, and the password if the account is created now."""
    known = User.objects.filter(Q(username=ADMIN) | Q(is_superuser=True)).order_by("id").first()
    if known:
        return known.username, None
    password = secrets.token_urlsafe(12)
    User.objects.create_superuser(ADMIN, password=password)
    return ADMIN, password


def _key() -> str | None:
    """Issue an API key. None if quickstart has issued one before, whatever its state."""
    if ApiKey.objects.filter(name=KEY_NAME).exists():
        return None
    _, key = api_keys.issue(name=KEY_NAME, scopes=Scope.values, by=BY)
    return key


def _curl_line(url: str, key: str | None) -> str:
    path, headers = "participants", []
    body: dict[str, object] = {"external_id": "customer-1006"}
    if Program.objects.filter(id=demo.PROGRAM, status=ProgramStatus.ACTIVE).exists():
        path, headers = "events", ["-H 'Prefer: wait=5'"]
        body |= {
            "program_id": str(demo.PROGRAM),
            "idempotency_key": "order-1",
            "event_timestamp": instants.written(timezone.now()),
            "event_data": {"type": "purchase", "amount": Decimal("49.90")},
        }
    return " ".join(
        [
            f"curl -X POST {shlex.quote(f'{url}/v1/{path}')}",
            f'-H "X-API-Key: {key or "$LAUREL_API_KEY"}"',
            "-H 'Content-Type: application/json'",
            *headers,
            f"-d {shlex.quote(exact_json.dumps(body).decode())}",
        ]
    )
