"""Text in files that spreadsheets open."""

import re

# Spreadsheets take what begins like this for a formula, even after white space. A spreadsheet that expects another separator
# than the comma, as those of many countries do, begins a cell after it, and a row after a line end, whatever our quotes say.
_SIGN = r"[=+\-@\uff1d\uff0b\uff0d\uff20]"
_FORMULA = re.compile(rf'[\s;|,"]*{_SIGN}|[\t\r\n]')
_FORMULA_WITHIN = re.compile(rf'((?:[;|]|(?<=[^\s])\s*[\t\r\n])[\s"]*)(?={_SIGN})')


def plain(text: str | None) -> str:
    """Return the text as a cell that no spreadsheet evaluates."""
    text = text or ""
    inert = _FORMULA_WITHIN.sub(r"\1'", text)
    return f"'{inert}" if _FORMULA.match(text) else inert
