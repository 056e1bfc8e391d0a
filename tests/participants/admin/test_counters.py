"""Counters set in the admin."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from participants.models import Counter
from participants.state.counters import CounterChange, set_counter
from programs.kernel import periods
from tests.admin_pages import shown_fields
from tests.conftest import TESTER
from tests.participants.admin.ledger_pages import ana, changes_of, page_of
from tests.participants.ledger_world import World
from tests.staff import staff_client, told


def test_a_counter_is_set_changed_and_deleted(admin_client: Client, world: World) -> None:
    who = ana()
    new, known = page_of(who, "counter/"), page_of(who, "counter/?key=spent")

    admin_client.post(
        new, {"key": "spent", "value": "1.50", "reset_after": "24h", "step": "confirm"}
    )
    shown = shown_fields(admin_client.get(known), "part_form")
    admin_client.post(known, shown | {"value": ["7"], "step": ["confirm"]})
    changed = Counter.objects.get()
    deleted = admin_client.post(known, shown | {"delete": ["Delete"]})

    assert shown["value"] == ["1.5"]
    assert shown["reset_after"] == ["24h"]
    assert (changed.value, changed.reset_after) == (7, timedelta(hours=24))
    assert told(deleted)[-1] == "The counter spent was deleted."
    assert changes_of(who) == [
        ("counter", "spent", "ADD", None, "1.5", "staff:admin"),
        ("counter", "spent", "CHANGE", "1.5", "7", "staff:admin"),
        ("counter", "spent", "REMOVE", "7", None, "staff:admin"),
    ]


def test_a_window_that_was_not_edited_stays_as_somebody_else_made_it(
    admin_client: Client, world: World
) -> None:
    who = ana()
    set_counter(who.pk, "spent", CounterChange(Decimal(1)), by=TESTER)
    known = page_of(who, "counter/?key=spent")
    shown = shown_fields(admin_client.get(known), "part_form")
    daily = CounterChange(Decimal(1), timedelta(hours=24), sets_window=True)
    set_counter(who.pk, "spent", daily, by=TESTER)

    admin_client.post(known, shown | {"value": ["2"], "step": ["confirm"]})

    assert Counter.objects.get().reset_after == timedelta(hours=24)


def test_a_counter_of_a_calendar_period_is_set_in_the_current_one(
    admin_client: Client, world: World
) -> None:
    who = ana()
    start, end = periods.around("MONTH", "Asia/Tokyo", timezone.now())
    in_tokyo = {"reset": "MONTH", "time_zone": "Asia/Tokyo"}
    last = {"last_reset_at": start - timedelta(days=31), "period_end": start}
    Counter.objects.create(participant=who, key="month", value=5, **in_tokyo, **last)
    known = page_of(who, "counter/?key=month")
    response = admin_client.get(known)
    [counted] = admin_client.get(page_of(who)).context["counters"]

    admin_client.post(
        known, shown_fields(response, "part_form") | {"value": ["7"], "step": ["confirm"]}
    )

    began = f"{start:%Y-%m-%d %H:%M:%S} UTC"
    assert f"It resets each month (Asia/Tokyo), last at {began}." in response.content.decode()
    assert (counted.counter.key, counted.value) == ("month", "0")
    assert counted.window == f"resets each month (Asia/Tokyo), last at {began}"
    counter = Counter.objects.get()
    assert (counter.value, counter.last_reset_at, counter.period_end) == (7, start, end)
    assert changes_of(who) == [("counter", "month", "CHANGE", "0", "7", "staff:admin")]


def test_a_counter_with_an_odd_key_is_changed_and_deleted(
    admin_client: Client, world: World
) -> None:
    key = 'a&b="c"\n/ü?'
    set_counter("ana", key, CounterChange(Decimal(1)), by=TESTER)
    [shown] = admin_client.get(page_of(ana())).context["counters"]

    admin_client.post(shown.url, {"value": "2", "step": "confirm"})
    assert Counter.objects.get().value == 2
    admin_client.post(shown.url, {"delete": "Delete", "step": "confirm"})

    assert not Counter.objects.exists()


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"value": "x"}, {"value": ['Give plain digits: "12.50"; no exponent, sign or space.']}),
        ({"value": ""}, {"value": ["This field is required."]}),
        ({"key": ""}, {"key": ["This field is required."]}),
        ({"key": "known"}, {"key": ["The participant already has this counter."]}),
        ({"key": "\0"}, {"key": ["Null characters are not allowed."]}),
        ({"reset_after": "daily"}, {"reset_after": ['Give a duration such as "24h", "7d" or "1h30m", or "" for none.']}),
        ({"reset_after": "0h"}, {"reset_after": ['Give a duration such as "24h", "7d" or "1h30m", or "" for none.']}),
    ],
)  # fmt: skip
def test_what_a_counter_cannot_be_is_an_error_on_its_field(
    admin_client: Client, world: World, fields: dict[str, str], errors: dict[str, list[str]]
) -> None:
    set_counter("ana", "known", CounterChange(Decimal(1)), by=TESTER)

    response = admin_client.post(
        page_of(ana(), "counter/"), {"key": "new", "value": "5", "reset_after": "", **fields}
    )

    assert response.context["form"].errors == errors
    assert Counter.objects.get().value == 1


@pytest.mark.parametrize("key", ["nothing", "", "%00", "x" * 101])
def test_a_counter_that_is_not_there_is_not_found(
    admin_client: Client, world: World, key: str
) -> None:
    assert admin_client.get(page_of(ana(), f"counter/?key={key}")).status_code == 404


@pytest.mark.parametrize(
    ("permission", "statuses"),
    [
        ("view_counter", (403, 403, 403)),
        ("add_counter", (302, 403, 403)),
        ("change_counter", (403, 302, 403)),
        ("delete_counter", (403, 403, 403)),
    ],
)
def test_each_change_of_a_counter_needs_its_permission(
    world: World, permission: str, statuses: tuple[int, ...]
) -> None:
    set_counter("ana", "known", CounterChange(Decimal(1)), by=TESTER)
    client = staff_client("view_participant", permission)
    new, known = page_of(ana(), "counter/"), page_of(ana(), "counter/?key=known")

    added = client.post(new, {"key": "new", "value": "5", "step": "confirm"})
    changed = client.post(known, {"value": "5", "step": "confirm"})
    deleted = client.post(known, {"delete": "Delete"})

    assert (added.status_code, changed.status_code, deleted.status_code) == statuses
