"""Programs whose rules are edited all the time, or are many: they keep nobody waiting, and run as they were edited."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.models import F
from django.utils import timezone

from participants.events import process
from participants.events.ingest import ingest
from participants.events.request import NewEvent
from participants.models import Event
from programs.models import Program, Rule
from programs.rulebook import cache
from tests.conftest import TESTER
from tests.participants.events.workers import (
    an_event,
    happen,
    send,
    soon,
    statuses,
    work_off,
    working,
)
from tests.participants.ledger_world import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = {"type": "COUNTER", "key": "n", "value": "1"}


def many_rules(program: Program, count: int) -> list[Rule]:
    rules = Rule.objects.bulk_create(
        Rule(
            program=program,
            name=f"R{n}",
            condition=f'event.kind == "k{n}" && event.amount > {n}',
            actions=[COUNT],
            order=n + 1,
            needs_attention=False,
        )
        for n in range(count)
    )
    Program.objects.filter(pk=program.pk).revised()
    return rules


def edit_one(rule: Rule, condition: str) -> None:
    """As `rulebook.change` does, but faster."""
    with transaction.atomic():
        Program.objects.filter(pk=rule.program_id).revised()
        edited = Rule.objects.filter(pk=rule.pk)
        edited.update(version=F("version") + 1, condition=condition)


@contextmanager
def edits(rules: list[Rule], pause: float) -> Iterator[list[float]]:
    """Edit one rule after another; yields when each edit was committed."""
    is_over = threading.Event()
    times: list[float] = []

    def edit() -> None:
        try:
            while not is_over.wait(pause):
                edit_one(rules[len(times) % len(rules)], f'event.edit != "e{len(times)}"')
                times.append(time.monotonic())
        finally:
            connections.close_all()

    thread = threading.Thread(target=edit)
    thread.start()
    try:
        yield times
    finally:
        is_over.set()
        thread.join(30)


def two_programs() -> tuple[World, World]:
    return make_world("ana", "cy", symbol="A"), make_world("bo", symbol="B")


def prompt_in(world: World, of: str, key: str, seconds: float = 3) -> Event:
    event = happen(world, of, key)
    done = Event.objects.exclude(status="PENDING").filter(pk=event.pk)
    assert soon(done.exists, seconds), statuses()
    return done.get()


def test_a_program_that_is_edited_all_the_time_stops_neither_itself_nor_others() -> None:
    busy, quiet = two_programs()
    rules = many_rules(busy.program, 500)

    with working() as ended, edits(rules, 0.005) as times:
        for n in range(5):
            prompt_in(quiet, "bo", f"b{n}")
            prompt_in(busy, "ana", f"a{n}", 20 if n == 0 else 3)
        assert len(times) > 20

    assert ended == []
    assert statuses() == {"COMPLETED": 10}


def test_an_event_runs_under_what_was_edited_before_it_came() -> None:
    world, _ = two_programs()
    [rule, *_] = rules = many_rules(world.program, 20)
    prompt: list[bool] = []

    with edits(rules[1:], 0.001):
        for n in range(10):
            edit_one(rule, f'event.n == {n} && event.kind == "new"')
            event = happen(world, "ana", f"k{n}", n=n, kind="new")
            while Event.objects.get(pk=event.pk).status == "PENDING":
                process.process_now(event.participant_id)
            [first, *_] = Event.objects.get(pk=event.pk).outcome["rule_evaluations"]
            prompt.append(first["outcome"] == "matched")

    assert prompt == [True] * 10


def test_while_thousands_of_rules_are_compiled_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many, few = two_programs()
    many_rules(many.program, 40)
    monkeypatch.setattr(process, "COMPILE_SECONDS", -1)  # a rule at a time
    send([an_event(many, "ana", f"a{n}") for n in range(3)])
    send([an_event(few, "bo", f"b{n}") for n in range(3)])

    assert process.process_batch() == 3
    assert statuses(program=few.program) == {"COMPLETED": 3}
    assert statuses(program=many.program) == {"PENDING": 3}

    work_off()
    assert statuses() == {"COMPLETED": 6}


def test_of_one_participant_nothing_overtakes_an_event_whose_rules_are_being_compiled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many, few = two_programs()
    many_rules(many.program, 40)
    monkeypatch.setattr(process, "COMPILE_SECONDS", -1)
    order = [few, many, few, many]
    for n, world in enumerate(order):
        send([NewEvent(world.program.pk, "ana", f"k{n}", timezone.now(), {})])

    assert process.process_batch() == 1
    assert [each.status for each in Event.objects.order_by("sequence")] == [
        *["COMPLETED"],
        *["PENDING"] * 3,
    ]

    work_off()
    assert statuses() == {"COMPLETED": 4}


@pytest.mark.slow
def test_2500_rules_edited_one_after_another_stop_nobody() -> None:
    busy, quiet = two_programs()
    rules = many_rules(busy.program, 2_500)

    with working() as ended, edits(rules, 0.02):
        ingest(NewEvent(busy.program.pk, "ana", "first", timezone.now(), {}), by=TESTER)
        for n in range(10):
            prompt_in(quiet, "bo", f"b{n}")
        assert soon(lambda: statuses() == {"COMPLETED": 11}, 60)
        prompt_in(busy, "ana", "second")

    assert ended == []


def test_a_rulebook_larger_than_the_cache_is_used_all_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(cache, "MAX_BYTES", 1)
    first, second = two_programs()
    for world, who in ((first, "ana"), (second, "bo")):
        many_rules(world.program, 20)
        send([an_event(world, who, f"{who}{n}") for n in range(3)])

    assert work_off() == 6
    assert caplog.messages == []
