"""Hints: what to write instead of what people bring from spreadsheets, SQL, JavaScript and Python, by hints.toml."""

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from programs.rules import tree
from programs.rules.errors import RuleSyntaxError, cut, located
from programs.rules.kinds import ANY, Kind
from programs.rules.tree import Node

TIGHT: Final = 9  # as a name or a call binds together
LONGEST: Final = 200  # of what to write; beyond, x and y stand for what was written
_REACH: Final = 300  # how far from a syntax error its cause is sought, in characters

_PLACEHOLDER: Final = re.compile(r"\{(?:(\d)(?::(\w+))?|(,|\+|&&|\|\|)|(sign))\}")
_PATH: Final = re.compile(r"([\w.]+)(?:\.(\w+)|\[(?:\"(\w+)\"|'(\w+)')\])", re.ASCII)
_FIELD: Final = re.compile(r"[\"']([A-Za-z_]\w*)[\"']", re.ASCII)
_NAMES: Final = "xyzuvw"
_COMMENT: Final = re.compile(r"//[^\n]*")
_TEXT: Final = re.compile(r"//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'")


@dataclass(frozen=True, slots=True)
class Advice:
    """What an error says beside what is wrong, and the `instead` to write for `source[start:end]`, if that is known."""

    says: str
    instead: str | None = None
    start: int = -1
    end: int = -1


def advised(
    message: str, source: str, start: int, end: int, advice: Advice | None
) -> RuleSyntaxError:
    """Build the error about `source[start:end]` with the advice, which is about the same unless it says otherwise."""
    if advice is None:
        return located(message, source, start, end)
    corrected = ""
    if advice.instead is not None:
        if advice.start >= 0:
            begin, stop = advice.start, advice.end
        else:
            begin, stop = start, end
        corrected = source[:begin] + advice.instead + source[stop:]
    return located(f"{message} {advice.says}".strip(), source, start, end, corrected)


@dataclass(frozen=True, slots=True)
class Operand:
    """A value that somebody wrote: its text, how tightly it is bound together, and its kind."""

    text: str
    binds: int = TIGHT
    kind: Kind = ANY


@dataclass(frozen=True, slots=True)
class Use:
    """How somebody used a name: what with, as `f(x)` ("call"), `x.f()` ("method") or `x.f` ("field"), and whether that is
    all of the rule.
    """

    name: str
    operands: Sequence[Operand] = ()
    style: str = ""
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Hint:
    """An entry of hints.toml. `conditions` are the keys of its table that say where it applies."""

    write: str | None
    says: str
    examples: Sequence[str]
    conditions: Mapping[str, Any]

    def is_for(self, use: Use, known: Collection[str]) -> bool:
        wanted = self.conditions
        kinds = [operand.kind.name for operand in use.operands]
        return (
            wanted.get("style", use.style) == use.style
            and wanted.get("operands", len(kinds)) == len(kinds)
            and wanted.get("least", 0) <= len(kinds)
            and wanted.get("variable") in (None, *known)
            and ("on" not in wanted or wanted["on"] in kinds[:1])
            and ("second" not in wanted or wanted["second"] in kinds[1:2])
        )


def operand(source: str, node: Node, kind: Kind = ANY) -> Operand:
    return Operand(source[node.start : node.end], BINDS.get(type(node), TIGHT), kind)


def for_function(use: Use, known: Collection[str]) -> Advice | None:
    """The advice for a call. `known` are the names of variables."""
    return _advice(_of_function(use), use, known)


def in_general(use: Use) -> Advice | None:
    """The advice for calls of this name, with x and y for operands, where none is for as many operands."""
    for hint in _of_function(use):
        count = 1 + max(map(int, re.findall(r"\{(\d)", hint.write or "")), default=0)
        operands = [Operand(name) for name in _NAMES[:count]]
        if example := _written(hint.write or "", operands, use.name):
            return Advice(_said(hint.says, use).replace("{write}", example))
    return None


def _of_function(use: Use) -> Sequence[Hint]:
    return FUNCTIONS.get(bare(use.name.rpartition(".")[2]), ())


