"""The rules that exist twice, in `Person` and in SQL: generated cases must come out the same."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from participants import state
from participants.causes import Cause
from participants.models import StateChange
from participants.state import persons, windows
from participants.state.person import HistoryRow, Person
from participants.state.read import WINDOW_HAS_ENDED
from tests.conftest import TESTER

pytestmark = pytest.mark.django_db
NUMBERS = count()
MOMENT = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
TAGS = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from([None, "x", "", True, False, 1, Decimal("1.0"), Decimal("1.5"), "1"])
ATTRIBUTES = st.dictionaries(st.sampled_from(["k", "l", "m"]), VALUES)
AROUND = st.integers(-3, 3).map(lambda micros: MOMENT + timedelta(microseconds=micros))


@st.composite
def changes(draw: st.DrawFn) -> state.Change:
    adds = draw(st.lists(TAGS, unique=True))
    removes = [tag for tag in draw(st.lists(TAGS, unique=True)) if tag not in adds]
    return state.Change(add_tags=adds, remove_tags=removes, attributes=draw(ATTRIBUTES))


def carried_out(person: Person, change: state.Change) -> None:
    """Make the change through the person's own verbs, one by one."""
    cause = Cause(TESTER)
    for tag in change.remove_tags:
        person.remove_tag(tag, cause)
    for tag in change.add_tags:
        person.add_tag(tag, cause)
    for key, value in (change.attributes or {}).items():
        person.set_attribute(key, value, cause)


def told(row: StateChange | HistoryRow) -> tuple[Any, ...]:
    return (row.state_type, row.key, row.operation, repr(row.old_value), repr(row.new_value))


@given(start=changes(), change=changes())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_bulk_upsert_does_what_a_person_does(start: state.Change, change: state.Change) -> None:
    external_id = f"p{next(NUMBERS)}"
    made = state.change(start, to=external_id, by=TESTER, rights=state.ALL_RIGHTS)
    with transaction.atomic():
        person, _ = persons.opened(external_id)
    before = set(StateChange.objects.values_list("pk", flat=True))

    result = state.change(change, to=external_id, by=TESTER)

    carried_out(person, change)
    stored = persons.load([made.participant_id], MOMENT)[made.participant_id]
    assert stored.tags == person.tags
    assert stored.attributes == person.attributes
    history = StateChange.objects.filter(participant=made.participant_id).exclude(pk__in=before)
    assert sorted(map(told, history)) == sorted(map(told, person.noted))
    assert result.changed == bool(person.noted)


@given(
    began=AROUND,
    window=st.sampled_from([(None, "", "", None)])
    | st.integers(1, 3).map(lambda n: (timedelta(microseconds=n), "", "", None))
    | AROUND.map(lambda end: (None, "DAY", "UTC", end)),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_windows_end_at_the_same_moment_in_sql(began: datetime, window: Any) -> None:
    reset_after, reset, time_zone, period_end = window
    counter = windows.stored(Decimal(1), reset_after, reset, time_zone, began, period_end)

    assert holds(
        WINDOW_HAS_ENDED.format(moment="%s::timestamptz"),
        "counter (last_reset_at, reset_after, period_end)",
        "%s::timestamptz, %s::interval, %s::timestamptz",
        [MOMENT, began, reset_after, period_end],
    ) is counter.has_ended(MOMENT)


def holds(condition: str, table: str, row: str, parameters: list[Any]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {condition} IS TRUE FROM (VALUES ({row})) AS {table}", parameters)
        [held] = cursor.fetchone()
        return bool(held)
