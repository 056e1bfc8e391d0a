"""What a rule may read: the environment of its expressions, and the same in words for the reference."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from programs import rules
from programs.rules import Environment, Expression
from programs.rules.expression import Result
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


@dataclass(frozen=True, slots=True)
class Variable:
    """A value that rules read by its `path`: a variable, or one of the fields that make up a variable."""

    path: str
    kind: Kind
    description: str

    @property
    def kind_text(self) -> str:
        element = self.kind.element
        if element is None or element is ANY or element.fields is not None:
            return self.kind.name
        return f"{self.kind.name} of {element.name}"


_TIER: Final = record({"level": STRING, "rank": DECIMAL})
_BALANCE: Final = record({"available": DECIMAL, "held": DECIMAL, "deferred": DECIMAL})

# In the order in which the reference shows them.
VARIABLES: Final = (
    Variable(
        "event",
        map_of(ANY),
        "The event's data, as your application sent it. Every number is an exact decimal. Times are text until timestamp() reads them.",
    ),
    Variable("participant.id", STRING, "Laurel's id for the participant."),
    Variable("participant.external_id", STRING, "Your application's id for the participant."),
    Variable("participant.status", STRING, '"ACTIVE", "SUSPENDED" or "CLOSED".'),
    Variable("participant.tags", list_of(STRING), "The participant's tags, in lowercase."),
    Variable(
        "participant.attributes",
        map_of(ANY),
        "The participant's attributes: text, numbers, true or false. Holds only those that are set; use get() to give the others a default.",
    ),
    Variable(
        "participant.counters",
        map_of(DECIMAL),
        "The participant's counters. Holds only those that exist; a counter past its reset is 0.",
    ),
    Variable(
        "participant.tiers",
        map_of(_TIER),
        'Every track of the program, with level and rank. At the base, the level is "" and the rank 0.',
    ),
    Variable(
        "participant.balances",
        map_of(_BALANCE),
        "Every asset of the program by symbol, with available, held and deferred. All zero until something is booked.",
    ),
    Variable("participant.created_at", TIMESTAMP, "When the participant was created."),
    Variable("program.id", STRING, "The program's id."),
    Variable("program.name", STRING, "The program's name."),
    Variable(
        "now", TIMESTAMP, "The event's own time, so that running it again decides the same way."
    ),
)


def _kinds(variables: Iterable[Variable]) -> dict[str, Kind]:
    kinds: dict[str, Kind] = {}
    fields: dict[str, dict[str, Kind]] = {}
    for variable in variables:
        name, _, field = variable.path.partition(".")
        if field:
            kinds[name] = record(fields.setdefault(name, {}))
            fields[name][field] = variable.kind
        else:
            kinds[name] = variable.kind
    return kinds


ENVIRONMENT: Final = Environment(_kinds(VARIABLES))


def compile(text: str, result: Result | None = None) -> Expression:  # noqa: A001
    """Compile a condition ("bool"), an amount ("number") or another expression of a rule. Raises RuleSyntaxError."""
    return rules.compile(text, ENVIRONMENT, result)
