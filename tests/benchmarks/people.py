"""Made-up people, and the bodies that a client sends about them."""

import itertools
import json
from collections.abc import Iterator
from enum import StrEnum
from typing import Any
from uuid import UUID

Body = dict[str, Any]

# Coprime with every power of ten: a walk in this step meets everybody before anybody twice, and jumps between pages.
STEP = 7919


class Mix(StrEnum):
    """Whom a series of upserts is about: new people, known ones with two attributes changed, known ones as they are."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    HALF_NEW = "half new, half changed"


def person(number: int | str, program_id: UUID, *, visits: int = 0) -> Body:
    """A body of the size that a shop's nightly export has."""
    return {
        "external_id": f"customer-{number}",
        "program_id": str(program_id),
        "email": f"customer.{number}@example.org",
        "phone": f"+351 000 {number}",
        "first_name": f"First{number}",
        "last_name": f"Last{number}",
        "tags": ["newsletter", "loyalty-card"],
        "attributes": {"plan": "premium", "visits": visits, "last_store": f"store-{visits % 100}"},
    }


def bodies(mix: Mix, program_id: UUID, *, known: int, series: int) -> Iterator[Body]:
    """Endless upserts. `known` people are in the database, as `person` with numbers from 0; no two series send the same.

    Every second one of the known is changed and the others never are, so that each mix finds what it needs.
    """
    new = (person(f"{series}-{count}", program_id) for count in itertools.count())
    changed = (
        person(place, program_id, visits=series * 1_000_000 + count)
        for count, place in enumerate(_walk(known, series))
    )
    unchanged = (person(place | 1, program_id) for place in _walk(known, series))
    if mix is Mix.HALF_NEW:
        return itertools.chain.from_iterable(zip(new, changed, strict=True))
    return {Mix.NEW: new, Mix.CHANGED: changed, Mix.UNCHANGED: unchanged}[mix]


def _walk(known: int, series: int) -> Iterator[int]:
    return (2 * ((series + count) * STEP % (known // 2)) for count in itertools.count())


def lines(count: int, program_id: UUID) -> Iterator[bytes]:
    """The file of an import."""
    return (json.dumps(person(number, program_id)).encode() + b"\n" for number in range(count))
