"""The content of the language reference: variables, operators, macros, functions, worked rules, limits.

Most of it is in the TOML files of this folder. A test evaluates every example and compares the result.
"""

from programs.rulebook.reference.content import (
    EXACT_NUMBERS,
    EXAMPLES,
    FORMS,
    MACROS,
    MISSING_FIELDS,
    OPERATORS,
    TIMES,
    VALUES,
    WORKED_RULES,
    Action,
    Ending,
    Example,
    Form,
    WorkedRule,
)
from programs.rulebook.reference.facts import FACTS, changed_facts
from programs.rulebook.reference.limits import LIMITS, Limit
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
    "Ending",
    "Example",
    "Form",
    "Limit",
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
