"""string.format: the clauses %s %d %f %e %x %X %o %b, as cel-spec's doc/extensions/strings.md defines them."""

import decimal
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from programs.rules.arithmetic import DIGITS, MAX_EXPONENT, is_whole, plain, significant, whole
from programs.rules.budget import CONTAINER, Run, charge, charge_made
from programs.rules.errors import EvaluationError, quoting, unfit
from programs.rules.functions.conversions import encoded
from programs.rules.functions.table import function
from programs.rules.moments import seconds_text, timestamp_text
from programs.rules.values import BoolKey, TypeName, Value, in_words

MAX_PRECISION: Final = 100
_CLAUSE = re.compile(r"%(?:(%)|(?:\.(\d{1,4}))?([a-zA-Z])|)", re.ASCII)
# Wide enough for all digits of any number of the language; rounding as the specification of %f wants it.
_ALL_DIGITS: Final = decimal.Context(
    prec=MAX_EXPONENT + 2 * DIGITS + MAX_PRECISION,
    rounding=decimal.ROUND_HALF_EVEN,
    Emin=-9999,
    Emax=9999,
)


@function("string.format(list) -> string")
def format_(run: Run, template: str, values: list[Value]) -> str:
    remaining = iter(values)
    parts: list[str] = []
    place = 0
    charge_made(run, len(template))
    for match in _CLAUSE.finditer(template):
        parts += template[place : match.start()], _clause(run, match, remaining)
        place = match.end()
    return "".join([*parts, template[place:]])


def _clause(run: Run, match: re.Match[str], remaining: Iterator[Value]) -> str:
    percent, precision, conversion = match.groups()
    charge(run, 20)
    if percent:
        return "%"
    if conversion is None or conversion not in "sdfexXob":
        raise quoting('"{}" is not a format clause. Write %% for a percent sign.', match[0])
    try:
        value = next(remaining)
    except StopIteration:
        raise EvaluationError("The format has more clauses than the list has values.") from None
    if conversion == "s":
        return _shown(run, value)
    text = _converted(run, conversion, value, 6 if precision is None else int(precision))
    charge_made(run, len(text))
    return text


def _converted(run: Run, conversion: str, value: Value, precision: int) -> str:
    if precision > MAX_PRECISION:
        raise EvaluationError(f"A format shows at most {MAX_PRECISION} decimals.")
    kind = type(value)
    if kind is Decimal:
        if conversion in "fe":
            charge(run, 50)
            return _fixed(value, precision) if conversion == "f" else _power(value, precision)
        if conversion == "d" and is_whole(value):
            return plain(significant(value))
        return format(whole(value, f"%{conversion} takes"), conversion)
    if kind is bool and conversion == "b":
        return "1" if value else "0"
    if kind in (str, bytes) and conversion in "xX":
        charge_made(run, len(value) * 2)
        text = (encoded(value) if kind is str else value).hex()
        return text.upper() if conversion == "X" else text
    raise unfit(f"%{conversion} does not take {in_words(value)}.", value)


def _fixed(number: Decimal, precision: int) -> str:
    quantum = Decimal((0, (1,), -precision))
    text = f"{_ALL_DIGITS.quantize(number, quantum):f}"
    return text[1:] if text[0] == "-" and not text.strip("-0.") else text


def _power(number: Decimal, precision: int) -> str:
    context = decimal.Context(
        prec=precision + 1, rounding=decimal.ROUND_HALF_EVEN, Emin=-9999, Emax=9999
    )
    rounded = context.plus(number)
    sign, figures, _ = rounded.as_tuple()
    digits = "".join(map(str, figures)).ljust(precision + 1, "0")
    exponent = rounded.adjusted() if rounded else 0
    point = "." if precision else ""
    return f"{'-' * sign}{digits[0]}{point}{digits[1 : precision + 1]}e{exponent:+03d}"


def _append(run: Run, value: Value, parts: list[str]) -> None:
    """Add the value as %s shows it, in pieces: each is charged before the next is made."""
    if type(value) is list:
        charge(run, CONTAINER + len(value))
        parts.append("[")
        for index, part in enumerate(value):
            if index:
                parts.append(", ")
            _append(run, part, parts)
        parts.append("]")
    elif type(value) is dict:
        charge(run, CONTAINER + 2 * len(value))
        entries = [(_shown(run, key), _shown(run, part)) for key, part in value.items()]
        parts += "{", ", ".join(f"{key}: {part}" for key, part in sorted(entries)), "}"
    else:
        text = _text(value)
        charge_made(run, len(text))
        parts.append(text)


def _shown(run: Run, value: Value) -> str:
    parts: list[str] = []
    _append(run, value, parts)
    text = "".join(parts)
    charge_made(run, len(text))
    return text


def _text(value: Value) -> str:
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is Decimal:
        return plain(value)
    if kind is bool or kind is BoolKey:
        return "true" if (value.value if kind is BoolKey else value) else "false"
    if value is None:
        return "null"
    if kind is bytes:
        # Several bad bytes in a row become one replacement.
        return re.sub("\ufffd+", "\ufffd", value.decode(errors="replace"))
    if kind is datetime:
        return timestamp_text(value)
    if kind is timedelta:
        return seconds_text(value)
    if kind is TypeName:
        return str(value)
    raise EvaluationError(f"%s does not take {in_words(value)}.")
