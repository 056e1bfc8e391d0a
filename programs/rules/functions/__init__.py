"""The functions of the language, a file for each subject."""

from programs.rules.functions import (  # noqa: F401  # which fill the table
    collections,
    conversions,
    dates,
    encodings,
    formatting,
    lists,
    maths,
    optionals,
    patterns,
    texts,
    times,
)
from programs.rules.functions.table import FUNCTIONS, RARE, Function, Signature, accepted

__all__ = ["FUNCTIONS", "RARE", "Function", "Signature", "accepted"]
