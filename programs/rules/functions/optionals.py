"""CEL's optional values. `or` and `orValue` evaluate their argument only where it is needed, so the compiler has its own."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from programs.rules.budget import Run
from programs.rules.errors import MissingField
from programs.rules.functions.table import function
from programs.rules.moments import EPOCH
from programs.rules.values import NONE, Optional, Value

_ZERO_MOMENTS: Final = (EPOCH, datetime(1, 1, 1, tzinfo=UTC))


@function("optional.of(any) -> optional_type")
def of(run: Run, value: Value) -> Optional:
    return Optional(value)


@function("optional.ofNonZeroValue(any) -> optional_type")
def of_non_zero_value(run: Run, value: Value) -> Optional:
    return NONE if _is_zero(value) else Optional(value)


def _is_zero(value: Value) -> bool:
    kind = type(value)
    if kind is datetime:
        return value in _ZERO_MOMENTS
    if kind is Optional:
        return not value.has_value
    return value is None or value is False or (kind in _WITH_A_ZERO and not value)


_WITH_A_ZERO: Final = {Decimal, str, bytes, list, dict, timedelta}


@function("optional.none() -> optional_type")
def none(run: Run) -> Optional:
    return NONE


@function("optional_type.hasValue() -> bool")
def has_value(run: Run, optional: Optional) -> bool:
    return optional.has_value


@function("optional_type.value() -> any")
def value_(run: Run, optional: Optional) -> Value:
    if optional.has_value:
        return optional.value
    raise MissingField("The optional value is missing.")


@function("optional_type.orValue(any) -> any")
def or_value(run: Run, optional: Optional, default: Value) -> Value:
    return optional.value if optional.has_value else default


@function("optional_type.or(optional_type) -> optional_type")
def or_(run: Run, optional: Optional, other: Optional) -> Optional:
    return optional if optional.has_value else other
