"""Conditions as rows: fields, operators and values in groups of all or any. Rows become text of the language that a person
can read, and text that says no more than rows can is read back as rows.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from programs.kernel.exceptions import FieldError, ValidationFailed
from programs.rules import RuleSyntaxError, tree
from programs.rules.budget import MAX_SOURCE
from programs.rules.parser import parse
from programs.rules.paths import spelled
from programs.rules.values import written

MAX_ROWS: Final = 50
MAX_DEPTH: Final = 3  # groups within groups
LONGEST_LINE: Final = 80
ITEM: Final = "item"  # the variable of what is said of one element of a list
EXISTS: Final = f".exists({ITEM}, "
PARTS: Final = frozenset(["getDate", "getDayOfWeek", "getHours", "getMonth", "size"])

_ONE_LINE: Final = re.compile(r"[^\r\n\0]*")

Value = str | Decimal | bool


@dataclass(frozen=True, slots=True)
class Operator:
    """How a row compares. `values`: how many values it takes; `kinds`: of which fields the form offers it for."""

    name: str
    label: str
    values: str  # "one", "many" or "none"
    kinds: tuple[str, ...]


OPERATORS: Final = {
    each.name: each
    for each in (
        Operator("==", "is", "one", ("text", "number", "bool")),
        Operator("!=", "is not", "one", ("text", "number", "bool")),
        Operator(">", "is more than", "one", ("number", "duration")),
        Operator(">=", "is at least", "one", ("number", "duration")),
        Operator("<", "is less than", "one", ("number", "duration")),
        Operator("<=", "is at most", "one", ("number", "duration")),
        Operator("in", "is one of", "many", ("text", "number")),
        Operator("not in", "is none of", "many", ("text", "number")),
        Operator("includes", "includes", "one", ("list",)),
        Operator("not includes", "does not include", "one", ("list",)),
        Operator("startsWith", "begins with", "one", ("text",)),
        Operator("endsWith", "ends with", "one", ("text",)),
        Operator("contains", "contains", "one", ("text",)),
        Operator("not contains", "does not contain", "one", ("text",)),
        Operator("has", "is there", "none", ("text", "number", "bool", "list")),
        Operator("not has", "is not there", "none", ("text", "number", "bool", "list")),
    )
}
_COMPARISONS: Final = frozenset(["==", "!=", "<", "<=", ">", ">="])
_METHODS: Final = frozenset(["startsWith", "endsWith", "contains"])


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison. `field` is its text in the language: a path, a part of one, or `list.exists(item, item.path)`."""

    field: str
    operator: str
    values: tuple[Value, ...] = ()
    is_duration: bool = False

    def as_dict(self) -> dict[str, Any]:
        kinds = {_kind(value) for value in self.values}
        kind = "duration" if self.is_duration else kinds.pop() if len(kinds) == 1 else "text"
        values = [value if type(value) is str else written(value) for value in self.values]
        return {"field": self.field, "operator": self.operator, "kind": kind, "values": values}


