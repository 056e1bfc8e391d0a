"""The errors of the language, worded for the person who wrote the rule."""

from collections.abc import Sequence


class RuleSyntaxError(Exception):
    """An expression that does not compile. `line` and `column` count from 1; `offending` is the text that is wrong.

    `others` are the errors beside this one, the first. `corrected` is the whole expression with this one corrected, where
    what was meant is known; it may have others.
    """

    others: "tuple[RuleSyntaxError, ...]" = ()
    corrected: str = ""

    def __init__(
        self, message: str, *, line: int = 1, column: int = 1, offending: str = ""
    ) -> None:
        self.message = message
        self.line = line
        self.column = column
        self.offending = offending
        super().__init__(f"Line {line}, column {column}: {message}")


class EvaluationError(Exception):
    """An expression without a value for these facts; the message says why.

    `discreet` says it without the value that the message quotes, if it does quote one.
    """

    def __init__(self, message: str, discreet: str = "") -> None:
        super().__init__(message)
        self.discreet = discreet or message

    @property
    def message(self) -> str:
        return str(self)


class MissingField(EvaluationError):
    """A field, a key or a position in a list that the facts do not have, or a null where a value is needed."""


class NullOperand(MissingField):
    """A null for the operand at this position, until `named` says which part of the source that is."""

    def __init__(self, position: int) -> None:
        super().__init__("A value is null.")
        self.position = position

    def named(self, texts: Sequence[str]) -> MissingField:
        return null_error(texts[self.position])


class BudgetExceeded(EvaluationError):
    """An evaluation that takes more steps than allowed. Unlike other errors, nothing in a rule absorbs it."""


def quoting(message: str, value: str) -> EvaluationError:
    """The error whose message quotes a value, at its {}."""
    return EvaluationError(message.format(cut(value)), message.format("…"))


def null_error(text: str) -> MissingField:
    """The error for a null, of which `text` is the source."""
    return MissingField(f"{text} is null.")


def unfit(message: str, value: object, text: str = "") -> EvaluationError:
    """The error for a value of the wrong type. A null counts as missing, and is named by its source, the `text`."""
    if value is not None:
        return EvaluationError(message)
    return null_error(text) if text else MissingField(message)


def located(
    message: str, source: str, start: int, end: int, corrected: str = ""
) -> RuleSyntaxError:
    """Build the error about `source[start:end]`."""
    line = source.count("\n", 0, start) + 1
    column = start - source.rfind("\n", 0, start)
    error = RuleSyntaxError(message, line=line, column=column, offending=cut(source[start:end]))
    error.corrected = corrected
    return error


def cut(text: str, most: int = 60) -> str:
    """Shorten the text to at most `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"
