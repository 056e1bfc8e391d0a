"""What is to be tried out in a simulation: an event, somebody real or made up, and perhaps a rule that is not stored."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils import timezone

from participants.events.request import MAX_EXTERNAL_ID_LENGTH
from participants.events.subject import Subject
from participants.ledger.book import Amounts, Book, Waiting
from participants.models import ParticipantStatus
from participants.state.changes import clean_change
from participants.state.person import CounterState, Person, Standing
from programs import rulebook
from programs.kernel import decimals
from programs.kernel.cleaning import (
    Errors,
    instant_of,
    members_of,
    refuse_unknown,
    text_of,
    uuid_of,
)
from programs.kernel.database import uuid7
from programs.kernel.decimals import LARGEST, ZERO
from programs.kernel.exceptions import FieldError, ValidationFailed
from programs.rulebook.compiled import LinkedAsset, Rulebook

_BUCKETS = ("available", "held", "deferred")
# Of a participant's answer, which may be sent as it is, what no rule reads.
_OVERLOOKED = ("id", "program_ids", "updated_at")


@dataclass(frozen=True, slots=True)
class Trial:
    """An event of somebody there is (`of`: an external_id or an id) or somebody made up (`state`).

    `rule` holds fields of a rule as it is being written, in place of what is stored.
    """

    data: dict[str, Any]
    event_timestamp: datetime
    of: str | UUID | None
    state: dict[str, Any]
    rule: dict[str, Any] = field(default_factory=dict)


def clean_trial(body: object) -> Trial:
    """Read the body of a simulation. Raises ValidationFailed."""
    errors = Errors()
    members = members_of(body, errors)
    data = members.pop("event", None)
    if not isinstance(data, dict):
        reason = "required" if data is None else "type"
        errors.add("event", reason, "Give an object: the event's data, as rules read it.")
    given_moment = members.pop("event_timestamp", None)
    moment: datetime | None = timezone.now()
    if given_moment is not None:
        moment = instant_of(given_moment, errors, "event_timestamp")
    of, state = _whom(members, errors)
    rule: dict[str, Any] = {}
    if "rule" in members:
        given_rule = members.pop("rule")
        with _about("rule", errors):
            rule = rulebook.clean_change(given_rule)
    refuse_unknown(members, errors)
    errors.raise_if_any()
    assert moment is not None
    assert isinstance(data, dict)
    return Trial(data, moment, of, state, rule)


def made_up(state: Mapping[str, Any], book: Rulebook) -> Subject:
    """Somebody as a trial describes them: a participant as the API answers it, or as rules see it.

    Raises ValidationFailed.
    """
    errors = Errors()
    with _about("participant_state", errors):
        return _made_up(dict(state), book)
    errors.raise_if_any()
    raise AssertionError("unreachable")


def _whom(members: dict[str, Any], errors: Errors) -> tuple[str | UUID | None, dict[str, Any]]:
    names = ("participant_id", "external_id", "participant_state")
    given = {name: members.pop(name) for name in names if name in members}
    if len(given) != 1:
        message = "Give one of participant_id, external_id and participant_state."
        errors.add("participant_id", "required", message)
    elif "participant_id" in given:
        return uuid_of(given["participant_id"], errors, "participant_id"), {}
    elif "external_id" in given:
        external_id = given["external_id"]
        return text_of(external_id, errors, "external_id", longest=MAX_EXTERNAL_ID_LENGTH), {}
    elif isinstance(given["participant_state"], dict):
        return None, given["participant_state"]
    else:
        errors.add("participant_state", "type", "Give an object.")
    return None, {}


def _made_up(members: dict[str, Any], book: Rulebook) -> Subject:
    errors = Errors()
    moment = timezone.now()
    person = Person(uuid7(), "somebody", ParticipantStatus.ACTIVE, moment)
    if "external_id" in members:
        person.external_id = text_of(
            members.pop("external_id"), errors, "external_id", longest=MAX_EXTERNAL_ID_LENGTH
        )
    if members.get("created_at") is not None:
        person.created_at = instant_of(members["created_at"], errors, "created_at") or moment
    for name in ("created_at", *_OVERLOOKED):
        members.pop(name, None)
    for key, value in _members(members.pop("counters", {}), errors, "counters"):
        number = _number(value, errors, f"counters.{key}")
        person.counters[key] = CounterState(number, None, moment)
    for key, value in _members(members.pop("tiers", {}), errors, "tiers"):
        _stand(person, key, value, book, errors)
    accounts = Book(person.id, moment, 0, bytes(16))
    _fill(accounts, members.pop("balances", {}), book, errors)
    said = clean_change(members)
    errors.raise_if_any()
    person.status = said.status or person.status
    person.tags = said.tags or []
    attributes = said.attributes or {}
    person.attributes = {key: value for key, value in attributes.items() if value is not None}
    return Subject(person, accounts, moment)


def _stand(person: Person, key: str, value: object, book: Rulebook, errors: Errors) -> None:
    track = book.track(key)
    level = value.get("level") if isinstance(value, dict) else value
    if track is None:
        errors.add(f"tiers.{key}"[:100], "not_found", "The program has no such track.")
    elif level == "":
        return
    elif not isinstance(level, str) or track.level(level) is None:
        errors.add(f"tiers.{key}", "not_found", "The track has no such level.")
    else:
        person.standings[track.id] = Standing(level, person.created_at, None)


def _fill(accounts: Book, value: object, book: Rulebook, errors: Errors) -> None:
    by_symbol = {asset.symbol: asset for asset in book.assets.values()}
    by_id = {str(asset.id): asset for asset in book.assets.values()}
    if isinstance(value, list):  # as a participant's answer has them
        rows = [dict(row) for row in value if isinstance(row, dict)]
        value = {str(row.pop("asset_id", None)): row for row in rows}
    for name, amounts in _members(value, errors, "balances"):
        path = f"balances.{name}"[:100]
        asset = by_symbol.get(name) or by_id.get(name)
        if asset is None:
            errors.add(path, "not_found", "The program has no such asset.")
        else:
            _fill_asset(accounts, asset, amounts, errors, path)


def _fill_asset(
    accounts: Book, asset: LinkedAsset, value: object, errors: Errors, path: str
) -> None:
    given = {
        name: _number(part, errors, f"{path}.{name}")
        for name, part in _members(value, errors, path)
    }
    for name in given.keys() - set(_BUCKETS):
        errors.add(f"{path}.{name}"[:100], "unknown", f"Give {', '.join(_BUCKETS)}.")
    available, held, deferred = (given.get(name, ZERO) for name in _BUCKETS)
    if held < 0 or deferred < 0:
        errors.add(path, "out_of_range", "Only what is available can be below zero.")
    accounts.amounts[asset.id] = Amounts(available, held, deferred, overdrawn=available < 0)
    if deferred > 0:
        credit = Waiting(uuid7(), uuid7(), asset.id, asset.id, deferred, accounts.version)
        accounts.waiting[credit.id] = credit


def _members(value: object, errors: Errors, path: str) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    errors.add(path, "type", "Give an object.")
    return []


def _number(value: object, errors: Errors, path: str) -> Decimal:
    """A number, as JSON has it or as a text: it is not stored."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = Decimal(value)
        if number.copy_abs() <= LARGEST and decimals.places(number) <= decimals.DECIMAL_PLACES:
            return number
    try:
        return decimals.read(value)
    except decimals.NotADecimal as error:
        errors.add(path[:100], error.reason, str(error))
        return ZERO


@contextmanager
def _about(name: str, errors: Errors) -> Iterator[None]:
    """Take what is refused inside for errors of this field."""
    try:
        yield
    except ValidationFailed as refusal:
        for error in refusal.fields:
            path = name if error.field == "body" else f"{name}.{error.field}"
            errors.append(FieldError(path, error.reason, error.message, error.position))
