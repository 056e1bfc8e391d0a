"""Regular expressions by RE2, which takes time in proportion to the text, whatever the pattern.

The time is in proportion to the size of the compiled pattern too, so both are limited and charged.
"""

from typing import Any, Final

import re2

from programs.rules.budget import Run, charge, charge_made
from programs.rules.errors import EvaluationError, cut, quoting
from programs.rules.functions.conversions import encoded
from programs.rules.functions.table import function

Pattern = Any  # re2 has no types

MAX_LENGTH: Final = 500  # of a pattern
MAX_PROGRAM: Final = 1000  # of RE2's instructions
# Measured at worst: 0.5 ms for ten characters of a pattern, 7 ms for the shortest that is too large;
# 40 ns for each character of the text and instruction.
PATTERN: Final = 40_000
PATTERN_CHARACTER: Final = 300
INSTRUCTIONS: Final = 3  # that a character is taken through for one unit

_OPTIONS: Final = re2.Options()
_OPTIONS.max_mem = 1 << 20
_OPTIONS.log_errors = False


def compiled(pattern: str) -> Pattern:
    """Raises EvaluationError for a pattern that is wrong or too large."""
    if len(pattern) > MAX_LENGTH:
        raise EvaluationError(f"A regular expression has at most {MAX_LENGTH} characters.")
    try:
        regexp = re2.compile(encoded(pattern), _OPTIONS)
    except re2.error as error:
        why = error.args[0] if error.args else ""
        why = why.decode(errors="replace") if isinstance(why, bytes) else str(why)
        message = f'"{cut(pattern)}" is not a valid regular expression: {cut(why, 100)}.'
        raise EvaluationError(message, "That is not a valid regular expression.") from None
    finally:
        # The module would keep the last 128 of them, each with a megabyte for its states.
        re2.purge()
    if regexp.programsize > MAX_PROGRAM:
        raise quoting('The regular expression "{}" is too large.', pattern)
    return regexp


def found(run: Run, text: str, regexp: Pattern) -> bool:
    """Whether the pattern matches part of the text."""
    size = regexp.programsize
    charge(run, 20 + len(text) * size // INSTRUCTIONS)
    searched = encoded(text)
    charge(run, (len(searched) - len(text)) * size // INSTRUCTIONS)
    charge_made(run, len(searched))
    return regexp.search(searched) is not None


@function("string.matches(string) -> bool", "matches(string, string) -> bool")
def matches(run: Run, text: str, pattern: str) -> bool:
    charge(run, PATTERN + PATTERN_CHARACTER * len(pattern))
    return found(run, text, compiled(pattern))
