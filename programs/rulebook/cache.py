"""Compiled rulebooks, kept in the process while they are current; of one that has changed, only what changed is compiled.

Each rule is compiled once for each of its versions. The cache is bounded by bytes, not by rules: nobody holds more
memory by writing longer ones.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, NamedTuple
from uuid import UUID

from programs.models import Asset, Program, Rule, TierTrack
from programs.rulebook.compiled import (
    CompiledRule,
    LinkedAsset,
    Rulebook,
    compile_rule,
    compile_track,
)

MAX_BYTES: Final = 256 * 2**20  # of compiled rules in a process, as estimated
LONGEST_AGE: Final = 1.0  # seconds after which a rulebook is not used where it is no longer current
_AT_ONCE: Final = 50  # rules whose texts are read at once


@dataclass(slots=True)
class _Shelf:
    """What is kept of a program: its compiled rules, all of them or those that are compiled already, and its rulebook."""

    rules: dict[UUID, CompiledRule] = field(default_factory=dict)
    book: Rulebook | None = None
    size: int = 0


_shelves: OrderedDict[UUID, _Shelf] = OrderedDict()
_lock = Lock()


def current(program_ids: Collection[UUID]) -> dict[UUID, Rulebook]:
    """Return the current rulebooks of these programs; compile what has changed since the last call.

    That can take seconds for thousands of rules, so call it without holding locks.
    """
    return prepare(program_ids, until=math.inf)


def prepare(program_ids: Collection[UUID], *, until: float) -> dict[UUID, Rulebook]:
    """Return those of these rulebooks that are current or could be compiled until then, a time of `monotonic`.

    The next call goes on with what is missing; each compiles at least one rule, so that all of them get there.
    """
    books: dict[UUID, Rulebook] = {}
    for key in _keys(program_ids):
        # Read after its revision, so that it is never older than the revision it is kept under.
        book = _kept(key) or _load(key, until)
        if book is not None:
            books[key.id] = book
        if time.monotonic() > until:
            break
    return books


def ready(
    program_ids: Collection[UUID], prepared: Mapping[UUID, Rulebook] | None = None
) -> dict[UUID, Rulebook]:
    """Return those of these rulebooks that can be used now, in at most one statement and compiling nothing.

    They are current, or were `prepared` less than LONGEST_AGE ago: rules that are edited all the time would never be
    compiled in time otherwise.
    """
    oldest = time.monotonic() - LONGEST_AGE
    books = {
        program_id: book
        for program_id, book in (prepared or {}).items()
        if program_id in program_ids and book.read_at >= oldest
    }
    missing = [program_id for program_id in program_ids if program_id not in books]
    for key in _keys(missing) if missing else []:
        book = _kept(key)
        if book is not None:
            books[key.id] = book
    return books


class _Key(NamedTuple):
    """What decides whether a cached rulebook is current."""

    id: UUID
    name: str
    time_zone: str
    revision: UUID


def _keys(program_ids: Collection[UUID]) -> list[_Key]:
    programs = Program.objects.filter(pk__in=program_ids)
    return [_Key(*row) for row in programs.values_list(*_Key._fields)]


def _kept(key: _Key) -> Rulebook | None:
    with _lock:
        shelf = _shelves.get(key.id)
        book = shelf.book if shelf else None
        if book is None or (book.revision, book.program_name) != (key.revision, key.name):
            return None
        _shelves.move_to_end(key.id)
        return book


def _load(key: _Key, until: float) -> Rulebook | None:
    """Bring the program's rulebook up to date; None where time was up before it was."""
    with _lock:
        shelf = _shelves.setdefault(key.id, _Shelf())
        _shelves.move_to_end(key.id)
    read_at = time.monotonic()
    rules = _rules(key.id, shelf.rules, until)
    if rules is not None:
        shelf.book = _book(key, rules, read_at)
    shelf.size = sum(rule.size for rule in list(shelf.rules.values()))
    _make_room()
    return shelf.book if rules is not None else None


def _rules(
    program_id: UUID, compiled: dict[UUID, CompiledRule], until: float
) -> tuple[CompiledRule, ...] | None:
    """The program's rules as they were at one moment; `compiled` is brought up to date."""
    current = Rule.objects.filter(program=program_id).current()
    while True:
        listed = dict(current.in_order().values_list("id", "version"))
        missing = [each for each, version in listed.items() if not _has(compiled, each, version)]
        for first in range(0, len(missing), _AT_ONCE):
            for rule in Rule.objects.filter(pk__in=missing[first : first + _AT_ONCE]):
                compiled[rule.pk] = compile_rule(rule)
                if time.monotonic() > until:
                    return None
        # A rule that was edited since it was listed may stand for another state of the program than the others.
        if all(_has(compiled, each, version) for each, version in listed.items()):
            for gone in compiled.keys() - listed.keys():
                compiled.pop(gone, None)
            return tuple(compiled[each] for each in listed)


def _has(compiled: Mapping[UUID, CompiledRule], rule_id: UUID, version: int) -> bool:
    rule = compiled.get(rule_id)
    return rule is not None and rule.version == version


def _book(key: _Key, rules: tuple[CompiledRule, ...], read_at: float) -> Rulebook:
    tracks = TierTrack.objects.current().filter(program=key.id).with_levels()
    assets = Asset.objects.linked_to(key.id).order_by("links__id")
    return Rulebook(
        key.id,
        key.name,
        key.revision,
        rules=rules,
        tracks=tuple(compile_track(track) for track in tracks),
        assets={
            asset.pk: LinkedAsset(asset.pk, asset.symbol, asset.scale, asset.max_transaction_amount)
            for asset in assets
        },
        facts={"id": str(key.id), "name": key.name, "time_zone": key.time_zone},
        read_at=read_at,
    )


def _make_room() -> None:
    """Forget the programs that were used longest ago. One is always kept; and what is being run stays until it has."""
    with _lock:
        size = sum(shelf.size for shelf in _shelves.values())
        while size > MAX_BYTES and len(_shelves) > 1:
            _, shelf = _shelves.popitem(last=False)
            size -= shelf.size
