"""The values of the language in Python, and the equality and the order that CEL gives them.

    number      Decimal                     string      str
    bool        bool                        bytes       bytes
    timestamp   datetime in UTC             null        None
    duration    timedelta                   list        list
    type        TypeName                    map         dict
    optional    Optional

CEL's int, uint and double are one type, and no int of Python's is a value. To Python, True and 1 are equal, also as keys
of a dict; CEL tells them apart. So values are compared by `equal`, never by `==` unless both are known to have the same
type, and a map's bool keys are stored as BoolKey.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import repeat
from typing import Any, Final

from programs.rules.arithmetic import decimal_of, is_whole, normal, plain, significant
from programs.rules.budget import (
    CONTAINER,
    HAS_BOOL_KEYS,
    MAX_VALUE_DEPTH,
    Run,
    charge,
    charge_scanned,
)
from programs.rules.errors import EvaluationError, cut, quoting, unfit
from programs.rules.moments import seconds_text, timestamp_text

Value = Any  # one of the types above
Facts = dict[str, Any]
Closure = Callable[[Facts, Run], Value]  # a compiled node
Step = Callable[[Value, Facts, Run], Value]  # a compiled suffix, given the value before it


class TypeName(str):
    """The result of `type(x)`. A str, so that a caller can print and compare it; in the language it is not a string."""

    __slots__ = ()


class BoolKey:
    """A bool as a map key, different from 1 and 0."""

    __slots__ = ("value",)

    def __init__(self, value: bool) -> None:
        self.value = value


ABSENT: Final = object()


class Optional:
    """A value that may be absent: what `map.?key` gives. Never changed; two of them are compared by `equal`."""

    __slots__ = ("value",)

    def __init__(self, value: Value = ABSENT) -> None:
        self.value = value

    @property
    def has_value(self) -> bool:
        return self.value is not ABSENT


NONE: Final = Optional()

TRUE_KEY: Final = BoolKey(True)
FALSE_KEY: Final = BoolKey(False)

_CONTAINERS: Final = frozenset([list, dict])
# For two values of the same one of these types, Python's own equality is right and its cost is known.
_ATOMS: Final = frozenset([bool, type(None), datetime, timedelta, TypeName])
_ORDERED: Final = frozenset([Decimal, str, bool, bytes, datetime, timedelta])

WORDS: Final = {
    Decimal: "a number",
    str: "text",
    bool: "true or false",
    bytes: "bytes",
    list: "a list",
    dict: "a map",
    type(None): "null",
    datetime: "a time",
    timedelta: "a duration",
    TypeName: "a type",
    Optional: "an optional value",
    float: "a binary float",
}
_TYPE_NAMES: Final = {
    Decimal: TypeName("double"),
    str: TypeName("string"),
    bool: TypeName("bool"),
    bytes: TypeName("bytes"),
    list: TypeName("list"),
    dict: TypeName("map"),
    type(None): TypeName("null_type"),
    datetime: TypeName("google.protobuf.Timestamp"),
    timedelta: TypeName("google.protobuf.Duration"),
    TypeName: TypeName("type"),
    Optional: TypeName("optional_type"),
}
# CEL's names for types, which may be written in an expression.
TYPE_NAMES: Final[dict[str, TypeName]] = {
    **{name: name for name in _TYPE_NAMES.values()},
    **dict.fromkeys(["int", "uint"], _TYPE_NAMES[Decimal]),
}


def type_of(value: Value) -> TypeName:
    return _TYPE_NAMES[type(value)]


def in_words(value: Value) -> str:
    """Name the kind of value: "a number", "text"."""
    return WORDS.get(type(value), f"a Python {type(value).__name__}")


def equal(left: Value, right: Value, run: Run) -> bool:
    """CEL's ==, within one type; numbers compare by their significant digits."""
    kind = type(left)
    if kind is not type(right):
        return False
    if kind is Decimal:
        return bool(left == right or significant(left) == significant(right))
    if kind in _ATOMS:
        return bool(left == right)
    if kind is str or kind is bytes:
        if len(left) == len(right):
            charge_scanned(run, len(left))
        return bool(left == right)
    # No value differs from itself, and a value that shares itself a million times must not be walked that often.
    if left is right:
        return True
    if kind is Optional:
        if left.has_value and right.has_value:
            return equal(left.value, right.value, run)
        return left.has_value is right.has_value
    if len(left) != len(right):
        return False
    charge(run, 2 * CONTAINER + 2 * len(left))
    if kind is list:
        return all(map(equal, left, right, repeat(run)))
    return all(key in right and equal(one, right[key], run) for key, one in left.items())


def refuse_to_order(left: Value, right: Value) -> EvaluationError:
    null = None if left is None or right is None else left
    if type(left) is type(right):
        return unfit(f"There is no order for {in_words(left)}.", null)
    return unfit(f"Cannot compare {in_words(left)} with {in_words(right)}.", null)


def expect_order(left: Value, right: Value, run: Run) -> None:
    """Make sure that `<` is defined for the two values. Raises EvaluationError."""
    kind = type(left)
    if kind is type(right) and kind in _ORDERED:
        if kind is str or kind is bytes:
            charge_scanned(run, min(len(left), len(right)))
    else:
        raise refuse_to_order(left, right)


