"""Text to tree. Lark reads the grammar; this module turns its errors into words."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedToken, VisitError
from lark.lark import PostLex

from programs.rules import tree
from programs.rules.arithmetic import negate
from programs.rules.budget import MAX_NESTING, MAX_SOURCE
from programs.rules.complaints import bad_character, bad_token, reserved
from programs.rules.errors import EvaluationError, RuleSyntaxError, located
from programs.rules.literals import BadLiteral, read_number, read_text
from programs.rules.tree import Node

# CEL keeps these for other languages; as a field (`event.for`) they are fine.
RESERVED: Final = frozenset(
    [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)


def parse(source: str) -> Node:
    """Raises RuleSyntaxError."""
    if len(source) > MAX_SOURCE:
        message = f"A rule has at most {MAX_SOURCE:,} characters. This one has {len(source):,}."
        raise RuleSyntaxError(message)
    if not source.strip():
        raise RuleSyntaxError("The rule is empty. Write an expression, for example true.")
    try:
        return _LARK.parse(source)  # type: ignore[return-value]
    except UnexpectedCharacters as error:
        raise bad_character(source, error.pos_in_stream or 0) from None
    except UnexpectedToken as error:
        raise bad_token(source, error.token, error.expected) from None
    except (_Misplaced, VisitError) as error:
        wrong = error.orig_exc if isinstance(error, VisitError) else error
        if not isinstance(wrong, _Misplaced):
            raise
        if isinstance(wrong, _Reserved):
            raise reserved(source, str(wrong), wrong.start, wrong.arguments) from None
        raise located(str(wrong), source, wrong.start, wrong.end) from None


class _Misplaced(Exception):
    """An error in what the grammar allows and the language does not."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.start = start
        self.end = end


class _Reserved(_Misplaced):
    """A reserved word, as a name or called with these arguments."""

    def __init__(self, name: Token, arguments: list[Node] | None) -> None:
        start = name.start_pos or 0
        super().__init__(str(name), start, start + len(name))
        self.arguments = arguments


class _Nesting(PostLex):
    """A limit on nested brackets, counted in the token stream, which has none from text or comments."""

    always_accept = ()

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        depth = 0
        for token in stream:
            kind = token.type
            if kind in _OPENING:
                depth += 1
                if depth > MAX_NESTING:
                    start = token.start_pos or 0
                    message = f"Brackets are nested more than {MAX_NESTING} deep."
                    raise _Misplaced(message, start, start + 1)
            elif kind in _CLOSING:
                depth -= 1
            yield token


_OPENING: Final = frozenset(["LPAR", "LSQB", "LBRACE"])
_CLOSING: Final = frozenset(["RPAR", "RSQB", "RBRACE"])

# From the tightest to the loosest.
_PRECEDENCE: Final = (
    frozenset("*/%"),
    frozenset("+-"),
    frozenset(["==", "!=", "<", "<=", ">", ">=", "in"]),
    frozenset(["&&"]),
    frozenset(["||"]),
)

Children = list[Any]  # tokens and nodes, in the order of the grammar's rule


