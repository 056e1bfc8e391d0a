"""The rule language: CEL with exact numbers, bounded, explained. Pure Python that knows nothing of Django.

Text becomes a tree (`parser`, over `grammar.lark`), which is checked (`checker`) and compiled to closures (`compiler`).
"""

from programs.rules.environment import Environment
from programs.rules.errors import BudgetExceeded, EvaluationError, MissingField, RuleSyntaxError
from programs.rules.explain import Decision
from programs.rules.expression import Expression, compile  # noqa: A004
from programs.rules.values import TypeName

__all__ = [
    "BudgetExceeded",
    "Decision",
    "Environment",
    "EvaluationError",
    "Expression",
    "MissingField",
    "RuleSyntaxError",
    "TypeName",
    "compile",
]
