"""The macros over lists, maps and optional values as closures. The variables that they bind live in slots of the run.

Each iteration is charged by the size of the body. Errors in `all` and `exists` give way to a decisive element, as in
&& and ||; in the others they end the evaluation.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from programs.rules.arithmetic import counted
from programs.rules.budget import ABSORBED, CONTAINER, LEFT, Run, charge, exceeded
from programs.rules.elements import in_order, sort_keys
from programs.rules.errors import BudgetExceeded, EvaluationError, null_error, unfit
from programs.rules.operators import not_bool
from programs.rules.values import (
    Closure,
    Facts,
    Optional,
    Step,
    Value,
    as_key,
    in_words,
    key_value,
    keys,
)


@dataclass(frozen=True, slots=True)
class Loop:
    """The loop of a macro: `slots` of its variables (one, or two for index and value), `cost` of an iteration.

    The texts are the sources of what it goes through, of the body and of the test.
    """

    name: str
    text: str
    body_text: str
    test_text: str
    slots: Sequence[int]
    cost: int
    body: Closure
    test: Closure | None = None  # of a map, transformList or transformMap with a condition


def iterations(loop: Loop, collection: Value, run: Run) -> Iterable[None]:
    """Bind one element after another, charging for each."""
    kind = type(collection)
    if kind is not list and kind is not dict:
        words = in_words(collection)
        raise unfit(f"{loop.name} works on a list or a map, not on {words}.", collection, loop.text)
    charge(run, CONTAINER + len(collection) // 8)
    cost = loop.cost
    # Two loops, since most macros bind one name, and their bodies take little longer than binding it.
    if len(loop.slots) == 1:
        (slot,) = loop.slots
        for item in collection if kind is list else keys(collection, run):
            run[LEFT] -= cost
            if run[LEFT] < 0:
                raise exceeded()
            run[slot] = item
            yield
    else:
        first, second = loop.slots
        pairs = (
            zip(map(counted, range(len(collection))), collection, strict=True)
            if kind is list
            else zip(map(key_value, collection), collection.values(), strict=True)
        )
        for key, value in pairs:
            run[LEFT] -= cost
            if run[LEFT] < 0:
                raise exceeded()
            run[first] = key
            run[second] = value
            yield


def quantifier(loop: Loop, decisive: bool) -> Step:
    """`all` (decided by the first false) and `exists` (decided by the first true)."""

    def decide(collection: Value, facts: Facts, run: Run) -> bool:
        failure: EvaluationError | None = None
        body = loop.body
        neutral = not decisive
        for _ in iterations(loop, collection, run):
            try:
                value = body(facts, run)
            except BudgetExceeded:
                raise
            except EvaluationError as error:
                charge(run, ABSORBED)
                failure = failure or error
                continue
            if value is decisive:
                return not neutral
            if type(value) is not bool:
                charge(run, ABSORBED)
                failure = failure or not_bool(loop.name, value, loop.body_text)
        if failure is not None:
            raise failure
        return neutral

    return decide


def exists_one(loop: Loop) -> Step:
    def count(collection: Value, facts: Facts, run: Run) -> bool:
        found = 0
        for _ in iterations(loop, collection, run):
            found += _holds(loop, facts, run)
        return found == 1

    return count


def filtered(loop: Loop) -> Step:
    def choose(collection: Value, facts: Facts, run: Run) -> Value:
        (slot,) = loop.slots
        return [run[slot] for _ in iterations(loop, collection, run) if _holds(loop, facts, run)]

    return choose


def sorted_by(loop: Loop) -> Step:
    def choose(collection: Value, facts: Facts, run: Run) -> Value:
        (slot,) = loop.slots
        elements, keys = [], []
        for _ in iterations(loop, collection, run):
            elements.append(run[slot])
            if (key := loop.body(facts, run)) is None:
                raise null_error(loop.body_text)
            keys.append(key)
        return in_order(elements, sort_keys(keys, run, loop.name), run)

    return choose


def mapped(loop: Loop) -> Step:
    """`map` and `transformList`."""

    def make(collection: Value, facts: Facts, run: Run) -> Value:
        body = loop.body
        return [
            body(facts, run)
            for _ in iterations(loop, collection, run)
            if _is_wanted(loop, facts, run)
        ]

    return make


def mapped_values(loop: Loop) -> Step:
    """`transformMap`: the same keys (positions, for a list) with other values."""

    def make(collection: Value, facts: Facts, run: Run) -> Value:
        made: dict[Any, Value] = {}
        for _ in iterations(loop, collection, run):
            if _is_wanted(loop, facts, run):
                made[as_key(run[loop.slots[0]], run)] = loop.body(facts, run)
        return made

    return make


def mapped_entries(loop: Loop) -> Step:
    """`transformMapEntry`: other keys too, from a map for each entry. Raises EvaluationError for a key that repeats."""

    def make(collection: Value, facts: Facts, run: Run) -> Value:
        made: dict[Any, Value] = {}
        for _ in iterations(loop, collection, run):
            if _is_wanted(loop, facts, run):
                entries = loop.body(facts, run)
                if type(entries) is not dict:
                    message = (
                        f"{loop.name} must give a map for each entry, not {in_words(entries)}."
                    )
                    raise unfit(message, entries, loop.body_text)
                charge(run, CONTAINER + 2 * len(entries))
                for key in entries:
                    if key in made:
                        raise EvaluationError("A map has the same key twice.")
                made.update(entries)
        return made

    return make


def mapped_optional(loop: Loop, *, is_flat: bool) -> Step:
    """`optMap`, and `optFlatMap`, whose body gives an optional value itself."""
    (slot,) = loop.slots

    def make(optional: Value, facts: Facts, run: Run) -> Value:
        if type(optional) is not Optional:
            message = f"{loop.name} works on an optional value, not on {in_words(optional)}."
            raise unfit(message, optional, loop.text)
        if not optional.has_value:
            return optional
        charge(run, loop.cost)
        run[slot] = optional.value
        made = loop.body(facts, run)
        if not is_flat:
            return Optional(made)
        if type(made) is not Optional:
            message = f"{loop.name} must give an optional value, not {in_words(made)}."
            raise unfit(message, made, loop.body_text)
        return made

    return make


def _holds(loop: Loop, facts: Facts, run: Run) -> bool:
    value = loop.body(facts, run)
    if value is True or value is False:
        return bool(value)
    raise not_bool(loop.name, value, loop.body_text)


def _is_wanted(loop: Loop, facts: Facts, run: Run) -> bool:
    if loop.test is None:
        return True
    value = loop.test(facts, run)
    if value is True or value is False:
        return bool(value)
    raise not_bool(loop.name, value, loop.test_text)


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro. It binds this many `variables`; `make` gives its closure."""

    variables: int
    make: Callable[[Loop], Step]
    result: str = "bool"
    keeps_elements: bool = False  # the result's elements are the collection's own
    is_sort: bool = False  # its body is what to sort by
    over_optional: bool = False  # its variable is what an optional value has


