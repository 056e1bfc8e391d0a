"""Conditions and amounts of rules, on one core and with fresh facts each time, against two other implementations of CEL.

cel-expr-python is Google's in C++, cel-python one in Python; both compute with binary floats. The time that each needs to
convert the facts counts. The same without the compiler's shortcuts shows what those are worth: they have to go where they
no longer bring half as much again.
"""

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from typing import Any

import celpy
from cel_expr_python import cel
from celpy.adapter import json_to_cel

from programs import rules
from programs.rulebook.vocabulary import ENVIRONMENT
from programs.rules.expression import Result
from tests.benchmarks.bench import Bench
from tests.benchmarks.measure import Outcome, Round, interleaved, ratio

CONDITION = (
    'event.type == "purchase" && event.amount > 50.0 && "vip" in participant.tags'
    ' && participant.attributes.plan == "premium"'
)
AMOUNT = "round(event.amount * 0.015, 2)"
PLAIN = "Laurel without shortcuts"
AT_ONCE = 100  # evaluations between two looks at the clock

Evaluate = Callable[[dict[str, Any]], Any]


def scenario(bench: Bench) -> Iterator[Outcome]:
    for title, text, value, targets in (
        ("A condition that matches", CONDITION, True, ((6, 7), (50, 180))),
        ("An amount", AMOUNT, 1.49, ((6, None), (100, None))),
    ):
        variants = {name: make(text) for name, make in MAKERS.items()}
        _expect_likeness(variants, value)
        measured = interleaved(
            {name: _evaluations(evaluate, _number_of(name)) for name, evaluate in variants.items()},
            bench.pace,
        )
        figures = [
            ratio(measured, "Laurel", name, must=must, aim=aim)
            for name, (must, aim) in zip(("cel-expr-python", "cel-python"), targets, strict=True)
        ]
        figures.append(ratio(measured, "Laurel", PLAIN, must=1.5))
        yield Outcome(f"{title}; evaluations, latencies of {AT_ONCE} of them", measured, figures)
    measured = interleaved({name: _compilations(make) for name, make in MAKERS.items()}, bench.pace)
    yield Outcome(
        "Compilations of the condition",
        measured,
        [
            ratio(measured, "Laurel", "cel-python", must=1),
            ratio(measured, "Laurel", "cel-expr-python"),
        ],
    )


def facts(number: type[Decimal] | type[float]) -> dict[str, Any]:
    """What an event of a small shop tells, its numbers as the implementation takes them."""
    return {
        "event": {"type": "purchase", "amount": number("99.5")},
        "participant": {"tags": ["new", "vip"], "attributes": {"plan": "premium"}},
    }


def _laurel(text: str) -> Evaluate:
    # As a stored rule is compiled: what is checked only where a rule is written has no equal elsewhere.
    return rules.compile(text, ENVIRONMENT, _result(text), strict=False).evaluate


def _without_shortcuts(text: str) -> Evaluate:
    return rules.compile(text, ENVIRONMENT, _result(text), shortcuts=False).evaluate


def _result(text: str) -> Result:
    return "bool" if text is CONDITION else "number"


def _number_of(name: str) -> type[Decimal] | type[float]:
    return Decimal if name in ("Laurel", PLAIN) else float


@cache
def _google() -> cel.Env:
    kinds = {name: cel.Type.Map(cel.Type.STRING, cel.Type.DYN) for name in ("event", "participant")}
    overload = cel.Overload("round", cel.Type.DOUBLE, [cel.Type.DOUBLE, cel.Type.INT], impl=round)
    return cel.NewEnv(variables=kinds, functions=[cel.FunctionDecl("round", [overload])])


def _cel_expr_python(text: str) -> Evaluate:
    expression = _google().compile(text)
    return lambda given: expression.eval(data=given).value()


_environment = cache(celpy.Environment)


def _cel_python(text: str) -> Evaluate:
    def rounded(number: float, digits: int) -> celpy.celtypes.DoubleType:
        return celpy.celtypes.DoubleType(round(number, digits))

    program = _environment().program(_environment().compile(text), functions={"round": rounded})

    def evaluate(given: dict[str, Any]) -> Any:
        return program.evaluate({name: json_to_cel(value) for name, value in given.items()})

    return evaluate


MAKERS: dict[str, Callable[[str], Evaluate]] = {
    "Laurel": _laurel,
    PLAIN: _without_shortcuts,
    "cel-expr-python": _cel_expr_python,
    "cel-python": _cel_python,
}


def _expect_likeness(variants: dict[str, Evaluate], value: Any) -> None:
    """Refuse to compare what decides otherwise. The amount is 1.4925: 1.49 in floats and in decimals."""
    for name, evaluate in variants.items():
        got = evaluate(facts(_number_of(name)))
        if float(got) != value:
            raise RuntimeError(f"{name} gives {got}.")


def _evaluations(
    evaluate: Evaluate, number: type[Decimal] | type[float]
) -> Callable[[float], Round]:
    def turn(seconds: float) -> Round:
        latencies: list[float] = []
        while sum(latencies) < seconds:
            # Made anew, and outside of the time: no implementation may profit from what it has seen.
            fresh = [facts(number) for _ in range(AT_ONCE)]
            begin = time.perf_counter()
            for given in fresh:
                evaluate(given)
            latencies.append(time.perf_counter() - begin)
        return Round(sum(latencies), latencies, errors=0, people=AT_ONCE, client_cpu=1)

    return turn


def _compilations(make: Callable[[str], Evaluate]) -> Callable[[float], Round]:
    def turn(seconds: float) -> Round:
        latencies: list[float] = []
        while sum(latencies) < seconds:
            begin = time.perf_counter()
            make(CONDITION)
            latencies.append(time.perf_counter() - begin)
        return Round(sum(latencies), latencies, errors=0, people=1, client_cpu=1)

    return turn
