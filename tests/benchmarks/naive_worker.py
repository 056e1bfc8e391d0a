"""Events worked off as one writes it first: one in a transaction, an object at a time.

It locks the participant, evaluates the same expressions, which it compiles once, and writes what Laurel writes: the entry with
its hash, the balance, the counter and its history, and what each rule said and did. It knows no tracks and of the actions
only CREDIT and COUNTER, and loads each thing once for an event.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.db import transaction
from django.utils import timezone

from participants.exceptions import CounterOutOfRange, InvalidAmount, ParticipantInactive
from participants.models import (
    Balance,
    Counter,
    Event,
    EventStatus,
    Participant,
    ParticipantStatus,
    StateChange,
)
from participants.state import windows
from programs import rules
from programs.kernel import decimals
from programs.kernel.decimals import LARGEST, ZERO, rounded_down, written
from programs.models import Asset, Program, Rule
from programs.rulebook import vocabulary
from programs.rules import Expression
from tests.benchmarks import naive_ledger


def work_off() -> int:
    """Work off what waits; how many events that were."""
    done = 0
    while _work_off_one():
        done += 1
    return done


@transaction.atomic
def _work_off_one() -> bool:
    event = Event.objects.pending().select_for_update().order_by("sequence").first()
    if event is None:
        return False
    participant = Participant.objects.select_for_update().get(pk=event.participant_id)
    work = _Work(event, participant, event.program, timezone.now())
    event.outcome = {"rule_evaluations": work.evaluations()}
    event.status = EventStatus.COMPLETED
    event.processed_at = work.moment
    event.save(update_fields=["outcome", "status", "processed_at"])
    return True


@lru_cache
def _condition(text: str) -> Expression:
    return vocabulary.compile(text, result="bool")


@lru_cache
def _number(text: str) -> Callable[[dict[str, Any]], Decimal]:
    try:
        value = decimals.read(text)
    except decimals.NotADecimal:
        expression = vocabulary.compile(text, result="number")
        return lambda facts: Decimal(expression.evaluate(facts))
    return lambda facts: value


@dataclass
class _Work:
    event: Event
    participant: Participant
    program: Program
    moment: datetime

    def __post_init__(self) -> None:
        self.assets = list(Asset.objects.linked_to(self.program.pk))
        self.balances = {balance.asset_id: balance for balance in self.participant.balances.all()}
        self.counters = {counter.key: counter for counter in self.participant.counters.all()}
        self.standings = list(self.participant.tier_standings.select_related("track"))

    def evaluations(self) -> list[dict[str, Any]]:
        evaluations = []
        for rule in Rule.objects.filter(program=self.program).current().in_order():
            facts = self.facts()
            decision = _condition(rule.condition).decide(facts)
            if isinstance(decision.failure, rules.MissingField):
                outcome = "skipped"
            elif decision.failure:
                raise decision.failure
            else:
                outcome = "matched" if decision.matched else "not_matched"
            effects = [self.carry_out(rule, action) for action in rule.actions if decision.matched]
            evaluations.append(
                {
                    "rule_id": str(rule.pk),
                    "rule_name": rule.name,
                    "rule_version": rule.version,
                    "outcome": outcome,
                    "reason": decision.reason,
                    "actions": effects,
                }
            )
        return evaluations

    def facts(self) -> dict[str, Any]:
        person = self.participant
        balances = {asset.symbol: self.balances.get(asset.pk) for asset in self.assets}
        return {
            "event": self.event.data,
            "participant": {
                "id": str(person.pk),
                "external_id": person.external_id,
                "status": person.status,
                "tags": person.tags,
                "attributes": person.attributes,
                "counters": {key: self.value(key) for key in self.counters},
                "tiers": {each.track.key: {"level": each.level} for each in self.standings},
                "balances": {
                    symbol: {
                        name: getattr(balance, name) if balance else ZERO
                        for name in ("available", "held", "deferred")
                    }
                    for symbol, balance in balances.items()
                },
                "created_at": person.created_at,
            },
            "program": {
                "id": str(self.program.pk),
                "name": self.program.name,
                "time_zone": self.program.time_zone,
            },
            "now": self.event.event_timestamp,
        }

    def value(self, key: str) -> Decimal:
        return windows.of(self.counters[key]).value_at(self.event.event_timestamp)

    def carry_out(self, rule: Rule, action: dict[str, Any]) -> dict[str, Any]:
        if self.participant.status != ParticipantStatus.ACTIVE:
            raise ParticipantInactive
        verbs = {"CREDIT": self.credit, "COUNTER": self.count}
        return verbs[action["type"]](rule, action)

    def credit(self, rule: Rule, action: dict[str, Any]) -> dict[str, Any]:
        asset = next(asset for asset in self.assets if str(asset.pk) == action["asset_id"])
        amount = rounded_down(_number(action["amount"])(self.facts()), asset.scale)
        if amount <= 0:
            raise InvalidAmount
        balance = self.balances.get(asset.pk) or Balance(
            participant=self.participant, asset=asset, available=ZERO, held=ZERO, deferred=ZERO
        )
        self.balances[asset.pk] = balance
        balance.asset = asset  # which it would fetch again
        before = _buckets(balance, asset)
        balance.available += amount
        entry = naive_ledger.record(
            balance,
            self.program,
            ("ISSUANCE", "AVAILABLE"),
            amount,
            action.get("description") or rule.name,
            f"rule:{rule.name} v{rule.version}",
            event_id=self.event.pk,
            rule_id=rule.pk,
        )
        return {
            "type": "CREDIT",
            "asset_id": str(asset.pk),
            "amount": written(amount, asset.scale),
            "bucket": "AVAILABLE",
            "before": before,
            "after": _buckets(balance, asset),
            "journal_entry_id": str(entry.pk),
        }

    def count(self, rule: Rule, action: dict[str, Any]) -> dict[str, Any]:
        key, amount = action["key"], _number(action["value"])(self.facts())
        known = self.counters.get(key)
        before = written(self.value(key)) if known else None
        counter = known or Counter(
            participant=self.participant,
            key=key,
            value=ZERO,
            last_reset_at=self.event.event_timestamp,
        )
        counter.value = (self.value(key) if known else ZERO) + amount
        if counter.value.copy_abs() > LARGEST:
            raise CounterOutOfRange
        if windows.of(counter).has_ended(self.event.event_timestamp):
            counter.last_reset_at = self.event.event_timestamp
        counter.updated_at = self.moment
        counter.save()
        self.counters[key] = counter
        StateChange.objects.create(
            participant=self.participant,
            state_type="counter",
            key=key,
            operation="CHANGE" if known else "ADD",
            old_value=before,
            new_value=written(counter.value),
            changed_by=f"rule:{rule.name} v{rule.version}",
            event_id=self.event.pk,
            rule_id=rule.pk,
            program_id=self.program.pk,
            changed_at=self.moment,
        )
        return {
            "type": "COUNTER",
            "key": key,
            "value": written(amount),
            "before": before,
            "after": written(counter.value),
        }


def _buckets(balance: Balance, asset: Asset) -> dict[str, str]:
    return {
        name: written(getattr(balance, name), asset.scale)
        for name in ("available", "held", "deferred")
    }
