"""Expressions and facts without fractions, and what Google's implementation of CEL makes of them."""

import re
from decimal import Decimal
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_encoders, ext_math, ext_optional, ext_strings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

NAMES = ("number", "word", "flag", "nothing", "numbers", "words", "object", "mixed")
ERROR = object()
OVERFLOW = object()

_ENVIRONMENT = cel.NewEnv(
    variables=dict.fromkeys(NAMES, cel.Type.DYN),
    extensions=[
        ext_bindings.ExtBindings(),
        ext_encoders.ExtEncoders(),
        ext_math.ExtMath(),
        ext_optional.ExtOptional(),
        ext_strings.ExtStrings(),
    ],
)


def evaluate(text: str, facts: dict[str, Any]) -> Any:
    """The value as Python has it, ERROR, or OVERFLOW for the error that a whole number has more than 64 bits."""
    try:
        value = _ENVIRONMENT.compile(text, disable_check=True).eval(data=facts)
    except RuntimeError:
        return ERROR
    if value.type() == cel.Type.ERROR:
        return OVERFLOW if "integer overflow" in repr(value) else ERROR
    return value.plain_value()


def is_same(ours: Any, theirs: Any) -> bool:
    """Equal, and of one type all the way down, but for numbers: ours are Decimals, theirs are ints."""
    if isinstance(theirs, bytearray):
        theirs = bytes(theirs)
    if type(ours) is not (Decimal if type(theirs) is int else type(theirs)):
        return False
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(is_same, ours, theirs))
    if isinstance(ours, dict):
        by_key = {key: key for key in ours}
        return len(ours) == len(theirs) and all(
            key in ours and is_same(by_key[key], key) and is_same(ours[key], value)
            for key, value in theirs.items()
        )
    return bool(ours == theirs)


INTS = st.integers(-3, 12) | st.sampled_from([100, 2**31, 2**62, 2**63 - 1, -(2**63)])
WORDS = st.text("abAÄ ,😀\n", max_size=5)

facts = st.fixed_dictionaries(
    {
        "number": INTS,
        "word": WORDS,
        "flag": st.booleans(),
        "nothing": st.none(),
        "numbers": st.lists(INTS, max_size=4),
        "words": st.lists(WORDS, max_size=4),
        "object": st.dictionaries(st.sampled_from(["a", "b", "c"]), INTS | WORDS | st.none()),
        "mixed": st.lists(INTS | WORDS | st.booleans() | st.none(), max_size=4),
    }
)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


# Maps do not stray: the order in which one goes through them is not specified.
STRAY = ("int", "text", "bool", "ints", "texts", "bytes", "time", "duration", "any")
KINDS = (*STRAY, "map", "optional")

_LEAVES: dict[str, SearchStrategy[str]] = {
    "int": INTS.map(str)
    | st.sampled_from(["number", "number", "x", "x", "size(numbers)", "object.a"]),
    "text": WORDS.map(quoted) | st.sampled_from(["word", "word", "x", "x", "object['b']"]),
    "bool": st.sampled_from(["true", "false", "flag", "has(object.a)", "has(object.z)"]),
    "ints": st.lists(INTS.map(str), max_size=3).map(lambda parts: f"[{', '.join(parts)}]")
    | st.just("numbers"),
    "texts": st.lists(WORDS.map(quoted), max_size=3).map(lambda parts: f"[{', '.join(parts)}]")
    | st.just("words"),
    "map": st.sampled_from(["object", "{}", '{"a": 1}', "{2: 3, true: 4}", '{"b": {"c": [1]}}']),
    "bytes": WORDS.map(lambda text: f"b{quoted(text)}"),
    "time": st.sampled_from(
        [
            "timestamp('2026-01-15T10:30:00Z')",
            "timestamp('1999-12-31T23:59:59-02:30')",
            "timestamp(0)",
        ]
    ),
    "duration": st.sampled_from(["duration('1h')", "duration('-90s')", "duration('36h30m')"]),
    "optional": st.sampled_from(["optional.none()", "object.?a", "mixed[?0]", "object[?'z']"]),
    "any": st.sampled_from(
        [
            "nothing",
            "mixed",
            "number",
            "word",
            "flag",
            "words",
            "object",
            "x",
            "x",
            "1 / 0",
            "object.z",
            "unknown",
        ]
    ),
}

