"""Files of events that are imported by commands."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from programs import rulebook
from programs.models import Program
from tests.conftest import TESTER
from tests.participants.management.imports import Ended


def import_events(*arguments: object) -> Ended:
    return ended("import_events", *arguments)


def ended(command: str, *arguments: object) -> Ended:
    stdout, stderr = StringIO(), StringIO()
    code, complaint = 0, ""
    try:
        call_command(command, *map(str, arguments), stdout=stdout, stderr=stderr)
    except CommandError as error:
        code, complaint = error.returncode, str(error)
    return Ended(stdout.getvalue(), stderr.getvalue(), code, complaint)


def make_rule(program: Program, name: str, *actions: dict[str, Any], **more: Any) -> None:
    body = {"program_id": str(program.pk), "name": name, "condition": "true", **more}
    rulebook.create(rulebook.clean_new({**body, "actions": list(actions)}), by=TESTER)


@contextlib.contextmanager
def running(*command: object) -> Iterator[subprocess.Popen[bytes]]:
    url, _, options = os.environ["DATABASE_URL"].partition("?")
    url = f"{url.rpartition('/')[0]}/{connection.settings_dict['NAME']}?{options}"
    process = subprocess.Popen(
        [sys.executable, "manage.py", *map(str, command)],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def output(process: subprocess.Popen[bytes]) -> str:
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr.decode()
    return stdout.decode()
