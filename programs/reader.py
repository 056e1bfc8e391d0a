"""Who reads a page: the zone of its times, and how its numbers are written and understood.

A middleware enters both for a request; elsewhere they are settings.TIME_ZONE and a decimal point. Times are kept in UTC.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple

from django.utils import timezone
from django.utils.formats import get_format
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.translation.trans_real import (
    get_supported_language_variant,
    parse_accept_lang_header,
)

from programs.kernel import decimals, instants

DJANGOS_MOMENT: Final = (
    "Y-m-d H:i:s T"  # the same, but without the name in the hour that comes twice
)
_SPACES: Final = "\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"


class Writing(NamedTuple):
    """How a locale writes numbers: 1,234.50 in English, 1.234,50 in German."""

    point: str = "."
    group: str = ","


_PLAIN: Final = Writing()
_writing: ContextVar[Writing] = ContextVar("writing", default=_PLAIN)


@contextmanager
def reading(accept_language: str, zone: str | None) -> Iterator[None]:
    """Write for somebody whose browser asks for these languages, in this zone or that of the settings."""
    token = _writing.set(writing_of(accept_language[:500]))
    try:
        with timezone.override(zone or timezone.get_default_timezone()):
            yield
    finally:
        _writing.reset(token)


@lru_cache(maxsize=200)
def writing_of(accept_language: str) -> Writing:
    """Return how the first known language of the header writes numbers."""
    for language, _ in parse_accept_lang_header(accept_language):
        try:
            known = get_supported_language_variant(language)
        except LookupError:
            continue
        point, group = (
            get_format(name, known, use_l10n=True)
            for name in ("DECIMAL_SEPARATOR", "THOUSAND_SEPARATOR")
        )
        return Writing(point, group)
    return _PLAIN


# Numbers


def amount(number: Decimal | int | str, scale: int | None = None) -> str:
    """Write a number in groups of three digits, with exactly `scale` decimals or without trailing zeros.

    A text of plain digits keeps all of its decimals.
    """
    text = number if isinstance(number, str) else decimals.written(Decimal(number), scale)
    writing = _writing.get()
    sign = "-" if text.startswith("-") else ""
    whole, point, places = text.removeprefix("-").partition(".")
    grouped = f"{int(whole):,}".replace(",", writing.group)
    return f"{sign}{grouped}{writing.point if point else ''}{places}"


def typed(number: Decimal | str) -> str:
    """Write a number for an input, where groups would be in the way. A text of plain digits keeps all of its decimals."""
    text = number if isinstance(number, str) else decimals.written(number)
    return text.replace(".", _writing.get().point)


def plain(text: str) -> str:
    """Return the plain digits of a number that somebody typed: 1234.50 for "1,234.50" in English.

    Raises decimals.NotADecimal, with a hint, for what their locale does not write: nothing is guessed but what stands
    between groups of three digits, of which `note` tells.
    """
    point, group = (re.escape(each) for each in _writing.get())
    if _is_space(_writing.get().group):
        group = f"[ {_SPACES}]"
    grouped = rf"(?:\d+|[1-9]\d{{0,2}}(?:{group}\d{{3}})+)"
    found = re.fullmatch(rf"(-?)({grouped})(?:{point}(\d+))?", text, re.ASCII)
    if found:
        sign, whole, places = found.groups()
        digits = re.sub(r"\D", "", whole)
        return f"{sign}{digits}.{places}" if places else f"{sign}{digits}"
    if re.fullmatch(r"-?[\d.,'\s]*[.,'\s][\d.,'\s]*", text) and re.search(r"\d", text):
        raise decimals.NotADecimal("invalid", f"Write {_example()}.")
    return text  # which decimals.read refuses


def note(text: str) -> str:
    """Say how a typed number was understood where somebody else could read it otherwise, else ""."""
    point, group = _writing.get()
    if group in text and point not in text and text.count(group) == 1:
        other = text.replace(group, point)
        return f"“{text}” is read as {plain(text)}, in groups of thousands. For a fraction, write {other}."
    return ""


def _example() -> str:
    writing = _writing.get()
    name = {".": "a point", ",": "a comma"}.get(writing.point, f"“{writing.point}”")
    return f"25{writing.point}50, with {name}"


def _is_space(text: str) -> bool:
    return text in f" {_SPACES}"


# Times


def moment(time: datetime | None) -> str:
    """Write a time in the reader's zone, with the zone's name: 2026-01-15 11:30:00 CET."""
    if time is None:
        return ""
    local = timezone.localtime(time)
    return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}"


def moment_tag(time: datetime | None) -> SafeString | str:
    """The time as an element that has its moment in UTC as well."""
    if time is None:
        return ""
    utc = instants.written(time)
    return format_html('<time datetime="{}" title="{}">{}</time>', utc, utc, moment(time))


def day(of: date | datetime) -> str:
    """Write a day; that of a time is the day in the reader's zone."""
    return f"{timezone.localtime(of) if isinstance(of, datetime) else of:%Y-%m-%d}"


zone_name: Any = lazy(timezone.get_current_timezone_name, str)


def in_zone(label: str) -> Any:
    """A label that names the reader's zone: "Active from (Europe/Berlin)"."""
    return format_lazy("{} ({})", label, zone_name())
