"""The admin's pages of participants. They change nothing themselves: `state` and `ledger` do."""

from participants.admin import enrollments, events, history, jobs, journal, participants, programs

__all__ = ["enrollments", "events", "history", "jobs", "journal", "participants", "programs"]