@dataclass(frozen=True, slots=True)
class Group:
    """Rows and groups of which all or any must hold; without any, it always holds."""

    join: str = "all"
    rows: tuple["Row | Group", ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {"join": self.join, "rows": [row.as_dict() for row in self.rows]}


class _Unlike(Exception):
    """The text says more than rows can."""


def read(text: str) -> Group | None:
    """Return the condition as rows, or None where it says more than rows can, or is no condition."""
    try:
        node = parse(text)
        if _has_comment(text, node):
            return None
        group = _group(node, 1)
        return group if sum(1 for _ in _rows(group)) <= MAX_ROWS else None
    except (RuleSyntaxError, _Unlike):
        return None


def write(group: Group) -> str:
    """Write the rows as text: in one line, or each part in a line of its own where that is too long."""
    sign = _SIGNS[group.join]
    parts = [_text(each) for each in group.rows]
    if not parts:
        return "true"
    line = f" {sign} ".join(parts)
    return line if len(line) <= LONGEST_LINE else f"\n{sign} ".join(parts)


def clean(body: object) -> Group:
    """Read rows as a form sends them. Raises ValidationFailed, which names a row by its place: "rows[0].rows[1]"."""
    errors: list[FieldError] = []
    group = _cleaned_group(body, "", 1, errors)
    if not errors and sum(1 for _ in _rows(group)) > MAX_ROWS:
        errors.append(FieldError("rows", "too_many", f"Write at most {MAX_ROWS} rows."))
    if errors:
        raise ValidationFailed(errors)
    return group


# Text to rows

_SIGNS: Final = {"all": "&&", "any": "||"}
_JOINS: Final = {sign: join for join, sign in _SIGNS.items()}


def _group(node: tree.Node, depth: int) -> Group:
    if depth > MAX_DEPTH:
        raise _Unlike
    if type(node) is tree.Logic:
        rows = (
            _group(part, depth + 1) if type(part) is tree.Logic else _row(part)
            for part in node.parts
        )
        return Group(_JOINS[node.sign], tuple(rows))
    if type(node) is tree.Literal and node.value is True:
        return Group()
    return Group(rows=(_row(node),))


def _row(node: tree.Node) -> Row:
    if type(node) is tree.Prefixed and node.operator == "!" and node.times == 1:
        row = _row(node.operand)
        opposite = f"not {row.operator}"
        if opposite not in OPERATORS or EXISTS in row.field:
            raise _Unlike
        return Row(row.field, opposite, row.values)
    if type(node) is tree.Chain:
        return _comparison(node)
    if type(node) is tree.Call and node.name == "has" and len(node.arguments) == 1:
        return Row(_path(node.arguments[0], least=2), "has")
    if type(node) is not tree.Row or type(node.suffixes[-1]) is not tree.Call:
        raise _Unlike
    call = node.suffixes[-1]
    before = tree.Row(node.start, call.before, node.base, node.suffixes[:-1])
    if call.name == "exists" and len(call.arguments) == 2:
        return _of_an_element(before, *call.arguments)
    if call.name in _METHODS and len(call.arguments) == 1:
        (value,) = _literals(call.arguments[0])
        if type(value) is str:
            return Row(_field(before), call.name, (value,))
    raise _Unlike


def _comparison(node: tree.Chain) -> Row:
    if len(node.rest) != 1:
        raise _Unlike
    ((sign, right),) = node.rest
    if sign == "in":
        if type(right) is tree.ListOf:
            values = tuple(value for each in right.elements for value in _literals(each))
            kinds = {type(value) for value in values}
            if kinds not in ({str}, {Decimal}) or not all(map(_is_listed, values)):
                raise _Unlike
            return Row(_field(node.first), "in", values)
        return Row(_field(right), "includes", _literals(node.first))
    if sign not in _COMPARISONS:
        raise _Unlike
    if type(right) is tree.Call and right.name == "duration" and len(right.arguments) == 1:
        (value,) = _literals(right.arguments[0])
        if type(value) is not str or sign in ("==", "!="):
            raise _Unlike
        return Row(_field(node.first), sign, (value,), is_duration=True)
    values = _literals(right)
    if sign not in ("==", "!=") and type(values[0]) is not Decimal:
        raise _Unlike
    return Row(_field(node.first), sign, values)


def _of_an_element(elements: tree.Row, variable: tree.Node, body: tree.Node) -> Row:
    """`list.exists(x, x.path == value)`: the row about x, with the list in its field."""
    if type(variable) is not tree.Name or variable.is_absolute:
        raise _Unlike
    for node in _nodes(body):
        if type(node) is tree.Name:
            if node.name != variable.name or node.is_absolute:
                raise _Unlike
            node.name = ITEM
    row = _row(body)
    if EXISTS in row.field:
        raise _Unlike
    field = f"{_path(elements, least=2)}{EXISTS}{row.field})"
    return Row(field, row.operator, row.values, row.is_duration)


def _literals(node: tree.Node) -> tuple[Value, ...]:
    """The value of a literal that an input of one line can hold."""
    value = node.value if type(node) is tree.Literal else None
    if not isinstance(value, str | Decimal | bool):
        raise _Unlike
    if type(value) is str and not _ONE_LINE.fullmatch(value):
        raise _Unlike
    return (value,)


def _is_listed(value: Value) -> bool:
    """Whether the value can stand among others with commas between them."""
    return type(value) is not str or (value == value.strip() != "" and "," not in value)


def _field(node: tree.Node) -> str:
    """The text of what a row is about: a path, a part of it such as its size, or the time since it."""
    if type(node) is tree.Chain and len(node.rest) == 1 and node.rest[0][0] == "-":
        return f"{_path(node.first)} - {_path(node.rest[0][1])}"
    if type(node) is tree.Row and type(node.suffixes[-1]) is tree.Call:
        call = node.suffixes[-1]
        if call.name in PARTS and not call.arguments:
            before = tree.Row(node.start, call.before, node.base, node.suffixes[:-1])
            return f"{_path(before)}.{call.name}()"
    return _path(node)


def _path(node: tree.Node, least: int = 1) -> str:
    base, suffixes = (node.base, node.suffixes) if type(node) is tree.Row else (node, [])
    if type(base) is not tree.Name or base.is_absolute:
        raise _Unlike
    names = [base.name]
    for suffix in suffixes:
        name = tree.key_of(suffix)
        if (
            name is None
            or tree.is_optional(suffix)
            or EXISTS in name
            or not _ONE_LINE.fullmatch(name)
        ):
            raise _Unlike
        names.append(name)
    if len(names) < least:
        raise _Unlike
    return spelled(tuple(names))


def _has_comment(text: str, root: tree.Node) -> bool:
    """Whether something stands in the text that rows would lose; "//" within a text is no comment."""
    texts = (node for node in _nodes(root) if tree.text_of(node) is not None)
    inside = [(node.start, node.end) for node in texts if text[node.start] != "("]
    place = text.find("//")
    while place >= 0:
        end = next((end for start, end in inside if start <= place < end), None)
        if end is None:
            return True
        place = text.find("//", end)
    return False


def _nodes(node: tree.Node) -> Iterator[tree.Node]:
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        for name in node.__slots__:
            waiting += _parts(getattr(node, name))


def _parts(value: object) -> Iterator[tree.Node]:
    if isinstance(value, tree.Node):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _parts(each)


def _rows(group: Group) -> Iterator[Row]:
    for each in group.rows:
        if isinstance(each, Row):
            yield each
        else:
            yield from _rows(each)


# Rows to text


def _text(part: Row | Group) -> str:
    if isinstance(part, Group):
        return f"({f' {_SIGNS[part.join]} '.join(map(_text, part.rows))})"
    if EXISTS in part.field:
        elements, _, inner = part.field.removesuffix(")").partition(EXISTS)
        return f"{elements}{EXISTS}{_row_text(part, inner)})"
    return _row_text(part, part.field)


def _row_text(row: Row, field: str) -> str:
    operator = row.operator.removeprefix("not ")
    values = [_literal(row, each) for each in row.values]
    text = _WRITERS.get(operator, _compared)(field, operator, values)
    if operator == row.operator:
        return text
    return f"!({text})" if operator in ("in", "includes") else f"!{text}"


def _compared(field: str, operator: str, values: Sequence[str]) -> str:
    return f"{field} {operator} {values[0]}"


_Writer = Callable[[str, str, Sequence[str]], str]
_WRITERS: Final[Mapping[str, _Writer]] = {
    "has": lambda field, operator, values: f"has({field})",
    "in": lambda field, operator, values: f"{field} in [{', '.join(values)}]",
    "includes": lambda field, operator, values: f"{values[0]} in {field}",
    **dict.fromkeys(_METHODS, lambda field, operator, values: f"{field}.{operator}({values[0]})"),
}


def _literal(row: Row, value: Value) -> str:
    text = written(value, MAX_SOURCE)
    return f"duration({text})" if row.is_duration else text


# What a form sends


def _cleaned_group(body: object, place: str, depth: int, errors: list[FieldError]) -> Group:
    join, rows = (body.get("join"), body.get("rows")) if isinstance(body, dict) else (None, None)
    if join not in _SIGNS or not isinstance(rows, list) or depth > MAX_DEPTH:
        errors.append(FieldError(place or "rows", "invalid", "This is not a group of rows."))
        return Group()
    parts: list[Row | Group] = []
    for index, each in enumerate(rows):
        inner = f"{place}.rows[{index}]".removeprefix(".")
        if isinstance(each, dict) and "rows" in each:
            group = _cleaned_group(each, inner, depth + 1, errors)
            # A group of one row is that row.
            parts += [group] if len(group.rows) > 1 else group.rows
        else:
            row = _cleaned_row(each, inner, errors)
            parts += [row] if row else []
    if len(parts) == 1:
        (only,) = parts
        return only if isinstance(only, Group) else Group(rows=(only,))
    return Group(join if parts else "all", tuple(parts))


def _cleaned_row(body: object, place: str, errors: list[FieldError]) -> Row | None:
    """The row, if it is whole and reads back as it is."""
    said = body if isinstance(body, dict) else {}
    field, kind = str(said.get("field", "")), said.get("kind")
    operator = OPERATORS.get(str(said.get("operator")))
    given = said.get("values")
    values = [each for each in given if isinstance(each, str)] if isinstance(given, list) else []
    message = ""
    if not field:
        message = "Choose a field."
    elif operator is None:
        message = "Choose how to compare."
    elif operator.values != "none" and not (
        values if operator.values == "many" else len(values) == 1
    ):
        message = "Give a value."
    if message or operator is None:
        errors.append(FieldError(place, "invalid", message))
        return None
    try:
        wanted = () if operator.values == "none" else tuple(_value(each, kind) for each in values)
        row = Row(field, operator.name, wanted, is_duration=kind == "duration" and bool(wanted))
        if read(_text(row)) == Group(rows=(row,)):
            return row
        message = "Rows cannot compare these. Write it in the text below."
    except ValueError as error:
        message = str(error)
    errors.append(FieldError(place, "invalid", message))
    return None


def _value(text: str, kind: object) -> Value:
    """Raises ValueError."""
    if kind == "bool":
        if text not in ("true", "false"):
            raise ValueError("Choose yes or no.")
        return text == "true"
    if kind != "number":
        return text
    try:
        node = parse(text)
    except RuleSyntaxError:
        node = None
    if type(node) is tree.Literal and type(node.value) is Decimal:
        return node.value
    raise ValueError(f"Write a number, such as 49.90, not {written(text, 40)}.")


def _kind(value: Value) -> str:
    return {str: "text", Decimal: "number", bool: "bool"}[type(value)]
