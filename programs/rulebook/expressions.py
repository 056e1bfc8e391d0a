"""The rule language as rules use it: each text compiled once, and its mistakes as errors about a field."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from programs.kernel import decimals
from programs.kernel.cleaning import Errors
from programs.kernel.exceptions import Position
from programs.rulebook import vocabulary
from programs.rules import Expression, RuleSyntaxError
from programs.rules.expression import Result

MAX_KEPT = 20_000  # the same text means the same in every rule


@dataclass(frozen=True, slots=True)
class Constant:
    """A plain number, which needs no evaluation."""

    value: Decimal

    def evaluate(self, facts: Mapping[str, Any]) -> Decimal:
        return self.value


Number = Expression | Constant


@lru_cache(MAX_KEPT)
def compiled(text: str, result: Result | None) -> Expression:
    """Compile a stored expression. Raises RuleSyntaxError."""
    return vocabulary.compile(text, result, strict=False)


def compiled_number(text: str) -> Number:
    """Compile a stored amount: a plain number or an expression. Raises RuleSyntaxError."""
    try:
        return Constant(decimals.read(text))
    except decimals.NotADecimal:
        return compiled(text, "number")


def check(text: str, errors: Errors, name: str, result: Result | None) -> None:
    """Add an error, with its position, for each mistake in an expression that must have this result."""
    try:
        vocabulary.compile(text, result)
    except RuleSyntaxError as error:
        for each in (error, *error.others):
            where = Position(each.line, each.column, each.offending)
            errors.add(name, "syntax", str(each), where)
