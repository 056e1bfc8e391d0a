"""What a reason shows of a false part of a condition: both sides of its comparisons, and the items that decided."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from programs.rules import tree
from programs.rules.budget import Run
from programs.rules.errors import EvaluationError, MissingField, cut
from programs.rules.facts import settle
from programs.rules.macros import Loop, iterations
from programs.rules.meanings import Local, MacroCall
from programs.rules.operators import ORDERS
from programs.rules.paths import settling
from programs.rules.tree import Node
from programs.rules.values import Closure, Facts, Value, keys, written

if TYPE_CHECKING:
    from programs.rules.compiler import Compiler

MAX_SHOWN: Final = 80  # characters of one value
MAX_TEXT: Final = 100  # of what has that value

_COMPARING: Final = frozenset(["==", "!=", "in", *ORDERS])
_MISSING: Final = "missing"


@dataclass(frozen=True, slots=True)
class Watched:
    """What came of compiling a node: its closure, the facts that it reads, and whether it reads variables of macros."""

    closure: Closure
    reads: Mapping[str, Closure]
    reads_locals: bool


@dataclass(frozen=True, slots=True)
class Receiver:
    """The closure of a row without its last suffix, and the loop of the macro that was compiled last."""

    closure: Closure
    loop: Loop | None


@dataclass(frozen=True, slots=True)
class Side:
    """A side of a comparison. Of whatever else is true or false (`is_value` is not set) the facts that it reads are shown.

    `is_it`, the other side is written out.
    """

    text: str
    watched: Watched
    is_value: bool
    is_it: bool = False

    def shown(self, facts: Facts, run: Run) -> Sequence[str]:
        reads = self.watched.reads
        seen = []
        if self.is_value:
            value = shown_value(self.watched.closure, facts, run)
            seen.append(f"it is {value}" if self.is_it else f"{self.text} is {value}")
            if len(reads) == 1 and self.text in reads:
                return seen
        for text, read in reads.items():
            if text == self.text and self.is_value:
                continue
            value = shown_value(read, facts, run)
            # What a value is made of is shown where that explains it.
            if not self.is_value or value == _MISSING:
                seen.append(f"{text} is {value}")
        return seen


@dataclass(frozen=True, slots=True)
class Items:
    """A macro that is true or false for a list or map, with the sides of what it says about each item."""

    text: str  # of the list
    variable: str
    holds: Closure
    collection: Closure
    loop: Loop
    sides: Sequence[Side]
    reads: Mapping[str, Closure]

    def shown(self, facts: Facts, run: Run) -> Iterator[str]:
        try:
            collection = self.collection(facts, run)
            holds = self.holds(facts, run)
            if not collection:
                yield f"{self.text} is empty"
            elif self.loop.name in ("all", "exists") and holds is (self.loop.name == "exists"):
                yield from self._decisive(collection, holds, facts, run)
            else:
                yield from self._all(collection, facts, run)
        except EvaluationError:
            for text, read in self.reads.items():
                yield f"{text} is {shown_value(read, facts, run)}"

    def _decisive(self, collection: Value, wanted: Value, facts: Facts, run: Run) -> Iterator[str]:
        """The first item for which the macro's condition is what was wanted."""
        places = range(len(collection)) if type(collection) is list else keys(collection, run)
        for place, _ in zip(places, iterations(self.loop, collection, run), strict=True):
            if self._outcome(facts, run) is not wanted:
                continue
            label = f"{self.text}[{written(place)}]"
            seen = [text for side in self.sides for text in side.shown(facts, run)]
            itself = f"{self.variable} is "
            if any(text.startswith(itself) for text in seen) or not seen:
                item = settle(collection[place] if type(collection) is list else place, run)
                yield f"{label} is {written(item, MAX_SHOWN)}"
                seen = [text for text in seen if not text.startswith(itself)]
                yield from seen
            else:
                yield f"{label}: {', '.join(dict.fromkeys(seen))}"
            return

    def _all(self, collection: Value, facts: Facts, run: Run) -> Iterator[str]:
        """How many items there are for which the condition is true, and what it saw."""
        fitting = 0
        seen: dict[str, dict[str, None]] = {side.text: {} for side in self.sides}
        for _ in iterations(self.loop, collection, run):
            fitting += self._outcome(facts, run) is True
            for side in self.sides:
                values = seen[side.text]
                if side.is_value and sum(map(len, values)) <= MAX_SHOWN:
                    values[shown_value(side.watched.closure, facts, run)] = None
        of = f"of {len(collection)} in {self.text}"
        shown = [
            f"{text} is {cut(', '.join(each), MAX_SHOWN)}" for text, each in seen.items() if each
        ]
        shown = shown or [written(settle(collection, run), MAX_SHOWN)]
        yield f"{fitting or 'none'} {of} ({'; '.join(shown)})"

    def _outcome(self, facts: Facts, run: Run) -> Value:
        try:
            return self.loop.body(facts, run)
        except EvaluationError:
            return None