def for_name(name: str, known: Collection[str]) -> Advice | None:
    return _advice(NAMES.get(name, ()), Use(name), known)


def for_operator(sign: str, left: Operand, right: Operand, *, is_alone: bool) -> Advice | None:
    """The advice for an operator between values of kinds that it does not take; `is_alone`, no others follow."""
    hints = [
        hint
        for hint in OPERATORS.get(sign, ())
        if hint.conditions.get("sign", sign) == sign
        and _is_kind(left.kind, hint.conditions["left"])
        and _is_kind(right.kind, hint.conditions["right"])
        and re.search(hint.conditions.get("sides", ""), f"{left.text} {right.text}")
    ]
    return _advice(hints, Use(sign, (left, right), is_whole=is_alone), ())


def for_syntax(source: str, position: int) -> Advice | None:
    """The advice for what cannot be read at this position."""
    begin, end = max(0, position - _REACH), min(len(source), position + _REACH)
    for pattern, hint in SYNTAX:
        for match in pattern.finditer(source, begin, end):
            if match.start() > position:
                break
            # What is cut off is not what somebody wrote.
            is_cut = match.start() == begin > 0 or match.end() == end < len(source)
            if is_cut or not _reaches(match, position, hint):
                continue
            return _found(match, hint)
    return None


def traps(source: str) -> Iterator[Advice]:
    """The advice for all that is valid, but means something else than its author meant."""
    blank = _TEXT.sub(_blanked, source)
    bare = _COMMENT.sub(_blanked, blank) if "//" in blank else blank
    for pattern, hint in TRAPS:
        for match in pattern.finditer(blank if "comments" in hint.conditions else bare):
            yield _found(match, hint)


def _blanked(found: re.Match[str]) -> str:
    text = found[0]
    return text if found.re is _TEXT and text.startswith("//") else '"' * len(text)


def _found(match: re.Match[str], hint: Hint) -> Advice:
    instead = None if hint.write is None else match.expand(hint.write)

    def group(found: re.Match[str]) -> str:
        return cut(match[int(found[1])])

    says = re.sub(r"\{(\d)\}", group, hint.says).replace("{write}", cut(instead or "", LONGEST))
    return Advice(says, instead, *match.span())


def _reaches(match: re.Match[str], position: int, hint: Hint) -> bool:
    if position < match.end():
        return True
    if "rest" in hint.conditions:
        return position == len(match.string)
    return "after" in hint.conditions and not match.string[match.end() : position].strip()


def _advice(hints: Iterable[Hint], use: Use, known: Collection[str]) -> Advice | None:
    """The advice of the first hint that fits."""
    for hint in hints:
        if not hint.is_for(use, known):
            continue
        instead = None
        if hint.write is not None:
            instead = _written(hint.write, use.operands, use.name)
            if instead is None or len(instead) > LONGEST:
                continue
            if not use.is_whole and _is_loose(hint.write):
                instead = f"({instead})"
        says = _said(hint.says, use)
        return Advice(says.replace("{write}", instead or ""), instead)
    return None


def _written(template: str, operands: Sequence[Operand], sign: str) -> str | None:
    """The template with these operands, or None if it is for others."""
    used: set[int] = set()
    pieces: list[str] = []
    place = 0
    for found in _PLACEHOLDER.finditer(template):
        index, form, joint, is_sign = found.groups()
        pieces.append(template[place : found.start()])
        place = found.end()
        if is_sign:
            pieces.append(sign)
            continue
        chosen = range(len(operands)) if joint else [int(index)]
        if max(chosen, default=0) >= len(operands):
            return None
        used.update(chosen)
        needed = _needed(template, found, joint)
        formed = [_formed(operands[each], form, needed) for each in chosen]
        texts = [text for text in formed if text is not None]
        if len(texts) < len(formed):
            return None
        pieces.append(", ".join(texts) if joint == "," else f" {joint} ".join(texts))
    # What would be left out was not written for nothing.
    return "".join([*pieces, template[place:]]) if len(used) == len(operands) else None


