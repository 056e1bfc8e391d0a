"""The admin's pages of participants. What they change goes through `state`, as everybody else's changes do."""

from participants.admin import enrollments, history, people

__all__ = ["enrollments", "history", "people"]
