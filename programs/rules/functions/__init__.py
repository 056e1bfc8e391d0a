"""The functions of the language, a file for each subject."""

from programs.rules.functions import (
    collections,
    conversions,
    encodings,
    formatting,
    maths,
    patterns,
    texts,
    times,
)
from programs.rules.functions.table import FUNCTIONS, Function, Signature, accepted

__all__ = [
    "FUNCTIONS",
    "Function",
    "Signature",
    "accepted",
    "collections",
    "conversions",
    "encodings",
    "formatting",
    "maths",
    "patterns",
    "texts",
    "times",
]