def contains(container: Value, value: Value, run: Run) -> bool:
    """CEL's `in`: an element of a list, a key of a map."""
    if type(container) is list:
        charge(run, 2 * len(container))
        return any(map(equal, container, repeat(value), repeat(run)))
    if type(container) is dict:
        return find_key(container, value, run) is not ABSENT
    raise EvaluationError(f"`in` searches a list or a map, not {in_words(container)}.")


def find_key(container: dict[Any, Value], key: Value, run: Run) -> Any:
    """Find the key as the dict has it; `ABSENT` if it does not."""
    kind = type(key)
    if kind is bool:
        key = TRUE_KEY if key else FALSE_KEY
    elif kind is str:
        charge_scanned(run, len(key))
    elif kind is Decimal:
        key = significant(key)  # Python finds 2 by 2.0 too
    else:
        raise unfit(f"A map key is text, a number, or true or false, not {in_words(key)}.", key)
    return key if key in container else ABSENT


def lookup(container: dict[Any, Value], key: Value, run: Run, default: Value = ABSENT) -> Value:
    """Find the value for the key, or the default. Without one, the caller raises where `is_absent`."""
    found = find_key(container, key, run)
    return default if found is ABSENT else container[found]


def is_absent(value: object) -> bool:
    return value is ABSENT


def as_key(value: Value, run: Run) -> Any:
    """Convert the value to a map key. Raises EvaluationError for what cannot be one."""
    kind = type(value)
    if kind is str or kind is BoolKey:
        return value
    if kind is bool:
        run[HAS_BOOL_KEYS] = True
        return TRUE_KEY if value else FALSE_KEY
    if kind is int:  # in a map of the facts
        return decimal_of(value)
    if kind is Decimal:
        if is_whole(value):
            return normal(significant(value))
        raise quoting("A map key cannot be {}. Write int(…).", plain(value))
    raise EvaluationError(
        f"A map key is text, a whole number, or true or false, not {in_words(value)}."
    )


def keys(container: dict[Any, Value], run: Run) -> Iterable[Value]:
    """The map's keys as values; of a map of the facts, as the facts have them."""
    if run[HAS_BOOL_KEYS]:
        return map(key_value, container)
    return container


def handed_out(value: Value, run: Run) -> Value:
    """Prepare the value for a caller: a number as its plain digits have it, a map with plain bools for keys.

    A list or a map without bool keys is handed out itself: it may share itself a million times, so nothing walks it.
    """
    if type(value) is Decimal:
        return normal(value)
    return _with_plain_keys(value, {}) if run[HAS_BOOL_KEYS] else value


def _with_plain_keys(value: Value, done: dict[int, Value]) -> Value:
    """Copy each list and map once, however often it is shared."""
    if type(value) not in _CONTAINERS:
        return value
    if id(value) not in done:
        done[id(value)] = (
            [_with_plain_keys(part, done) for part in value]
            if type(value) is list
            else {key_value(key): _with_plain_keys(part, done) for key, part in value.items()}
        )
        if len(done[id(value)]) < len(value):
            raise EvaluationError("A result cannot have both true and 1, or false and 0, as keys.")
    return done[id(value)]


def key_value(key: Any) -> Value:
    """A map's key as a value, also of a map that is still as the facts have it."""
    kind = type(key)
    if kind is BoolKey:
        return key.value
    return decimal_of(key) if kind is int else key


def written(value: Value, most: int = 80) -> str:
    """Write the value as in an expression, for people, cut to `most` characters however large it is."""
    # Most values in reasons are not containers.
    if type(value) not in _CONTAINERS:
        return cut(_atom(value, most), most)
    text = ""
    for piece in _pieces(value, most, 0):
        text += piece
        if len(text) > most:
            break
    return cut(text, most)


def _pieces(value: Value, most: int, depth: int) -> Iterator[str]:
    if type(value) not in _CONTAINERS:
        yield _atom(value, most)
    elif depth == MAX_VALUE_DEPTH:
        yield "…"
    else:
        is_list = type(value) is list
        yield "[" if is_list else "{"
        for index, part in enumerate(value):
            if index:
                yield ", "
            if not is_list:
                yield f"{_atom(key_value(part), most)}: "
                part = value[part]
            yield from _pieces(part, most, depth + 1)
        yield "]" if is_list else "}"


def _atom(value: Value, most: int) -> str:
    kind = type(value)
    if kind is str:
        text = value[:most]
        # Nearly every text is plain, and reasons are full of them.
        if "\\" in text or '"' in text or "\n" in text:
            text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{text}"'
    if kind is bool:
        return "true" if value else "false"
    if value is None:
        return "null"
    if kind is Decimal:
        return plain(value)
    if kind is datetime:
        return f'timestamp("{timestamp_text(value)}")'
    if kind is timedelta:
        return f'duration("{seconds_text(value)}")'
    if kind is bytes:
        return repr(value[:most])
    if kind is Optional:
        return (
            f"optional.of({written(value.value, most)})" if value.has_value else "optional.none()"
        )
    return str(value)[:most]
