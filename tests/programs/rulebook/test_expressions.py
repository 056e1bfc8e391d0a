"""What is wrong with the expressions of a rule is told where it stands, each mistake by itself."""

from programs.kernel.cleaning import Errors
from programs.kernel.exceptions import FieldError, Position
from programs.rulebook.expressions import check


def test_each_mistake_of_an_expression_is_an_error_with_its_position() -> None:
    errors = Errors()

    check("evnt.amount > 5\n&& tgas == 1", errors, "condition", "bool")

    assert errors == [
        FieldError(
            "condition",
            "syntax",
            "Line 1, column 1: There is no variable evnt. Did you mean event?",
            Position(1, 1, "evnt"),
        ),
        FieldError(
            "condition",
            "syntax",
            "Line 2, column 4: There is no variable tgas. Did you mean participant.tags?",
            Position(2, 4, "tgas"),
        ),
    ]
