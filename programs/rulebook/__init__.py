"""The rules of programs: reading their bodies, and the only code that writes them and their versions."""

from programs.rulebook.bodies import (
    Draft,
    NewRule,
    clean_change,
    clean_draft,
    clean_edit,
    clean_new,
    clean_restoration,
)
from programs.rulebook.findings import Findings
from programs.rulebook.read import (
    Change,
    changes,
    changes_since,
    findings_in,
    found,
    history,
    snapshot,
)
from programs.rulebook.write import archive, change, create, duplicate, reorder, restore

__all__ = [
    "Change",
    "Draft",
    "Findings",
    "NewRule",
    "archive",
    "change",
    "changes",
    "changes_since",
    "clean_change",
    "clean_draft",
    "clean_edit",
    "clean_new",
    "clean_restoration",
    "create",
    "duplicate",
    "findings_in",
    "found",
    "history",
    "reorder",
    "restore",
    "snapshot",
]
