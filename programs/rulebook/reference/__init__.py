"""The content of the language reference: variables, operators, macros, functions, worked rules, limits.

A test evaluates every example here and compares the result.
"""

from programs.rulebook.reference.examples import (
    EXACT_NUMBERS,
    EXAMPLES,
    MISSING_FIELDS,
    TIMES,
    VALUES,
    Example,
    Outcome,
)
from programs.rulebook.reference.facts import FACTS, changed_facts
from programs.rulebook.reference.forms import FORMS, MACROS, OPERATORS, Form
from programs.rulebook.reference.limits import LIMITS, Limit
from programs.rulebook.reference.worked import WORKED_RULES, Action, WorkedRule
from programs.rulebook.vocabulary import VARIABLES, Variable
from programs.rules.functions import FUNCTIONS, RARE, Function

__all__ = [
    "EXACT_NUMBERS",
    "EXAMPLES",
    "FACTS",
    "FORMS",
    "LIMITS",
    "MACROS",
    "MISSING_FIELDS",
    "OPERATORS",
    "RARE",
    "TIMES",
    "VALUES",
    "VARIABLES",
    "WORKED_RULES",
    "Action",
    "Example",
    "Form",
    "Limit",
    "Outcome",
    "Variable",
    "WorkedRule",
    "changed_facts",
    "functions_by_subject",
]


def functions_by_subject() -> dict[str, list[Function]]:
    """Group all functions by subject, in the order of the table; those that are rarely needed come last."""
    subjects: dict[str, list[Function]] = {}
    for function in FUNCTIONS.values():
        subjects.setdefault(function.subject, []).append(function)
    subjects[RARE] = subjects.pop(RARE)
    return subjects
