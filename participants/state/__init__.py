"""Participants' state: the only code that writes participants, enrollments, counters, standings and their history."""

from participants.state.batch import upsert_each
from participants.state.changes import Change
from participants.state.in_turn import change_in_turn
from participants.state.read import document
from participants.state.rights import ALL_RIGHTS, EXISTING_ONLY, Rights
from participants.state.write import Upserted, change, change_each

__all__ = [
    "ALL_RIGHTS",
    "EXISTING_ONLY",
    "Change",
    "Rights",
    "Upserted",
    "change",
    "change_each",
    "change_in_turn",
    "document",
    "upsert_each",
]
