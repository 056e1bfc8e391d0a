"""A second pass over a checked expression: what its host knows of the values beyond their kinds.

The first pass and the compiled form depend on the language alone. This one finds names and texts that a host such as a
program does not have, so a host whose names change compiles nothing again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from programs.rules import suggestions, tree
from programs.rules.checker import Checker
from programs.rules.environment import Environment
from programs.rules.errors import RuleSyntaxError, cut, located
from programs.rules.functions.texts import lowered, uppered
from programs.rules.kinds import ANY, Kind
from programs.rules.meanings import BindCall, FunctionCall, GetCall, HasCall, Local, MacroCall
from programs.rules.parser import parse
from programs.rules.paths import spelled
from programs.rules.tree import Node

MAX_FOUND: Final = 20  # errors, and as many warnings; to suggest a name takes a millisecond
MAX_LISTED: Final = 10  # choices that a message lists where none is similar

Path = tuple[
    str | int, ...
]  # a variable, or the slot of a macro's variable, and the names after it


@dataclass(frozen=True, slots=True)
class Shape:
    """What a host knows of a value. `unknown` says what is wrong with another name or text, with {name} and {path}.

    A map has `fields`; where it `is_open`, another name is only unusual, and without `unknown` it is fine. `element` is
    the shape of a list's elements, or of a map's values under a key that is worked out. A text is one of `choices`, or one
    that `normal` leaves as it is.
    """

    unknown: str = ""
    fields: "Mapping[str, Shape] | None" = None
    is_open: bool = False
    element: "Shape | None" = None
    choices: Sequence[str] | None = None
    normal: Callable[[str], str] | None = None

    def takes(self, text: str) -> bool:
        if self.choices is not None:
            return text in self.choices
        return self.normal is None or self.normal(text) == text

    def meant(self, text: str) -> str:
        """What somebody meant by a text that the value never is; "" where nothing is similar."""
        if self.choices is not None:
            close = suggestions.for_text(text, self.choices)
            return f'"{close}"' if close else ""
        normal = self.normal(text) if self.normal else ""
        return f'"{normal}"' if normal and self.takes(normal) else ""


@dataclass(frozen=True, slots=True)
class Checked:
    """An expression that compiles, with its names resolved and the kind of its value."""

    source: str
    node: Node
    kind: Kind


@dataclass(frozen=True, slots=True)
class Review:
    """What a host has to say about an expression: `errors` can never be right, `warnings` are probably wrong."""

    errors: list[RuleSyntaxError] = field(default_factory=list)
    warnings: list[RuleSyntaxError] = field(default_factory=list)


def checked(text: str, environment: Environment) -> Checked:
    """Resolve the names of an expression. Raises RuleSyntaxError where it does not compile."""
    checker = Checker(text, environment)
    try:
        node = parse(text)
        checker.run(node, ANY, "", is_strict=False)
        return Checked(text, node, checker.kind)
    except RecursionError:
        raise RuleSyntaxError("The rule is nested too deeply.") from None


def review(expression: Checked, variables: Mapping[str, Shape]) -> Review:
    """Compare an expression with what a host knows of the values of its variables."""
    reviewer = _Reviewer(expression.source, variables)
    reviewer.shape(expression.node)
    unusual = [error for path, error in reviewer.unusual if path not in reviewer.guarded]
    return Review(reviewer.errors, unusual)


class _Reviewer:
    def __init__(self, source: str, variables: Mapping[str, Shape]) -> None:
        self.source, self.variables = source, variables
        self.errors: list[RuleSyntaxError] = []
        self.unusual: list[tuple[Path, RuleSyntaxError]] = []
        self.guarded: set[Path] = set()  # by has() somewhere in the expression
        self._locals: dict[int, Shape] = {}
        self._quiet = 0  # how many has(), get() and optional suffixes are around the node

    def shape(self, node: Node) -> Shape | None:
        """Review the node and all below it, and return what is known of its value."""
        review = _REVIEW.get(type(node))
        if review is not None:
            return review(self, node)
        for each in _below(node):
            self.shape(each)
        return None

    def name(self, node: tree.Name) -> Shape | None:
        if type(node.meaning) is Local:
            return self._locals.get(node.meaning.slot)
        return self.variables.get(node.name)

    def row(self, node: tree.Row) -> Shape | None:
        shape, path, around = self.shape(node.base), _start(node.base), self._quiet
        suffixes = node.suffixes
        first = suffixes[0]
        if type(node.base) is tree.Name and node.base.meaning is None and type(first) is tree.Call:
            shape, suffixes = self.call(first), suffixes[1:]  # of a namespace, such as math
        for suffix in suffixes:
            self._quiet += getattr(suffix, "is_optional", False)  # and with it what follows
            key = tree.key_of(suffix)
            if path is not None:
                path = (*path, key) if key is not None else None
            if key is not None:
                shape = self._field(shape, key, suffix, path)
            elif isinstance(suffix, tree.Call):
                shape = self._suffix_call(shape, suffix)
            else:
                for each in _below(suffix):
                    self.shape(each)
                shape = shape.element if shape else None
        self._quiet = around
        return shape

    def call(self, node: tree.Call) -> Shape | None:
        meaning = node.meaning
        if isinstance(meaning, HasCall):
            self._has(node)
            return None
        if isinstance(meaning, GetCall):
            return self._get(node)
        if isinstance(meaning, BindCall):
            _, value, expression = node.arguments
            self._bind(meaning.bound, self.shape(value))
            return self.shape(expression)
        shapes = [self.shape(each) for each in node.arguments]
        return self._result(node, shapes, node.arguments)

    def chain(self, node: tree.Chain) -> Shape | None:
        left_node: Node | None = node.first
        left = self.shape(node.first)
        for sign, right_node in node.rest:
            right = self.shape(right_node)
            if sign in ("==", "!="):
                for shape, other in ((left, right_node), (right, left_node)):
                    self._compare(shape, other)
                    self._compare(shape.element if shape else None, other, is_list=True)
            elif sign == "in":
                self._compare(left, right_node, is_list=True)
                self._search(right, left_node)
            left, left_node = None, None  # what the operator gives
        return None

    def _has(self, node: tree.Call) -> None:
        self._quiet += 1
        row = node.arguments[0]
        self.shape(row)
        path = _path(row)
        self.guarded |= {path[:length] for length in range(2, len(path) + 1)}
        self._quiet -= 1

    def _get(self, node: tree.Call) -> Shape | None:
        container, key, default = node.arguments
        self._quiet += 1
        shape = self.shape(container)
        name = tree.text_of(key)
        value = self._field(shape, name, key, None) if name is not None else None
        self._quiet -= 1
        for each in (key, default):
            self.shape(each)
        return _or_default(value, default)

    def _suffix_call(self, receiver: Shape | None, node: tree.Call) -> Shape | None:
        meaning = node.meaning
        if isinstance(meaning, MacroCall):
            return self._macro(receiver, node, meaning)
        if node.name in _OF_OPTIONAL:
            for each in node.arguments:
                self.shape(each)
            return _or_default(receiver, *node.arguments)
        shapes = [receiver, *[self.shape(each) for each in node.arguments]]
        if receiver and isinstance(meaning, FunctionCall) and meaning.name in _PARTS:
            self._compare_part(receiver, node)
        return self._result(node, shapes, [None, *node.arguments])

    def _macro(self, receiver: Shape | None, node: tree.Call, meaning: MacroCall) -> Shape | None:
        element = receiver.element if receiver else None
        if node.name in _OF_OPTIONAL:
            bound = [receiver]
        elif receiver and receiver.fields is not None:
            keys = Shape(receiver.unknown, choices=[*receiver.fields])
            bound = [None if receiver.is_open else keys, element]
        else:
            bound = [None, element] if len(meaning.bound) == 2 else [element]
        for local, shape in zip(meaning.bound, bound, strict=False):
            self._bind(local, shape)
        made = [self.shape(each) for each in node.arguments[len(meaning.bound) :]]
        if meaning.macro.keeps_elements:
            return receiver
        return Shape(element=made[-1]) if meaning.macro.result == "list" and made else None

    def _bind(self, local: Local, shape: Shape | None) -> None:
        if shape is not None:
            self._locals[local.slot] = shape

    def _result(
        self, node: tree.Call, shapes: Sequence[Shape | None], nodes: Sequence[Node | None]
    ) -> Shape | None:
        """Review the call of a function with these values, and return what is known of its result."""
        name = node.meaning.name if isinstance(node.meaning, FunctionCall) else ""
        if name.startswith("sets.") and len(nodes) == 2:
            for shape, other in zip(shapes, reversed(nodes), strict=True):
                self._compare(shape.element if shape else None, other, is_list=True)
        if name in _CASES:
            return _CASES[name]
        first = shapes[0] if shapes else None
        if first and name in _OF_LIST:
            return first
        return first.element if first and name in _OF_ELEMENT else None

    def _field(self, shape: Shape | None, name: str, node: Node, path: Path | None) -> Shape | None:
        if shape is None or shape.fields is None or not shape.unknown:
            return shape.fields.get(name) if shape and shape.fields else None
        known = shape.fields.get(name)
        if known is not None:
            return known
        if not shape.is_open:
            self._unknown_name(shape, name, node)
        elif not self._quiet and len(self.unusual) < MAX_FOUND:
            self._unusual_name(shape, name, node, path or ())
        return None

    def _unknown_name(self, shape: Shape, name: str, node: Node) -> None:
        assert shape.fields is not None
        if len(self.errors) < MAX_FOUND:
            meant = suggestions.for_text(name, shape.fields)
            self.errors.append(self._error(shape, name, meant, node, list(shape.fields)))

    def _unusual_name(self, shape: Shape, name: str, node: Node, path: Path) -> None:
        assert shape.fields is not None
        container = self.source[node.start : getattr(node, "before", node.start)]
        close = suggestions.for_text(name, shape.fields)
        meant = spelled((container, close)) if close else ""
        self.unusual.append((path, self._error(shape, name, meant, node, ())))

    def _search(self, container: Shape | None, node: Node | None) -> None:
        """Review `text in container`."""
        if container is None or node is None:
            return
        if container.element is not None and container.fields is None:
            self._compare(container.element, node)
        elif container.fields is not None and not container.is_open:
            for each in _texts(node):
                if each.value not in container.fields:
                    self._unknown_name(container, each.value, each)

    def _compare(self, shape: Shape | None, node: Node | None, *, is_list: bool = False) -> None:
        """Find the texts in the node that the value never equals."""
        if shape is None or node is None or (shape.choices is None and shape.normal is None):
            return
        for each in _elements(node) if is_list else _texts(node):
            if not shape.takes(each.value) and len(self.errors) < MAX_FOUND:
                listed = shape.choices or ()
                self.errors.append(
                    self._error(shape, each.value, shape.meant(each.value), each, listed)
                )

    def _compare_part(self, shape: Shape, node: tree.Call) -> None:
        """Find the text that no value begins with, ends with or contains."""
        for each in _texts(node.arguments[0]):
            text = each.value
            if shape.choices is not None:
                holds = any(_PARTS[node.name](choice, text) for choice in shape.choices)
            else:
                holds = shape.normal is None or shape.normal(text.strip()) == text.strip()
            if not holds and len(self.errors) < MAX_FOUND:
                meant = "" if shape.choices is not None else shape.meant(text)
                self.errors.append(self._error(shape, text, meant, each, shape.choices or ()))

    def _error(
        self, shape: Shape, name: str, meant: str, node: Node, others: Iterable[str]
    ) -> RuleSyntaxError:
        path = cut(self.source[node.start : node.end])
        message = shape.unknown.format(name=cut(name), path=path)
        others = [each for each in others if each]
        if meant:
            message = f"{message} Did you mean {meant}?"
        elif 0 < len(others) <= MAX_LISTED:
            message = f"{message} Known here: {', '.join(others)}."
        return located(message, self.source, node.start, node.end)


def _start(node: Node) -> Path | None:
    """The path that a row begins with, if it begins with a variable."""
    if type(node) is not tree.Name:
        return None
    return (node.meaning.slot,) if type(node.meaning) is Local else (node.name,)


def _path(node: Node) -> Path:
    """The path that a row reads as far as its names are written out."""
    if not isinstance(node, tree.Row):
        return ()
    path = _start(node.base) or ()
    for suffix in node.suffixes if path else ():
        key = tree.key_of(suffix)
        if key is None:
            break
        path = (*path, key)
    return path


def _or_default(shape: Shape | None, *defaults: Node) -> Shape | None:
    """What is known of a value that may be a default instead: as much, if that is a text such as the value may be."""
    if shape is None or (shape.choices is None and shape.normal is None):
        return shape
    for default in defaults:
        texts = [*_texts(default)]
        if not texts or not all(shape.takes(each.value) for each in texts):
            return None
    return shape


def _texts(node: Node) -> Iterator[Any]:
    """The literal texts that the node may give."""
    if tree.text_of(node) is not None:
        yield node
    elif isinstance(node, tree.Conditional):
        for _, value in node.cases:
            yield from _texts(value)
        yield from _texts(node.otherwise)


def _elements(node: Node) -> Iterator[Any]:
    """The literal texts in the list that the node may give."""
    if isinstance(node, tree.ListOf):
        for element in node.elements:
            yield from _texts(element)
    elif isinstance(node, tree.Conditional):
        for _, value in node.cases:
            yield from _elements(value)
        yield from _elements(node.otherwise)


def _below(node: Any) -> Iterator[Node]:
    """All nodes directly below one, whatever its type is."""
    if isinstance(node, Node):
        yield from _within(getattr(node, each.name) for each in fields(node))


def _within(values: Iterable[Any]) -> Iterator[Node]:
    for value in values:
        if isinstance(value, Node):
            yield value
        elif isinstance(value, list | tuple):
            yield from _within(value)


_CASES: Final = {
    "lowerAscii": Shape('lowerAscii() gives lower case, which never equals "{name}".', normal=lowered),
    "upperAscii": Shape('upperAscii() gives upper case, which never equals "{name}".', normal=uppered),
}  # fmt: skip
_PARTS: Final[dict[str, Callable[[str, str], bool]]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": str.__contains__,
}
_OF_OPTIONAL: Final = frozenset(["orValue", "value", "optMap", "optFlatMap"])
_OF_LIST: Final = frozenset(["distinct", "reverse", "slice", "sort", "sortBy"])
_OF_ELEMENT: Final = frozenset(["first", "last", "max", "min"])
_REVIEW: Final[dict[type[Node], Callable[[_Reviewer, Any], Shape | None]]] = {
    tree.Name: _Reviewer.name,
    tree.Row: _Reviewer.row,
    tree.Call: _Reviewer.call,
    tree.Chain: _Reviewer.chain,
}
