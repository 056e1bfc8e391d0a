"""The rules of programs: reading their bodies, and the only code that writes them and their versions."""

from programs.rulebook.bodies import Draft, NewRule, clean_change, clean_draft, clean_new
from programs.rulebook.findings import Findings
from programs.rulebook.read import Change, changes, findings_in, found, history, snapshot
from programs.rulebook.write import archive, change, create, duplicate, reorder

__all__ = [
    "Change",
    "Draft",
    "Findings",
    "NewRule",
    "archive",
    "change",
    "changes",
    "clean_change",
    "clean_draft",
    "clean_new",
    "create",
    "duplicate",
    "findings_in",
    "found",
    "history",
    "reorder",
    "snapshot",
]
