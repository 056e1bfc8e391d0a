"""Days of the calendar in the program's time zone, held against zoneinfo."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from programs import rules
from programs.rulebook import vocabulary
from programs.rules import Environment, EvaluationError, RuleSyntaxError, calendars
from programs.rules.calendars import Period
from programs.rules.kinds import ANY

BERLIN = "Europe/Berlin"
MICROSECOND = timedelta(microseconds=1)

# Days on which the clocks do something at or around midnight.
SKIPS_MIDNIGHT = ("America/Sao_Paulo", date(2018, 11, 4))
SKIPS_MORE_THAN_MIDNIGHT = ("America/Toronto", date(1919, 3, 31))  # 23:30 to 0:30
HAS_TWO_MIDNIGHTS = ("America/Havana", date(2025, 11, 2))  # 1:00 back to 0:00
GOES_BACK_INTO_YESTERDAY = ("America/St_Johns", date(2006, 10, 29))  # 0:01 back to 23:01
SKIPS_A_DAY = ("Pacific/Apia", date(2011, 12, 30))
CHANGES = [
    SKIPS_MIDNIGHT, SKIPS_MORE_THAN_MIDNIGHT, HAS_TWO_MIDNIGHTS, GOES_BACK_INTO_YESTERDAY, SKIPS_A_DAY,
    (BERLIN, date(2026, 3, 29)), (BERLIN, date(2026, 10, 25)), ("Africa/Cairo", date(2023, 4, 28)),
    ("Asia/Beirut", date(2026, 3, 29)), ("America/Goose_Bay", date(2010, 11, 7)), ("Asia/Amman", date(2022, 2, 25)),
    ("Asia/Kathmandu", date(1986, 1, 1)), ("Africa/Monrovia", date(1972, 1, 7)), ("Antarctica/Troll", date(2026, 3, 29)),
    ("Australia/Lord_Howe", date(2026, 4, 5)), ("Asia/Pyongyang", date(2015, 8, 15)), ("America/Scoresbysund", date(2024, 3, 31)),
]  # fmt: skip


def evaluate(text: str, zone: str | None = BERLIN, **event: Any) -> Any:
    facts: dict[str, Any] = {"event": event, "program": {} if zone is None else {"time_zone": zone}}
    facts["now"] = datetime(2026, 1, 15, 23, 30, tzinfo=UTC)
    return vocabulary.compile(text, strict=False).evaluate(facts)


def local(moment: datetime, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).isoformat()


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ('date("2026-05-01")', "2026-05-01T00:00:00+02:00"),
        ('date("2024-02-29")', "2024-02-29T00:00:00+01:00"),
        # In Berlin, now is half past midnight on Friday, January 16.
        ("startOfDay(now)", "2026-01-16T00:00:00+01:00"),
        ("startOfWeek(now)", "2026-01-12T00:00:00+01:00"),
        ("startOfMonth(now)", "2026-01-01T00:00:00+01:00"),
        ("startOfQuarter(now)", "2026-01-01T00:00:00+01:00"),
        ("startOfYear(now)", "2026-01-01T00:00:00+01:00"),
        ("endOfDay(now)", "2026-01-16T23:59:59.999999+01:00"),
        ("endOfWeek(now)", "2026-01-18T23:59:59.999999+01:00"),
        ("endOfMonth(now)", "2026-01-31T23:59:59.999999+01:00"),
        ("endOfQuarter(now)", "2026-03-31T23:59:59.999999+02:00"),
        ("endOfYear(now)", "2026-12-31T23:59:59.999999+01:00"),
        ('startOfWeek(date("2026-01-12"))', "2026-01-12T00:00:00+01:00"),
        ('startOfWeek(date("2026-01-11"))', "2026-01-05T00:00:00+01:00"),
        ('startOfWeek(date("2026-01-01"))', "2025-12-29T00:00:00+01:00"),
        ('startOfQuarter(date("2026-12-31"))', "2026-10-01T00:00:00+02:00"),
        ('endOfQuarter(date("2026-04-01"))', "2026-06-30T23:59:59.999999+02:00"),
        ('endOfMonth(date("2024-02-01"))', "2024-02-29T23:59:59.999999+01:00"),
        ('endOfMonth(date("2100-02-01"))', "2100-02-28T23:59:59.999999+01:00"),
        ("addDays(now, 1)", "2026-01-17T00:30:00+01:00"),
        ("addDays(now, -16)", "2025-12-31T00:30:00+01:00"),
        ("addDays(now, 0)", "2026-01-16T00:30:00+01:00"),
        ('addDays(date("2026-03-28"), 1)', "2026-03-29T00:00:00+01:00"),
        ('addDays(date("2026-03-29"), 1)', "2026-03-30T00:00:00+02:00"),
        ('addDays(timestamp("2026-03-28T02:30:00+01:00"), 1)', "2026-03-29T03:30:00+02:00"),  # 2:30 is skipped
        ('addDays(timestamp("2026-03-30T02:30:00+02:00"), -1)', "2026-03-29T03:30:00+02:00"),
        ('addDays(timestamp("2026-10-24T02:30:00+02:00"), 1)', "2026-10-25T02:30:00+02:00"),  # comes twice
        ('addDays(timestamp("2026-10-26T02:30:00+01:00"), -1)', "2026-10-25T02:30:00+01:00"),
        ('addDays(timestamp("2026-10-25T02:30:00+01:00"), 0)', "2026-10-25T02:30:00+01:00"),
        ('addDays(timestamp("2026-10-25T02:30:00+02:00"), 0)', "2026-10-25T02:30:00+02:00"),
        ('addMonths(date("2026-01-31"), 1)', "2026-02-28T00:00:00+01:00"),
        ('addMonths(date("2024-01-31"), 1)', "2024-02-29T00:00:00+01:00"),
        ('addMonths(date("2026-03-31"), -1)', "2026-02-28T00:00:00+01:00"),
        ('addMonths(date("2026-10-31"), 18)', "2028-04-30T00:00:00+02:00"),
        ('addMonths(date("2026-01-15"), -13)', "2024-12-15T00:00:00+01:00"),
        ("addMonths(now, 6)", "2026-07-16T00:30:00+02:00"),
        ('addYears(date("2024-02-29"), 1)', "2025-02-28T00:00:00+01:00"),
        ('addYears(date("2024-02-29"), 4)', "2028-02-29T00:00:00+01:00"),
        ('addYears(date("2024-02-29"), -24)', "2000-02-29T00:00:00+01:00"),
        ('addYears(date("1990-03-01"), 18)', "2008-03-01T00:00:00+01:00"),
    ],
)  # fmt: skip
def test_a_date_is_one_of_the_programs_time_zone(text: str, there: str) -> None:
    value = evaluate(text)

    assert local(value, BERLIN) == there
    assert value.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('daysBetween(date("2026-03-28"), date("2026-03-30"))', 2),  # 47 hours
        ('daysBetween(date("2026-10-24"), date("2026-10-26"))', 2),  # 49 hours
        ('daysBetween(date("2026-03-30"), date("2026-03-28"))', -2),
        ("daysBetween(now, now)", 0),
        ('daysBetween(date("2026-01-16"), now)', 0),
        ('daysBetween(timestamp("2026-01-15T22:59:59Z"), now)', 1),  # half an hour, and midnight
        ('daysBetween(date("2024-01-01"), date("2025-01-01"))', 366),
        ('daysBetween(date("1900-01-01"), date("2000-01-01"))', 36524),
        ('age(date("1990-03-01"), date("2026-03-01"))', 36),
        ('age(date("1990-03-01"), endOfDay(date("2026-02-28")))', 35),
        ('age(date("1990-01-16"), now)', 36),
        ('age(date("1990-01-17"), now)', 35),
        ('age(date("2024-02-29"), date("2025-02-28"))', 0),
        ('age(date("2024-02-29"), date("2025-03-01"))', 1),
        ('age(date("2024-02-29"), date("2028-02-29"))', 4),
        ('age(date("2024-02-29"), date("2028-02-28"))', 3),
        ("age(now, now)", 0),
        ('age(date("2027-06-01"), now)', -1),
        ("age(date(event.birthday), now) >= 18", True),
        ('daysBetween(startOfMonth(now), addMonths(startOfMonth(now), 1)) == 31', True),
        ('now >= startOfDay(now) && now <= endOfDay(now)', True),
        ('date("2026-01-16") == startOfDay(now)', True),
        ('daysBetween(date("2026-05-01"), date("2026-05-31")) + 1', 31),
    ],
)  # fmt: skip
def test_days_and_years_are_counted_there(text: str, value: Any) -> None:
    assert evaluate(text, birthday="1990-03-01") == value


@pytest.mark.parametrize(
    ("zone", "there"),
    [
        ("UTC", "2026-01-15T00:00:00Z"),
        (None, "2026-01-15T00:00:00Z"),
        ("America/New_York", "2026-01-15T05:00:00Z"),
        ("Pacific/Auckland", "2026-01-15T11:00:00Z"),
        ("+05:45", "2026-01-15T18:15:00Z"),
    ],
)
def test_each_program_has_its_own_days(zone: str | None, there: str) -> None:
    assert evaluate("string(startOfDay(now))", zone) == there


def test_getters_stay_in_utc() -> None:
    assert evaluate("now.getDate()") == 15
    assert evaluate("now.getDate(program.time_zone)") == 16


def test_the_host_says_which_fact_holds_the_zone() -> None:
    shop = Environment({"shop": ANY}, time_zone="shop.where.zone")
    facts = {"shop": {"where": {"zone": "Asia/Tokyo"}}, "program": {"time_zone": BERLIN}}
    text = 'string(date("2026-05-01"))'

    assert rules.compile(text, shop).evaluate(facts) == "2026-04-30T15:00:00Z"
    assert rules.compile(text, shop).evaluate({"shop": None}) == "2026-05-01T00:00:00Z"
    assert rules.compile(text).evaluate(facts) == "2026-05-01T00:00:00Z"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", 5])
def test_a_zone_that_is_none_harms_only_what_needs_it(zone: Any) -> None:
    with pytest.raises(EvaluationError, match="time zone"):
        evaluate("startOfDay(now)", zone)

    assert evaluate("true || startOfDay(now) == now", zone) is True
    assert evaluate("now == now", zone) is True


def test_a_condition_is_decided_in_the_zone() -> None:
    condition = vocabulary.compile('event.a == 1 && startOfDay(now) == date("2026-01-16")', "bool")
    facts = {"event": {"a": 1}, "now": datetime(2026, 1, 15, 23, 30, tzinfo=UTC)}

    assert condition.decide({**facts, "program": {"time_zone": BERLIN}}).matched
    assert not condition.decide({**facts, "program": {"time_zone": "UTC"}}).matched


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1990-02-29", 'There is no such day as "1990-02-29"'),
        ("2026-13-01", "There is no such day"),
        ("2026-04-31", "There is no such day"),
        ("0000-01-01", "There is no such day"),
        ("2100-02-29", "There is no such day"),
        ("29.2.2024", 'is not a date. Write it like "2026-05-31"'),
        ("2026-5-1", "is not a date"),
        ("20260501", "is not a date"),
        ("2026-05-01 ", "is not a date"),
        ("", "is not a date"),
        ("\u0662026-05-01", "is not a date"),
        ("2026-05-01T10:00:00Z", "For a time, write timestamp"),
        ("2026-05-01 10:00", "For a time, write timestamp"),
        ("9" * 5000, "is not a date"),
        ("0001-01-01", "outside the years 1 to 9999"),  # in Berlin it began in the year 0
    ],
)
def test_what_is_no_date_is_said_to_be_none(text: str, words: str) -> None:
    with pytest.raises(EvaluationError) as raised:
        evaluate("date(event.day)", day=text)

    assert words in str(raised.value)
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    "text",
    [
        'endOfYear(date("9999-12-31"))', 'addDays(now, 3000000)', "addDays(now, 9223372036854775807)",
        "addMonths(now, -9223372036854775807)", "addYears(now, 7974)", "addYears(now, -2026)",
        "addYears(now, 9223372036854775807)", 'startOfWeek(timestamp("0001-01-01T00:00:00Z"))',
    ],
)  # fmt: skip
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue"])
def test_a_date_outside_the_years_1_to_9999_is_refused(text: str, zone: str) -> None:
    if "0001" in text and zone == "Pacific/Kiritimati":
        text = 'endOfDay(timestamp("9999-12-31T23:00:00Z"))'
    with pytest.raises(EvaluationError, match="outside the years 1 to 9999"):
        evaluate(text, zone)


@pytest.mark.parametrize(
    "text",
    [
        'startOfDay("2026-05-01")', "date(now)", "addDays(now)", "addDays(now, now)", 'age("1990-03-01", now)',
        "daysBetween(now)", "date(20260501)", 'addDays(now, "1")', 'date("2026-05-01") == "2026-05-01"',
    ],
)  # fmt: skip
def test_what_can_never_be_a_date_is_refused_where_it_is_written(text: str) -> None:
    with pytest.raises(RuleSyntaxError):
        vocabulary.compile(text)


def test_days_are_added_whole() -> None:
    with pytest.raises(EvaluationError, match="whole number"):
        evaluate("addDays(now, event.days)", days=Decimal("1.5"))


def is_on(day: date, moment: datetime, zone: ZoneInfo) -> bool:
    return moment.astimezone(zone).date() == day


@pytest.mark.parametrize(("key", "changed"), CHANGES, ids=str)
@pytest.mark.parametrize("shift", range(-2, 3))
def test_a_day_begins_and_ends_where_zoneinfo_has_its_first_and_last_moment(
    key: str, changed: date, shift: int
) -> None:
    zone, day = ZoneInfo(key), changed + timedelta(days=shift)
    # Each quarter of an hour, and a moment beside each, of four days around it: which are on that day?
    noon = datetime.combine(day, time(12), UTC)
    moments = [noon + timedelta(minutes=15 * each) for each in range(-4 * 48, 4 * 48)]
    moments = [moment for moment in moments if is_on(day, moment, zone)]
    if not moments:
        assert (key, day) == SKIPS_A_DAY
        return

    first = calendars.begin(day, zone)
    last = calendars.end_of(Period.DAY, moments[0], zone)

    assert is_on(day, first, zone)
    assert is_on(day, last, zone)
    assert not is_on(day, first - MICROSECOND, zone)
    assert not is_on(day, last + MICROSECOND, zone)
    assert first <= moments[0] < first + timedelta(minutes=15)
    assert moments[-1] <= last < moments[-1] + timedelta(minutes=15)
    assert {calendars.start_of(Period.DAY, moment, zone) for moment in moments} == {first}
    assert {calendars.end_of(Period.DAY, moment, zone) for moment in moments} == {last}


zones = st.sampled_from([key for key, _ in CHANGES]) | st.timezone_keys(allow_prefix=False)
moments = st.datetimes(datetime(1902, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@settings(max_examples=300, derandomize=True)
@given(zones, moments, st.integers(-1500, 1500))
@example(BERLIN, datetime(2026, 3, 29, 1, tzinfo=UTC), 1)
@example(BERLIN, datetime(2026, 10, 25, 0, 30, tzinfo=UTC), 0)
@example(BERLIN, datetime(2026, 10, 25, 1, 30, tzinfo=UTC), 0)
@example("America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC), 1)
@example("America/Sao_Paulo", datetime(2018, 11, 3, 3, tzinfo=UTC), 1)
@example("America/Toronto", datetime(1919, 3, 30, 5, tzinfo=UTC), 1)
@example("America/St_Johns", datetime(2006, 10, 29, 3, tzinfo=UTC), 0)
@example("America/Havana", datetime(2025, 11, 2, 5, tzinfo=UTC), 0)
def test_periods_and_days_added_agree_with_zoneinfo(key: str, moment: datetime, days: int) -> None:
    zone = ZoneInfo(key)
    here = moment.astimezone(zone)

    for period in Period:
        start, end = (
            calendars.start_of(period, moment, zone),
            calendars.end_of(period, moment, zone),
        )
        assert start <= moment <= end
        assert calendars.start_of(period, start, zone) == start
        assert calendars.end_of(period, start, zone) == end
        first, after = period.first_day(here.date()), period.day_after(here.date())
        assert first <= here.date() < after
        assert start.astimezone(zone).date() >= first
        assert (end + MICROSECOND).astimezone(zone).date() >= after

    assert calendars.plus(moment, zone) == moment
    later = calendars.plus(moment, zone, days=days)
    there = here.date() + timedelta(days=days)
    if (key, there) != SKIPS_A_DAY:
        wall = datetime.combine(there, here.time())
        # What of that time exists, in either of its offsets, is where one comes.
        there_in_utc = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
        is_date = moment == calendars.begin(here.date(), zone)
        assert later == calendars.begin(there, zone) if is_date else later in there_in_utc
        assert calendars.days_between(moment, later, zone) == days


@settings(max_examples=200, derandomize=True)
@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)), st.integers(-1200, 1200))
def test_months_keep_the_day_or_take_the_last(day: date, months: int) -> None:
    other = calendars.plus_months(day, months)

    assert (other.year - day.year) * 12 + other.month - day.month == months
    assert other.day == day.day or (
        other.day < day.day and (other + timedelta(days=1)).month != other.month
    )
