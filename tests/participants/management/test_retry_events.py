"""`manage.py retry_events`: many events retried, by what is asked for."""

from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from participants.events import retry as retries
from participants.models import Event
from programs import rulebook
from programs.models import Program, Rule
from tests.conftest import TESTER
from tests.participants.events.workers import (
    add_rule,
    an_event,
    credit,
    send,
    statuses,
    work_off,
)
from tests.participants.ledger_world import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)


def retry_events(*arguments: str) -> str:
    out = StringIO()
    call_command("retry_events", *arguments, stdout=out)
    return out.getvalue().strip()


@pytest.fixture
def world() -> World:
    """Ana has three events with rule errors, bo two that failed."""
    world = make_world("ana", "bo")
    add_rule(world, credit(world, "1"), name="Base")
    add_rule(world, credit(world, "event.bonus"), condition="event.kind == 'bonus'", name="Bonus")
    debit = {**credit(world, "1000"), "type": "DEBIT"}
    add_rule(world, debit, condition="event.kind == 'spend'", name="Spend")
    send([an_event(world, "ana", f"a{n}", kind="bonus") for n in range(3)])
    send([an_event(world, "bo", f"b{n}", kind="spend") for n in range(2)])
    work_off()
    assert statuses() == {"COMPLETED": 3, "FAILED": 2}
    return world


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--failed"], "retried 2, left out 0"),
        (["--rule-errors"], "retried 3, left out 0"),
        (["--failed", "--rule-errors"], "retried 5, left out 0"),
        (["--failed", "--program", "{program}"], "retried 2, left out 0"),
        (["--failed", "--program", "{other}"], "retried 0, left out 0"),
        (["--failed", "--to", "2026-01-15T10:30:00Z"], "retried 0, left out 0"),
        (["--failed", "--from", "2026-01-15T10:30:00Z"], "retried 2, left out 0"),
        (["--failed", "--rule-errors", "--dry-run"], "would retry 5"),
    ],
)
def test_it_retries_what_is_asked_for(arguments: list[str], said: str, world: World) -> None:
    other = Program.objects.create(name="Other")
    given = [each.format(program=world.program.pk, other=other.pk) for each in arguments]

    assert retry_events(*given) == said

    retried = 0 if "--dry-run" in arguments else int(said.split()[1].strip(","))
    assert Event.objects.pending().count() == retried


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Say which"),
        (["--failed", "--program", "{nobody}"], "There is no program"),
        (["--failed", "--program", "x"], "invalid UUID"),
        (["--failed", "--from", "yesterday"], "Give a time such as"),
    ],
)
def test_it_refuses_what_it_does_not_understand(
    arguments: list[str], said: str, world: World
) -> None:
    with pytest.raises(CommandError, match=said):
        retry_events(*(each.format(nobody=uuid4()) for each in arguments))
    assert not Event.objects.pending().exists()


def test_rule_errors_are_paid_once_however_often_it_is_run(world: World) -> None:
    rule = Rule.objects.get(name="Bonus")
    actions = [credit(world, "10")]
    rulebook.change(rule.pk, rulebook.clean_change({"actions": actions}), by=TESTER)

    retry_events("--rule-errors")
    retry_events("--rule-errors")
    work_off()
    retry_events("--rule-errors")
    work_off()

    assert world.balance() == ("33", "0", "0")


def test_it_goes_page_by_page_and_can_be_killed_after_each(
    world: World, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(retries, "MOST_AT_ONCE", 2)
    pages = retries.retry_each(Event.objects.all(), before=timezone.now(), by=TESTER)

    # A transaction of five statements, and the hint.
    with django_assert_num_queries(8):
        assert len(next(pages).ids) == 2
    del pages
    assert Event.objects.pending().count() == 2
    assert retry_events("--failed", "--rule-errors") == "retried 3, left out 0"


def test_events_of_equal_times_are_all_met(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "MOST_AT_ONCE", 1)
    Event.objects.update(created_at=timezone.now())

    assert retry_events("--failed", "--rule-errors") == "retried 5, left out 0"


def test_events_of_programs_that_are_not_active_are_left_out(world: World) -> None:
    Program.objects.update(status="SUSPENDED")

    assert retry_events("--failed", "--rule-errors") == "retried 0, left out 5"
    assert not Event.objects.pending().exists()