class _Builder(Transformer[Token, Node]):
    """A builder of nodes that works while lark reads, from the leaves up, so that nothing recurses."""

    def start(self, children: Children) -> Node:
        return children[0]  # type: ignore[no-any-return]

    def conditional(self, children: Children) -> Node:
        # The values in order are test, value, test, value ..., otherwise.
        values = [each for each in children if not isinstance(each, Token)]
        cases = list(zip(values[:-1:2], values[1::2], strict=True))
        return tree.Conditional(values[0].start, values[-1].end, cases, values[-1])

    def operators(self, children: Children) -> Node:
        present = set(children[1::2])
        for tightest in _PRECEDENCE:
            if not present.isdisjoint(tightest):
                children = _gathered(children, tightest)
        return children[0]  # type: ignore[no-any-return]

    def prefixed(self, children: Children) -> Node:
        *operators, operand = children
        start = operators[0].start_pos
        sign = str(operators[0])
        times = len(operators)
        if sign == "-" and type(operand) is tree.Literal and type(operand.value) is Decimal:
            # As one literal it is compared without a call.
            operand.value = negate(operand.value)
            operand.start = operators[-1].start_pos
            times -= 1
        if not times:
            return operand  # type: ignore[no-any-return]
        return tree.Prefixed(start, operand.end, sign, times, operand)

    def select(self, children: Children) -> Node:
        operand, name = children
        field = name.strip("`")
        return _row(operand, tree.Select(operand.start, name.end_pos, field, operand.end))

    def optional_select(self, children: Children) -> Node:
        return _optional(self.select(children))

    def method(self, children: Children) -> Node:
        target, name, arguments, closing = children
        end = closing.end_pos
        return _row(target, tree.Call(target.start, end, str(name), arguments, target.end))

    def index(self, children: Children) -> Node:
        operand, key, closing = children
        return _row(operand, tree.Index(operand.start, closing.end_pos, key, operand.end))

    def optional_index(self, children: Children) -> Node:
        return _optional(self.index(children))

    def name(self, children: Children) -> Node:
        (name,) = children
        return tree.Name(name.start_pos, name.end_pos, _unreserved(name))

    def absolute_name(self, children: Children) -> Node:
        dot, name = children
        return tree.Name(dot.start_pos, name.end_pos, _unreserved(name), is_absolute=True)

    def function(self, children: Children) -> Node:
        name, arguments, closing = children
        return tree.Call(name.start_pos, closing.end_pos, _unreserved(name, arguments), arguments)

    def absolute_function(self, children: Children) -> Node:
        return self.function(children[1:])

    def parenthesized(self, children: Children) -> Node:
        opening, inner, closing = children
        for node in (inner, inner.suffixes[-1]) if type(inner) is tree.Row else (inner,):
            node.start, node.end = opening.start_pos, closing.end_pos
        return inner  # type: ignore[no-any-return]

    def list_of(self, children: Children) -> Node:
        opening, *elements, closing = children
        return tree.ListOf(opening.start_pos, closing.end_pos, elements)

    def map_of(self, children: Children) -> Node:
        opening, *entries, closing = children
        return tree.MapOf(opening.start_pos, closing.end_pos, entries)

    def arguments(self, children: Children) -> list[Node]:
        return children

    def maybe(self, children: Children) -> Node:
        question, operand = children
        return tree.Maybe(question.start_pos, operand.end, operand)

    def entry(self, children: Children) -> tuple[Node, Node]:
        key, value = children
        return key, value

    def optional_entry(self, children: Children) -> tuple[Node, Node]:
        key, value = children
        return key, tree.Maybe(value.start, value.end, value)

    def number(self, children: Children) -> Node:
        return _literal(children[0], read_number)

    def text(self, children: Children) -> Node:
        return _literal(children[0], read_text)

    def true(self, children: Children) -> Node:
        return _literal(children[0], _CONSTANTS.__getitem__)

    false = null = true


_CONSTANTS: Final = {"true": True, "false": False, "null": None}


def _row(operand: Node, suffix: tree.Suffix) -> Node:
    """The operand with one more suffix; a row of thousands stays one node."""
    if type(operand) is not tree.Row:
        return tree.Row(operand.start, suffix.end, operand, [suffix])
    operand.suffixes.append(suffix)
    operand.end = suffix.end
    return operand


def _optional(row: Node) -> Node:
    """The row, whose last suffix is written with a question mark."""
    assert type(row) is tree.Row
    last = row.suffixes[-1]
    assert isinstance(last, tree.Select | tree.Index)
    last.is_optional = True
    return row


def _gathered(row: Children, operators: frozenset[str]) -> Children:
    """Turn the operators of one precedence in a row of values and operators into nodes."""
    made: Children = [row[0]]
    run: Children = []  # the operators and values that belong to made[-1]
    for at in range(1, len(row), 2):
        if row[at] in operators:
            run += row[at : at + 2]
        else:
            made[-1] = _chain(made[-1], run)
            run = []
            made += row[at : at + 2]
    made[-1] = _chain(made[-1], run)
    return made


def _chain(first: Node, run: Children) -> Node:
    if not run:
        return first
    values: list[Node] = run[1::2]
    start, end = first.start, values[-1].end
    if run[0] in ("&&", "||"):
        return tree.Logic(start, end, str(run[0]), [first, *values])
    return tree.Chain(start, end, first, list(zip(map(str, run[::2]), values, strict=True)))


def _literal(token: Token, read: Any) -> Node:
    start = token.start_pos or 0
    end = start + len(token)
    try:
        return tree.Literal(start, end, read(str(token)))
    except (BadLiteral, EvaluationError) as error:
        raise _Misplaced(str(error), start, end) from None


def _unreserved(name: Token, arguments: list[Node] | None = None) -> str:
    if name in RESERVED:
        raise _Reserved(name, arguments)
    return str(name)


_LARK: Final = Lark(
    Path(__file__).with_name("grammar.lark").read_text(),
    parser="lalr",
    lexer="basic",
    transformer=_Builder(),
    postlex=_Nesting(),
    maybe_placeholders=False,
)
