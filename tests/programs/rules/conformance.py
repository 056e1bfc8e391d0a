"""CEL's own tests, as they lie beside the project, and their values in Python."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from programs.rules import TypeName
from programs.rules.budget import new_run
from programs.rules.moments import duration_from_text
from programs.rules.values import equal

FOLDER = Path(__file__).parents[4] / "shared" / "cel"


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    expression: str
    bindings: dict[str, Any]
    expected: dict[str, Any]  # a tagged value, or {"error": true}
    numeric_mix: bool  # its outcome rests on what numbers are in other implementations

    def __str__(self) -> str:
        return self.name


def cases() -> list[Case]:
    return [
        Case(
            name=f"{file.stem}/{test['section']}/{test['name']}",
            expression=test["expr"],
            bindings={name: untagged(value) for name, value in test.get("bindings", {}).items()},
            expected=test["expect"],
            numeric_mix=test.get("numeric_mix", False),
        )
        for file in sorted(FOLDER.glob("*.json"))
        for test in json.loads(file.read_text())["tests"]
    ]


def untagged(tagged: dict[str, Any]) -> Any:
    """The value that {"int": "5"}, {"list": [...]} and so on stand for."""
    ((tag, value),) = tagged.items()
    match tag:
        case "int" | "uint" | "double":
            return Decimal(value)
        case "string" | "bool" | "null":
            return value
        case "bytes_base64":
            return base64.b64decode(value)
        case "list":
            return [untagged(each) for each in value]
        case "map":
            return {untagged(key): untagged(each) for key, each in value}
        case "timestamp":
            return datetime.fromisoformat(value)
        case "duration":
            return duration_from_text(value)
        case "type":
            return TypeName(value)
    raise AssertionError(tag)


def is_same(value: Any, tagged: dict[str, Any]) -> bool:
    """Equal by the language's own equality and, but for numbers, of the expected type."""
    return equal(value, untagged(tagged), new_run(0))
