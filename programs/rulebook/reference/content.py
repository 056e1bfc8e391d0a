"""What the reference says beside its tables of variables and functions: the shapes of the TOML files of this folder."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec

from programs.rulebook.actions import ACTION_TYPES
from programs.rulebook.reference.facts import changes_in_words, content
from programs.rules.expression import Result


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of a file. Loading it refuses what is missing, misspelled or of the wrong type."""


class Form(Shape, frozen=True):
    """An operator or a macro: how it is written, what it does, an example and the text of its value."""

    name: str
    written: str
    description: str
    example: str
    gives: str


class Ending(StrEnum):
    VALUE = "gives"
    NO_VALUE = "no value"
    REFUSED = "refused"


class Example(Shape, frozen=True):
    """An example. With `changed` applied to FACTS, `text` gives `gives`: a value, or the reason why there is none."""

    title: str
    text: str
    gives: str
    result: Result | None = None
    changed: Mapping[str, Any] = {}
    ending: Ending = Ending.VALUE

    @property
    def changes(self) -> tuple[str, ...]:
        return changes_in_words(self.changed)


class Action(Shape, frozen=True):
    """An action of a worked rule. Its `expression`, if any, gives `gives` for the facts with which the rule matches."""

    type: str
    says: Mapping[str, str]
    gives: str = ""

    @property
    def expression(self) -> str:
        """Its field that is written in the language; "" if it has none."""
        fields = ACTION_TYPES[self.type].fields
        return next(
            (
                self.says[name]
                for name in self.says
                if name in fields and fields[name].is_expression
            ),
            "",
        )


class WorkedRule(Shape, frozen=True):
    """A worked rule. With `changed` applied to FACTS its condition holds; with `otherwise` it does not, for the `reason`."""

    name: str
    title: str
    purpose: str
    condition: str
    actions: tuple[Action, ...]
    reason: str
    changed: Mapping[str, Any] = {}
    otherwise: Mapping[str, Any] = {}

    @property
    def changes(self) -> tuple[str, ...]:
        return changes_in_words(self.changed)

    @property
    def other_changes(self) -> tuple[str, ...]:
        return changes_in_words(self.otherwise)


_forms = msgspec.convert(content("forms.toml"), dict[str, tuple[Form, ...]])
OPERATORS: Final = _forms["operators"]
MACROS: Final = _forms["macros"]
FORMS: Final = OPERATORS + MACROS

_examples = msgspec.convert(content("examples.toml"), dict[str, tuple[Example, ...]])
VALUES: Final = _examples["values"]
EXACT_NUMBERS: Final = _examples["exact_numbers"]
MISSING_FIELDS: Final = _examples["missing_fields"]
TIMES: Final = _examples["times"]
EXAMPLES: Final = VALUES + EXACT_NUMBERS + MISSING_FIELDS + TIMES

_worked = msgspec.convert(content("worked.toml"), dict[str, tuple[WorkedRule, ...]])
WORKED_RULES: Final = _worked["rules"]
