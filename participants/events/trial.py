"""The body of a simulation: an event, a real or made-up participant, and perhaps a rule that is not stored."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from participants.events.request import one_of, participant_of
from participants.events.subject import Subject
from participants.ledger.book import Amounts, Book, Maturity
from participants.models import MAX_EXTERNAL_ID_LENGTH, ParticipantStatus
from participants.state import windows
from participants.state.changes import clean_change
from participants.state.person import READ_OF_PROFILE, Person
from participants.state.standing import Standing
from participants.state.windows import NEVER
from programs import rulebook
from programs.kernel.cleaning import (
    Errors,
    decimal_of,
    instant_of,
    members_of,
    refuse_unknown,
    text_of,
)
from programs.kernel.database import uuid7
from programs.kernel.decimals import ZERO, written
from programs.kernel.exceptions import ValidationFailed
from programs.rulebook.compiled import LinkedAsset, Rulebook

_BUCKETS = ("available", "held", "deferred")
# Members of a participant as the API returns them that are no change of one; the second line is read by no rule.
_READ_HERE = (
    *("external_id", "created_at", "enrolled_at", "counters", "tiers", "balances"),
    *("id", "program_ids", "updated_at"),
)


@dataclass(frozen=True, slots=True)
class Trial:
    """An event of a known participant (`of`: an external_id or an id) or of a made-up one (`state`).

    `rule` holds fields of a rule that is being written; they replace the stored ones. `now` is when the call came.
    """

    data: dict[str, Any]
    event_timestamp: datetime
    of: str | UUID | None
    state: dict[str, Any]
    rule: dict[str, Any]
    now: datetime


def clean_trial(body: object, *, now: datetime) -> Trial:
    """Read the body of a simulation. Raises ValidationFailed."""
    errors = Errors()
    members = members_of(body, errors)
    data = members.pop("event", None)
    if not isinstance(data, dict):
        reason = "required" if data is None else "type"
        errors.add("event", reason, "Give an object: the event's data, as rules read it.")
    timestamp = members.pop("event_timestamp", None)
    moment = now if timestamp is None else instant_of(timestamp, errors, "event_timestamp")
    name, value = one_of(members, errors, "participant_id", "external_id", "participant_state")
    of = participant_of(name, value, errors)
    state = dict(_members(value, errors, name)) if name == "participant_state" else {}
    rule: dict[str, Any] = {}
    if "rule" in members:
        with _collected("rule", errors):
            rule = rulebook.clean_change(members.pop("rule"))
    refuse_unknown(members, errors)
    errors.raise_if_any()
    assert moment is not None
    assert isinstance(data, dict)
    return Trial(data, moment, of, state, rule, now)


def made_up(state: Mapping[str, Any], book: Rulebook, now: datetime) -> Subject:
    """The participant that a trial describes, as the API returns participants or as rules see them.

    Raises ValidationFailed.
    """
    errors = Errors()
    with _collected("participant_state", errors):
        return _made_up(dict(state), book, now)
    raise ValidationFailed(errors)


@contextmanager
def _collected(name: str, errors: Errors) -> Iterator[None]:
    """Collect the refusals of a part of the body, by their paths in the whole body."""
    try:
        yield
    except ValidationFailed as refusal:
        for error in refusal.fields:
            path = name if error.field == "body" else f"{name}.{error.field}"
            errors.append(replace(error, field=path))


def _made_up(members: dict[str, Any], book: Rulebook, now: datetime) -> Subject:
    errors = Errors()
    person = Person(uuid7(), "somebody", ParticipantStatus.ACTIVE, now)
    accounts = Book(person.id, now, 0, bytes(16))
    read = {name: members.pop(name) for name in _READ_HERE if name in members}
    if "external_id" in read:
        person.external_id = text_of(
            read["external_id"], errors, "external_id", longest=MAX_EXTERNAL_ID_LENGTH
        )
    if read.get("created_at") is not None:
        person.created_at = instant_of(read["created_at"], errors, "created_at") or now
    enrolled_at = person.created_at
    if read.get("enrolled_at") is not None:
        enrolled_at = instant_of(read["enrolled_at"], errors, "enrolled_at") or now
    person.enrolled_at[book.program_id] = enrolled_at
    for key, value in _members(read.get("counters", {}), errors, "counters"):
        number = _number(value, errors, f"counters.{key}")
        person.counters[key] = windows.opened(number, NEVER, now)
    for key, value in _members(read.get("tiers", {}), errors, "tiers"):
        _set_level(person, key, value, book, errors)
    _set_balances(accounts, read.get("balances", {}), book, errors)
    change = clean_change(members)
    errors.raise_if_any()
    person.status = change.status or person.status
    person.profile = {name: change.profile.get(name, "") for name in READ_OF_PROFILE}
    person.tags = change.tags or []
    attributes = change.attributes or {}
    person.attributes = {key: value for key, value in attributes.items() if value is not None}
    return Subject(person, accounts, now)


def _set_level(person: Person, key: str, value: object, book: Rulebook, errors: Errors) -> None:
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


def _set_balances(accounts: Book, value: object, book: Rulebook, errors: Errors) -> None:
    by_symbol = {asset.symbol: asset for asset in book.assets.values()}
    by_id = {str(asset.id): asset for asset in book.assets.values()}
    if isinstance(value, list):  # as the API returns them
        rows = [dict(row) for row in value if isinstance(row, dict)]
        value = {str(row.pop("asset_id", None)): row for row in rows}
    for name, amounts in _members(value, errors, "balances"):
        path = f"balances.{name}"[:100]
        asset = by_symbol.get(name) or by_id.get(name)
        if asset is None:
            errors.add(path, "not_found", "The program has no such asset.")
        else:
            _set_balance(accounts, asset, amounts, errors, path)


def _set_balance(
    accounts: Book, asset: LinkedAsset, value: object, errors: Errors, path: str
) -> None:
    amounts = dict.fromkeys(_BUCKETS, ZERO)
    for name, part in _members(value, errors, path):
        if name in amounts:
            amounts[name] = _number(part, errors, f"{path}.{name}")
        else:
            errors.add(f"{path}.{name}"[:100], "unknown", f"Give {', '.join(_BUCKETS)}.")
    available, held, deferred = amounts.values()
    if held < 0 or deferred < 0:
        errors.add(path, "out_of_range", "Only what is available can be below zero.")
    accounts.amounts[asset.id] = Amounts(available, held, deferred, overdrawn=available < 0)
    if deferred > 0:
        credit = Maturity(uuid7(), uuid7(), asset.id, asset.id, deferred, accounts.version)
        accounts.maturities[credit.id] = credit


def _members(value: object, errors: Errors, path: str) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    errors.add(path, "type", "Give an object.")
    return []


def _number(value: object, errors: Errors, path: str) -> Decimal:
    """A number, as JSON has it or as its text."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        value = written(Decimal(value))
    return decimal_of(value, errors, path[:100]) or ZERO
