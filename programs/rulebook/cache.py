"""Compiled rulebooks, cached in the process until anything in their program changes."""

from collections import OrderedDict
from collections.abc import Collection
from threading import Lock
from typing import Final, NamedTuple
from uuid import UUID

from programs.models import Asset, Program, Rule, TierTrack
from programs.rulebook.compiled import LinkedAsset, Rulebook, compile_rule, compile_track

MAX_PROGRAMS: Final = 200  # cached in a process, unless a batch of events needs more

_books: OrderedDict[UUID, Rulebook] = OrderedDict()
_lock = Lock()


class NotCompiled(Exception):
    """Not all of these programs' rulebooks are cached, or some have changed: `current` compiles them."""

    def __init__(self, program_ids: Collection[UUID]) -> None:
        super().__init__(program_ids)
        self.program_ids = program_ids


def current(program_ids: Collection[UUID]) -> dict[UUID, Rulebook]:
    """Return the current rulebooks of these programs; compile those that have changed since the last call.

    That can take seconds for thousands of rules, so call it without holding locks.
    """
    most = max(MAX_PROGRAMS, 2 * len(program_ids))  # each of a worker's two threads needs that many
    return {
        # Read after its revision, so that it is never older than the revision it is cached under.
        key.id: _cached(key) or _cache(_read(key), most)
        for key in _keys(program_ids)
    }


def cached(program_ids: Collection[UUID]) -> dict[UUID, Rulebook]:
    """Return the same in one statement, compiling nothing. Raises NotCompiled."""
    books = {key.id: _cached(key) for key in _keys(program_ids)}
    if None in books.values():
        raise NotCompiled(program_ids)
    return {program_id: book for program_id, book in books.items() if book is not None}


class _Key(NamedTuple):
    """What decides whether a cached rulebook is current."""

    id: UUID
    name: str
    time_zone: str
    revision: UUID


def _keys(program_ids: Collection[UUID]) -> list[_Key]:
    programs = Program.objects.filter(pk__in=program_ids)
    return [_Key(*row) for row in programs.values_list(*_Key._fields)]


def _cached(key: _Key) -> Rulebook | None:
    with _lock:
        book = _books.get(key.id)
        if book is None or (book.revision, book.program_name) != (key.revision, key.name):
            return None
        _books.move_to_end(key.id)
        return book


def _cache(book: Rulebook, most: int) -> Rulebook:
    with _lock:
        _books[book.program_id] = book
        while len(_books) > most:
            _books.popitem(last=False)
    return book


def _read(key: _Key) -> Rulebook:
    program_id, name, time_zone, revision = key
    rules = Rule.objects.filter(program=program_id).current().in_order()
    tracks = TierTrack.objects.current().filter(program=program_id).with_levels()
    assets = Asset.objects.linked_to(program_id).order_by("links__id")
    return Rulebook(
        program_id,
        name,
        revision,
        rules=tuple(compile_rule(rule) for rule in rules),
        tracks=tuple(compile_track(track) for track in tracks),
        assets={
            asset.pk: LinkedAsset(asset.pk, asset.symbol, asset.scale, asset.max_transaction_amount)
            for asset in assets
        },
        facts={"id": str(program_id), "name": name, "time_zone": time_zone},
    )
