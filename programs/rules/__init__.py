"""The rule language: CEL with exact numbers, bounded, explained. Pure Python that knows nothing of Django.

Text becomes a tree (`parser`, over `grammar.lark`), which is checked (`checker`) and compiled to closures (`compiler`).
"""

from programs.rules.errors import BudgetExceeded, EvaluationError, MissingField, RuleSyntaxError
from programs.rules.explain import Decision
from programs.rules.expression import Expression, compile  # noqa: A004
from programs.rules.values import TypeName
from programs.rules.variables import RULE_VARIABLES

__all__ = [
    "RULE_VARIABLES",
    "BudgetExceeded",
    "Decision",
    "EvaluationError",
    "Expression",
    "MissingField",
    "RuleSyntaxError",
    "TypeName",
    "compile",
]
