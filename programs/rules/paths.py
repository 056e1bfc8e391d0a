"""Closures that read paths, such as `event.amount`, out of the facts.

In two ways: raw, as the facts have it, for what only goes on to a part of it; settled, as a value of the language.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from programs.rules import suggestions
from programs.rules.arithmetic import whole
from programs.rules.budget import Run
from programs.rules.errors import EvaluationError, MissingField, NullOperand, cut, null_error
from programs.rules.facts import PLAIN, settle
from programs.rules.functions import FUNCTIONS
from programs.rules.hints import Operand, Use, bare
from programs.rules.kinds import kind_of
from programs.rules.meanings import Fact
from programs.rules.values import (
    ABSENT,
    NONE,
    TYPE_NAMES,
    Closure,
    Facts,
    Optional,
    Value,
    in_words,
    is_absent,
    lookup,
    written,
)

_WORDS: Final = ("in", "true", "false", "null")  # of the grammar's own
_WITH_FUNCTIONS: Final = frozenset([list, str, datetime])
FEW: Final = 50  # fields, among which another one is sought
# What Python raises where a part of a path is missing or is no map.
LOST: Final = (KeyError, TypeError, IndexError)


@lru_cache(maxsize=1024)  # most events lack something that some rule reads, and the reason names it
def spelled(names: tuple[str, ...]) -> str:
    """Write the path as in an expression: a["order-id"] where a name is not an identifier."""
    first, *others = names
    return first + "".join(
        f".{name}" if _is_identifier(name) else f"[{written(name)}]" for name in others
    )


def _is_identifier(name: str) -> bool:
    return name.isidentifier() and name.isascii() and name not in _WORDS


def raw_reader(fact: Fact) -> Closure:
    """Reads the path as the facts have it."""
    names = fact.names
    if not fact.is_declared:
        return _reader_of_any(names)

    def read(facts: Facts, run: Run) -> Value:
        value: Value = facts
        try:
            for name in names:
                value = value[name]
        except LOST:
            return _lost(facts, fact)
        return value

    return read


def _reader_of_any(names: Sequence[str]) -> Closure:
    """Reads a path where nothing is known of the variables: the longest dotted name that the facts have begins it.

    cel-spec, langdef, "Name Resolution". What is no variable may be the name of a type.
    """
    dotted = [".".join(names[:count]) for count in range(len(names), 0, -1)]

    def read(facts: Facts, run: Run) -> Value:
        for name in dotted:
            if name in facts:
                value = facts[name]
                for count in range(name.count(".") + 1, len(names)):
                    if value is None:
                        raise null_error(".".join(names[:count]))
                    value = field_of(value, names[count])
                return value
        if dotted[0] in TYPE_NAMES:
            return TYPE_NAMES[dotted[0]]
        raise MissingField(f"{cut(dotted[-1])} is missing.")

    return read


def settled_reader(read: Closure, slot: int) -> Closure:
    """Reads the path as a value; a list or map is settled once and kept in the run's slot."""

    def read_settled(facts: Facts, run: Run) -> Value:
        value = read(facts, run)
        kind = type(value)
        if kind in PLAIN:
            return value
        if kind is not list and kind is not dict:
            return settle(value, run)
        known = run[slot]
        if known is None:
            known = run[slot] = settle(value, run)
        return known

    return read_settled


def settling(read: Closure) -> Closure:
    def read_settled(facts: Facts, run: Run) -> Value:
        return settle(read(facts, run), run)

    return read_settled


def field_of(value: Value, field: str, text: str = "") -> Value:
    """`value.field`; `text` is how that reads in the source."""
    if type(value) is not dict:
        if type(value) is Optional:
            return optional_field(value, field, text)
        raise _no_field(value, field, text)
    try:
        return value[field]
    except KeyError:
        before = text.removesuffix(f".{field}") if text.endswith(f".{field}") else ""
        raise _missing(value, field, before, text or cut(field)) from None


