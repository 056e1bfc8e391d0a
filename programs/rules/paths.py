"""Closures that read paths, `event.amount` or `participant.balances.PTS.available`, out of the facts.

Two times: `raw` as the facts have it, for what only goes on to a part of it; settled, as a value of the language.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from programs.rules.arithmetic import as_given
from programs.rules.budget import Run
from programs.rules.errors import EvaluationError, MissingField, cut
from programs.rules.facts import PLAIN, settle
from programs.rules.values import TYPE_NAMES, Value, in_words

Facts = dict[str, Any]
Closure = Callable[[Facts, Run], Value]

# What Python raises where a part of a path is missing or is no map.
_WORDS: Final = ("in", "true", "false", "null")  # of the grammar's own
LOST: Final = (KeyError, TypeError, IndexError)


@lru_cache(maxsize=1024)  # of most events some rule misses something, and says what
def spelled(names: tuple[str, ...]) -> str:
    """The path as one writes it: event["order-id"] where a name is not an identifier of the language."""
    first, *others = names
    return first + "".join(
        f".{name}" if _is_identifier(name) else f'["{cut(name)}"]' for name in others
    )


def _is_identifier(name: str) -> bool:
    return name.isidentifier() and name.isascii() and name not in _WORDS


def raw_reader(names: Sequence[str]) -> Closure:
    """Reads the path from facts whose first name is a variable."""
    if len(names) == 1:
        (only,) = names

        def read_variable(facts: Facts, run: Run) -> Value:
            try:
                return facts[only]
            except LOST:
                return _lost(facts, names)

        return read_variable

    if len(names) == 2:
        first, second = names

        def read_field(facts: Facts, run: Run) -> Value:
            try:
                return facts[first][second]
            except LOST:
                return _lost(facts, names)

        return read_field

    def read_deeply(facts: Facts, run: Run) -> Value:
        value: Value = facts
        try:
            for name in names:
                value = value[name]
        except LOST:
            return _lost(facts, names)
        return value

    return read_deeply


def raw_reader_of_any(names: Sequence[str]) -> Closure:
    """Reads a path where nothing is known of the variables: the longest dotted name that the facts have begins it.

    cel-spec, langdef, "Name Resolution". What is no variable may be the name of a type.
    """
    dotted = [".".join(names[:count]) for count in range(len(names), 0, -1)]

    def read(facts: Facts, run: Run) -> Value:
        for name in dotted:
            if name in facts:
                value = facts[name]
                for field in names[name.count(".") + 1 :]:
                    value = field_of(value, field)
                return value
        if dotted[0] in TYPE_NAMES:
            return TYPE_NAMES[dotted[0]]
        raise MissingField(f"{cut(dotted[-1])} is missing.")

    return read


def settled_reader(names: Sequence[str], slot: int) -> Closure:
    """Reads the path of a rule's variable as a value; a list or map is settled once and kept in the run's slot."""

    def settle_once(value: Any, run: Run) -> Value:
        known = run[slot]
        if known is None:
            known = run[slot] = settle(value, run, True)
        return known

    if len(names) == 2:
        first, second = names

        # The path of most rules, so that it is worth one call less.
        def read_field(facts: Facts, run: Run) -> Value:
            try:
                value = facts[first][second]
            except LOST:
                return _lost(facts, names)
            kind = type(value)
            if kind in PLAIN:
                return value
            if kind is Decimal and value.is_finite():
                try:
                    return as_given(value)
                except ArithmeticError:
                    pass  # settling says what is wrong with it
            return settle_once(value, run)

        return read_field

    read = raw_reader(names)

    def read_path(facts: Facts, run: Run) -> Value:
        value = read(facts, run)
        kind = type(value)
        if kind in PLAIN:
            return value
        return settle_once(value, run) if kind is list or kind is dict else settle(value, run, True)

    return read_path


def settling(read: Closure, all_decimal: bool) -> Closure:
    def read_settled(facts: Facts, run: Run) -> Value:
        return settle(read(facts, run), run, all_decimal)

    return read_settled


def field_of(value: Value, field: str, text: str = "") -> Value:
    """`value.field`; `text` is how that reads in the source."""
    if type(value) is not dict:
        what = f"{text}: " if text else ""
        raise EvaluationError(f'{what}{in_words(value)} has no field "{cut(field)}".')
    try:
        return value[field]
    except KeyError:
        raise MissingField(f"{text or cut(field)} is missing.") from None


def _lost(facts: Facts, names: Sequence[str]) -> Value:
    """Walk the path again, to say where it ends."""
    value: Value = facts
    for count, name in enumerate(names, 1):
        if type(value) is not dict:
            before = spelled(tuple(names[: count - 1])) if count > 1 else "The facts"
            raise EvaluationError(f'{before}: {in_words(value)} has no field "{cut(name)}".')
        if name not in value:
            raise MissingField(f"{spelled(tuple(names[:count]))} is missing.")
        value = value[name]
    return value  # the facts are a mapping that finds only what it is asked for again
