"""Calendar periods: they follow each other without a gap, and begin when the clocks on the wall say so."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.kernel import periods
from programs.rules import calendars
from programs.rules.calendars import Period

ZONES = [
    *("UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "America/Sao_Paulo"),
    *("Africa/Cairo", "Asia/Kathmandu", "Pacific/Apia", "Pacific/Kiritimati", "Australia/Lord_Howe"),
]  # fmt: skip
MOMENTS = st.integers(-2_200_000_000, 4_100_000_000).map(
    lambda seconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


@given(MOMENTS, st.sampled_from(Period), st.sampled_from(ZONES))
def test_each_moment_is_in_the_period_that_rules_read(
    moment: datetime, period: Period, zone: str
) -> None:
    start, end = periods.around(period, zone, moment)

    assert start <= moment < end
    assert periods.around(period, zone, start) == (start, end)
    assert periods.around(period, zone, end - timedelta(microseconds=1)) == (start, end)
    assert start == calendars.start_of(period, moment, ZoneInfo(zone))


@pytest.mark.parametrize("zone", ZONES)
def test_days_follow_each_other_through_a_year_of_changing_clocks(zone: str) -> None:
    moments = [datetime(2010, 12, 20, tzinfo=UTC) + timedelta(minutes=30 * n) for n in range(20000)]

    days = [periods.around("DAY", zone, moment) for moment in moments]

    for (start, end), (following, last) in pairwise(dict.fromkeys(days)):
        assert end == following
        assert timedelta(hours=22) < last - start < timedelta(hours=51)


@pytest.mark.parametrize(
    ("period", "zone", "moment", "start", "end"),
    [
        ("DAY", "UTC", "2026-05-10T00:00:00", "2026-05-10T00:00:00", "2026-05-11T00:00:00"),
        ("DAY", "UTC", "2026-05-09T23:59:59", "2026-05-09T00:00:00", "2026-05-10T00:00:00"),
        # Summer time: 23 hours, and 25.
        ("DAY", "Europe/Berlin", "2026-03-29T12:00:00", "2026-03-28T23:00:00", "2026-03-29T22:00:00"),
        ("DAY", "Europe/Berlin", "2026-10-25T12:00:00", "2026-10-24T22:00:00", "2026-10-25T23:00:00"),
        # Midnight is skipped, or comes twice.
        ("DAY", "America/Sao_Paulo", "2018-11-04T12:00:00", "2018-11-04T03:00:00", "2018-11-05T02:00:00"),
        ("DAY", "America/Toronto", "1919-03-31T04:30:00", "1919-03-31T04:30:00", "1919-04-01T04:00:00"),
        ("DAY", "America/Toronto", "1919-03-31T04:29:59", "1919-03-30T05:00:00", "1919-03-31T04:30:00"),
        ("DAY", "America/Havana", "2026-11-01T04:30:00", "2026-11-01T04:00:00", "2026-11-02T05:00:00"),
        # The 30th was left out in Samoa.
        ("DAY", "Pacific/Apia", "2011-12-30T09:59:59", "2011-12-29T10:00:00", "2011-12-30T10:00:00"),
        ("DAY", "Pacific/Apia", "2011-12-30T10:00:00", "2011-12-30T10:00:00", "2011-12-31T10:00:00"),
        ("WEEK", "UTC", "2026-11-29T23:59:59", "2026-11-23T00:00:00", "2026-11-30T00:00:00"),
        ("WEEK", "UTC", "2027-01-01T00:00:00", "2026-12-28T00:00:00", "2027-01-04T00:00:00"),
        ("WEEK", "Asia/Tokyo", "2026-11-22T15:00:00", "2026-11-22T15:00:00", "2026-11-29T15:00:00"),
        ("MONTH", "UTC", "2028-02-29T12:00:00", "2028-02-01T00:00:00", "2028-03-01T00:00:00"),
        ("MONTH", "Europe/Berlin", "2026-03-31T21:59:59", "2026-02-28T23:00:00", "2026-03-31T22:00:00"),
        ("MONTH", "Europe/Berlin", "2026-03-31T22:00:00", "2026-03-31T22:00:00", "2026-04-30T22:00:00"),
        ("MONTH", "UTC", "2026-12-31T23:59:59", "2026-12-01T00:00:00", "2027-01-01T00:00:00"),
        ("QUARTER", "UTC", "2026-06-30T00:00:00", "2026-04-01T00:00:00", "2026-07-01T00:00:00"),
        ("QUARTER", "UTC", "2026-12-31T00:00:00", "2026-10-01T00:00:00", "2027-01-01T00:00:00"),
        ("YEAR", "UTC", "2026-12-31T23:59:59", "2026-01-01T00:00:00", "2027-01-01T00:00:00"),
        ("YEAR", "Pacific/Kiritimati", "2026-12-31T10:00:00", "2026-12-31T10:00:00", "2027-12-31T10:00:00"),
        ("YEAR", "Europe/Berlin", "2026-12-31T22:59:59", "2025-12-31T23:00:00", "2026-12-31T23:00:00"),
        # The ends of what a time can be.
        ("YEAR", "Asia/Tokyo", "0001-01-01T00:00:00", "0001-01-01T00:00:00", "0002-01-01T00:00:00"),
        ("DAY", "America/New_York", "0001-01-01T00:00:00", "0001-01-01T00:00:00", "0001-01-02T00:00:00"),
    ],
)  # fmt: skip
def test_a_period_begins_and_ends_by_the_clocks_of_its_zone(
    period: str, zone: str, moment: str, start: str, end: str
) -> None:
    read = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (moment, start, end)]

    assert periods.around(period, zone, read[0]) == (read[1], read[2])


@pytest.mark.parametrize("period", Period)
@pytest.mark.parametrize("zone", ZONES)
def test_the_last_period_ends_with_the_year_9999(period: str, zone: str) -> None:
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)

    start, end = periods.around(period, zone, last)

    assert start <= last < end <= periods.LAST
    assert start.astimezone(ZoneInfo("UTC")).year >= 9998