_ALL: Final = Macro(1, lambda loop: quantifier(loop, False))
_EXISTS: Final = Macro(1, lambda loop: quantifier(loop, True))
_EXISTS_ONE: Final = Macro(1, exists_one)

# By name and number of arguments.
MACROS: Final[dict[tuple[str, int], Macro]] = {
    ("all", 2): _ALL,
    ("exists", 2): _EXISTS,
    ("exists_one", 2): _EXISTS_ONE,
    ("existsOne", 2): _EXISTS_ONE,
    ("filter", 2): Macro(1, filtered, result="list", keeps_elements=True),
    ("sortBy", 2): Macro(1, sorted_by, result="list", keeps_elements=True, is_sort=True),
    ("map", 2): Macro(1, mapped, result="list"),
    ("map", 3): Macro(1, mapped, result="list"),
    ("all", 3): Macro(2, lambda loop: quantifier(loop, False)),
    ("exists", 3): Macro(2, lambda loop: quantifier(loop, True)),
    ("exists_one", 3): Macro(2, exists_one),
    ("existsOne", 3): Macro(2, exists_one),
    ("transformList", 3): Macro(2, mapped, result="list"),
    ("transformList", 4): Macro(2, mapped, result="list"),
    ("transformMap", 3): Macro(2, mapped_values, result="map"),
    ("transformMap", 4): Macro(2, mapped_values, result="map"),
    ("transformMapEntry", 3): Macro(2, mapped_entries, result="map"),
    ("transformMapEntry", 4): Macro(2, mapped_entries, result="map"),
    ("optMap", 2): Macro(
        1, partial(mapped_optional, is_flat=False), result="optional", over_optional=True
    ),
    ("optFlatMap", 2): Macro(
        1, partial(mapped_optional, is_flat=True), result="optional", over_optional=True
    ),
}
MACRO_NAMES: Final = frozenset(name for name, _ in MACROS)
