"""The budget of one evaluation. A unit is about a tenth of a microsecond on an ordinary server.

Iterations are charged, and elements and characters that are created, compared or scanned. Single nodes are not:
straight-line code is bounded by its length, and counting it cost a quarter of the speed.

A run is a list: what is left of the budget, whether a map with a bool key was made, the name of the time zone that the
host hands in, then a place for each variable that the expression binds. A list, because nothing in Python is faster to create or read.
"""

from typing import Any, Final

from programs.rules.errors import BudgetExceeded

Run = list[Any]

LEFT: Final = 0
HAS_BOOL_KEYS: Final = 1
ZONE: Final = 2
FIRST_SLOT: Final = 3

UNITS: Final = 80_000

MAX_SOURCE: Final = 4096  # characters
MAX_NESTING: Final = 32  # brackets within brackets
MAX_VALUE_DEPTH: Final = 64  # lists and maps within each other, in facts and results

# What one of these costs beyond its characters.
STEP: Final = 2  # a node in the body of a macro
CALL_NODES: Final = 2  # that a call counts as on top of its own
REMAINDER: Final = 15  # of decimals, whose quotient may have two thousand digits
CONTAINER: Final = 4
ABSORBED: Final = 25  # an error that does not end the evaluation
TIME: Final = 30
DURATION: Final = 40
DATE: Final = 200
TIME_ZONE: Final = 3000
CHARACTERS: Final = 16  # created for one unit
SCANNED: Final = 64  # characters looked at for one unit


def new_run(slots: int) -> Run:
    return [UNITS, False, None, *[None] * slots]


def charge(run: Run, units: int) -> None:
    """Take `units` off the budget. Raises BudgetExceeded if too few are left."""
    run[LEFT] -= units
    if run[LEFT] < 0:
        raise exceeded()


def charge_made(run: Run, characters: int) -> None:
    charge(run, 1 + characters // CHARACTERS)


def charge_scanned(run: Run, characters: int) -> None:
    if characters > SCANNED:
        charge(run, characters // SCANNED)


def exceeded() -> BudgetExceeded:
    return BudgetExceeded("The rule takes too many steps.")
