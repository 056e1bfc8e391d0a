"""Functions on text: CEL's own and those of its strings extension. Positions count characters from 0."""

from functools import partial
from typing import Final

from programs.rules.budget import CHARACTERS, Run, charge, charge_made, charge_scanned
from programs.rules.errors import EvaluationError
from programs.rules.functions.table import function
from programs.rules.literals import ESCAPES
from programs.rules.values import in_words

_function = partial(function, subject="Text")

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


@_function(
    "string.contains(string) -> bool",
    says="Whether the text contains the other text.",
    example='"flat white".contains("white")',
    gives="true",
)
def contains(run: Run, text: str, part: str) -> bool:
    charge_search(run, text, part)
    return part in text


@_function(
    "string.startsWith(string) -> bool",
    says="Whether the text starts with the other text.",
    example='"SKU-1001".startsWith("SKU-")',
    gives="true",
)
def starts_with(run: Run, text: str, part: str) -> bool:
    charge_scanned(run, len(part))
    return text.startswith(part)


@_function(
    "string.endsWith(string) -> bool",
    says="Whether the text ends with the other text.",
    example='"ana@example.com".endsWith("@example.com")',
    gives="true",
)
def ends_with(run: Run, text: str, part: str) -> bool:
    charge_scanned(run, len(part))
    return text.endswith(part)


@_function(
    "string.lowerAscii() -> string",
    says="The text with A to Z in lowercase. Other letters stay as they are.",
    example='"Summer SALE".lowerAscii()',
    gives='"summer sale"',
)
def lower_ascii(run: Run, text: str) -> str:
    charge_made(run, len(text) * (1 if text.isascii() else 16))
    return text.lower() if text.isascii() else text.translate(_LOWER)


@_function(
    "string.upperAscii() -> string",
    says="The text with a to z in uppercase. Other letters stay as they are.",
    example='"eur".upperAscii()',
    gives='"EUR"',
)
def upper_ascii(run: Run, text: str) -> str:
    charge_made(run, len(text) * (1 if text.isascii() else 16))
    return text.upper() if text.isascii() else text.translate(_UPPER)


@_function(
    "string.trim() -> string",
    says="The text without leading and trailing white space.",
    example='"  gold ".trim()',
    gives='"gold"',
)
def trim(run: Run, text: str) -> str:
    charge_made(run, len(text))
    return text.strip(_WHITE_SPACE)


@_function(
    "string.split(string) -> list(string)",
    "string.split(string, int) -> list(string)",
    says="The parts between the separators. The second argument limits how many (-1 for all).",
    example='"a,b,c".split(",", 2)',
    gives='["a", "b,c"]',
)
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


@_function(
    "list.join() -> string",
    "list.join(string) -> string",
    says="The list's texts joined into one, with the separator in between.",
    example='["a", "b"].join(", ")',
    gives='"a, b"',
)
def join(run: Run, texts: list[str], separator: str = "") -> str:
    charge(run, len(texts))
    for text in texts:
        if type(text) is not str:
            raise EvaluationError(f"join takes a list of text. This one contains {in_words(text)}.")
    charge_made(run, sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


@_function(
    "string.replace(string, string) -> string",
    "string.replace(string, string, int) -> string",
    says="The text with the first argument replaced by the second, everywhere or at most as often as the third says.",
    example='"1-2-3".replace("-", ".")',
    gives='"1.2.3"',
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


@_function(
    "string.substring(int) -> string",
    "string.substring(int, int) -> string",
    says="The text from one position up to another, or to the end.",
    example='"tacocat".substring(0, 4)',
    gives='"taco"',
)
def substring(run: Run, text: str, start: int, end: int | None = None) -> str:
    end = len(text) if end is None else end
    if not 0 <= start <= end <= len(text):
        raise _outside(text, f"{start} to {end}")
    charge_made(run, end - start)
    return text[start:end]


@_function(
    "string.charAt(int) -> string",
    says="The character at a position. At the end, an empty text.",
    example='"hello".charAt(4)',
    gives='"o"',
)
def char_at(run: Run, text: str, position: int) -> str:
    if not 0 <= position <= len(text):
        raise _outside(text, str(position))
    return text[position : position + 1]


@_function(
    "string.indexOf(string) -> int",
    "string.indexOf(string, int) -> int",
    says="The first position of the other text, at or after the second argument if given. -1 if there is none.",
    example='"hello mellow".indexOf("ello", 2)',
    gives="7",
)
def index_of(run: Run, text: str, part: str, start: int = 0) -> int:
    if not 0 <= start <= len(text):
        raise _outside(text, str(start))
    charge_search(run, text, part)
    return text.find(part, start)


@_function(
    "string.lastIndexOf(string) -> int",
    "string.lastIndexOf(string, int) -> int",
    says="The last position of the other text, at or before the second argument if given. -1 if there is none.",
    example='"hello mellow".lastIndexOf("ello", 6)',
    gives="1",
)
def last_index_of(run: Run, text: str, part: str, start: int | None = None) -> int:
    start = len(text) if start is None else start
    if not 0 <= start <= len(text):
        raise _outside(text, str(start))
    # Searching backward, Python takes as many steps as both lengths multiplied.
    charge_scanned(run, len(text) * max(1, len(part)) // 4)
    return text.rfind(part, 0, start + len(part))


@_function(
    "string.reverse() -> string",
    says="The characters in reverse order.",
    example='"gums".reverse()',
    gives='"smug"',
)
def reverse(run: Run, text: str) -> str:
    charge_made(run, len(text))
    return text[::-1]


@_function(
    "strings.quote(string) -> string",
    says="The text in quotes, with special characters escaped.",
    example='strings.quote("say \\"hi\\"")',
    gives='"\\"say \\\\\\"hi\\\\\\"\\""',
)
def quote(run: Run, text: str) -> str:
    charge_made(run, len(text) * 8)
    return f'"{text.translate(_QUOTED)}"'


def _outside(text: str, position: str) -> EvaluationError:
    return EvaluationError(f"Position {position} is outside a text of {len(text):,} characters.")
