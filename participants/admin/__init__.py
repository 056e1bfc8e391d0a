"""The admin's pages of participants. What they change goes through `state` and `ledger`, as others' changes do."""

from participants.admin import enrollments, history, journal, people

__all__ = ["enrollments", "history", "journal", "people"]
