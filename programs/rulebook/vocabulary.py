"""What a rule may read: the environment of its expressions, and the same in words for the reference."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from programs import rules
from programs.rules import Environment, Expression
from programs.rules.expression import Result
from programs.rules.kinds import (
    ANY,
    NUMBER,
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


_TIER: Final = record({"level": STRING, "rank": NUMBER})
_BALANCE: Final = record({"available": NUMBER, "held": NUMBER, "deferred": NUMBER})

_PATHS: Final = {
    "event": map_of(ANY),
    "participant.id": STRING,
    "participant.external_id": STRING,
    "participant.status": STRING,
    "participant.email": STRING,
    "participant.first_name": STRING,
    "participant.last_name": STRING,
    "participant.display_name": STRING,
    "participant.tags": list_of(STRING),
    "participant.attributes": map_of(ANY),
    "participant.counters": map_of(NUMBER, absent=Decimal(0)),
    "participant.tiers": map_of(_TIER),
    "participant.balances": map_of(_BALANCE),
    "participant.enrolled_at": TIMESTAMP,
    "participant.created_at": TIMESTAMP,
    "program.id": STRING,
    "program.name": STRING,
    "program.time_zone": STRING,
    "now": TIMESTAMP,
}
_DESCRIPTIONS: Final = tomllib.loads(
    Path(__file__).with_name("vocabulary.toml").read_text(encoding="utf-8")
)
# In the order in which the reference shows them.
VARIABLES: Final = tuple(Variable(path, kind, _DESCRIPTIONS[path]) for path, kind in _PATHS.items())


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


# Who somebody is stands in no reason: reasons are kept with the event, and read by whoever reads events.
_PRIVATE: Final = frozenset(
    f"participant.{field}"
    for field in ("email", "phone", "first_name", "last_name", "display_name")
)
ENVIRONMENT: Final = Environment(_kinds(VARIABLES), time_zone="program.time_zone", private=_PRIVATE)


def compile(  # noqa: A001
    text: str, result: Result | None = None, *, strict: bool = True
) -> Expression:
    """Compile a condition ("bool"), an amount ("number") or another expression of a rule. Raises RuleSyntaxError."""
    return rules.compile(text, ENVIRONMENT, result, strict=strict)
