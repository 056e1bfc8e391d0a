"""Events processed while other calls change the same people and rules."""

import random
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.utils import timezone

from participants import ledger, state
from participants.events import process
from participants.events.ingest import ingest
from participants.models import (
    ActionType,
    Balance,
    JournalEntry,
    Maturity,
    Participant,
    StateChange,
)
from participants.models import Counter as StoredCounter
from programs import rulebook
from tests.conftest import TESTER
from tests.participants.events.workers import (
    add_rule,
    an_event,
    credit,
    faults,
    happen,
    send,
    set_attribute,
    soon,
    statuses,
    working,
)
from tests.participants.ledger_world import make_world
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = {"type": "COUNTER", "key": "n", "value": "1"}


@pytest.mark.parametrize("seed", range(2))
def test_calls_and_events_of_the_same_people_lose_nothing_of_each_other(seed: int) -> None:
    people = ["ana", "bo", "eve"]
    world = make_world(*people)
    add_rule(
        world,
        credit(world, "2"),
        {"type": "HOLD", "asset_id": str(world.asset.pk), "amount": "1"},
        COUNT,
        set_attribute("by_rule", "event.n"),
    )

    def events(thread: int) -> None:
        chance = random.Random(f"{seed}{thread}")
        for n in range(40):
            who = chance.choice(people)
            ingest(an_event(world, who, f"{thread}-{n}", n=n), by=TESTER)
            if n % 10 == 0:
                process.process_now(Participant.objects.get(external_id=who).pk)

    def calls(thread: int) -> None:
        chance = random.Random(f"{seed}{thread}")
        for n in range(25):
            who = chance.choice(people)
            state.change(
                state.Change(add_tags=[f"{thread}-{n}"], attributes={f"call{thread}": n}),
                to=who,
                by=TESTER,
            )
            world.move(ActionType.CREDIT, "0.01", of=who, idempotency_key=f"{thread}-{n}")
            if n % 5 == 0:
                world.credit("0.01", of=who, matures_at=timezone.now() + timedelta(seconds=1.5))
                list(ledger.mature_due(by=TESTER))

    with working(2) as ended:
        at_once([partial(call, n) for call in (events, calls) for n in range(4)])
        assert soon(lambda: statuses() == {"COMPLETED": 160}, 30)
        Maturity.objects.filter(matured_at=None).update(matures_at=timezone.now())
        list(ledger.mature_due(by=TESTER))
        assert ended == []

    tags = [tag for person in Participant.objects.all() for tag in person.tags]
    assert len(tags) == len(set(tags)) == 100
    totals = {
        "available": Decimal(160) + Decimal("1.20"),
        "held": Decimal(160),
        "deferred": Decimal(0),
    }
    for bucket, total in totals.items():
        assert sum(Balance.objects.values_list(bucket, flat=True)) == total
    assert sum(StoredCounter.objects.values_list("value", flat=True)) == 160
    assert JournalEntry.objects.filter(event_id__isnull=False).count() == 320
    for key in ("by_rule", "call0", "call1", "call2", "call3"):
        for person in Participant.objects.all():
            old = None
            for change in StateChange.objects.filter(participant=person, key=key).order_by("id"):
                assert change.old_value == old
                old = change.new_value
            assert person.attributes.get(key) == old
    assert faults() == []


def test_who_is_suspended_while_events_run_earns_nothing_from_then_on() -> None:
    world = make_world()
    add_rule(world, credit(world, "1"))
    send([an_event(world, "ana", f"k{n}") for n in range(600)])

    with working(2):
        assert soon(lambda: "COMPLETED" in statuses())
        state.change(state.Change(status="SUSPENDED"), to="ana", by=TESTER)
        earned = world.balance()
        assert soon(lambda: "PENDING" not in statuses(), 20)

    assert world.balance() == earned
    assert statuses().get("COMPLETED", 0) == Decimal(earned[0])


def test_an_edit_of_a_rule_counts_for_every_event_that_comes_after_it() -> None:
    world = make_world()
    rule = add_rule(world, set_attribute("version", "0"))

    with working(2):
        for n in range(1, 30):
            rulebook.change(rule.pk, {"actions": [set_attribute("version", str(n))]}, by=TESTER)
            event = happen(world, key=f"k{n}")
            assert soon(lambda pk=event.pk: statuses(pk=pk) == {"COMPLETED": 1})  # type: ignore[misc]
            event.refresh_from_db()
            [told] = event.outcome["rule_evaluations"]
            assert (told["rule_version"], told["actions"][0]["after"]) == (n + 1, n)
