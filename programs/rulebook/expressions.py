"""The rule language as rules use it: each text compiled once, and its mistakes as errors about a field."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Any
from weakref import WeakValueDictionary

from programs import rules
from programs.kernel import decimals
from programs.kernel.cleaning import Errors
from programs.kernel.exceptions import Position
from programs.rulebook import vocabulary
from programs.rulebook.findings import Findings, position_of
from programs.rules import Checked, EvaluationError, Expression, RuleSyntaxError, Shape
from programs.rules.errors import cut
from programs.rules.expression import Result

MAX_CONSTANTS = 20_000
MAX_CHECKED = (
    64  # enough for one rule, which is checked twice: when it is read, and under the program's lock
)


@dataclass(frozen=True, slots=True)
class Constant:
    """A plain number, which needs no evaluation."""

    value: Decimal

    def evaluate(self, facts: Mapping[str, Any]) -> Decimal:
        return self.value


Number = Expression | Constant


# The same text means the same in every rule. Kept as long as some rule uses it: drafts and trials leave nothing behind.
_compiled: WeakValueDictionary[tuple[str, Result | None], Expression] = WeakValueDictionary()


def compiled(text: str, result: Result | None) -> Expression:
    """Compile a stored expression. Raises RuleSyntaxError."""
    expression = _compiled.get((text, result))
    if expression is None:
        expression = vocabulary.compile(text, result, strict=False)
        _compiled[text, result] = expression
    return expression


def compiled_number(text: str) -> Number:
    """Compile a stored amount: a plain number or an expression. Raises RuleSyntaxError."""
    try:
        return Constant(decimals.read(text))
    except decimals.NotADecimal:
        return compiled(text, "number")


@lru_cache(MAX_CHECKED)
def checked(text: str) -> Checked:
    """Return the expression with its names resolved. Raises RuleSyntaxError."""
    return rules.checked(text, vocabulary.ENVIRONMENT)


def constant(text: str) -> Decimal | None:
    """Return the number that a stored amount always is, or None where it depends on something or has none."""
    value = _constant(text, "number")
    return value if isinstance(value, Decimal) else None


def decision(condition: str) -> bool | None:
    """Return what a condition always is, or None where it depends on something or has no value."""
    value = _constant(condition, "bool")
    return value if isinstance(value, bool) else None


# Each write of a rule asks this of many others. Only the answer is kept, neither the text nor what was compiled for it.
_constants: dict[tuple[bytes, Result], Decimal | bool | None] = {}
_UNKNOWN = Decimal("NaN")


def _constant(text: str, result: Result) -> Decimal | bool | None:
    key = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest(), result
    value = _constants.get(key, _UNKNOWN)
    if value is _UNKNOWN:
        value = _find_constant(text, result)
        while len(_constants) >= MAX_CONSTANTS:
            _constants.pop(next(iter(_constants)), None)
        _constants[key] = value
    return value


def _find_constant(text: str, result: Result) -> Decimal | bool | None:
    """Return what the expression always is, or None where it depends on something or has no value."""
    try:
        expression = compiled_number(text) if result == "number" else compiled(text, result)
        if isinstance(expression, Constant):
            return expression.value
        value = None if expression.reads else expression.evaluate({})
    except (RuleSyntaxError, EvaluationError):
        return None
    return value if isinstance(value, bool) or value is None else Decimal(value)


def check(text: str, errors: Errors, name: str, result: Result | None) -> None:
    """Add an error, with its position, for each mistake in an expression that must have this result."""
    try:
        vocabulary.compile(text, result)
    except RuleSyntaxError as error:
        for each in (error, *error.others):
            errors.add(name, "syntax", str(each), position_of(each))


def check_kind(text: str, errors: Errors, name: str, kinds: Collection[str], words: str) -> None:
    """Add an error where an expression that compiles can give no value of these kinds."""
    kind = checked(text).kind
    if kind.name not in kinds:
        position = Position(1, 1, cut(text))
        errors.add(name, "invalid", f"{words}, not {kind.words}.", position)


def review(text: str, shapes: Mapping[str, Shape], found: Findings, name: str) -> None:
    """Add what is wrong with the names and texts in an expression where the values have these shapes."""
    try:
        expression = checked(text)
    except RuleSyntaxError:
        return  # whoever reads it says so
    result = rules.review(expression, shapes)
    found.refuse(name, result.errors)
    for each in result.warnings:
        found.warn(name, "unknown_name", str(each), position_of(each))
