"""Whatever the text and the facts, no exception comes out but the language's own."""

import os
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from programs import rules
from programs.rulebook.reference import FACTS
from programs.rulebook.vocabulary import ENVIRONMENT
from programs.rules import EvaluationError, RuleSyntaxError
from programs.rules.functions import FUNCTIONS
from programs.rules.macros import MACRO_NAMES
from tests.programs.rules import oracle

CASES = int(os.environ.get("RULE_CASES", "1000"))

SPELLED = """
    event participant program now tags amount items x true false null in has cel.bind for math. sets. strings.
    .? [? optional. optional.none() && || ! == != < <= > >= + - * / % ? : . , ( ) [ ] { } ` " ' b' r" // \\n \\x \\u00e9 \\777
    0 1 -1 1.5 1e3 1e999 9223372036854775807 9223372036854775808 0xff 5u .5 '' 'a' b'a' '(' [1] {}
"""
WORDS = [
    *SPELLED.split(),
    *[name.rpartition(".")[2] for name in FUNCTIONS],
    *MACRO_NAMES,
    '"""',
    " ",
    "\n",
]
texts = (
    st.text(max_size=60)
    | st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join)
    | st.lists(st.sampled_from(WORDS), max_size=25).map("".join)
)

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.floats()
    | st.text(max_size=5)
    | st.text("\ud800a", max_size=2)
    | st.binary(max_size=4)
    | st.datetimes()
    | st.timedeltas()
    | st.just(object()),
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.dictionaries(
            st.text(max_size=3) | st.integers() | st.booleans() | st.none(), parts, max_size=3
        )
        | st.tuples(parts)
    ),
    max_leaves=6,
)

unhurried = settings(
    max_examples=CASES,
    derandomize="RULE_CASES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def run(text: str, environment: Any, facts: Any) -> None:
    try:
        expression = rules.compile(text, environment)
    except RuleSyntaxError as error:
        expect_place(error, text)
        return
    decision = expression.decide(facts)
    assert len(decision.reason) <= 1000
    try:
        expression.evaluate(facts)
    except EvaluationError:
        assert not decision.matched


def expect_place(error: RuleSyntaxError, text: str) -> None:
    lines = text.split("\n")
    assert 1 <= error.line <= len(lines)
    assert 1 <= error.column <= len(lines[error.line - 1]) + 1


@unhurried
@given(texts, st.booleans())
@example("\x85true", False)
@example("''.split('')[0]", True)
def test_any_text_is_a_rule_or_a_syntax_error(text: str, checks: bool) -> None:
    run(text, ENVIRONMENT if checks else None, dict(FACTS))


@unhurried
@given(oracle.expressions(), st.dictionaries(st.sampled_from(oracle.NAMES), values))
def test_any_facts_give_a_value_or_an_evaluation_error(text: str, facts: dict[str, Any]) -> None:
    run(text, None, facts)


@unhurried
@given(
    st.sampled_from([
        "event.a", "event.a == 'x'", "event.a > 1", "event.a <= event.b", "'x' in event.a", "event.a in event.b",
        "event.a + event.b", "event.a * 0.5", "round(event.a, 2)", "event.a == event.b", "[event.a, event.b]",
        "event.a.exists(x, x == event.b)", "event.a.map(x, x)", "event.a[event.b]", "get(event.a, event.b, 1)",
        "size(event.a)", "string(event.a)", "int(event.a)", "timestamp(event.a)", "event.a.matches(event.b)",
        "'%s %d'.format([event.a, event.b])", "event.a.transformMap(k, v, v)", "has(event.a.b)", "{event.a: event.b}",
        "event.a.filter(x, x != event.b)", "now - event.a", "event.a.contains(event.b)", "bytes(event.a)", "event",
        "strings.quote(event.a)", "math.greatest(event.a)", "cel.bind(x, event.a, x == x)", "event.a.lowerAscii()",
        "event.?a.?b.orValue(event.b)", "event.a[?event.b].hasValue()", "event.?a.b == event.?b", "[?event.?a.b]",
        "optional.ofNonZeroValue(event.a).optMap(x, x == event.b).or(event.?b).value()",
        "event.a.sum()", "event.a.sort()", "event.a.distinct()", "event.a.max()", "min(event.a)", "event.a.sortBy(x, x)",
        "event.a.flatten(event.b)", "event.a.slice(event.b, 2)", "event.a.reverse()", "event.a.first().?b.orValue(event.b)",
        "[event.a, event.b].sort()", "[event.a, event.b].distinct()", "[event.a, event.b].flatten(9).max()",
        "date(event.a)", "addDays(now, event.a)", "addMonths(date('2026-05-31'), event.a)", "age(date(event.a), now)",
    ]),
    values,
    values,
)  # fmt: skip
def test_any_event_gives_a_value_or_an_evaluation_error(text: str, a: Any, b: Any) -> None:
    run(text, ENVIRONMENT, {"event": {"a": a, "b": b}, "now": FACTS["now"]})