Shown = Side | Items
Hides = Callable[[Iterable[str]], bool]


def shown_value(closure: Closure, facts: Facts, run: Run) -> str:
    try:
        return written(closure(facts, run), MAX_SHOWN)
    except MissingField:
        return _MISSING
    except EvaluationError:
        return "unreadable"


def to_watch(node: Node) -> Iterator[int]:
    """The ids of the nodes whose compilation is to be watched, for `shown_of`."""
    for leaf, _ in _leaves(node):
        yield id(leaf)
        if macro := _macro(leaf):
            yield from (id(inner) for inner, _ in _leaves(macro.arguments[-1]))


def shown_of(node: Node, compiler: "Compiler", hides: Hides) -> tuple[Shown, ...]:
    """What a reason shows of the node, which has been compiled. Nothing that reads paths which the host `hides`."""
    shown = [each for each in _shown(node, compiler) if not hides(_reads_of(each))]
    if type(node) is tree.Chain and len(shown) == len(node.rest) == 1:
        (side,) = shown
        if isinstance(side, Side) and side.watched is compiler.watched.get(id(node.first)):
            shown = [replace(side, is_it=side.is_value)]
    return tuple(
        replace(each, sides=[side for side in each.sides if not hides(_reads_of(side))])
        if isinstance(each, Items)
        else each
        for each in shown
    )


def _shown(node: Node, compiler: "Compiler") -> Iterator[Shown]:
    for leaf, is_value in _leaves(node):
        watched = compiler.watched.get(id(leaf))
        # What reads nothing is as it is written.
        if watched is None or not (watched.reads or watched.reads_locals):
            continue
        receiver = compiler.receivers.get(id(leaf))
        if receiver and (macro := _macro(leaf)) and receiver.loop:
            yield _items(macro, receiver.closure, receiver.loop, watched, compiler)
        elif receiver and (called := _called_on_local(leaf)) and not is_value:
            text = compiler.source[leaf.start : called.before]
            yield Side(
                cut(text, MAX_TEXT), replace(watched, closure=settling(receiver.closure)), True
            )
        elif leaf is not node or not tree.fact_of(leaf):  # the reason names that already
            text = compiler.source[leaf.start : leaf.end]
            yield Side(cut(text, MAX_TEXT), watched, is_value)


def _items(
    macro: tree.Call, collection: Closure, loop: Loop, watched: Watched, compiler: "Compiler"
) -> Items:
    text = compiler.source[macro.start : macro.before]
    *_, variable, body = macro.arguments
    name = compiler.source[variable.start : variable.end]
    sides = [each for each in _shown(body, compiler) if isinstance(each, Side)]
    return Items(cut(text, MAX_TEXT), name, watched.closure, collection, loop, sides, watched.reads)


def _leaves(node: Node) -> Iterator[tuple[Node, bool]]:
    """The nodes that make the node true or false, and whether they are sides of a comparison."""
    if type(node) is tree.Chain and node.rest[0][0] in _COMPARING:
        yield from ((each, True) for each in (node.first, *(right for _, right in node.rest)))
    elif type(node) is tree.Logic:
        for part in node.parts:
            yield from _leaves(part)
    elif type(node) is tree.Prefixed and node.operator == "!":
        yield from _leaves(node.operand)
    elif type(node) is tree.Conditional:
        for case in (*node.cases, (node.otherwise,)):
            for part in case:
                yield from _leaves(part)
    elif type(node) is not tree.Literal:
        yield node, False


def _macro(node: Node) -> tree.Call | None:
    """The macro that ends the row, if it is true or false."""
    last = node.suffixes[-1] if type(node) is tree.Row else None
    if type(last) is not tree.Call or type(last.meaning) is not MacroCall:
        return None
    return last if last.meaning.macro.result == "bool" else None


def _called_on_local(node: Node) -> tree.Call | None:
    """The call that ends the row, if it is a method of what a variable of a macro is."""
    last = node.suffixes[-1] if type(node) is tree.Row else None
    is_local = (
        type(node) is tree.Row and type(node.base) is tree.Name and type(node.base.meaning) is Local
    )
    return last if is_local and type(last) is tree.Call else None


def _reads_of(shown: Shown) -> Iterable[str]:
    return shown.reads if isinstance(shown, Items) else shown.watched.reads
