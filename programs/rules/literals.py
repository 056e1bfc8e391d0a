"""Literals as written in the source: numbers, text and bytes with their escapes."""

import re
from decimal import Decimal
from typing import Final

from programs.rules.arithmetic import decimal_from_text, decimal_of

_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\?\"'`])|x([0-9a-fA-F]{2})|X([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|([\s\S]?))"
)
ESCAPES: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class BadLiteral(ValueError):
    """A literal that cannot be read; the message says why."""


def read_number(text: str) -> Decimal:
    """Read `50`, `50u`, `0x32` or `5.0e1`. Raises EvaluationError for a number out of range."""
    digits = text.rstrip("uU")
    # Checked before converting: thousands of digits take long.
    if digits[:2] in ("0x", "0X") and len(digits) <= 50:
        return decimal_of(int(digits, 16))
    number = decimal_from_text(digits)
    if number is None:
        raise BadLiteral("The number has too many digits.")
    return number


def read_text(token: str) -> str | bytes:
    """Read a text or bytes literal, including its prefix and quotes."""
    quote = token.find('"')
    other = token.find("'")
    first = min(place for place in (quote, other) if place >= 0)
    prefix = token[:first].lower()
    width = 3 if token[first : first + 3] in ('"""', "'''") else 1
    body = token[first + width : -width]
    is_bytes = "b" in prefix
    if "r" in prefix or "\\" not in body:
        return _encoded(body) if is_bytes else body
    return _unescaped_bytes(body) if is_bytes else _ESCAPE.sub(_character, body)


def _unescaped_bytes(body: str) -> bytes:
    parts: list[bytes] = []
    place = 0
    for match in _ESCAPE.finditer(body):
        parts += _encoded(body[place : match.start()]), _octets(match)
        place = match.end()
    return b"".join([*parts, _encoded(body[place:])])


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise BadLiteral("The bytes contain half of a surrogate pair.") from None


def _character(match: re.Match[str]) -> str:
    simple, low, upper, short, long, octal, unknown = match.groups()
    if simple:
        return ESCAPES.get(simple, simple)
    if unknown is not None:
        raise BadLiteral(f"\\{unknown} is not an escape sequence. Write \\\\ for a backslash.")
    code = int(octal, 8) if octal else int(low or upper or short or long, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise BadLiteral(f"{match[0]} is not a character.")
    return chr(code)


def _octets(match: re.Match[str]) -> bytes:
    """Read an escape in bytes, where \\x and octal are bytes and there are no escapes for code points."""
    _, low, upper, short, long, octal, _ = match.groups()
    if octal:
        return bytes([int(octal, 8)])
    if low or upper:
        return bytes([int(low or upper, 16)])
    if short or long:
        raise BadLiteral(
            f"{match[0]} works in text only, not in bytes. Write the character itself."
        )
    return _character(match).encode()
