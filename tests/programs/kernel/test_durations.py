from datetime import timedelta

import pytest

from programs.kernel import durations


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("24h", timedelta(hours=24)),
        ("1h30m", timedelta(minutes=90)),
        ("90s", timedelta(seconds=90)),
        ("1.5h", timedelta(minutes=90)),
        ("0.5d0.25h1.0s", timedelta(hours=12, minutes=15, seconds=1)),
        ("7d", timedelta(days=7)),
        ("1w2d3h4m5s", timedelta(days=9, hours=3, minutes=4, seconds=5)),
        ("30m1h", timedelta(minutes=90)),  # in any order, as in rules
        ("1h1h", timedelta(hours=2)),
        ("36500d", durations.LONGEST_WINDOW),
        ("876000h", durations.LONGEST_WINDOW),
    ],
)
def test_a_duration_is_read_and_written(text: str, window: timedelta) -> None:
    assert durations.read(text) == window
    assert durations.read(durations.written(window)) == window


@pytest.mark.parametrize(
    "text", [None, 24, "", "24", "1y", "h", "0d", "36501d", "1h 30m", "+1h", "1ms", ".5h", "1D", "0h", "876001h", "-1h", "1.5s", "0.0001h", "0.0s", "1.h", "1,5h", "999999999h", "999999999w", "1h\n", "٣h"]
)  # fmt: skip
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="Not"):
        durations.read(text)