def optional_field(value: Value, field: str, text: str) -> Optional:
    """`value.?field`, and `value.field` of an optional value."""
    if type(value) is Optional:
        if not value.has_value:
            return value
        value = value.value
    if type(value) is not dict:
        raise _no_field(value, field, text)
    return Optional(value[field]) if field in value else NONE


def _no_field(value: Value, field: str, text: str) -> EvaluationError:
    if value is None:
        return NullOperand(0)
    what = f"{text}: " if text else ""
    message = f'{what}{in_words(value)} has no field "{cut(field)}".'
    receiver = text.removesuffix(f".{field}") if text else "x"
    return EvaluationError(f"{message} {_function_meant(value, field, receiver)}".rstrip())


def _function_meant(value: Value, field: str, receiver: str) -> str:
    """What to write where a field was taken for a function: size(x) for x.length."""
    if type(value) not in _WITH_FUNCTIONS:
        return ""
    use = Use(field, [Operand(receiver, kind=kind_of(value))], "field")
    advice = suggestions.for_function(use, (), FUNCTIONS)
    return advice.says if advice and advice.instead else ""


def _missing(value: dict[Any, Value], field: str, before: str, text: str) -> MissingField:
    """The error for a field that the map does not have. Another that differs in case or underscores is what was meant."""
    message = f"{text} is missing."
    if len(value) <= FEW and type(field) is str:
        wanted, first = bare(field), field[:1].lower()
        for other in value:
            if type(other) is str and other[:1].lower() == first and bare(other) == wanted:
                meant = spelled((before, other)) if before else other
                return MissingField(f"{message} Did you mean {meant}?")
    return MissingField(message)


def element_of(value: Value, place: Value, run: Run, text: str) -> Value:
    """`value[place]`; `text` is how that reads in the source."""
    if type(value) is Optional:
        return optional_element(value, place, run, text)
    found = _element(value, place, run, text)
    if not is_absent(found):
        return found
    why = ""
    if type(value) is list:
        why = f": the list has {len(value):,} element{'s' * (len(value) != 1)}"
        if place < 0:
            why = ": positions count from 0. For the last element, write last()"
    raise MissingField(f"{text} is missing{why}.")


def optional_element(value: Value, place: Value, run: Run, text: str) -> Optional:
    """`value[?place]`, and `value[place]` of an optional value."""
    if type(value) is Optional:
        if not value.has_value:
            return value
        value = value.value
    found = _element(value, place, run, text)
    return NONE if is_absent(found) else Optional(found)


def _element(value: Value, place: Value, run: Run, text: str) -> Value:
    """The element, or absent."""
    if value is None or place is None:
        raise NullOperand(0 if value is None else 1)
    if type(value) is dict:
        return lookup(value, place, run)
    if type(value) is not list:
        raise EvaluationError(f"{text}: {in_words(value)} has no elements.")
    if type(place) is not Decimal:
        raise EvaluationError(f"{text}: a list is indexed by position, not by {in_words(place)}.")
    index = whole(place)
    return value[index] if 0 <= index < len(value) else ABSENT


def _lost(facts: Facts, fact: Fact) -> Value:
    """Walk the path again to say where it ends. Raises EvaluationError."""
    value: Value = facts
    names = fact.names
    for count, name in enumerate(names, 1):
        if type(value) is not dict:
            before = spelled(tuple(names[: count - 1])) if count > 1 else "The facts"
            if value is None and count > 1:
                raise null_error(before)
            message = f'{before}: {in_words(value)} has no field "{cut(name)}".'
            meant = _function_meant(value, name, before)
            raise EvaluationError(f"{message} {meant}".rstrip())
        if name not in value:
            if fact.absent is not ABSENT and count == len(names):
                return fact.absent
            before = spelled(names[: count - 1]) if count > 1 else ""
            raise _missing(value, name, before, spelled(names[:count]))
        value = value[name]
    return value  # the facts are a mapping that creates values on demand
