"""The kinds of fields that actions are declared with: how each is read, documented and compiled."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from programs.kernel import decimals, durations, instants
from programs.kernel.cleaning import NOT_BLANK, Errors, choice_of, flag_of, text_of, uuid_of
from programs.models.tiers import KEY
from programs.models.tiers import MAX_KEY_LENGTH as MAX_TRACK_KEY_LENGTH
from programs.rulebook import expressions
from programs.rulebook.actions.declaration import Field
from programs.rulebook.expressions import Number
from programs.rulebook.findings import Findings
from programs.rulebook.program_names import ProgramNames
from programs.rules import Expression

MAX_EXPRESSION_LENGTH = 4096

_ATTRIBUTE_KINDS: Final = frozenset(["any", "string", "number", "bool"])
_ATTRIBUTE_WORDS: Final = "An attribute takes text, a number, or true or false"
_TRACK_KEY: Final = "[a-z][a-z0-9_]*"


class AssetField(Field[UUID]):
    """The id of an asset that is linked to the program."""

    widget = "asset"

    def read(self, value: object, errors: Errors, name: str) -> str:
        return str(uuid_of(value, errors, name))

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "uuid"}

    def compiled(self, stored: str) -> UUID:
        return UUID(stored)

    def review(
        self, action: Mapping[str, Any], names: ProgramNames, found: Findings, path: str
    ) -> None:
        asset_id = UUID(action[self.name])
        if asset_id in names.assets:
            return
        if names.knows_asset(asset_id):
            found.errors.add(path, "not_linked", "The asset is not linked to this program.")
        else:
            found.errors.add(path, "not_found", "There is no asset with this id.")


class ExpressionField(Field[Expression | None]):
    """An expression that gives what an attribute takes: text, a number, or true or false."""

    widget = "code"
    is_expression = True

    def read(self, value: object, errors: Errors, name: str) -> str:
        before = len(errors)
        text = _expression(value, errors, name, None, "Give an expression: a string.")
        if text and len(errors) == before:
            expressions.check_kind(text, errors, name, _ATTRIBUTE_KINDS, _ATTRIBUTE_WORDS)
        return text

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": MAX_EXPRESSION_LENGTH}

    def compiled(self, stored: str) -> Expression:
        return expressions.compiled(stored, None)

    def review(
        self, action: Mapping[str, Any], names: ProgramNames, found: Findings, path: str
    ) -> None:
        expressions.review(action[self.name], names.shapes, found, path)


class NumberField(Field[Number]):
    """A plain number, stored without trailing zeros, or an expression that gives one."""

    widget = "code"
    is_expression = True

    def __init__(self, help: str, *, may_be_negative: bool = True, **more: Any) -> None:  # noqa: A002
        super().__init__(help, **more)
        self.may_be_negative = may_be_negative

    def read(self, value: object, errors: Errors, name: str) -> str:
        before = len(errors)
        try:
            text = decimals.written(decimals.read(value))
        except decimals.NotADecimal:
            wanted = 'Give a string: a number such as "12.50", or an expression such as "event.amount * 2".'
            text = _expression(value, errors, name, "number", wanted)
        if text and len(errors) == before:
            self._check_constant(text, errors, name)
        return text

    def _check_constant(self, text: str, errors: Errors, name: str) -> None:
        number = expressions.constant(text)
        if number is None:
            return
        if number < 0 and not self.may_be_negative:
            errors.add(
                name,
                "negative",
                f"This is always {decimals.written(number)}; an amount is not negative.",
            )
        elif number.copy_abs() > decimals.LARGEST:  # abs() would round it
            errors.add(name, "out_of_range", "This is always a number of more than 20 digits.")

    def schema(self) -> dict[str, Any]:
        text = {"type": "string", "minLength": 1, "maxLength": MAX_EXPRESSION_LENGTH}
        return {**text, "examples": ["100", "round(event.amount * 0.05, 2)"]}

    def compiled(self, stored: str) -> Number:
        return expressions.compiled_number(stored)

    def review(
        self, action: Mapping[str, Any], names: ProgramNames, found: Findings, path: str
    ) -> None:
        expressions.review(action[self.name], names.shapes, found, path)
        if expressions.constant(action[self.name]) == 0:
            found.warn(path, "no_effect", "This is always 0, so the action does nothing.")


class TextField(Field[str]):
    """Text, kept as it was sent. `least` is 0 where it may be empty."""

    absent = ""
    wanted = "Give a string."

    def __init__(
        self, help: str, *, longest: int, least: int = 1, is_long: bool = False, **more: Any  # noqa: A002
    ) -> None:  # fmt: skip
        super().__init__(help, **more)
        self.longest, self.least = longest, least
        self.widget = "lines" if is_long else "text"

    def read(self, value: object, errors: Errors, name: str) -> str:
        if not isinstance(value, str):
            is_missing = value is None and self.required
            errors.add(name, "required" if is_missing else "type", self.wanted)
        elif len(value) < self.least:
            errors.add(name, "blank", "Give at least one character.")
        elif len(value) > self.longest:
            errors.add(name, "too_long", f"At most {self.longest} characters.")
        elif "\0" in value:
            errors.add(name, "invalid", "NUL cannot be stored.")
        else:
            return value
        return ""

    def schema(self) -> dict[str, Any]:
        least = {"minLength": self.least} if self.least else {}
        return {"type": "string", **least, "maxLength": self.longest}


class WordsField(TextField):
    """Text that has more than white space."""

    def read(self, value: object, errors: Errors, name: str) -> str:
        return text_of(value, errors, name, longest=self.longest)

    def schema(self) -> dict[str, Any]:
        return {**super().schema(), "pattern": NOT_BLANK}


class FixedValueField(TextField):
    """The text that an attribute is set to."""

    wanted = "Give text; for anything else, leave this out and give an `expression` such as 5, true or event.plan."


class TagField(TextField):
    """A tag, in lower case."""

    def read(self, value: object, errors: Errors, name: str) -> str:
        return super().read(value.lower() if isinstance(value, str) else value, errors, name)


class NewTagField(TagField):
    """A tag to add, trimmed. One to remove is not: an earlier release may have kept it with its spaces."""

    def read(self, value: object, errors: Errors, name: str) -> str:
        return super().read(value.strip() if isinstance(value, str) else value, errors, name)

    def schema(self) -> dict[str, Any]:
        return {**super().schema(), "pattern": NOT_BLANK}


class ChoiceField(Field[str]):
    """One of a few names. The default is stored where it is left out: the first, unless another or None is given.

    A single choice is not offered in the form.
    """

    widget = "choice"

    def __init__(self, *choices: str, help: str, **more: Any) -> None:  # noqa: A002
        super().__init__(help, required=False, **{"default": choices[0], **more})
        self.choices = choices

    def read(self, value: object, errors: Errors, name: str) -> str:
        return choice_of(value, errors, name, list(self.choices))

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.choices)}

    @property
    def is_in_form(self) -> bool:
        return len(self.choices) > 1


class FlagField(Field[bool]):
    """True or false; false where it is left out."""

    widget = "check"
    absent = False

    def __init__(self, help: str, *, default: bool | None = False, **more: Any) -> None:  # noqa: A002
        super().__init__(help, required=False, default=default, **more)

    def read(self, value: object, errors: Errors, name: str) -> bool:
        return flag_of(value, errors, name)

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


class DurationField(Field[timedelta | None]):
    """How long something lasts."""

    def read(self, value: object, errors: Errors, name: str) -> str:
        try:
            return durations.written(durations.read(value))
        except ValueError:
            errors.add(name, "invalid", 'Give a duration such as "24h", "7d" or "1h30m".')
            return ""

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": durations.PATTERN, "examples": ["24h", "7d"]}

    def compiled(self, stored: str) -> timedelta:
        return durations.read(stored)


class MomentField(Field[timedelta | datetime | None]):
    """A time, or how long after the event it is."""

    def read(self, value: object, errors: Errors, name: str) -> str:
        try:
            return durations.written(durations.read(value))
        except ValueError:
            pass
        try:
            return instants.written(instants.read(value))
        except ValueError:
            message = 'Give a duration such as "30d", or a time such as "2026-01-15T10:30:00Z".'
            errors.add(name, "invalid", message)
            return ""

    def schema(self) -> dict[str, Any]:
        forms = [{"pattern": durations.PATTERN}, {"format": "date-time"}]
        return {"type": "string", "anyOf": forms, "examples": ["720h", "30d"]}

    def compiled(self, stored: str) -> timedelta | datetime:
        try:
            return durations.read(stored)
        except ValueError:
            return instants.read(stored)


class TrackKeyField(TextField):
    """The key of one of the program's tier tracks."""

    def __init__(self, help: str, **more: Any) -> None:  # noqa: A002
        super().__init__(help, longest=MAX_TRACK_KEY_LENGTH, **more)
        self.widget = "tier"

    def read(self, value: object, errors: Errors, name: str) -> str:
        key = super().read(value, errors, name)
        if key and not re.fullmatch(_TRACK_KEY, key, re.ASCII):
            errors.add(name, "invalid", str(KEY.message))
        return key

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_TRACK_KEY}$", "maxLength": self.longest}

    def review(
        self, action: Mapping[str, Any], names: ProgramNames, found: Findings, path: str
    ) -> None:
        if action[self.name] not in names.levels:
            message = "There is no tier track with this key in this program."
            found.errors.add(path, "not_found", message)


class LevelKeyField(TrackKeyField):
    """The key of a level of the track that another field names; "" is the base."""

    when_empty = "(base)"

    def __init__(self, help: str, *, track: TrackKeyField, **more: Any) -> None:  # noqa: A002
        super().__init__(help, **more)
        self.track = track

    def read(self, value: object, errors: Errors, name: str) -> str:
        return "" if value == "" else super().read(value, errors, name)

    def schema(self) -> dict[str, Any]:
        return {**super().schema(), "pattern": f"^({_TRACK_KEY})?$"}

    def review(
        self, action: Mapping[str, Any], names: ProgramNames, found: Findings, path: str
    ) -> None:
        level, levels = action[self.name], names.levels.get(action[self.track.name])
        if level and levels is not None and level not in levels:
            found.errors.add(path, "not_found", "There is no level with this key on the track.")


def _expression(
    value: object, errors: Errors, name: str, result: Literal["number"] | None, wanted: str
) -> str:
    if value is not None and not isinstance(value, str):
        errors.add(name, "type", wanted)
        return ""
    text = text_of(value, errors, name, longest=MAX_EXPRESSION_LENGTH)
    if text:
        expressions.check(text, errors, name, result)
    return text