# substring(start, end) is not among them: theirs refuses an end at the text's very end, against the specification.
# A letter in angle brackets is an expression of that kind: i(nt), t(ext), b(ool), n(umbers), w(ords), m(ap), y(bytes),
# s(time), d(uration), o(ptional), a(ny of them).
_SHAPES: dict[str, list[str]] = {
    "int": [
        "<i> + <i>", "<i> - <i>", "<i> * <i>", "int(<i> / <i>)", "<i> % <i>", "-<i>", "(<i>)",
        "<b> ? <i> : <i>", "size(<t>)", "size(<n>)", "<m>.size()", "<y>.size()", "<n>[<i>]",
        "int(string(<i>))", "int(<s>)", "<t>.indexOf(<t>)", "<t>.lastIndexOf(<t>)", "<t>.indexOf(<t>, <i>)",
        "math.abs(<i>)", "math.sign(<i>)", "math.greatest(<i>, <i>)", "math.least(<i>, <i>, <i>)",
        "math.bitAnd(<i>, <i>)", "math.bitOr(<i>, <i>)", "math.bitXor(<i>, <i>)", "math.bitNot(<i>)",
        "math.bitShiftLeft(<i>, <i>)", "math.bitShiftRight(<i>, <i>)", "cel.bind(x, <a>, <i>)",
        "<s>.getFullYear()", "<s>.getMonth()", "<s>.getDate('Europe/Berlin')", "<s>.getDayOfWeek()",
        "<s>.getDayOfYear('-02:30')", "<s>.getHours('+05:45')", "<s>.getMinutes()", "<d>.getHours()",
        "<d>.getMinutes()", "<d>.getSeconds()",
    ],
    "text": [
        "<t> + <t>", "(<t>)", "<b> ? <t> : <t>", "string(<i>)", "string(<b>)", "string(<y>)",
        "string(<s>)", "string(<d>)", "<t>.lowerAscii()", "<t>.upperAscii()", "<t>.trim()", "<t>.reverse()",
        "<t>.replace(<t>, <t>)", "<t>.replace(<t>, <t>, <i>)", "<t>.substring(<i>)",
        "<t>.charAt(<i>)", "<w>.join()", "<w>.join(<t>)", "<w>[<i>]",
        "strings.quote(<t>)", "base64.encode(<y>)", "'%s, %d, %s'.format([<t>, <i>, <a>])",
        "'%x %X %o %b'.format([<i>, <t>, <i>, <b>])",
    ],
    "bool": [
        "<b> && <b>", "<b> || <b>", "!<b>", "(<b>)", "<b> ? <b> : <b>", "<a> == <a>", "<a> != <a>",
        "<i> == <i>", "<i> < <i>", "<i> <= <i>", "<t> > <t>", "<t> >= <t>", "<b> < <b>", "<y> < <y>", "<s> < <s>",
        "<d> >= <d>", "<a> < <a>", "<a> in <n>", "<a> in <w>", "<a> in <m>", "<i> in <n>", "<t> in <m>",
        "<n>.all(x, <b>)", "<n>.exists(x, <b>)", "<n>.exists_one(x, <b>)", "<w>.exists(x, <b>)",
        "<m>.all(x, <b>)", "<m>.exists(x, <b>)", "mixed.exists(x, <b>)", "mixed.all(x, x == <a>)",
        "<t>.contains(<t>)", "<t>.startsWith(<t>)", "<t>.endsWith(<t>)", "<t>.matches('^a.*b?$')",
        "bool(<t>)", "type(<a>) == type(<a>)", "<a> && <b>", "<b> || <a>", "<n> == <n>", "<m> == <m>",
        "int(1 / <i>) > 0 || <b>", "cel.bind(x, <a>, <b>)", "<o>.hasValue()", "<o> == <o>", "has(<o>.a)",
    ],
    "ints": [
        "<n> + <n>", "[<i>, <i>]", "<n>.map(x, <i>)", "<n>.filter(x, <b>)", "<n>.map(x, <b>, <i>)",
        "<w>.map(x, <i>)", "<b> ? <n> : <n>",
    ],
    "texts": ["<w> + <w>", "[<t>]", "<w>.map(x, <t>)", "<w>.filter(x, <b>)", "<t>.split(',')", "<t>.split(<t>, <i>)"],
    "map": ["{'a': <a>, 'b': <i>}", "{<i>: <t>, <i>: <b>}", "{<t>: <n>}", "<b> ? <m> : <m>"],
    "bytes": ["<y> + <y>", "bytes(<t>)"],
    "optional": [
        "<m>.?a", "<m>.?b.c", "<m>[?word]", "<n>[?<i>]", "optional.of(<a>)", "optional.ofNonZeroValue(<i>)",
        "optional.ofNonZeroValue(<t>)", "<o>.or(<o>)", "<o>.?b", "<o>.b", "<b> ? <o> : <o>",
        "<o>.optMap(x, <a>)", "<o>.optFlatMap(x, <o>)", "optional.of(<m>)", "<w>[?<i>]",
    ],
    "time": ["<s> + <d>", "<s> - <d>", "<d> + <s>", "timestamp(<i>)", "timestamp(<t>)"],
    "duration": ["<d> + <d>", "<d> - <d>", "<s> - <s>", "duration(<t>)"],
    "any": ["<i>", "<t>", "<b>", "<n>", "<w>", "<m>", "<y>", "<s>", "<d>", "<m>.a", "<m>['b']", "[<a>, <a>]", "dyn(<a>)",
            "<o>.orValue(<a>)", "<o>.value()", "[?<o>, <a>].size()", "{?<t>: <o>}.size()"],
}  # fmt: skip
_PLACE = re.compile("<([itbnwysdamo])>")
_LETTERS = dict(zip("itbnwysdamo", KINDS, strict=True))


@st.composite
def expressions(draw: DrawFn, kind: str = "any", depth: int = 3, *, binds_x: bool = False) -> str:
    """An expression that mostly makes sense; now and then something of another kind stands where one is wanted."""
    if draw(st.integers(0, 24)) == 0:
        kind = draw(st.sampled_from(STRAY))
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        leaf = draw(_LEAVES[kind])
        return "number" if leaf == "x" and not binds_x else leaf
    shape = draw(st.sampled_from(_SHAPES[kind]))
    parts = _PLACE.split(shape)
    binds_x = binds_x or "(x, " in shape
    for at in range(1, len(parts), 2):
        inner = draw(expressions(_LETTERS[parts[at]], depth - 1, binds_x=binds_x))
        # As an operand in brackets, so that the shape keeps its meaning.
        parts[at] = f"({inner})" if _is_compound(inner) else inner
    return "".join(parts)


def _is_compound(text: str) -> bool:
    return any(mark in text for mark in " ?-!")
