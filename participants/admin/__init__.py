"""The admin's pages of participants. What they change goes through `state` and `ledger`, as others' changes do."""

from participants.admin import enrollments, events, history, journal, participants, programs

__all__ = ["enrollments", "events", "history", "journal", "participants", "programs"]
