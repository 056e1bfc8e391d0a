"""What the language refuses, in words for the person who wrote the rule."""


class RuleSyntaxError(Exception):
    """The text is not a rule. `line` and `column` count from 1; `offending` is the piece of text that is wrong."""

    def __init__(
        self, message: str, *, line: int = 1, column: int = 1, offending: str = ""
    ) -> None:
        self.message = message
        self.line = line
        self.column = column
        self.offending = offending
        super().__init__(f"Line {line}, column {column}: {message}")


class EvaluationError(Exception):
    """The expression has no value for these facts; the message says why."""

    @property
    def message(self) -> str:
        return str(self)


class MissingField(EvaluationError):
    """The expression reads what the facts do not have: a field, a key, a position in a list."""


class BudgetExceeded(EvaluationError):
    """The evaluation took more steps than one may. Unlike the other errors, nothing in a rule absorbs it."""


def located(message: str, source: str, start: int, end: int) -> RuleSyntaxError:
    """Make the error about `source[start:end]`."""
    line = source.count("\n", 0, start) + 1
    column = start - source.rfind("\n", 0, start)
    return RuleSyntaxError(message, line=line, column=column, offending=cut(source[start:end]))


def cut(text: str, most: int = 60) -> str:
    """The text, or so much of it that it is no longer than `most`."""
    return text if len(text) <= most else text[: most - 1] + "…"
