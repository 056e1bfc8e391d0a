"""Function calls as closures: the types of the arguments are checked, then the function is called."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from programs.rules import hints
from programs.rules.arithmetic import whole
from programs.rules.budget import Run
from programs.rules.errors import EvaluationError, null_error, unfit
from programs.rules.functions import accepted
from programs.rules.functions.patterns import found
from programs.rules.hints import Operand, Use
from programs.rules.kinds import WHOLE, kind_of
from programs.rules.meanings import FunctionCall
from programs.rules.values import Closure, Facts, Optional, Step, Value, in_words

Argument = tuple[Closure, str]  # with its source


def function(meaning: FunctionCall, arguments: Sequence[Argument]) -> Closure:
    """`name(arguments)`"""
    taken = [taking(meaning, index, *each) for index, each in enumerate(arguments)]
    call = meaning.function.implementation
    return lambda facts, run: call(run, *[each(facts, run) for each in taken])


def method(meaning: FunctionCall, arguments: Sequence[Argument], text: str) -> Step:
    """`value.name(arguments)`; `text` is the source of the value."""
    receivers = accepted(meaning.overloads, 0)
    taken = [taking(meaning, index, *each) for index, each in enumerate(arguments, 1)]
    call = meaning.function.implementation

    def apply(value: Value, facts: Facts, run: Run) -> Value:
        if type(value) not in receivers:
            raise _no_method(value, meaning.name, text, [each for _, each in arguments])
        return call(run, value, *[each(facts, run) for each in taken])

    return apply


def _no_method(
    value: Value, name: str, text: str, arguments: Sequence[str] = ()
) -> EvaluationError:
    if value is None:
        return null_error(text)
    operands = [Operand(text, kind=kind_of(value)), *map(Operand, arguments)]
    advice = hints.for_function(Use(name, operands, "method"), ())
    says = advice.says if advice else ""
    return EvaluationError(f"{in_words(value).capitalize()} has no {name}(). {says}".rstrip())


def optional_or(meaning: FunctionCall, argument: Argument, text: str) -> Step:
    """`optional.or(other)` and `optional.orValue(default)`, whose argument is evaluated only where it is needed."""
    taken = taking(meaning, 1, *argument)
    unwraps = meaning.name == "orValue"

    def choose(value: Value, facts: Facts, run: Run) -> Value:
        if type(value) is not Optional:
            raise _no_method(value, meaning.name, text)
        if not value.has_value:
            return taken(facts, run)
        return value.value if unwraps else value

    return choose


def matching(pattern: Any, text: str) -> Step:
    """`value.matches("...")` with a pattern that is compiled already, or the error from compiling it."""

    def match(value: Value, facts: Facts, run: Run) -> bool:
        if isinstance(pattern, EvaluationError):
            raise EvaluationError(pattern.message)
        if type(value) is str:
            return found(run, value, pattern)
        raise _no_method(value, "matches", text)

    return match


def taking(meaning: FunctionCall, index: int, argument: Closure, text: str) -> Closure:
    """The argument, with its type checked before the function gets it; `text` is its source."""
    types = accepted(meaning.overloads, index)
    if not types:
        return argument
    name = meaning.name
    wants_whole = WHOLE in [each.parameter(index) for each in meaning.overloads]

    def take(facts: Facts, run: Run) -> Value:
        value = argument(facts, run)
        kind = type(value)
        if kind not in types:
            hint = " Write date(…) or timestamp(…)." if kind is str and types == _TIMES else ""
            raise unfit(f"{name} does not take {in_words(value)}.{hint}", value, text)
        return whole(value, f"{name} takes") if wants_whole and kind is Decimal else value

    return take


_TIMES: Final = frozenset([datetime])


def unknown(name: str, count: int) -> Closure:
    """A call of something unknown, which is an error when it is evaluated."""

    def fail(facts: Facts, run: Run) -> Value:
        raise EvaluationError(f"There is no function {name} with {count} arguments.")

    return fail
