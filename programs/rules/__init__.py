"""The rule language: CEL with exact numbers, bounded, with reasons. Pure Python that knows neither Django nor the product.

Text becomes a tree (`parser`, over `grammar.lark`), on which the `checker` resolves all names against the host's
`environment`, and which the `compiler` turns into closures, with `shortcuts` for what most rules say. `review` is a second
pass over the tree, for what a host knows beyond the language, `constants` a third, for what can never have a value.
`hints` says what to write instead of what other languages would say, `reasons` what a false condition saw.
Where a value is needed, null is missing (`errors.NullOperand`); a missing field skips a condition.
"""

from programs.rules.environment import Environment
from programs.rules.errors import BudgetExceeded, EvaluationError, MissingField, RuleSyntaxError
from programs.rules.explain import Decision
from programs.rules.expression import Expression, compile  # noqa: A004
from programs.rules.review import Checked, Review, Shape, checked, review
from programs.rules.values import TypeName

__all__ = [
    "BudgetExceeded",
    "Checked",
    "Decision",
    "Environment",
    "EvaluationError",
    "Expression",
    "MissingField",
    "Review",
    "RuleSyntaxError",
    "Shape",
    "TypeName",
    "checked",
    "compile",
    "review",
]
