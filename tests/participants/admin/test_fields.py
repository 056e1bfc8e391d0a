"""Fields of a participant's form, without a page."""

from decimal import Decimal
from typing import Any

import pytest

from participants.admin.form_fields import (
    AttributesField,
    Row,
    from_one_line,
    merge_between,
    one_line,
)


@pytest.mark.parametrize(
    "text", ["vip", " x", "x ", '"x"', '"', "a\nb", "a\r\nb", "a\u2028b", "\t", 'x"y', "\\n", "ä"]
)
def test_any_text_comes_back_from_a_line_as_it_was(text: str) -> None:
    assert "\n" not in one_line(text)
    assert from_one_line(one_line(text)) == text


@pytest.mark.parametrize(
    ("had", "has", "merge"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": True}, {"a": True}),
        ({"a": "1"}, {"a": 1}, {"a": 1}),
        ({"a": "x\r\ny"}, {"a": "x\ny"}, {}),
        ({"a": Decimal("1.50")}, {"a": Decimal("1.5")}, {"a": Decimal("1.5")}),
        ({"a": 1, "b": 2}, {"b": 3, "c": 4}, {"b": 3, "c": 4, "a": None}),
    ],
)
def test_only_what_was_edited_is_merged(had: Any, has: Any, merge: Any) -> None:
    assert merge_between(had, has) == merge
    assert [type(value) for value in merge_between(had, has).values()] == [
        type(value) for value in merge.values()
    ]


def test_a_number_keeps_the_digits_it_was_written_with() -> None:
    read = AttributesField(required=False).clean([Row("n", "number", "1.50"), Row()])

    assert str(read["n"]) == "1.50"
