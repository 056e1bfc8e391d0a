"""Calls of the table's functions as closures: the types of the arguments are looked at, then it is called."""

from collections.abc import Sequence
from typing import Any, Final

from programs.rules.arithmetic import CONTEXT, QUANTA, rounded, whole
from programs.rules.budget import Run
from programs.rules.errors import EvaluationError
from programs.rules.functions import FUNCTIONS, Signature, accepted
from programs.rules.functions.patterns import found
from programs.rules.macros import Step
from programs.rules.paths import Closure, Facts
from programs.rules.values import NUMBERS, Value, in_words


def function(name: str, arguments: list[Closure]) -> Closure:
    """`name(arguments)`. What does not fit any signature is an error when it is evaluated."""
    known = FUNCTIONS.get(name)
    overloads = known.overloads(len(arguments), is_method=False) if known else []
    if known is None or not overloads:
        return _failing(_no_such(name, len(arguments)))
    taken = [_taking(name, overloads, index, each) for index, each in enumerate(arguments)]
    call = known.implementation
    if len(taken) == 1:
        (only,) = taken
        return lambda facts, run: call(run, only(facts, run))
    if len(taken) == 2:
        one, two = taken
        return lambda facts, run: call(run, one(facts, run), two(facts, run))
    return lambda facts, run: call(run, *[each(facts, run) for each in taken])


def method(name: str, arguments: list[Closure]) -> Step:
    """`value.name(arguments)`."""
    known = FUNCTIONS.get(name)
    overloads = known.overloads(len(arguments) + 1, is_method=True) if known else []
    if known is None or not overloads:
        failing = _failing(_no_such(name, len(arguments)))
        return lambda value, facts, run: failing(facts, run)
    receivers = accepted(overloads, 0)
    taken = [_taking(name, overloads, index, each) for index, each in enumerate(arguments, 1)]
    call = known.implementation

    def apply(value: Value, facts: Facts, run: Run) -> Value:
        if type(value) not in receivers:
            raise EvaluationError(f"{in_words(value).capitalize()} has no {name}().")
        return call(run, value, *[each(facts, run) for each in taken])

    return apply


def matching(pattern: Any) -> Step:
    """`value.matches("...")` with a pattern that is compiled already, or with the error that was."""

    def match(value: Value, facts: Facts, run: Run) -> bool:
        if isinstance(pattern, EvaluationError):
            raise EvaluationError(pattern.message)
        if type(value) is str:
            return found(run, value, pattern)
        raise EvaluationError(f"{in_words(value).capitalize()} has no matches().")

    return match


def rounding(number: Closure, digits: Value) -> Closure | None:
    """`round(number, 2)` without a call for the 2."""
    if type(digits) is not int or digits not in QUANTA:
        return None
    quantize = CONTEXT.quantize
    quantum = QUANTA[digits]

    def round_(facts: Facts, run: Run) -> Value:
        value = number(facts, run)
        if type(value) not in NUMBERS:
            raise EvaluationError(f"round does not take {in_words(value)}.")
        try:
            return quantize(value, quantum) or _ZERO
        except ArithmeticError:
            return rounded(value, digits)

    return round_


_ZERO: Final = CONTEXT.create_decimal(0)


def _taking(name: str, overloads: Sequence[Signature], index: int, argument: Closure) -> Closure:
    types = accepted(overloads, index)
    if not types:
        return argument
    kinds = {each.parameter(index).name for each in overloads}
    wants_whole = "int" in kinds and kinds.isdisjoint(["number", "decimal"])

    def take(facts: Facts, run: Run) -> Value:
        value = argument(facts, run)
        kind = type(value)
        if kind not in types:
            raise EvaluationError(f"{name} does not take {in_words(value)}.")
        return whole(value) if wants_whole and kind in NUMBERS else value

    return take


def _failing(message: str) -> Closure:
    def fail(facts: Facts, run: Run) -> Value:
        raise EvaluationError(message)

    return fail


def _no_such(name: str, count: int) -> str:
    return f"There is no function {name} with {count} arguments."
