"""Participants' state: the only code that writes participants, enrollments, counters, standings and their history."""

from participants.state.changes import Change
from participants.state.read import document
from participants.state.rights import ALL_RIGHTS, EXISTING_ONLY, Rights
from participants.state.upsert import Upserted, change, change_each, change_in_turn, upsert_each

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
