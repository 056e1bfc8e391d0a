"""What a rule may read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from programs.rules.kinds import (
    ANY,
    DECIMAL,
    STRING,
    TIMESTAMP,
    Kind,
    list_of,
    map_of,
    record,
)

RULE_VARIABLES: Final[Mapping[str, Kind]] = {
    "event": map_of(ANY),
    "participant": record(
        {
            "id": STRING,
            "external_id": STRING,
            "status": STRING,
            "tags": list_of(STRING),
            "attributes": map_of(ANY),
            "counters": map_of(DECIMAL),
            "tiers": map_of(record({"level": STRING, "rank": DECIMAL})),
            "balances": map_of(
                record({"available": DECIMAL, "held": DECIMAL, "deferred": DECIMAL})
            ),
            "created_at": TIMESTAMP,
        }
    ),
    "program": record({"id": STRING, "name": STRING}),
    "now": TIMESTAMP,
}


@dataclass(frozen=True, slots=True)
class Described:
    path: str
    kind: str
    description: str


# For the reference, in the order in which one looks things up.
DESCRIBED: Final = (
    Described(
        "event",
        "map",
        "The event's data, as your application sent it. Every number in it is an exact decimal; times are text until timestamp() reads them.",
    ),
    Described("participant.id", "string", "Laurel's id of the participant."),
    Described("participant.external_id", "string", "Your application's id of the participant."),
    Described("participant.status", "string", '"ACTIVE", "SUSPENDED" or "CLOSED".'),
    Described("participant.tags", "list of string", "The tags, in lower case."),
    Described(
        "participant.attributes",
        "map",
        "The attributes: text, numbers, true or false. Only those that are set; get() gives the others a default.",
    ),
    Described(
        "participant.counters",
        "map of number",
        "The counters that exist; a counter past its reset is 0.",
    ),
    Described(
        "participant.tiers",
        "map",
        'Each track of the program with its level and rank; at the base, level "" and rank 0.',
    ),
    Described(
        "participant.balances",
        "map",
        "Each asset of the program by its symbol, with available, held and deferred; zeros where nothing was booked.",
    ),
    Described("participant.created_at", "timestamp", "When the participant was created."),
    Described("program.id", "string", "The program's id."),
    Described("program.name", "string", "The program's name."),
    Described("now", "timestamp", "The event's own time, so that a second run decides the same."),
)