def _formed(operand: Operand, form: str | None, needed: int) -> str | None:
    if form is None:
        is_bare = operand.binds < needed and not _is_enclosed(operand.text)
        return f"({operand.text})" if is_bare else operand.text
    if form == "field":
        field = _FIELD.fullmatch(operand.text)
        if field is None:
            return f"[{operand.text}]" if operand.kind.name == "string" else None
        return f".{field[1]}"
    path = _PATH.fullmatch(operand.text)
    if path is None or form == "path":
        return path and path[0]
    return path[1] if form == "of" else f'"{path[2] or path[3] or path[4]}"'


def _needed(template: str, found: re.Match[str], joint: str | None) -> int:
    """How tightly an operand must be bound together that stands there without brackets."""
    before, after = template[: found.start()].rstrip(), template[found.end() :].lstrip()
    if joint == "," or (before[-1:] in ("(", "[", ",") and after[:1] in (")", "]", ",")):
        return 0
    if " ? " in template:
        return 1
    return 2 if joint in ("&&", "||") else 4


BINDS: Final[dict[type[Node], int]] = {
    tree.Conditional: 0,
    tree.Logic: 1,
    tree.Chain: 2,
    tree.Prefixed: 3,
}


def _is_enclosed(text: str) -> bool:
    """Whether the text is in brackets as a whole."""
    depth = 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return character == ")" and at == len(text) - 1
    return False


def _is_loose(template: str) -> bool:
    """Whether what the template makes needs brackets beside other operators."""
    outer = template
    while (inner := re.sub(r"\([^()]*\)|\[[^][]*\]", "", outer)) != outer:
        outer = inner
    return " " in outer or outer in ("{+}", "{&&}", "{||}")


def _said(says: str, use: Use) -> str:
    operands = use.operands

    def text(found: re.Match[str]) -> str:
        if found[4]:
            return use.name
        index = int(found[1] or 0)
        return cut(operands[index].text) if index < len(operands) else _NAMES[index]

    return _PLACEHOLDER.sub(text, says)


def _is_kind(kind: Kind, wanted: str) -> bool:
    return wanted in ("any", kind.name)


def bare(name: str) -> str:
    """The name without case and underscores."""
    return name.lower().replace("_", "")


_Entry = str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]


def _hints(entry: _Entry) -> tuple[Hint, ...]:
    entries: Sequence[str | Mapping[str, Any]] = (
        [entry] if isinstance(entry, str | Mapping) else entry
    )
    return tuple(_hint({"write": each} if isinstance(each, str) else each) for each in entries)


def _hint(table: Mapping[str, Any]) -> Hint:
    conditions = {
        key: value for key, value in table.items() if key not in ("write", "says", "examples")
    }
    says = table.get("says", "Write {write}.")
    return Hint(table.get("write"), says, table.get("examples", ()), conditions)


def _by_name(section: Mapping[str, _Entry]) -> dict[str, tuple[Hint, ...]]:
    return {name: _hints(entry) for names, entry in section.items() for name in names.split()}


def _by_pattern(section: str, flags: re.RegexFlag) -> tuple[tuple[re.Pattern[str], Hint], ...]:
    return tuple((re.compile(each["pattern"], flags), _hint(each)) for each in _DECLARED[section])


_DECLARED: Final = tomllib.loads(Path(__file__).with_name("hints.toml").read_text(encoding="utf-8"))
FUNCTIONS: Final = _by_name(_DECLARED["functions"])
NAMES: Final = _by_name(_DECLARED["names"])
OPERATORS: Final = _by_name(_DECLARED["operators"])
SYNTAX: Final = _by_pattern("syntax", re.DOTALL)
TRAPS: Final = _by_pattern("traps", re.MULTILINE)


def declared() -> Iterator[Hint]:
    """All hints there are."""
    for section in (FUNCTIONS, NAMES, OPERATORS):
        for hints in section.values():
            yield from hints
    yield from (hint for _, hint in SYNTAX + TRAPS)
