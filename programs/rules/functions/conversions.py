"""Conversions from one type to another."""

import re
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Final

from programs.rules.arithmetic import counted, decimal_from_text, plain, to_integral
from programs.rules.budget import DURATION, TIME, Run, charge, charge_made
from programs.rules.errors import EvaluationError, quoting
from programs.rules.functions.table import function
from programs.rules.moments import (
    EPOCH,
    duration_from_text,
    seconds_text,
    timestamp_from_seconds,
    timestamp_from_text,
    timestamp_text,
)
from programs.rules.values import TypeName, Value, type_of

_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_BOOLS: Final = {
    **dict.fromkeys(["1", "t", "true", "TRUE", "True"], True),
    **dict.fromkeys(["0", "f", "false", "FALSE", "False"], False),
}


@function(
    "int(number) -> number",
    "int(string) -> number",
    "int(bool) -> number",
    "int(timestamp) -> number",
)
def int_(run: Run, value: Value) -> Decimal:
    kind = type(value)
    if kind is Decimal:
        return to_integral(value, ROUND_DOWN)
    if kind is bool:
        return counted(int(value))
    if kind is datetime:
        return counted((value - EPOCH) // timedelta(seconds=1))
    number = decimal_from_text(value) if _INTEGER.fullmatch(value) else None
    if number is None:
        raise quoting('"{}" is not a whole number.', value)
    return number


@function("uint(number) -> number", "uint(string) -> number")
def uint(run: Run, value: Value) -> Decimal:
    number = int_(run, value)
    if number < 0:
        raise quoting("{} is negative. uint takes numbers from 0 up.", plain(number))
    return number


@function("double(number) -> number", "double(string) -> number")
def double(run: Run, value: Value) -> Decimal:
    if type(value) is Decimal:
        return value
    number = decimal_from_text(value)
    if number is None:
        raise quoting('"{}" is not a number.', value)
    return number


@function("bool(bool) -> bool", "bool(string) -> bool")
def bool_(run: Run, value: Value) -> bool:
    if type(value) is bool:
        return value
    if value not in _BOOLS:
        raise quoting('"{}" is neither true nor false.', value)
    return _BOOLS[value]


@function(
    "string(string) -> string",
    "string(number) -> string",
    "string(bool) -> string",
    "string(bytes) -> string",
    "string(timestamp) -> string",
    "string(duration) -> string",
)
def string(run: Run, value: Value) -> str:
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is Decimal:
        text = plain(value)
        charge_made(run, len(text))
        return text
    if kind is bool:
        return "true" if value else "false"
    if kind is bytes:
        return _decoded(run, value)
    charge(run, TIME)
    return timestamp_text(value) if kind is datetime else seconds_text(value)


def _decoded(run: Run, value: bytes) -> str:
    charge_made(run, len(value))
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise EvaluationError("The bytes are not UTF-8.") from None


@function("bytes(string) -> bytes", "bytes(bytes) -> bytes")
def bytes_(run: Run, value: str | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    charge_made(run, len(value) * 4)
    return encoded(value)


def encoded(text: str) -> bytes:
    """Raises EvaluationError for half of a surrogate pair."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise EvaluationError("The text contains half of a surrogate pair.") from None


@function(
    "timestamp(string) -> timestamp",
    "timestamp(number) -> timestamp",
    "timestamp(timestamp) -> timestamp",
)
def timestamp(run: Run, value: Value) -> datetime:
    if type(value) is datetime:
        return value
    charge(run, TIME)
    return timestamp_from_text(value) if type(value) is str else timestamp_from_seconds(value)


@function("duration(string) -> duration", "duration(duration) -> duration")
def duration(run: Run, value: Value) -> timedelta:
    if type(value) is timedelta:
        return value
    charge(run, DURATION + 2 * len(value))
    return duration_from_text(value)


@function("type(any) -> type")
def type__(run: Run, value: Value) -> TypeName:
    return type_of(value)


@function("dyn(any) -> any")
def dyn(run: Run, value: Value) -> Value:
    return value
