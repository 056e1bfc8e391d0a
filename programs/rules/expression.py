"""Compiled expressions: text in, closures inside, values and reasons out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from programs.rules import explain, tree
from programs.rules.budget import FIRST_SLOT, ZONE, Run, new_run
from programs.rules.checker import UNWRAP, Checker
from programs.rules.compiler import Compiler
from programs.rules.environment import DYNAMIC, Environment
from programs.rules.errors import EvaluationError, MissingField, RuleSyntaxError, cut, unfit
from programs.rules.explain import Decision, Part
from programs.rules.kinds import ANY, BOOL, NUMBER, Kind
from programs.rules.operators import logic
from programs.rules.parser import parse
from programs.rules.reasons import shown_of
from programs.rules.tree import Node
from programs.rules.values import Closure, Facts, Optional, Value, handed_out, in_words

Result = Literal["bool", "number"]

_WANTED: Final[dict[Result | None, tuple[Kind, str]]] = {
    None: (ANY, ""),
    "bool": (BOOL, "A condition must be true or false"),
    "number": (NUMBER, "An amount must be a number"),
}


@dataclass(frozen=True, slots=True, repr=False, weakref_slot=True)
class Expression:
    """A compiled expression, immutable and safe in any number of threads: an evaluation changes only its own run.

    `evaluate(facts)` gives the value: Decimal, str, bool, None, list, dict, bytes, datetime or timedelta. Parts of it
    may be parts of the facts. `facts` maps the variables to their values, with int or Decimal for numbers. An amount has
    up to 50 digits and is not normalized.
    It raises EvaluationError: MissingField, BudgetExceeded or one with a message.
    """

    source: str
    result: Result | None
    reads: tuple[str, ...]  # the paths into the facts, as they are written
    evaluate: Callable[[Facts], Value] = field(compare=False)
    _parts: tuple[Part, ...] = field(compare=False)
    _blank: Run = field(compare=False)  # copied for each evaluation, never changed

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"

    def decide(self, facts: Facts) -> Decision:
        """Whether the condition holds for these facts, and why not. Raises nothing."""
        try:
            return explain.decide(self._parts, facts, self._blank.copy())
        except RecursionError:
            failure = EvaluationError(_TOO_DEEP)
            return Decision(False, str(failure), failure)


def compile(  # noqa: A001
    text: str,
    environment: Environment | None = None,
    result: Result | None = None,
    *,
    shortcuts: bool = True,
    strict: bool = True,
) -> Expression:
    """Compile a condition (`result="bool"`), an amount ("number") or any other expression. Raises RuleSyntaxError.

    Without an environment every name is unknown, and may turn out to be anything. Not `strict`, it takes what earlier
    versions of the language took, although it can never be true or have a value.
    """
    environment = environment or DYNAMIC
    checker = Checker(text, environment)
    compiler = Compiler(text, has_shortcuts=shortcuts)
    try:
        node = parse(text)
        checker.run(node, *_WANTED[result], is_strict=strict)
        # Each part of a top-level && gets its own reason.
        nodes = node.parts if type(node) is tree.Logic and node.sign == "&&" else [node]
        zone = environment.time_zone if checker.is_in_zone else ""
        parts = tuple(_part(compiler, each, zone, environment) for each in nodes)
    except RecursionError:
        raise RuleSyntaxError("The rule is nested too deeply.") from None
    reads = tuple(dict.fromkeys(path for part in parts for path in part.reads))
    blank = new_run(checker.slots - FIRST_SLOT)
    return Expression(
        text, result, reads, _evaluation(_whole(parts), text, blank, result), parts, blank
    )


def _part(compiler: Compiler, node: Node, zone: str, environment: Environment) -> Part:
    closure = compiler.watch(node)
    shown = shown_of(node, compiler, environment.hides)
    if zone:
        closure = _in_zone(closure, zone.split("."))
    if environment.hides(compiler.reads):
        closure = _discreet(closure)
    return Part(compiler.source[node.start : node.end], closure, tuple(compiler.reads), shown)


def _in_zone(closure: Closure, names: Sequence[str]) -> Closure:
    """The closure, in a run that knows the time zone of these facts."""

    def evaluate(facts: Facts, run: Run) -> Value:
        zone: Value = facts
        for name in names:
            zone = zone.get(name) if type(zone) is dict else None
        run[ZONE] = zone
        return closure(facts, run)

    return evaluate


def _discreet(closure: Closure) -> Closure:
    """The closure of what reads something private: its errors quote no values."""

    def evaluate(facts: Facts, run: Run) -> Value:
        try:
            return closure(facts, run)
        except EvaluationError as error:
            if error.discreet == error.message:
                raise
            kind = MissingField if isinstance(error, MissingField) else EvaluationError
            raise kind(error.discreet) from None

    return evaluate


def _whole(parts: tuple[Part, ...]) -> Closure:
    return (
        parts[0].evaluate
        if len(parts) == 1
        else logic("&&", [(part.evaluate, part.text) for part in parts])
    )


def _evaluation(
    closure: Closure, source: str, blank: Run, result: Result | None
) -> Callable[[Facts], Value]:
    wanted, words = _WANTED[result]
    types = wanted.types

    # A closure rather than a method saves a call on the busiest path.
    def evaluate(facts: Facts) -> Value:
        run = blank.copy()
        try:
            value = closure(facts, run)
        except RecursionError:
            raise EvaluationError(_TOO_DEEP) from None
        kind = type(value)
        if kind in types:
            return value
        if types:
            raise unfit(f"{words}, not {in_words(value)}.", value, cut(source.strip()))
        if kind is Optional:
            raise EvaluationError(UNWRAP)
        return handed_out(value, run)

    return evaluate


_TOO_DEEP: Final = "The values are nested too deeply."
