"""What was probably meant by an unknown name."""

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from itertools import takewhile

from programs.rules import hints, tree
from programs.rules.errors import cut
from programs.rules.functions import Function
from programs.rules.hints import LONGEST, TIGHT, Advice, Use, bare
from programs.rules.kinds import Kind
from programs.rules.macros import MACRO_NAMES, MACROS

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


def for_text(text: str, texts: Iterable[str]) -> str:
    return _closest(text, texts)


def for_function(
    use: Use, variables: Collection[str], functions: Mapping[str, Function]
) -> Advice | None:
    """What was meant by a call that fits no function: what a hint says, another case or style, or a similar name."""
    if hint := hints.for_function(use, variables):
        return hint
    spelled = bare(use.name)
    last = spelled.rpartition(".")[2]
    for meant in sorted({*functions, *MACRO_NAMES}, key=len):
        if bare(meant) in (spelled, last, f"math.{last}"):
            return _called(meant, use, functions.get(meant))
    if hint := hints.in_general(use):
        return hint
    name = use.name
    names = {*functions, *MACRO_NAMES, "has", "cel.bind"}
    # Whoever writes "lower" means "lowerAscii".
    longer = sorted(
        other for other in names if len(name) > 3 and other.lower().startswith(name.lower())
    )
    close = _closest(name, names) or (longer[0] if longer else "")
    return Advice(f"Did you mean {close}?") if close else None


def _called(meant: str, use: Use, function: Function | None) -> Advice | None:
    """The call of this function or macro in the style that it has."""
    count = len(use.operands)
    if function is None:
        styles = ["method"] if (meant, count - 1) in MACROS else []
    else:
        by_style = {"call": False, "method": True}
        styles = [
            style
            for style, is_method in by_style.items()
            if function.overloads(count, is_method=is_method)
        ]
    if use.style in styles:
        if meant == use.name:
            return None  # it is called as it should be
        styles = [use.style]
    if not styles:
        return Advice(f"Did you mean {meant}?") if meant != use.name else None
    texts = [operand.text for operand in use.operands]
    if styles[-1] == "call":
        instead = f"{meant}({', '.join(texts)})"
    else:
        receiver = f"({texts[0]})" if use.operands[0].binds < TIGHT else texts[0]
        instead = f"{receiver}.{meant}({', '.join(texts[1:])})"
    is_spelling = styles == [use.style]
    says = f"Did you mean {meant}?" if is_spelling else f"Write {cut(instead, LONGEST)}."
    return Advice(says, instead)


def for_range(source: str, node: tree.Chain) -> Advice | None:
    """10 < x && x < 20 for 10 < x < 20."""
    if len(node.rest) != 2:
        return None
    (_, middle), (other, last) = node.rest
    between = source[middle.start : middle.end]
    instead = (
        f"{source[node.start : middle.end]} && {between} {other} {source[last.start : last.end]}"
    )
    return _writing(instead, node.start, last.end)


def for_alternative(source: str, node: tree.Logic, index: int) -> Advice | None:
    """x in ["a", "b"] for x == "a" || "b"."""
    part = node.parts[index]
    before = node.parts[index - 1] if index else None
    if node.sign != "||" or type(part) is not tree.Literal or type(before) is not tree.Chain:
        return None
    (sign, first), *others = before.rest
    if sign != "==" or others or type(first) is not tree.Literal:
        return None
    alternatives = takewhile(lambda each: type(each) is tree.Literal, node.parts[index:])
    values = [first, *alternatives]
    listed = ", ".join(source[each.start : each.end] for each in values)
    instead = f"{source[before.start : before.first.end]} in [{listed}]"
    return _writing(instead, before.start, values[-1].end)


def _writing(instead: str, start: int, end: int) -> Advice:
    return Advice(f"Write {cut(instead, LONGEST)}.", instead, start, end)


def _closest(name: str, names: Iterable[str]) -> str:
    if len(name) > _LONGEST:
        return ""
    by_lower = {known.lower(): known for known in names}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    return by_lower[close[0]] if close else ""
