"""What the documentation of the language is made of: variables, operators, macros, functions, actions, worked rules.

Everything here that has a value is held against the evaluation by a test.
"""

from programs.rules.functions import FUNCTIONS, Function
from programs.rules.reference.actions import ACTIONS, DescribedAction
from programs.rules.reference.examples import (
    EXACT_NUMBERS,
    EXAMPLES,
    MISSING_FIELDS,
    TIMES,
    VALUES,
    Example,
    Outcome,
)
from programs.rules.reference.facts import FACTS, changed_facts
from programs.rules.reference.forms import FORMS, MACROS, OPERATORS, Form
from programs.rules.reference.limits import LIMITS, Limit
from programs.rules.reference.worked import WORKED_RULES, Action, WorkedRule
from programs.rules.variables import DESCRIBED, Described

__all__ = [
    "ACTIONS",
    "DESCRIBED",
    "EXACT_NUMBERS",
    "EXAMPLES",
    "FACTS",
    "FORMS",
    "LIMITS",
    "MACROS",
    "MISSING_FIELDS",
    "OPERATORS",
    "TIMES",
    "VALUES",
    "WORKED_RULES",
    "Action",
    "Described",
    "DescribedAction",
    "Example",
    "Form",
    "Limit",
    "Outcome",
    "WorkedRule",
    "changed_facts",
    "functions_by_subject",
]


def functions_by_subject() -> dict[str, list[Function]]:
    """All functions, in the order of the table, under the names of their subjects."""
    subjects: dict[str, list[Function]] = {}
    for function in FUNCTIONS.values():
        subjects.setdefault(function.subject, []).append(function)
    return subjects
