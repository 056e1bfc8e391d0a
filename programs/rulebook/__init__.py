"""The rules of programs: what a caller may say of one, and the only code that writes them and their versions."""

from programs.rulebook.bodies import Draft, NewRule, clean_change, clean_draft, clean_new
from programs.rulebook.read import changes, found, history, judged, snapshot
from programs.rulebook.write import archive, change, create, duplicate, reorder

__all__ = [
    "Draft",
    "NewRule",
    "archive",
    "change",
    "changes",
    "clean_change",
    "clean_draft",
    "clean_new",
    "create",
    "duplicate",
    "found",
    "history",
    "judged",
    "reorder",
    "snapshot",
]
