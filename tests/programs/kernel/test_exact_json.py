from contextlib import suppress
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.kernel.exact_json import InvalidJSON, dumps, loads

numbers = st.integers(-(10**39), 10**39) | st.decimals(
    allow_nan=False, allow_infinity=False, places=18, min_value=-(10**20), max_value=10**20
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(texts, parts, max_size=4),
    max_leaves=12,
)


@given(values)
def test_what_is_written_is_read_back_the_same(value: Any) -> None:
    assert loads(dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", Decimal("0.1")),
        ("1.50", Decimal("1.50")),
        ("-0.0", Decimal("-0.0")),
        ("1e3", Decimal(1000)),
        ("12.5e1", Decimal(125)),
        ("1E-9", Decimal("0.000000001")),
        ("1e39", Decimal(10**39)),
        ("0e400", Decimal(0)),
        ("9" * 40, int("9" * 40)),
        ("-" + "9" * 40, -int("9" * 40)),
        ("0." + "1" * 40, Decimal("0." + "1" * 40)),
        ('"\\ud83d\\ude00"', "😀"),
        ("[" * 16 + "]" * 16, eval("[" * 16 + "]" * 16)),  # noqa: S307
    ],
)
def test_numbers_and_texts_are_read_exactly(text: str, value: Any) -> None:
    assert loads(text) == value
    assert type(loads(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "9" * 41,
        "9" * 5000,
        "1e40",
        "1e-41",
        "1e999999999999999999999",
        "0." + "1" * 41,
        "0." + "0" * 41,
        "NaN",
        "Infinity",
        "[" * 17 + "]" * 17,
        '{"a":' * 17 + "1" + "}" * 17,
        '{"a": 1, "a": 1}',
        '{"\\u0061": 1, "a": 1}',
        '"\\u0000"',
        '"\\ud800"',
        '{"\\ud800": 1}',
        '"a\nb"',
        "'a'",
        "[1,]",
        "",
        " ",
    ],
)
def test_what_cannot_be_kept_exactly_is_refused(text: str) -> None:
    with pytest.raises(InvalidJSON):
        loads(text)


@given(st.text(max_size=40) | st.binary(max_size=40))
def test_no_text_whatever_makes_another_error(text: str | bytes) -> None:
    with suppress(InvalidJSON):
        loads(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("0.0000001"), b"0.0000001"),
        ([Decimal("1E+2"), {"a": Decimal("1E-10")}], b'[100,{"a":0.0000000001}]'),
        ({"text": "1E-7", "raw": msgspec.Raw(b"1.0")}, b'{"text":"1E-7","raw":1.0}'),
        ("1E+7 and 1E-7", b'"1E+7 and 1E-7"'),
        (10**39, b"1" + b"0" * 39),
    ],
)
def test_numbers_are_written_without_an_exponent(value: Any, text: bytes) -> None:
    assert dumps(value) == text
