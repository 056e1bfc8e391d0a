"""Times and numbers as their reader writes them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from programs import reader
from programs.kernel.decimals import LARGEST, NotADecimal, read, written

GERMAN, ENGLISH, FRENCH = "de-DE,de;q=0.9,en;q=0.5", "en-US,en;q=0.9", "fr"


@pytest.mark.parametrize(
    ("zone", "time", "shown"),
    [
        (None, datetime(2026, 1, 15, 10, 30, tzinfo=UTC), "2026-01-15 10:30:00 UTC"),
        ("Europe/Berlin", datetime(2026, 1, 15, 10, 30, tzinfo=UTC), "2026-01-15 11:30:00 CET"),
        ("Europe/Berlin", datetime(2026, 7, 15, 23, 30, tzinfo=UTC), "2026-07-16 01:30:00 CEST"),
        # The hour that comes twice is told apart by the name.
        ("Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "2026-10-25 02:30:00 CEST"),
        ("Europe/Berlin", datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "2026-10-25 02:30:00 CET"),
        ("Asia/Kolkata", datetime(2026, 1, 15, 20, 0, tzinfo=UTC), "2026-01-16 01:30:00 IST"),
    ],
)
def test_a_time_is_shown_in_the_zone_with_its_name(
    zone: str | None, time: datetime, shown: str
) -> None:
    with reader.reading("", zone):
        assert reader.moment(time) == shown
        utc = f"{time:%Y-%m-%dT%H:%M:%S}.000000Z"
        assert reader.moment_tag(time) == f'<time datetime="{utc}" title="{utc}">{shown}</time>'


def test_no_time_is_shown_as_nothing() -> None:
    assert (reader.moment(None), reader.moment_tag(None)) == ("", "")


def test_the_day_of_a_time_is_that_of_the_zone() -> None:
    late = datetime(2026, 1, 15, 20, tzinfo=UTC)

    with reader.reading("", "Asia/Kolkata"):
        assert (reader.day(late), reader.day(date(2026, 1, 15))) == ("2026-01-16", "2026-01-15")


@pytest.mark.parametrize(
    ("languages", "shown"),
    [
        ("", "1,234,567.50"),
        (ENGLISH, "1,234,567.50"),
        (GERMAN, "1.234.567,50"),
        (FRENCH, "1\N{NO-BREAK SPACE}234\N{NO-BREAK SPACE}567,50"),
        ("tlh, de", "1.234.567,50"),
        ("*;;nonsense", "1,234,567.50"),
    ],
)
def test_amounts_are_grouped_as_the_locale_does(languages: str, shown: str) -> None:
    with reader.reading(languages, None):
        assert reader.amount(Decimal("1234567.5"), 2) == shown
        assert reader.amount("1234567.50") == shown
        assert read(reader.plain(shown)) == Decimal("1234567.5")


def test_an_amount_has_all_decimals_of_its_scale_and_a_counter_only_those_it_needs() -> None:
    assert reader.amount(Decimal("1200.500000000000000000"), 4) == "1,200.5000"
    assert reader.amount(Decimal("1200.500000000000000000")) == "1,200.5"
    assert reader.amount(Decimal("-1000.00")) == "-1,000"
    assert reader.amount(0, 2) == "0.00"


def test_no_digit_is_lost_either_way() -> None:
    for languages in (ENGLISH, GERMAN, FRENCH):
        with reader.reading(languages, None):
            assert read(reader.plain(reader.amount(LARGEST))) == LARGEST
            assert read(reader.plain(reader.typed(LARGEST))) == LARGEST
    assert reader.amount(LARGEST).replace(",", "") == written(LARGEST)


@pytest.mark.parametrize(
    ("languages", "text", "digits"),
    [
        (ENGLISH, "25.50", "25.50"),
        (ENGLISH, "1,234.50", "1234.50"),
        (ENGLISH, "-1,234", "-1234"),
        (GERMAN, "25,50", "25.50"),
        (GERMAN, "1.234,50", "1234.50"),
        (GERMAN, "1.234", "1234"),
        (FRENCH, "1 234,5", "1234.5"),
    ],
)
def test_a_number_is_understood_as_the_locale_writes_it(
    languages: str, text: str, digits: str
) -> None:
    with reader.reading(languages, None):
        assert reader.plain(text) == digits


@pytest.mark.parametrize(
    ("languages", "text", "hint"),
    [
        (ENGLISH, "25,50", "Write 25.50, with a point."),
        (ENGLISH, "1.234,50", "Write 25.50, with a point."),
        (ENGLISH, "12,34,567", "Write 25.50, with a point."),
        (ENGLISH, "0,123", "Write 25.50, with a point."),
        (ENGLISH, "1 234", "Write 25.50, with a point."),
        (GERMAN, "25.50", "Write 25,50, with a comma."),
        (GERMAN, "25,", "Write 25,50, with a comma."),
        (GERMAN, "1,234,567", "Write 25,50, with a comma."),
    ],
)
def test_what_the_locale_does_not_write_is_refused_with_a_hint(
    languages: str, text: str, hint: str
) -> None:
    with reader.reading(languages, None), pytest.raises(NotADecimal) as refusal:
        reader.plain(text)

    assert str(refusal.value) == hint


@pytest.mark.parametrize("text", ["", "abc", "1e5", "+5", "NaN", "٣", "1_000", "--1", "007"])
def test_what_is_no_number_anywhere_stays_refused(text: str) -> None:
    with pytest.raises(NotADecimal):
        read(reader.plain(text))


def test_a_number_that_others_read_otherwise_is_told() -> None:
    with reader.reading(ENGLISH, None):
        assert reader.note("1,234") == (
            "“1,234” is read as 1234, in groups of thousands. For a fraction, write 1.234."
        )
        assert [reader.note(text) for text in ("1,234.50", "1,234,567", "25.50", "")] == [""] * 4
    with reader.reading(GERMAN, None):
        assert "read as 1234" in reader.note("1.234")
        assert reader.note("1,234") == ""
