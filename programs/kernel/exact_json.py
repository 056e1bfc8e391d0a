"""JSON with exact numbers: one reader and one writer for the API, the admin, imports and the database.

Python's own reader makes binary floats and keeps the last of two equal keys; PostgreSQL's jsonb refuses NUL
and lone surrogates, and expands `1e130000` to 130,000 digits. jsonb can hold whatever this module reads.
"""

import json
import re
from decimal import Decimal
from typing import Any

import msgspec
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.types.json import Jsonb

MAX_DEPTH = 16
MAX_DIGITS = 40  # of a number written out without an exponent


class InvalidJSON(ValueError):
    """The text is not JSON, or not acceptable JSON; the message says why and where."""


def loads(text: bytes | str) -> Any:
    """Read one JSON value: numbers become int or Decimal, never float.

    Raises InvalidJSON for broken JSON or UTF-8, NaN and infinities, numbers of more than 40 digits written out, more
    than 16 levels, a key that stands twice in one object, NUL and lone surrogates.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode()
        value = _read(text)
    except UnicodeDecodeError as error:
        raise InvalidJSON(f"The text is not UTF-8: byte {error.start}.") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InvalidJSON(f"The text is not JSON: {error.msg} at {where}.") from error
    except RecursionError as error:
        raise InvalidJSON(f"JSON may be at most {MAX_DEPTH} levels deep.") from error
    # Nearly all bodies need neither of these two walks.
    if text.count("{") + text.count("[") > MAX_DEPTH:
        _refuse_depth(value)
    if "\\u" in text:
        _refuse_unstorable_text(value)
    return value


def loads_stored(text: str) -> Any:
    """Read a value from jsonb, which `loads` has checked before: three times as fast."""
    # msgspec makes floats of larger integers.
    return loads(text) if _LONG_NUMBER.search(text) else _stored_decoder.decode(text)


def dumps(value: Any) -> bytes:
    """Write a JSON value, Decimals as plain digits (`0.0000001`, not `1E-7`); parts may be `msgspec.Raw`."""
    written = _encoder.encode(value)
    # A plain search first: the regular expression takes six times as long over a batch of events.
    if (b"E+" in written or b"E-" in written) and _EXPONENT.search(written):
        return _encoder.encode(_spelled_plainly(value))
    return written


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise _too_many_digits()
    return int(digits)


def _decimal(digits: str) -> Decimal:
    mantissa, _, exponent = digits.lower().partition("e")
    # Checked before the Decimal is made: a short text may denote a number of any length.
    if len(mantissa) > MAX_DIGITS + 3 or len(exponent.lstrip("+-0")) > 3:
        raise _too_many_digits()
    number = Decimal(digits)
    _, figures, power = number.as_tuple()
    assert isinstance(power, int)  # a letter only for NaN and infinities, which JSON cannot write
    places = max(-power, 0)
    whole = max(len(figures) + power, 0) if any(figures) else 0
    if whole + places > MAX_DIGITS:
        raise _too_many_digits()
    return number if power <= 0 else Decimal(int(number))


def _constant(name: str) -> None:
    raise InvalidJSON(f"{name} is not a JSON number.")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise InvalidJSON(f"The key {json.dumps(twice[:100])} stands twice in one object.")
    return members


_read = json.JSONDecoder(
    parse_int=_integer,
    parse_float=_decimal,
    parse_constant=_constant,
    object_pairs_hook=_unique_keys,
).decode
_encoder = msgspec.json.Encoder(decimal_format="number")
_stored_decoder = msgspec.json.Decoder(float_hook=Decimal)
_LONG_NUMBER = re.compile(r"\d{18}", re.ASCII)
_EXPONENT = re.compile(rb"\dE[+-]\d")  # as str(Decimal) writes very small and very large numbers


def _too_many_digits() -> InvalidJSON:
    return InvalidJSON(f"A number may have at most {MAX_DIGITS} digits when written out.")


def _refuse_depth(value: Any, depth: int = 1) -> None:
    if isinstance(value, dict | list):
        if depth > MAX_DEPTH:
            raise InvalidJSON(f"JSON may be at most {MAX_DEPTH} levels deep.")
        for part in value.values() if isinstance(value, dict) else value:
            _refuse_depth(part, depth + 1)


def _refuse_unstorable_text(value: Any) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise InvalidJSON("A string holds NUL, which cannot be stored.")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise InvalidJSON("A string holds half of a surrogate pair.") from error
    elif isinstance(value, dict):
        for key, part in value.items():
            _refuse_unstorable_text(key)
            _refuse_unstorable_text(part)
    elif isinstance(value, list):
        for part in value:
            _refuse_unstorable_text(part)


def _spelled_plainly(value: Any) -> Any:
    if isinstance(value, Decimal):
        return msgspec.Raw(f"{value:f}".encode())
    if isinstance(value, dict):
        return {key: _spelled_plainly(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled_plainly(part) for part in value]
    return value


class ExactJSONField(models.JSONField[Any, Any]):
    """A jsonb column whose numbers are int and Decimal in Python, digit for digit what the database holds."""

    def from_db_value(self, value: str | None, *_: object) -> Any:
        return None if value is None else loads_stored(value)

    def get_db_prep_value(
        self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        if value is None or isinstance(value, models.expressions.Expression | Jsonb):
            return value
        return Jsonb(value, dumps=dumps)

    def value_to_string(self, obj: models.Model) -> Any:
        return dumps(self.value_from_object(obj)).decode()
