"""What is wrong with a rule for its program, and what is probably wrong."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from programs.kernel.cleaning import Errors
from programs.kernel.exceptions import FieldError, Position
from programs.rules import RuleSyntaxError

MAX_WARNINGS = 20


@dataclass(frozen=True, slots=True)
class Findings:
    """`errors` refuse the rule where it is written; `warnings` are shown beside it."""

    errors: Errors = field(default_factory=Errors)
    warnings: list[FieldError] = field(default_factory=list)

    def refuse(self, path: str, mistakes: Iterable[RuleSyntaxError]) -> None:
        """Add an error, with its position, for each mistake in the expression at this path."""
        for each in mistakes:
            self.errors.add(path, "syntax", str(each), position_of(each))

    def warn(self, path: str, reason: str, message: str, position: Position | None = None) -> None:
        if len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(FieldError(path, reason, message, position))


def position_of(mistake: RuleSyntaxError) -> Position:
    return Position(mistake.line, mistake.column, mistake.offending)
