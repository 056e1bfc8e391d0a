"""Events beside a model of them in plain Python: however they come, are worked off, fail, are tried again or meet calls
in between, both say the same.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import hypothesis.strategies as st
import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

from participants import ledger, state
from participants.events import process
from participants.events.ingest import Stored, ingest_each
from participants.events.request import NewEvent
from participants.events.retry import retry
from participants.exceptions import IdempotencyConflict, InsufficientBalance
from participants.ledger import Movement, verify
from participants.models import ActionType, Balance, Counter, Event, Participant, StateChange
from programs import rulebook, tracks
from programs.api.tiers import NewTierTrackSerializer
from programs.models import Asset, AssetLink, Program
from tests.conftest import TESTER

PEOPLE = ("ana", "bo", "eve")
WHEN = datetime(2026, 1, 15, tzinfo=UTC)
CENT = Fraction(1, 100)
EARN, SPEND, HOLD, MARK, BREAK = "earn", "spend", "hold", "mark", "break"
KINDS = (EARN, EARN, EARN, SPEND, HOLD, MARK, BREAK)
LEVELS = (("gold", 2, 12), ("silver", 1, 4))

amounts = st.decimals("0.001", "20", places=3)
people = st.sampled_from(PEOPLE)


@dataclass(slots=True)
class Somebody:
    """A participant as the model knows them."""

    available: Fraction = Fraction(0)
    held: Fraction = Fraction(0)
    counter: Fraction | None = None
    tags: list[str] = field(default_factory=list)
    last: int | None = None
    level: str = ""
    status: str = "ACTIVE"
    lasts: list[int] = field(default_factory=list)  # each that was written, in order
    entries: int = 0


@dataclass(slots=True)
class Sent:
    """An event as the model knows it. `number` is its place in the order of arrival.

    `has_rule_error` says that its breaking rule failed while the others had their effect; only that one runs again.
    """

    of: str
    kind: str
    amount: Decimal
    number: int
    status: str = "PENDING"
    has_rule_error: bool = False

    @property
    def is_retryable(self) -> bool:
        return self.status == "FAILED" or (self.status == "COMPLETED" and self.has_rule_error)


def cut(amount: Fraction) -> Fraction:
    return amount // CENT * CENT


class Machine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.program = Program.objects.create(name="Club")
        self.asset = Asset.objects.create(name="Points", symbol="PTS", scale=2)
        AssetLink.objects.create(program=self.program, asset=self.asset)
        self.people: dict[str, Somebody] = {}
        self.sent: dict[str, Sent] = {}
        self.is_mended = False
        self.pressed = 0
        levels = [
            {
                "key": key,
                "rank": rank,
                "display_name": key,
                "qualification": {
                    "mode": "ALL",
                    "criteria": [{"counter": "spent", "operator": ">=", "threshold": str(least)}],
                },
            }
            for key, rank, least in LEVELS
        ]
        body = {"key": "club", "display_name": "Club", "levels": levels}
        tracks.create(self.program.pk, NewTierTrackSerializer.read(body), by=TESTER)
        asset = str(self.asset.pk)
        self._rule(
            "Earn",
            f'event.kind == "{EARN}"',
            {"type": "CREDIT", "asset_id": asset, "amount": "event.amount * 1.5"},
        )
        self._rule(
            "Spend",
            f'event.kind == "{SPEND}"',
            {"type": "COUNTER", "key": "spent", "value": "event.amount"},
            {"type": "DEBIT", "asset_id": asset, "amount": "event.amount"},
        )
        self._rule(
            "Hold",
            f'event.kind == "{HOLD}"',
            {"type": "HOLD", "asset_id": asset, "amount": "participant.balances.PTS.available / 2"},
        )
        self._rule("Mark", f'event.kind == "{MARK}"', {"type": "TAG", "tag": "marked"})
        self.breaking = self._rule(
            "Break",
            f'event.kind == "{BREAK}"',
            {"type": "CREDIT", "asset_id": asset, "amount": "1"},
            {"type": "COUNTER", "key": "spent", "value": "event.nothing"},
        )
        self._rule(
            "Last", "true", {"type": "SET_ATTRIBUTE", "key": "last", "expression": "event.n"}
        )

    def _rule(self, name: str, condition: str, *actions: dict[str, Any]) -> Any:
        body = {"name": name, "condition": condition, "actions": list(actions)}
        new = rulebook.clean_new({"program_id": str(self.program.pk), **body})
        return rulebook.create(new, by=TESTER)

    # What comes in

    @rule(
        batch=st.lists(st.tuples(people, st.sampled_from(KINDS), amounts), min_size=1, max_size=8),
        again=st.lists(st.integers(0, 10_000), max_size=3),
        conflicting=st.booleans(),
    )
    def send(
        self, batch: list[tuple[str, str, Decimal]], again: list[int], conflicting: bool
    ) -> None:
        """A batch of new events, with some among them that were sent before, as they were or as they were not."""
        rows = []
        for number, (who, kind, amount) in enumerate(batch, start=len(self.sent)):
            rows.append((f"k{number}", Sent(who, kind, amount, number)))
        known = list(self.sent.items())
        for number in again if known else []:
            key, sent = known[number % len(known)]
            other = Sent(sent.of, sent.kind, sent.amount + 1, sent.number)
            rows.insert(number % (len(rows) + 1), (key, other if conflicting else sent))
        results = ingest_each([self._event(*row) for row in rows], by=TESTER)
        for (key, sent), result in zip(rows, results, strict=True):
            if key in self.sent and conflicting and sent is not self.sent[key]:
                assert type(result) is IdempotencyConflict
            else:
                assert isinstance(result, Stored)
                assert result.is_new is (key not in self.sent)
        for key, sent in rows:
            if key not in self.sent:
                self.sent[key] = sent
                self.people.setdefault(sent.of, Somebody())

    def _event(self, key: str, sent: Sent) -> NewEvent:
        data = {"kind": sent.kind, "amount": sent.amount, "n": sent.number}
        return NewEvent(self.program.pk, sent.of, key, WHEN, data)

    # What is done with it

    @rule(most=st.integers(1, 12))
    def process(self, most: int) -> None:
        """One batch of about so many."""
        process.process_batch(most=most)
        self._follow()

    @rule(most=st.integers(1, 12))
    def process_all(self, most: int) -> None:
        list(process.drain(most=most))
        self._follow()
        assert not [each for each in self.sent.values() if each.status == "PENDING"]

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def process_one_person(self, data: st.DataObject) -> None:
        who = data.draw(st.sampled_from(sorted(self.people)))
        process.process_now(Participant.objects.get(external_id=who).pk)
        self._follow()

    @precondition(lambda self: any(each.is_retryable for each in self.sent.values()))
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        failed = [key for key, each in self.sent.items() if each.is_retryable]
        key = data.draw(st.sampled_from(failed))
        retry(Event.objects.get(idempotency_key=key).pk, by=TESTER)
        self.sent[key].status = "PENDING"

    @rule()
    def mend_or_break(self) -> None:
        """The rule that always fails no longer does, or does again."""
        self.is_mended = not self.is_mended
        amount = "1" if self.is_mended else "event.nothing"
        asset = str(self.asset.pk)
        actions = [
            {"type": "CREDIT", "asset_id": asset, "amount": "1"},
            {"type": "COUNTER", "key": "spent", "value": amount},
        ]
        rulebook.change(self.breaking.pk, rulebook.clean_change({"actions": actions}), by=TESTER)

    # Calls in between

    @precondition(lambda self: self.people)
    @rule(data=st.data(), cents=st.integers(1, 3000), credit=st.booleans())
    def move(self, data: st.DataObject, cents: int, credit: bool) -> None:
        who = data.draw(st.sampled_from(sorted(self.people)))
        person = self.people[who]
        if person.status != "ACTIVE":
            return
        action = ActionType.CREDIT if credit else ActionType.DEBIT
        movement = Movement(action, self.program.pk, self.asset.pk, "A call.", Decimal(cents) / 100)
        amount = Fraction(cents, 100)
        if not credit and person.available < amount:
            with pytest.raises(InsufficientBalance):
                ledger.post(movement, of=who, by=TESTER)
            return
        ledger.post(movement, of=who, by=TESTER)
        person.available += amount if credit else -amount
        person.entries += 1

    @precondition(lambda self: self.people)
    @rule(data=st.data(), status=st.sampled_from(["ACTIVE", "ACTIVE", "SUSPENDED", "CLOSED"]))
    def set_status(self, data: st.DataObject, status: str) -> None:
        who = data.draw(st.sampled_from(sorted(self.people)))
        state.change(state.Change(status=status), to=who, by=TESTER)
        self.people[who].status = status

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def untag(self, data: st.DataObject) -> None:
        who = data.draw(st.sampled_from(sorted(self.people)))
        state.change(state.Change(remove_tags=["marked"]), to=who, by=TESTER)
        self.people[who].tags = []

    # The model

    def _follow(self) -> None:
        """Do in the model what the engine says that it has done, which must be the first of each that waits."""
        done = set(
            Event.objects.exclude(status="PENDING").values_list("idempotency_key", flat=True)
        )
        waiting: dict[str, list[str]] = defaultdict(list)
        for key, sent in sorted(self.sent.items(), key=lambda pair: pair[1].number):
            if sent.status == "PENDING":
                waiting[sent.of].append(key)
        for keys in waiting.values():
            finished = [key in done for key in keys]
            assert finished == sorted(finished, reverse=True)  # nobody is overtaken
            for key in keys[: sum(finished)]:
                self._carry_out(self.sent[key])

    def _carry_out(self, sent: Sent) -> None:
        person = self.people[sent.of]
        amount = Fraction(sent.amount)
        does: dict[str, Callable[[Somebody, Fraction], bool]] = {
            EARN: self._earn,
            SPEND: self._spend,
            HOLD: self._hold,
            MARK: self._mark,
            BREAK: self._break,
        }
        may = sent.kind == MARK or person.status == "ACTIVE"
        if sent.has_rule_error:
            sent.status = "COMPLETED"
            sent.has_rule_error = not (may and self._break(person, amount))
        elif not may or not (does[sent.kind](person, amount) or sent.kind == BREAK):
            sent.status = "FAILED"
        else:
            sent.status = "COMPLETED"
            sent.has_rule_error = sent.kind == BREAK and not self.is_mended
            if person.last != sent.number:
                person.lasts.append(sent.number)
            person.last = sent.number
        if sent.status == "COMPLETED":
            held = next((rank for key, rank, _ in LEVELS if key == person.level), 0)
            for key, rank, least in LEVELS:
                if (person.counter or 0) >= least and rank > held:
                    person.level = key
                    break

    def _earn(self, person: Somebody, amount: Fraction) -> bool:
        earned = cut(amount * 3 / 2)
        person.available += earned
        person.entries += earned > 0
        return True

    def _spend(self, person: Somebody, amount: Fraction) -> bool:
        taken = cut(amount)
        if taken > person.available:
            return False
        person.counter = (person.counter or Fraction()) + amount
        person.available -= taken
        person.entries += taken > 0
        return True

    def _hold(self, person: Somebody, amount: Fraction) -> bool:
        taken = cut(person.available / 2)
        person.available -= taken
        person.held += taken
        person.entries += taken > 0
        return True

    def _mark(self, person: Somebody, amount: Fraction) -> bool:
        person.tags = ["marked"]
        return True

    def _break(self, person: Somebody, amount: Fraction) -> bool:
        if self.is_mended:
            person.available += 1
            person.counter = (person.counter or Fraction()) + 1
            person.entries += 1
        return self.is_mended

    # What must be the same after each step

    @invariant()
    def events_agree(self) -> None:
        stored = Event.objects.order_by("sequence")
        assert [
            (each.idempotency_key, each.status, each.attempts, each.rule_errors) for each in stored
        ] == [
            (key, sent.status, 0, int(sent.has_rule_error))
            for key, sent in sorted(self.sent.items(), key=lambda pair: pair[1].number)
        ]

    @invariant()
    def people_agree(self) -> None:
        stored = {
            person.external_id: (person.status, person.tags, person.attributes)
            for person in Participant.objects.all()
        }
        assert stored == {
            who: (each.status, each.tags, {} if each.last is None else {"last": each.last})
            for who, each in self.people.items()
        }
        by_name = "participant__external_id"
        assert dict(Counter.objects.values_list(by_name, "value")) == {
            who: each.counter for who, each in self.people.items() if each.counter is not None
        }
        levels = {who: person.level for who, person in self.people.items() if person.level}
        assert (
            dict(
                Participant.objects.exclude(tier_standings=None).values_list(
                    "external_id", "tier_standings__level"
                )
            )
            == levels
        )

    @invariant()
    def balances_agree(self) -> None:
        rows = Balance.objects.values_list(
            "participant__external_id", "available", "held", "deferred", "last_sequence"
        )
        assert {who: tuple(rest) for who, *rest in rows} == {
            who: (each.available, each.held, 0, each.entries)
            for who, each in self.people.items()
            if each.entries
        }

    @invariant()
    def history_agrees(self) -> None:
        written = defaultdict(list)
        rows = StateChange.objects.filter(key="last").order_by("id")
        for who, value in rows.values_list("participant__external_id", "new_value"):
            written[who].append(value)
        assert written == {who: each.lasts for who, each in self.people.items() if each.lasts}

    @invariant()
    def nothing_is_at_fault(self) -> None:
        assert list(verify.faults()) == []


class InTransaction(Machine):
    """Each example in a transaction of its own that is taken back."""

    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)


def test_events_agree_with_a_model_of_them_after_every_step(db: None) -> None:
    run(
        InTransaction,
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
            suppress_health_check=list(HealthCheck),
        ),
    )
