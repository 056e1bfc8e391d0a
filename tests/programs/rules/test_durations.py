"""Durations in rules: CEL's grammar with days and weeks, and the same table of units wherever else one is read."""

from datetime import timedelta

import pytest

from programs.kernel import durations
from programs.rulebook import vocabulary
from programs.rules import EvaluationError
from programs.rules.moments import duration_from_text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("60d", timedelta(days=60)),
        ("1w2d", timedelta(days=9)),
        ("1.5h", timedelta(minutes=90)),
        ("0.5d", timedelta(hours=12)),
        (".5w", timedelta(hours=84)),
        ("2d1w", timedelta(days=9)),
        ("-1d12h", timedelta(hours=-36)),
        ("+1w", timedelta(days=7)),
        ("1d1ms", timedelta(days=1, milliseconds=1)),
        ("1m1ms1m", timedelta(minutes=2, milliseconds=1)),
        ("0", timedelta()),
        ("0d", timedelta()),
        ("106751d", timedelta(days=106_751)),
    ],
)
def test_a_duration_is_read(text: str, value: timedelta) -> None:
    assert vocabulary.compile(f'duration("{text}")').evaluate({}) == value


@pytest.mark.parametrize(
    "text", ["", "d", "1", "1y", "1 d", "1D", "1M", "d1", "1..5d", "1d-1h", "1mo", "\u0661d", "1d ", "d" * 200, "1day"]
)  # fmt: skip
def test_what_is_no_duration_is_said_to_be_none(text: str) -> None:
    with pytest.raises(EvaluationError, match=r'is not a duration\. Write it like "60d", "36h"'):
        duration_from_text(text)


@pytest.mark.parametrize("text", ["106752d", "15251w", "99999999999999999999w"])
def test_a_duration_beyond_cels_range_is_refused(text: str) -> None:
    with pytest.raises(EvaluationError, match="longer than 292 years"):
        duration_from_text(text)


@pytest.mark.parametrize("text", ["1w", "1d", "1h", "1m", "1s", "3w2d", "1h1d", "36500d", "1w1w"])
def test_every_door_reads_a_duration_as_rules_do(text: str) -> None:
    assert durations.read(text) == duration_from_text(text)
