from datetime import timedelta

import pytest

from programs.kernel import durations


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("24h", timedelta(hours=24)),
        ("1h30m", timedelta(minutes=90)),
        ("90s", timedelta(seconds=90)),
        ("876000h", durations.LONGEST_WINDOW),
    ],
)
def test_a_duration_is_read_and_written(text: str, window: timedelta) -> None:
    assert durations.read(text) == window
    assert durations.read(durations.written(window)) == window


@pytest.mark.parametrize(
    "text", [None, 24, "", "24", "1d", "h", "0h", "876001h", "-1h", "1m1h", "1.5h", "999999999h", "1h\n", "٣h"]
)  # fmt: skip
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="Not"):
        durations.read(text)
