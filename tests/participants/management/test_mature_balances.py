import contextlib
import os
import pty
import subprocess
import sys
import termios
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from participants.models import Balance, JournalEntry, Maturity
from tests.participants.ledger_world import World, make_world
from tests.participants.management.ledger_faults import found, run


def test_mature_balances_moves_what_has_matured_and_says_how_many(world: World) -> None:
    assert run("mature_balances") == (["matured 0"], "", 0)

    Maturity.objects.update(matures_at=timezone.now())

    assert run("mature_balances") == (["matured 1"], "", 0)
    assert run("mature_balances") == (["matured 0"], "", 0)
    latest = JournalEntry.objects.get(source="DEFERRED")
    assert (latest.destination, latest.amount) == ("AVAILABLE", 4)
    assert latest.created_by == "command:mature_balances"
    assert Balance.objects.get(deferred=0, held__gt=0).available == 11.5
    assert found() == []


def test_mature_balances_goes_on_over_many_batches(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("participants.ledger.mature.BATCH", 2)
    for _ in range(6):
        world.credit("1", of="bo", matures_at=timezone.now() + timedelta(hours=1))
    Maturity.objects.update(matures_at=timezone.now())

    assert run("mature_balances") == (["matured 7"], "", 0)
    assert world.balance("bo") == ("27", "0", "0")
    assert found() == []


@pytest.mark.django_db(transaction=True)
def test_mature_balances_shows_a_bar_on_a_terminal_alone() -> None:
    world = make_world()
    world.credit("1", matures_at=timezone.now() + timedelta(hours=1))
    Maturity.objects.update(matures_at=timezone.now())
    main, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    url, _, options = os.environ["DATABASE_URL"].partition("?")

    done = subprocess.run(
        [sys.executable, "manage.py", "mature_balances"],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": f"{url.rpartition('/')[0]}/{connection.settings_dict['NAME']}?{options}",
        },
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
        check=True,
    )

    os.close(terminal)
    with open(main, "rb", buffering=0) as screen:
        shown = b""
        with contextlib.suppress(OSError):  # how a terminal ends
            while part := screen.read(10_000):
                shown += part
    assert done.stdout == "matured 1\n"
    assert b"1 credits" in shown
