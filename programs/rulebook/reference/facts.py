"""The facts that the examples are evaluated with, and what an example changes about them."""

import copy
import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from programs.kernel import exact_json
from programs.rules.values import written


def content(file: str) -> dict[str, Any]:
    """Read a file of this folder. Its numbers are exact, as all numbers of a rule are."""
    text = Path(__file__).with_name(file).read_text(encoding="utf-8")
    return tomllib.loads(text, parse_float=Decimal)


def _facts() -> dict[str, Any]:
    facts = content("facts.toml")
    # In the order in which the page shows them.
    return {
        "event": exact_json.loads(facts["event"]),
        **{name: facts[name] for name in ("participant", "program", "now")},
    }


FACTS: Final[Mapping[str, Any]] = _facts()


def changed_facts(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Copy FACTS with other values at some paths ("event.amount")."""
    facts: dict[str, Any] = copy.deepcopy(dict(FACTS))
    for path, value in changes.items():
        *containers, name = path.split(".")
        place = facts
        for container in containers:
            place = place[container]
        place[name] = value
    return facts


def changes_in_words(changes: Mapping[str, Any]) -> tuple[str, ...]:
    """Describe the changes as the page does: "event.amount is 50"."""
    return tuple(f"{_spelled(path)} is {_as_given(value)}" for path, value in changes.items())


def _spelled(path: str) -> str:
    return re.sub(r"\.([^.]*-[^.]*)", r'["\1"]', path)


def _as_given(value: Any) -> str:
    # A Decimal is shown as written: some examples are about 50.0 being the same as 50.
    return f"{value:f}" if isinstance(value, Decimal) else written(value)
