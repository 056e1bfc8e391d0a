"""Fields of bodies and answers that DRF has not, or reads too generously."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.utils import html

from programs.kernel import decimals, instants

_WHOLE = f"(0|[1-9][0-9]{{0,{decimals.INTEGER_DIGITS - 1}}})"
_PLACES = rf"(\.[0-9]{{1,{decimals.DECIMAL_PLACES}}})?"


class JSONTextArea(serializers.JSONField):
    """A JSON value, written into a text area where it comes from a form."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"style": {"base_template": "textarea.html", "rows": 3}, **kwargs})


class WholeNumberField(serializers.IntegerField):
    """A JSON number without a fraction. DRF's own takes a text for one, too."""

    def to_internal_value(self, data: Any) -> int:
        is_form = html.is_html_input(getattr(self.root, "initial_data", None))
        number = data if is_form else decimals.whole(data)
        if number is None:
            self.fail("invalid")
        return super().to_internal_value(number)


class InstantField(serializers.DateTimeField):
    """A time of any year: DRF's own leaves the zeros out of the year 0001."""

    format = None  # so that a refused form comes back with the time as it was filled in

    def to_representation(self, value: datetime) -> str:
        return instants.written(value)


@extend_schema_field(
    {
        "type": "string",
        "pattern": rf"^(?!0(\.0+)?$){_WHOLE}{_PLACES}$",
        "examples": ["500.00"],
    }
)
class AmountField(serializers.Field[Any, Any, Any, Any]):
    """An amount of an asset above zero: a string in a body, and in an answer with the asset's scale."""

    def to_internal_value(self, data: Any) -> Decimal:
        try:
            amount = decimals.read(data)
        except decimals.NotADecimal as error:
            raise serializers.ValidationError(str(error), error.reason) from error
        if amount <= 0:
            raise serializers.ValidationError("Give an amount above zero.", "not_positive")
        return amount

    def get_attribute(self, instance: Any) -> str | None:
        amount = super().get_attribute(instance)
        return None if amount is None else decimals.written(amount, instance.scale)

    def to_representation(self, value: Any) -> Any:
        return value
