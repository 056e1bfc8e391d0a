"""Functions on text: CEL's own and those of its strings extension. Positions count characters from 0."""

from decimal import Decimal
from typing import Final

from programs.rules.arithmetic import counted
from programs.rules.budget import CHARACTERS, CONTAINER, Run, charge, charge_made, charge_scanned
from programs.rules.errors import EvaluationError, unfit
from programs.rules.functions.table import function
from programs.rules.literals import ESCAPES
from programs.rules.values import Value, in_words

_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER: Final = {code + 32: code for code in range(ord("A"), ord("Z") + 1)}
# Unicode's white space: Python's str.strip() would take U+001C to U+001F too.
_WHITE_SPACE: Final = (
    "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_QUOTED: Final = str.maketrans(
    {character: f"\\{letter}" for letter, character in ESCAPES.items()} | {"\\": "\\\\", '"': '\\"'}
)


def charge_search(run: Run, text: str, part: str) -> None:
    """Charge a search: as many steps as the text is long, at worst times the length of a short part."""
    steps = len(text) * min(len(part), 100 if len(text) < 30_000 else 8)
    charge_scanned(run, steps // 4)


@function("string.contains(string) -> bool")
def contains(run: Run, text: str, part: str) -> bool:
    charge_search(run, text, part)
    return part in text


@function("string.startsWith(string) -> bool")
def starts_with(run: Run, text: str, part: str) -> bool:
    charge_scanned(run, len(part))
    return text.startswith(part)


@function("string.endsWith(string) -> bool")
def ends_with(run: Run, text: str, part: str) -> bool:
    charge_scanned(run, len(part))
    return text.endswith(part)


@function("string.lowerAscii() -> string")
def lower_ascii(run: Run, text: str) -> str:
    charge_made(run, len(text) * (1 if text.isascii() else 16))
    return lowered(text)


@function("string.upperAscii() -> string")
def upper_ascii(run: Run, text: str) -> str:
    charge_made(run, len(text) * (1 if text.isascii() else 16))
    return uppered(text)


def lowered(text: str) -> str:
    return text.lower() if text.isascii() else text.translate(_LOWER)


def uppered(text: str) -> str:
    return text.upper() if text.isascii() else text.translate(_UPPER)


@function("string.trim() -> string")
def trim(run: Run, text: str) -> str:
    charge_made(run, len(text))
    return text.strip(_WHITE_SPACE)


@function("string.split(string) -> list(string)", "string.split(string, whole) -> list(string)")
def split(run: Run, text: str, separator: str, limit: int = -1) -> list[str]:
    if limit == 0:
        return []
    if not separator:
        parts = len(text) if limit < 0 else min(limit, len(text))
        charge_made(run, len(text) + CHARACTERS * parts)
        return [*text[: parts - 1], text[parts - 1 :]] if text else [""]
    charge_search(run, text, separator)
    charge_made(run, len(text))
    charge(run, text.count(separator) if limit < 0 else min(limit, len(text)))
    return text.split(separator, limit - 1 if limit > 0 else -1)


@function("list.join() -> string", "list.join(string) -> string")
def join(run: Run, texts: list[str], separator: str = "") -> str:
    charge(run, len(texts))
    for text in texts:
        if type(text) is not str:
            raise unfit(f"join takes a list of text. This one contains {in_words(text)}.", text)
    charge_made(run, sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


@function(
    "string.replace(string, string) -> string",
    "string.replace(string, string, whole) -> string",
)
def replace(run: Run, text: str, old: str, new: str, limit: int = -1) -> str:
    if limit == 0:
        return text
    charge_search(run, text, old)
    found = text.count(old)
    times = found if limit < 0 else min(found, limit)
    charge_made(run, len(text) + times * len(new))
    charge(run, times)
    return text.replace(old, new, limit if limit > 0 and limit < found else -1)


@function("string.substring(whole) -> string", "string.substring(whole, whole) -> string")
def substring(run: Run, text: str, start: int, end: int | None = None) -> str:
    end = len(text) if end is None else end
    if not 0 <= start <= end <= len(text):
        raise _outside(text, f"{start} to {end}")
    charge_made(run, end - start)
    return text[start:end]


@function("string.charAt(whole) -> string")
def char_at(run: Run, text: str, position: int) -> str:
    if not 0 <= position <= len(text):
        raise _outside(text, str(position))
    return text[position : position + 1]


@function("string.indexOf(string) -> number", "string.indexOf(string, whole) -> number")
def index_of(run: Run, text: str, part: str, start: int = 0) -> Decimal:
    if not 0 <= start <= len(text):
        raise _outside(text, str(start))
    charge_search(run, text, part)
    return counted(text.find(part, start))


@function("string.lastIndexOf(string) -> number", "string.lastIndexOf(string, whole) -> number")
def last_index_of(run: Run, text: str, part: str, start: int | None = None) -> Decimal:
    start = len(text) if start is None else start
    if not 0 <= start <= len(text):
        raise _outside(text, str(start))
    # Searching backward, Python takes as many steps as both lengths multiplied.
    charge_scanned(run, len(text) * max(1, len(part)) // 4)
    return counted(text.rfind(part, 0, start + len(part)))


@function("string.reverse() -> string", "list.reverse() -> list(element)")
def reverse(run: Run, value: Value) -> Value:
    if type(value) is list:
        charge(run, CONTAINER + len(value) // 4)
    else:
        charge_made(run, len(value))
    return value[::-1]


@function("strings.quote(string) -> string")
def quote(run: Run, text: str) -> str:
    charge_made(run, len(text) * 8)
    return f'"{text.translate(_QUOTED)}"'


def _outside(text: str, position: str) -> EvaluationError:
    message = f"Position {position} is outside a text of {len(text):,} characters."
    return EvaluationError(message, "The position is outside the text.")
