"""Where somebody stands on a track: one table of cases for Python and SQL, and what ends by itself."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from django.db import connection

from participants.state.standing import (
    STANDS_ON,
    Standing,
    is_held,
    last_level,
    settled,
    stands_on,
)
from tests.participants.events.in_memory import TRACK, a_level, a_track

MOMENT = datetime(2026, 11, 23, 12, tzinfo=UTC)
SINCE = MOMENT - timedelta(days=9)
SOON, PAST = MOMENT + timedelta(microseconds=1), MOMENT - timedelta(microseconds=1)
CLUB = a_track(a_level("gold", 3), a_level("silver", 2), a_level("bronze", 1))

# The level (without an override the earned one), its end, the pin, what is earned; and where they stand.
CASES = [
    # Earned, as the version before has it, and as it is written now.
    ("gold", None, False, "", "gold"),
    ("silver", None, False, "silver", "silver"),
    ("iron", None, False, "iron", ""),  # the track has it no more
    ("gold", None, False, "bronze", "gold"),  # the version before has written over a loan
    ("bronze", None, False, "gold", "bronze"),
    ("iron", None, False, "silver", ""),
    # A loan: the higher of both, until its end.
    ("gold", SOON, False, "", "gold"),
    ("gold", SOON, False, "silver", "gold"),
    ("silver", SOON, False, "silver", "silver"),
    ("bronze", SOON, False, "silver", "silver"),
    ("", SOON, False, "silver", "silver"),
    ("", PAST, False, "silver", "silver"),
    ("gold", MOMENT, False, "", ""),
    ("gold", MOMENT, False, "silver", "silver"),
    ("gold", PAST, False, "silver", "silver"),
    ("bronze", PAST, False, "gold", "gold"),
    ("iron", SOON, False, "silver", "silver"),
    ("gold", SOON, False, "iron", "gold"),
    ("gold", PAST, False, "iron", ""),
    ("iron", SOON, False, "iron", ""),
    # A pin: up and down, the base too, until its end if it has one.
    ("gold", None, True, "", "gold"),
    ("bronze", None, True, "gold", "bronze"),
    ("", None, True, "gold", ""),
    ("", None, True, "", ""),
    ("bronze", SOON, True, "gold", "bronze"),
    ("", SOON, True, "gold", ""),
    ("bronze", MOMENT, True, "gold", "gold"),
    ("gold", PAST, True, "", ""),
    ("", PAST, True, "silver", "silver"),
    ("iron", None, True, "silver", "silver"),  # it pins to nothing
    ("iron", None, True, "", ""),
    ("gold", None, True, "iron", "gold"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("level", "expires_at", "pinned", "earned", "stands"), CASES)
def test_python_and_sql_agree_where_somebody_stands(
    level: str, expires_at: datetime | None, pinned: bool, earned: str, stands: str
) -> None:
    standing = Standing(level, SINCE, expires_at, pinned, earned)

    found = stands_on(standing, CLUB, MOMENT)

    assert (found.key if found else "") == in_sql(standing) == stands


def in_sql(standing: Standing) -> str:
    levels = ", ".join(f"('{TRACK}'::uuid, '{each.key}', {each.rank})" for each in CLUB.levels)
    statement = f"""
        WITH programs_tierlevel (track_id, key, rank) AS (VALUES {levels})
        SELECT stands.key FROM (VALUES ('{TRACK}'::uuid, %s, %s::timestamptz, %s::boolean, %s))
            AS standing (track_id, level, expires_at, pinned, earned_level)
            CROSS JOIN LATERAL ({STANDS_ON.format(moment="%s::timestamptz")}) AS stands
    """
    row = [standing.level, standing.expires_at, standing.pinned, standing.earned_level]
    with connection.cursor() as cursor:
        cursor.execute(statement, [*row, MOMENT])
        rows = cursor.fetchall()
    assert len(rows) <= 1
    return rows[0][0] if rows else ""


@pytest.mark.django_db
def test_python_and_sql_agree_on_every_combination() -> None:
    levels, ends = ("", "iron", "bronze", "gold"), (None, PAST, MOMENT, SOON)

    for level, expires_at, pinned, earned in product(levels, ends, (False, True), levels):
        standing = Standing(level, SINCE, expires_at, pinned, earned)
        found = stands_on(standing, CLUB, MOMENT)
        assert in_sql(standing) == (found.key if found else ""), standing


def test_what_is_settled_stands_where_it_stood_and_stays_settled() -> None:
    levels, ends = ("", "iron", "bronze", "gold"), (None, PAST, MOMENT, SOON)

    for level, expires_at, pinned, earned in product(levels, ends, (False, True), levels):
        standing = Standing(level, SINCE, expires_at, pinned, earned)
        now = settled(standing, CLUB, MOMENT)
        assert stands_on(now, CLUB, MOMENT) == stands_on(standing, CLUB, MOMENT), standing
        assert settled(now, CLUB, MOMENT) is now
        assert is_held(standing, CLUB, MOMENT) is now.pinned


@pytest.mark.parametrize(
    ("standing", "last", "now"),
    [
        (
            Standing("gold", SINCE, PAST, False, "silver"),
            "gold",
            Standing("silver", PAST, earned_level="silver"),
        ),
        (
            Standing("bronze", SINCE, PAST, False, "silver"),
            "silver",
            Standing("silver", SINCE, earned_level="silver"),
        ),
        (Standing("gold", SINCE, PAST), "gold", Standing("", PAST)),
        (Standing("", SINCE, PAST, True, "gold"), "", Standing("gold", PAST, earned_level="gold")),
        (Standing("iron", SINCE), "iron", Standing("", MOMENT)),
        (
            Standing("iron", SINCE, SOON, True, "gold"),
            "iron",
            Standing("gold", MOMENT, earned_level="gold"),
        ),
        (Standing("gold", SINCE, SOON, False, "iron"), "gold", Standing("gold", SINCE, SOON)),
    ],
)
def test_an_override_that_ended_leaves_what_was_earned_since_then(
    standing: Standing, last: str, now: Standing
) -> None:
    assert last_level(standing, CLUB) == last
    assert settled(standing, CLUB, MOMENT) == now
