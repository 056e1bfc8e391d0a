"""Which rules run for an event, and in what time."""

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from participants.events.apply import LONGEST_RUN, apply
from participants.events.clock import own_time
from programs.models import RuleStatus
from programs.rulebook.compiled import CompiledRule
from tests.participants.events.in_memory import (
    a_rule,
    a_rulebook,
    amounts,
    count,
    credit,
    happening,
    outcomes,
    run,
    set_attribute,
    somebody,
    tag,
)

MOMENT = datetime(2026, 11, 23, 12, tzinfo=UTC)  # of processing
HAPPENED = MOMENT - timedelta(days=1)
PROGRAM, EVENT, ANA = UUID(int=7), UUID(int=8), UUID(int=9)
POINTS, WEI, CAPPED, FOREIGN = (UUID(int=number) for number in range(1, 5))
TRACK, OTHER_TRACK = UUID(int=20), UUID(int=21)


def test_later_rules_and_actions_see_what_earlier_ones_did() -> None:
    ana = somebody()

    outcome = run(
        ana,
        a_rule(count("1"), set_attribute("participant.counters.visits * 10"), tag("regular")),
        a_rule(count("participant.attributes.k"), condition="'regular' in participant.tags"),
        a_rule(tag("never"), condition="participant.counters.visits != 11"),
    )

    assert outcomes(outcome) == ["matched", "matched", "not_matched"]
    assert ana.person.counters["visits"].value == 11
    assert ana.person.tags == ["regular"]


def test_a_rule_that_matches_and_stops_lets_none_after_it_run() -> None:
    ana = somebody()

    outcome = run(
        ana,
        a_rule(tag("no"), condition="false", stop_after_match=True, name="First"),
        a_rule(tag("yes"), stop_after_match=True, name="Second"),
        a_rule(tag("late")),
        a_rule(credit("1 / (size(event) * 0)")),
    )

    assert outcome.failure is None
    assert outcomes(outcome) == ["not_matched", "matched", "skipped", "skipped"]
    assert "“Second”" in outcome.rule_evaluations[3]["reason"]
    assert ana.person.tags == ["yes"]


@pytest.mark.parametrize(
    ("start", "end", "outcome"),
    [
        (None, None, "matched"),
        (HAPPENED, None, "matched"),
        (HAPPENED + timedelta(microseconds=1), None, "skipped"),
        (None, HAPPENED, "skipped"),
        (None, HAPPENED + timedelta(microseconds=1), "matched"),
        # Open now, and not when it happened: it is the event's time that counts.
        (MOMENT - timedelta(hours=1), MOMENT + timedelta(hours=1), "skipped"),
    ],
)
def test_a_rules_window_is_held_against_the_time_of_the_event(
    start: datetime | None, end: datetime | None, outcome: str
) -> None:
    ana = somebody()

    told = run(ana, a_rule(tag("x"), active_from=start, active_to=end))

    assert outcomes(told) == [outcome]
    assert ana.person.tags == (["x"] if outcome == "matched" else [])


def test_now_is_when_the_event_happened() -> None:
    ana = somebody()

    run(ana, a_rule(set_attribute("string(now)")))

    assert ana.person.attributes == {"k": "2026-11-22T12:00:00Z"}


def test_a_suspended_rule_is_told_and_does_nothing() -> None:
    ana = somebody()

    outcome = run(ana, a_rule(credit("1 / (size(event) * 0)"), status=RuleStatus.SUSPENDED))

    assert outcome.status == "COMPLETED"
    assert outcomes(outcome) == ["skipped"]
    assert "suspended" in outcome.rule_evaluations[0]["reason"]


def test_a_rule_that_reads_what_is_missing_is_skipped_and_says_what() -> None:
    ana = somebody()

    outcome = run(ana, a_rule(tag("x"), condition="event.amount > 5"), a_rule(tag("y")))

    assert outcome.status == "COMPLETED"
    assert outcomes(outcome) == ["skipped", "matched"]
    assert "event.amount is missing" in outcome.rule_evaluations[0]["reason"]


def heavy(seconds: float) -> tuple[list[CompiledRule], dict[str, Any]]:
    """Rules that take about so long together, and the event they take it with."""
    data = {"many": list(range(5000))}
    rule = a_rule(condition="event.many.exists(x, x < 0)")
    ana = somebody()
    began = own_time()
    for _ in range(10):
        run(ana, rule, data=data)
    each = (own_time() - began) / 10
    return [rule] * int(seconds / each), data


def test_more_than_a_second_of_rules_fails_the_event_soon_after() -> None:
    rules, data = heavy(2.5 * LONGEST_RUN)
    ana = somebody()
    began = own_time()

    outcome = run(ana, a_rule(credit("5")), *rules, data=data)

    assert outcome.failure is not None
    assert outcome.failure["code"] == "budget_exceeded"
    assert "1 s" in outcome.failure["message"]
    assert amounts(ana) == ("0", "0", "0")
    assert own_time() - began < 2 * LONGEST_RUN


@contextmanager
def a_busy_machine() -> Iterator[None]:
    stop = threading.Event()

    def spin() -> None:
        while not stop.is_set():
            sum(range(1000))

    threads = [threading.Thread(target=spin) for _ in range(5)]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    for thread in threads:
        thread.join()


def test_an_event_does_not_fail_because_the_machine_has_other_things_to_do() -> None:
    """The second is of work: a process that was stopped, or has to share, fails nobody's event for good."""
    rules, data = heavy(0.3 * LONGEST_RUN)

    with a_busy_machine():
        outcome = run(somebody(), *rules, data=data)

    assert outcome.failure is None


def test_an_event_does_not_fail_because_garbage_is_collected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A collection takes the longer the more rules are compiled, and meets whoever has their turn."""
    monkeypatch.setattr("participants.events.apply.LONGEST_RUN", 0.02)
    monkeypatch.setattr(CompiledRule, "takes", lambda *_: [gc.collect() for _ in range(3)])
    began, all_began = own_time(), time.thread_time()

    outcome = run(somebody(), a_rule(credit("5")), a_rule(credit("5")))

    assert time.thread_time() - all_began > 0.02
    assert own_time() - began < 0.02
    assert outcome.failure is None


@pytest.mark.parametrize(
    ("zone", "credited"), [("UTC", "0"), ("Europe/Berlin", "54.7"), ("America/New_York", "0")]
)
def test_a_rule_counts_days_in_the_programs_time_zone(zone: str, credited: str) -> None:
    """The order of half past eleven in the evening in UTC is one of the next day in Berlin."""
    coffee = 'event.lines.filter(l, l.category == "coffee").map(l, l.price * l.quantity).sum()'
    rule = a_rule(credit(coffee), condition='startOfDay(now) == date("2026-11-23")')
    lines = [
        {"category": "coffee", "price": Decimal("12.50"), "quantity": Decimal(2)},
        {"category": "mugs", "price": Decimal("74.50"), "quantity": Decimal(1)},
        {"category": "coffee", "price": Decimal("9.90"), "quantity": Decimal(3)},
    ]
    ana = somebody()
    late = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)

    apply(happening({"lines": lines}, at=late), ana, a_rulebook(rule, time_zone=zone))

    assert amounts(ana)[0] == credited
