"""Changes of who people are: the only code that writes participants, enrolments and their history."""

from participants.state.batch import upsert_each
from participants.state.changes import Change
from participants.state.in_turn import apply_in_turn
from participants.state.read import answer
from participants.state.rights import EXISTING_ONLY, Rights
from participants.state.write import Result, apply, apply_each

__all__ = [
    "EXISTING_ONLY",
    "Change",
    "Result",
    "Rights",
    "answer",
    "apply",
    "apply_each",
    "apply_in_turn",
    "upsert_each",
]
