"""Limits on the size of a rule, its numbers and its work, taken from the code that enforces them."""

from dataclasses import dataclass
from typing import Final

from programs.rules.arithmetic import DIGITS, MAX_EXPONENT
from programs.rules.budget import MAX_NESTING, MAX_SOURCE, UNITS
from programs.rules.functions import formatting, patterns


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit. `beyond` is an expression that just exceeds it, and `says` the error that it gives."""

    subject: str
    most: str
    beyond: str
    says: str


LIMITS: Final = (
    Limit(
        "A condition or an amount",
        f"{MAX_SOURCE:,} characters",
        "1" + " " * MAX_SOURCE,
        "A rule has at most 4,096 characters. This one has 4,097.",
    ),
    Limit(
        "Nested brackets",
        f"{MAX_NESTING} levels",
        "(" * (MAX_NESTING + 1) + "1" + ")" * (MAX_NESTING + 1),
        "Brackets are nested more than 32 deep.",
    ),
    Limit(
        "Digits of a number",
        str(DIGITS),
        "0." + "1" * (DIGITS + 1),
        "A number has more than 50 digits or an exponent beyond 1,000.",
    ),
    Limit(
        "Zeros before or after those digits",
        f"an exponent of {MAX_EXPONENT:,}",
        f"1e{MAX_EXPONENT + 1}",
        "A number has more than 50 digits or an exponent beyond 1,000.",
    ),
    Limit(
        "Times",
        "the years 1 to 9999, to the microsecond",
        'timestamp("9999-12-31T23:59:59Z") + duration("1s")',
        "The time is outside the years 1 to 9999.",
    ),
    Limit(
        "Durations",
        "292 years",
        'duration("2600000h")',
        "The duration is longer than 292 years.",
    ),
    Limit(
        "A regular expression",
        f"{patterns.MAX_LENGTH} characters",
        f'"a".matches("{"a" * (patterns.MAX_LENGTH + 1)}")',
        "A regular expression has at most 500 characters.",
    ),
    Limit(
        "Decimals in format()",
        str(formatting.MAX_PRECISION),
        f'"%.{formatting.MAX_PRECISION + 1}f".format([1.5])',
        "A format shows at most 100 decimals.",
    ),
    Limit(
        "Work per event",
        f"{UNITS:,} steps, which take less than 50 milliseconds",
        'cel.bind(l, "' + "a" * 100 + '".split(""), l.all(a, l.all(b, l.all(c, true))))',
        "The rule takes too many steps.",
    ),
)
