"""What was probably meant by an unknown name."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from programs.rules.kinds import Kind
from programs.rules.macros import MACRO_NAMES

_LONGEST = 40  # comparing takes time proportional to both lengths


def for_variable(name: str, variables: Mapping[str, Kind]) -> str:
    """A variable with a similar name, a field with such a name in one of them, or an open map that may have it."""
    if name.isupper() and name.isidentifier() and len(name) <= _LONGEST:
        return f'"{name}"'  # text without its quotes, such as ACTIVE
    if close := _closest(name, variables):
        return close
    paths = {
        field: f"{variable}.{field}"
        for variable, kind in variables.items()
        for field in kind.fields or ()
    }
    if close := _closest(name, paths):
        return paths[close]
    open_ones = [
        variable for variable, kind in variables.items() if kind.fields is None and kind.element
    ]
    return f"{open_ones[0]}.{name}" if open_ones and len(name) <= _LONGEST else ""


def for_field(field: str, path: str, fields: Iterable[str]) -> str:
    close = _closest(field, fields)
    return f"{path}.{close}" if close else ""


def for_function(name: str, functions: Iterable[str]) -> str:
    names = {*functions, *MACRO_NAMES, "has", "cel.bind"}
    # Whoever writes "lower" means "lowerAscii".
    longer = sorted(
        known for known in names if len(name) > 3 and known.lower().startswith(name.lower())
    )
    return _closest(name, names) or (longer[0] if longer else "")


def _closest(name: str, names: Iterable[str]) -> str:
    if len(name) > _LONGEST:
        return ""
    by_lower = {known.lower(): known for known in names}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    return by_lower[close[0]] if close else ""
