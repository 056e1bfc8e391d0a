import csv
import re
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.utils import timezone

from participants import state
from participants.admin import export
from participants.models import (
    ActionType,
    Counter,
    Enrollment,
    EnrollmentStatus,
    JournalEntry,
    Participant,
    StateChange,
    TierStanding,
)
from participants.state.counters import CounterChange, set_counter
from participants.state.tiers import TierChange, set_tier
from programs.models import Asset, AssetLink, Program, TierLevel, TierTrack
from tests.admin_pages import shown_fields
from tests.conftest import TESTER
from tests.participants.ledger_world import World, make_world

PEOPLE = "/admin/participants/participant/"
JOURNAL = "/admin/participants/journalentry/"
HISTORY = "/admin/participants/statechange/"


@pytest.fixture
def world(db: None) -> World:
    """Ana, with nothing yet, in a program with points of two decimals."""
    return make_world()


def ana() -> Participant:
    return Participant.objects.get(external_id="ana")


def page_of(participant: Participant, page: str = "change/") -> str:
    return f"{PEOPLE}{participant.pk}/{page}"


def staff_client(*permissions: str) -> Client:
    user = User.objects.create_user("sam", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def asked(world: World, **fields: str) -> dict[str, str]:
    """What the form to adjust is sent with."""
    return {
        "asset": f"{world.program.pk}:{world.asset.pk}",
        "action": "CREDIT",
        "bucket": "AVAILABLE",
        "amount": "5",
        "description": "A present.",
        "step": "preview",
        **fields,
    }


def adjust(client: Client, fields: dict[str, Any]) -> Any:
    return client.post(page_of(ana(), "adjust/"), fields)


def confirmation(response: Any) -> dict[str, Any]:
    """The fields of the page that asks to confirm, as its button sends them."""
    return {**shown_fields(response, "adjust_form"), "step": "confirm"}


def changes_of(participant: Participant) -> list[tuple[Any, ...]]:
    """The changes of a counter or a tier."""
    rows = StateChange.objects.filter(participant=participant, state_type__in=["counter", "tier"])
    columns = ("state_type", "key", "operation", "old_value", "new_value", "changed_by")
    return list(rows.order_by("id").values_list(*columns))


def table(response: Any, name: str) -> list[list[str]]:
    """The texts of a section of the participant's page."""
    tables = [*response.context["held"], *response.context["holdings"]]
    [found] = [each for each in tables if each.name == name]
    return [[cell.text for cell in row.cells] for row in found.rows]


# The participant's page


def test_the_page_shows_balances_and_what_waits_to_mature(
    admin_client: Client, world: World
) -> None:
    matures_at = timezone.now() + timedelta(days=3)
    world.credit("10.5")
    world.move(ActionType.HOLD, "4")
    world.credit("2", matures_at=matures_at)

    response = admin_client.get(page_of(ana()))

    assert table(response, "balances") == [["Points (PTS)", "6.50", "4.00", "2.00"]]
    assert table(response, "deferred") == [[f"{matures_at:%Y-%m-%d %H:%M}", "Points (PTS)", "2.00"]]


def test_an_overdrawn_balance_is_marked(admin_client: Client, world: World) -> None:
    world.debit("3", allow_negative=True)

    text = admin_client.get(page_of(ana())).content.decode()

    assert "-3.00 <strong>overdrawn</strong>" in text


def test_the_page_shows_the_last_movements_in_words(admin_client: Client, world: World) -> None:
    world.credit("10", description="Welcome")
    world.debit("1.5")
    world.move(ActionType.HOLD, "4")
    world.move(ActionType.FORFEIT, "1", bucket="HELD")

    response = admin_client.get(page_of(ana()))

    assert [row[1:] for row in table(response, "movements")] == [
        ["Forfeit of held", "-1.00 PTS", "4.50 available, 3.00 held", "A test.", "Club", "command:tests"],
        ["Hold", "4.00 PTS", "4.50 available, 4.00 held", "A test.", "Club", "command:tests"],
        ["Debit", "-1.50 PTS", "8.50 available", "A test.", "Club", "command:tests"],
        ["Credit", "+10.00 PTS", "10.00 available", "Welcome", "Club", "command:tests"],
    ]  # fmt: skip
    assert f"{JOURNAL}?participant__id__exact={ana().pk}" in response.content.decode()


def test_the_page_shows_no_more_than_the_last_movements(admin_client: Client, world: World) -> None:
    for number in range(21):
        world.credit("1", description=f"Number {number}")

    rows = table(admin_client.get(page_of(ana())), "movements")

    assert [row[4] for row in rows] == [f"Number {number}" for number in range(20, 0, -1)]


def test_the_page_shows_counters_as_they_count_now(admin_client: Client, world: World) -> None:
    who = ana()
    set_counter(who.pk, "spent", CounterChange(Decimal("12345678901234567890.5")), by=TESTER)
    daily = CounterChange(Decimal(7), timedelta(hours=24), sets_window=True)
    set_counter(who.pk, "today", daily, by=TESTER)
    Counter.objects.filter(key="today").update(last_reset_at=timezone.now() - timedelta(hours=25))

    rows = table(admin_client.get(page_of(who)), "counters")

    assert [row[:3] for row in rows] == [
        ["spent", "12345678901234567890.5", ""],
        ["today", "0", "24h"],
    ]


def make_track(program: Program, key: str = "status") -> TierTrack:
    track = TierTrack.objects.create(program=program, key=key, display_name=key.capitalize())
    for rank, level in enumerate(("silver", "gold"), 1):
        TierLevel.objects.create(track=track, key=level, rank=rank, display_name=level.capitalize())
    return track


def test_the_page_shows_tiers_with_the_base_where_there_is_no_level(
    admin_client: Client, world: World
) -> None:
    make_track(world.program)
    make_track(world.program, "club")
    set_tier("ana", "status", world.program.pk, TierChange("gold"), by=TESTER)

    rows = table(admin_client.get(page_of(ana())), "tiers")

    assert [row[:3] for row in rows] == [["Status", "Club", "Gold"], ["Club", "Club", "Base"]]


def test_who_may_not_see_or_change_what_is_held_is_not_shown_it(world: World) -> None:
    world.credit("10")

    response = staff_client("view_participant").get(page_of(ana()))

    assert (response.context["held"], response.context["holdings"]) == ([], [])
    assert "Adjust balance" not in response.content.decode()


@pytest.mark.parametrize(
    ("assets", "counters", "tracks"),
    [(0, 0, 0), (20, 50, 5)],
)
def test_the_page_costs_the_same_however_much_is_held(
    admin_client: Client, world: World, queries: list[str], assets: int, counters: int, tracks: int
) -> None:
    who = ana()
    world.credit("1", matures_at=timezone.now() + timedelta(days=1))
    make_track(world.program)
    for number in range(assets):
        asset = Asset.objects.create(name=f"Asset {number}", symbol=f"A{number}")
        AssetLink.objects.create(program=world.program, asset=asset)
        World(world.program, asset).credit("1", matures_at=timezone.now() + timedelta(days=1))
    for number in range(counters):
        set_counter(who.pk, f"c{number}", CounterChange(Decimal(number)), by=TESTER)
    for number in range(tracks):
        make_track(world.program, f"t{number}")
    queries.clear()

    response = admin_client.get(page_of(who))

    assert len(table(response, "counters")) == counters
    # Session, user, participant, enrolments, history; balances, deferred credits, movements, counters, events; tracks
    # with their levels, standings and programs.
    assert len(queries) == 14
    assert not [sql for sql in queries if "COUNT(" in sql.upper()]


# Adjusting


def test_an_adjustment_shows_before_and_after_and_then_moves(
    admin_client: Client, world: World
) -> None:
    world.credit("10")

    preview = adjust(admin_client, asked(world, action="DEBIT", amount="2.5"))
    assert world.balance() == ("10", "0", "0")
    response = adjust(admin_client, confirmation(preview))

    cells = [(row.bucket, row.before, row.change, row.after) for row in preview.context["changes"]]
    assert cells == [
        ("Available", "10.00", "-2.50", "7.50"),
        ("Held", "0.00", "", "0.00"),
        ("Deferred", "0.00", "", "0.00"),
    ]
    assert response.status_code == 302
    assert response.headers["Location"] == page_of(ana())
    assert told(response) == ["Debit of 2.50 PTS; now 7.50 available, 0.00 held, 0.00 deferred."]
    entry = JournalEntry.objects.all()[0]
    assert entry.action_type == "DEBIT"
    assert (entry.amount, entry.description) == (Decimal("2.5"), "A present.")
    assert entry.created_by == "staff:admin"
    assert world.balance() == ("7.5", "0", "0")


@pytest.mark.parametrize(
    ("fields", "after"),
    [
        ({"action": "CREDIT"}, ("15", "4", "3")),
        ({"action": "CREDIT", "bucket": "HELD"}, ("10", "9", "3")),
        ({"action": "CREDIT", "matures_at": "2100-01-01T10:30"}, ("10", "4", "8")),
        ({"action": "DEBIT", "bucket": "HELD", "amount": "4"}, ("10", "0", "3")),
        ({"action": "DEBIT", "amount": "11", "allow_negative": "on"}, ("-1", "4", "3")),
        ({"action": "HOLD", "amount": "0.01"}, ("9.99", "4.01", "3")),
        ({"action": "RELEASE", "amount": "4"}, ("14", "0", "3")),
        ({"action": "FORFEIT", "amount": "10"}, ("0", "4", "3")),
        ({"action": "FORFEIT", "bucket": "DEFERRED", "amount": "2.5"}, ("10", "4", "0.5")),
    ],
)
def test_what_the_preview_promises_is_what_the_ledger_does(
    admin_client: Client, world: World, fields: dict[str, str], after: tuple[str, str, str]
) -> None:
    world.credit("14")
    world.move(ActionType.HOLD, "4")
    world.credit("1", matures_at=timezone.now() + timedelta(days=1))
    world.credit("2", matures_at=timezone.now() + timedelta(days=2))

    preview = adjust(admin_client, asked(world, **fields))
    response = adjust(admin_client, confirmation(preview))

    promised = [Decimal(change.after) for change in preview.context["changes"]]
    assert response.status_code == 302
    assert world.balance() == after
    assert promised == [Decimal(number) for number in after]


@pytest.mark.parametrize(
    ("fields", "field", "error"),
    [
        ({"amount": ""}, "amount", "This field is required."),
        ({"amount": "1e3"}, "amount", 'Give plain digits: "12.50"; no exponent, sign or space.'),
        ({"amount": "0"}, "amount", "Give an amount above zero."),
        ({"amount": "-5"}, "amount", "Give an amount above zero."),
        ({"amount": "9" * 21}, "amount", "At most 20 digits before the point and 18 after it."),
        ({"amount": "1.234"}, "amount", "Amounts of this asset have at most 2 decimals."),
        ({"amount": "101"}, "amount", "One movement of this asset may be at most 100."),
        ({"action": "DEBIT", "amount": "11"}, "amount", "AVAILABLE has 10, and 11 are asked for."),
        ({"action": "RELEASE", "amount": "1"}, "amount", "HELD has 0, and 1 are asked for."),
        ({"description": " "}, "description", "This field is required."),
        ({"description": "x" * 501}, "description", "Ensure this value has at most 500 characters (it has 501)."),
        ({"bucket": "DEFERRED"}, "bucket", "Give one of AVAILABLE, HELD."),
        ({"action": "HOLD", "bucket": "HELD"}, "bucket", "A hold or a release is always between available and held."),
        ({"matures_at": "2001-01-01T00:00"}, "matures_at", "Give a time to come."),
        ({"matures_at": "soon"}, "matures_at", "Enter a valid date/time."),
        ({"matures_at": "2100-01-01T00:00", "bucket": "HELD"}, "matures_at", "Only a CREDIT to AVAILABLE can mature later."),
        ({"matures_at": "2100-01-01T00:00", "action": "HOLD"}, "matures_at", "Only a credit can mature later."),
        ({"allow_negative": "on"}, "allow_negative", "Only a DEBIT of AVAILABLE can overdraw."),
        ({"allow_negative": "on", "action": "HOLD"}, "allow_negative", "Only a debit can overdraw."),
        ({"action": "MATURE"}, "action", "Select a valid choice. MATURE is not one of the available choices."),
        ({"asset": ""}, "asset", "This field is required."),
        ({"asset": "x"}, "asset", "Select a valid choice. x is not one of the available choices."),
    ],
)  # fmt: skip
def test_what_the_ledger_refuses_is_an_error_on_its_field(
    admin_client: Client, db: None, fields: dict[str, str], field: str, error: str
) -> None:
    world = make_world(max_transaction_amount=Decimal(100))
    world.credit("10")

    response = adjust(admin_client, asked(world, **fields))

    assert response.status_code == 200
    assert response.context["form"].errors == {field: [error]}
    assert JournalEntry.objects.filter(created_by="staff:admin").count() == 0


def test_a_balance_beyond_all_digits_is_an_error_on_the_amount(
    admin_client: Client, world: World
) -> None:
    world.credit("99999999999999999999")

    response = adjust(admin_client, asked(world, amount="1"))

    message = "The balance would have more than 20 digits before the point."
    assert response.context["form"].errors == {"amount": [message]}


@pytest.mark.parametrize(
    ("meanwhile", "field"),
    [
        (lambda world: Participant.objects.update(status="SUSPENDED"), "__all__"),
        (lambda world: Enrollment.objects.update(status=EnrollmentStatus.FROZEN), "asset"),
        (lambda world: AssetLink.objects.all().delete(), "asset"),
    ],
)
def test_what_becomes_impossible_before_it_is_confirmed_is_an_error_and_moves_nothing(
    admin_client: Client, world: World, meanwhile: Any, field: str
) -> None:
    preview = adjust(admin_client, asked(world))
    meanwhile(world)

    response = adjust(admin_client, confirmation(preview))

    assert response.status_code == 200
    assert list(response.context["form"].errors) == [field]
    assert not JournalEntry.objects.exists()


def test_only_assets_of_programs_with_an_active_enrolment_are_offered(
    admin_client: Client, world: World
) -> None:
    other = Program.objects.create(name="Other")
    AssetLink.objects.create(program=other, asset=world.asset)
    Asset.objects.create(name="Unlinked", symbol="UN")
    frozen = Program.objects.create(name="Frozen")
    AssetLink.objects.create(program=frozen, asset=world.asset)
    change = state.Change(program_id=frozen.pk, enrollment_status=EnrollmentStatus.FROZEN)
    state.apply(change, to="ana", by=TESTER)

    form = admin_client.get(page_of(ana(), "adjust/")).context["form"]

    choice = (f"{world.program.pk}:{world.asset.pk}", "Club: Points (PTS)")
    assert form.fields["asset"].choices == [choice]


def test_without_anything_to_adjust_the_page_says_so(
    admin_client: Client, participant: Participant
) -> None:
    response = admin_client.get(page_of(participant, "adjust/"))

    assert "There is nothing to adjust" in response.content.decode()


def test_confirming_twice_moves_once(admin_client: Client, world: World) -> None:
    fields = confirmation(adjust(admin_client, asked(world)))

    first = adjust(admin_client, fields)
    second = adjust(admin_client, fields)

    assert (first.status_code, second.status_code) == (302, 302)
    assert told(second)[-1] == told(first)[-1]
    assert world.balance() == ("5", "0", "0")
    assert JournalEntry.objects.get().idempotency_key == f"admin-{fields['key'][0]}"


@pytest.mark.django_db(transaction=True)
def test_a_double_click_moves_once(admin_user: User) -> None:
    world = make_world()
    clients = [Client() for _ in range(8)]
    for client in clients:
        client.force_login(admin_user)
    fields = confirmation(adjust(clients[0], asked(world)))
    gate = Barrier(len(clients))
    statuses = []

    def click(client: Client) -> None:
        gate.wait()
        statuses.append(adjust(client, fields).status_code)
        connection.close()

    threads = [Thread(target=click, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [302] * len(clients)
    assert world.balance() == ("5", "0", "0")


def test_a_confirmation_that_was_tampered_with_after_it_moved_is_refused(
    admin_client: Client, world: World
) -> None:
    fields = confirmation(adjust(admin_client, asked(world)))
    adjust(admin_client, fields)

    response = adjust(admin_client, fields | {"amount": "500"})

    assert response.context["form"].errors == {
        "__all__": ["This idempotency key was used with another request."]
    }
    assert world.balance() == ("5", "0", "0")


def test_a_balance_that_changed_meanwhile_is_shown_again_before_anything_moves(
    admin_client: Client, world: World
) -> None:
    world.credit("10")
    fields = confirmation(adjust(admin_client, asked(world, action="DEBIT", amount="4")))
    world.debit("3")

    again = adjust(admin_client, fields)
    assert world.balance() == ("7", "0", "0")
    response = adjust(admin_client, confirmation(again))

    assert again.status_code == 200
    assert "The balance has changed since this page was shown." in again.content.decode()
    assert again.context["changes"][0].after == "3.00"
    assert response.status_code == 302
    assert world.balance() == ("3", "0", "0")


def test_a_balance_that_is_spent_meanwhile_is_an_error_on_the_amount(
    admin_client: Client, world: World
) -> None:
    world.credit("10")
    fields = confirmation(adjust(admin_client, asked(world, action="DEBIT", amount="4")))
    world.debit("10")

    response = adjust(admin_client, fields)

    assert response.context["form"].errors == {"amount": ["AVAILABLE has 0, and 4 are asked for."]}
    assert world.balance() == ("0", "0", "0")


def test_one_can_go_back_to_the_form_with_what_was_typed(
    admin_client: Client, world: World
) -> None:
    fields = confirmation(adjust(admin_client, asked(world, allow_negative="", amount="3.10")))

    response = adjust(admin_client, fields | {"step": "edit"})

    again = shown_fields(response, "adjust_form")
    assert again["amount"] == ["3.10"]
    assert again["description"] == ["A present."]
    assert "allow_negative" not in again
    assert not JournalEntry.objects.exists()


@pytest.mark.parametrize("key", ["", "x", "\0", "{}"])
def test_a_confirmation_without_its_key_is_asked_for_again(
    admin_client: Client, world: World, key: str
) -> None:
    fields = confirmation(adjust(admin_client, asked(world)))

    response = adjust(admin_client, fields | {"key": key})

    assert response.status_code == 200
    assert response.context["changes"]
    assert not JournalEntry.objects.exists()


HOSTILE = [
    "\0", "x" * 100_000, "9" * 5000, "NaN", "1e999999999", "-0", "٣", "<script>", "' OR 1=1 --", "=1+1",
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "[]", "\ud7ff\uffff", "None", "True",
]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("name", ["asset", "action", "bucket", "amount", "matures_at", "description", "key", "shown", "step"])  # fmt: skip
def test_hostile_adjustments_are_errors_on_the_form_at_most(
    admin_client: Client, world: World, name: str, value: str
) -> None:
    fields = confirmation(adjust(admin_client, asked(world)))

    preview = adjust(admin_client, asked(world) | {name: value})
    confirmed = adjust(admin_client, fields | {name: value})

    assert preview.status_code == 200
    assert confirmed.status_code in (200, 302)


@pytest.mark.parametrize("permission", ["view_participant", "adjust_balance"])
def test_adjusting_needs_its_own_permission_and_that_to_see_the_participant(
    world: World, permission: str
) -> None:
    client = staff_client(permission)

    assert client.get(page_of(ana(), "adjust/")).status_code == 403
    assert adjust(client, asked(world, step="confirm")).status_code == 403
    assert not JournalEntry.objects.exists()


def test_who_may_see_participants_and_adjust_balances_adjusts_as_themselves(world: World) -> None:
    client = staff_client("view_participant", "adjust_balance")

    assert "Adjust balance" in client.get(page_of(ana())).content.decode()
    response = adjust(client, confirmation(adjust(client, asked(world))))

    assert response.status_code == 302
    assert JournalEntry.objects.get().created_by == "staff:sam"


@pytest.mark.parametrize("page", ["adjust/", "counter/", f"tiers/{UUID(int=0)}/"])
@pytest.mark.parametrize("who", [str(UUID(int=1)), "x"])
def test_a_page_of_nobody_is_not_found(admin_client: Client, page: str, who: str) -> None:
    assert admin_client.get(f"{PEOPLE}{who}/{page}").status_code == 404


# Counters and tiers


def test_a_counter_is_set_changed_and_deleted(admin_client: Client, world: World) -> None:
    who = ana()
    new, known = page_of(who, "counter/"), page_of(who, "counter/?key=spent")

    admin_client.post(new, {"key": "spent", "value": "1.50", "reset_after": "24h"})
    shown = shown_fields(admin_client.get(known), "part_form")
    admin_client.post(known, shown | {"value": ["7"]})
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

    admin_client.post(known, shown | {"value": ["2"]})

    assert Counter.objects.get().reset_after == timedelta(hours=24)


def test_a_counter_with_an_odd_key_is_changed_and_deleted(
    admin_client: Client, world: World
) -> None:
    key = 'a&b="c"\n/ü?'
    set_counter("ana", key, CounterChange(Decimal(1)), by=TESTER)
    [found] = [each for each in admin_client.get(page_of(ana())).context["holdings"] if each.name == "counters"]  # fmt: skip

    admin_client.post(found.rows[0].url, {"value": "2"})
    assert Counter.objects.get().value == 2
    admin_client.post(found.rows[0].url, {"delete": "Delete"})

    assert not Counter.objects.exists()


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"value": "x"}, {"value": ['Give plain digits: "12.50"; no exponent, sign or space.']}),
        ({"value": ""}, {"value": ["This field is required."]}),
        ({"key": ""}, {"key": ["This field is required."]}),
        ({"key": "known"}, {"key": ["The participant has this counter already."]}),
        ({"key": "\0"}, {"key": ["Null characters are not allowed."]}),
        ({"reset_after": "daily"}, {"reset_after": ['Give a duration such as "24h" or "1h30m", or "" for none.']}),
        ({"reset_after": "0h"}, {"reset_after": ['Give a duration such as "24h" or "1h30m", or "" for none.']}),
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

    added = client.post(new, {"key": "new", "value": "5"})
    changed = client.post(known, {"value": "5"})
    deleted = client.post(known, {"delete": "Delete"})

    assert (added.status_code, changed.status_code, deleted.status_code) == statuses


def test_a_tier_is_set_and_cleared(admin_client: Client, world: World) -> None:
    track = make_track(world.program)
    page = page_of(ana(), f"tiers/{track.pk}/")

    admin_client.post(page, {"level": "gold", "expires_at": "2100-01-01T10:30"})
    standing = TierStanding.objects.get()
    shown = shown_fields(admin_client.get(page), "part_form")
    cleared = admin_client.post(page, {"level": "", "expires_at": ""})

    assert (standing.level, f"{standing.expires_at:%Y-%m-%d %H:%M}") == ("gold", "2100-01-01 10:30")
    assert shown["level"] == ["gold"]
    assert shown["expires_at"] == ["2100-01-01T10:30:00"]
    assert told(cleared)[-1] == "Status: the participant is on the base."
    assert changes_of(ana()) == [
        ("tier", "status", "ADD", None, "gold", "staff:admin"),
        ("tier", "status", "REMOVE", "gold", None, "staff:admin"),
    ]


def test_an_expiry_that_was_not_edited_stays_to_the_microsecond(
    admin_client: Client, world: World
) -> None:
    track = make_track(world.program)
    expires_at = timezone.now() + timedelta(days=1)
    set_tier("ana", "status", world.program.pk, TierChange("gold", expires_at), by=TESTER)
    page = page_of(ana(), f"tiers/{track.pk}/")

    shown = shown_fields(admin_client.get(page), "part_form")
    admin_client.post(page, shown | {"level": ["silver"]})

    assert TierStanding.objects.get().level == "silver"
    assert TierStanding.objects.get().expires_at == expires_at


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"level": "bronze"}, "level"),
        ({"level": "gold", "expires_at": "2001-01-01T00:00"}, "expires_at"),
        ({"level": "gold", "expires_at": "9999-12-31T23:59:59-23:59"}, "expires_at"),
        ({"level": "", "expires_at": "2100-01-01T00:00"}, "expires_at"),
    ],
)
def test_what_a_tier_cannot_be_is_an_error_on_its_field(
    admin_client: Client, world: World, fields: dict[str, str], field: str
) -> None:
    track = make_track(world.program)

    response = admin_client.post(page_of(ana(), f"tiers/{track.pk}/"), fields)

    assert list(response.context["form"].errors) == [field]
    assert not TierStanding.objects.exists()


def test_a_tier_of_a_program_without_an_active_enrolment_is_refused(
    admin_client: Client, world: World
) -> None:
    track = make_track(world.program)
    Enrollment.objects.update(status=EnrollmentStatus.CLOSED)

    response = admin_client.post(page_of(ana(), f"tiers/{track.pk}/"), {"level": "gold"})

    assert response.context["form"].errors == {
        "level": ["The participant has no active enrolment in this program."]
    }


def test_a_tier_needs_its_permission(world: World) -> None:
    track = make_track(world.program)
    client = staff_client("view_participant", "view_tierstanding")

    response = client.post(page_of(ana(), f"tiers/{track.pk}/"), {"level": "gold"})

    assert response.status_code == 403
    assert not TierStanding.objects.exists()


def test_the_state_history_shows_counters_and_tiers_in_words(
    admin_client: Client, world: World
) -> None:
    make_track(world.program)
    set_counter("ana", "spent", CounterChange(Decimal("1.5")), by=TESTER)
    set_tier("ana", "status", world.program.pk, TierChange("gold"), by=TESTER)
    whose = {"participant__id__exact": str(ana().pk)}

    response = admin_client.get(page_of(ana()))
    counters = admin_client.get(HISTORY, whose | {"state_type__exact": "counter"})

    cells = [[str(cell) for cell in row[2:]] for row in response.context["state_changes"]]
    assert cells[:2] == [["Tier status in Club", "", "gold"], ["Counter spent", "", "1.5"]]
    assert [change.key for change in counters.context["cl"].result_list] == ["spent"]


# The journal


def test_the_journal_lists_movements_in_words(admin_client: Client, world: World) -> None:
    world.credit("10.5", description="Welcome")

    text = admin_client.get(JOURNAL).content.decode()

    cells = re.findall(r'<t[dh] class="field-(\w+)[^"]*">(.*?)</t[dh]>', text)
    shown = {name: re.sub("<[^>]+>", "", cell) for name, cell in cells}
    assert {name: text for name, text in shown.items() if name != "when"} == {
        "whose": "ana",
        "what": "Credit",
        "signed_amount": "+10.50 PTS",
        "program": "Club",
        "description": "Welcome",
        "created_by": "command:tests",
    }
    assert f'<a href="{page_of(ana())}">ana</a>' in text


def test_an_entry_shows_everything_and_can_be_neither_added_changed_nor_deleted(
    admin_client: Client, world: World
) -> None:
    world.credit("10", idempotency_key="k-1")
    entry = JournalEntry.objects.get()
    page = f"{JOURNAL}{entry.pk}"

    text = admin_client.get(f"{page}/change/").content.decode()

    assert bytes(entry.entry_hash).hex() in text
    assert "<div>Issuance -10.00</div><div>Available +10.00</div>" in text
    assert "k-1" in text
    assert "&quot;description&quot;:&quot;A test.&quot;" in text
    assert 'type="submit" value="Save' not in text
    assert admin_client.get(f"{JOURNAL}add/").status_code == 403
    assert admin_client.post(f"{page}/change/", {"description": "x"}).status_code == 403
    assert admin_client.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
    deletion = {"action": "delete_selected", "_selected_action": [str(entry.pk)], "post": "yes"}
    admin_client.post(JOURNAL, deletion)
    assert JournalEntry.objects.get().description == "A test."


def test_the_journal_needs_the_permission_to_see_it(world: World) -> None:
    world.credit("1")
    client = staff_client("view_participant", "adjust_balance")

    for page in ("", "export/", f"{JournalEntry.objects.get().pk}/change/"):
        assert client.get(JOURNAL + page).status_code == 403


@pytest.fixture
def journal(db: None) -> World:
    """Some movements of ana and eva."""
    world = make_world("ana", "eva")
    world.credit("10", description="first", idempotency_key="k-1")
    world.debit("1", description="second")
    world.move(ActionType.HOLD, "2", description="third")
    world.credit("5", of="eva", description="fourth")
    return world


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["fourth", "third", "second", "first"]),
        ("action=CREDIT&from={today}", ["fourth", "first"]),
        ("action=HOLD&participant__id__exact={ana}", ["third"]),
        ("from={today}&to={today}", ["fourth", "third", "second", "first"]),
        ("to={yesterday}", []),
        ("from=&to=", ["fourth", "third", "second", "first"]),
        ("asset={asset}&program={program}", ["fourth", "third", "second", "first"]),
        ("asset={nothing}", []),
        ("program={nothing}", []),
        ("q=eva", ["fourth"]),
        ("q=ana", ["third", "second", "first"]),
        ("q=an", []),
        ("q={entry}", ["first"]),
        ("q={event}", ["second"]),
        ("q={nothing}", []),
        ("q=k-1", []),
        ("q=k-1&participant__id__exact={ana}", ["first"]),
        ("participant__id__exact={ana}&p=1", ["third", "second", "first"]),
    ],
)
def test_entries_are_found_by_filters_and_search_and_exported_alike(
    admin_client: Client, journal: World, query: str, found: list[str]
) -> None:
    event = UUID(int=7)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE participants_journalentry SET event_id = %s WHERE description = 'second'",
            [event],
        )
    asked = query.format(
        today=timezone.now().date(),
        yesterday=timezone.now().date() - timedelta(days=1),
        ana=ana().pk,
        asset=journal.asset.pk,
        program=journal.program.pk,
        nothing=UUID(int=9),
        entry=JournalEntry.objects.get(description="first").pk,
        event=event,
    )

    listed = admin_client.get(f"{JOURNAL}?{asked}")
    rows = exported(admin_client, f"?{asked}")

    assert [entry.description for entry in listed.context["cl"].result_list] == found
    assert [row["description"] for row in rows] == found


def exported(client: Client, query: str = "") -> list[dict[str, str]]:
    response: Any = client.get(f"{JOURNAL}export/{query}")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.streaming
    return list(csv.DictReader(StringIO(response.getvalue().decode(), newline="")))


def test_an_action_among_everybody_is_offered_for_the_last_days(
    admin_client: Client, journal: World
) -> None:
    text = admin_client.get(JOURNAL).content.decode()
    alone = admin_client.get(f"{JOURNAL}?participant__id__exact={ana().pk}").content.decode()

    since = timezone.now().date() - timedelta(days=30)
    assert f'<a href="?action=CREDIT&amp;from={since}">' in text
    assert f'<a href="?action=CREDIT&amp;participant__id__exact={ana().pk}">' in alone


@pytest.mark.parametrize("page", ["", "export/"])
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("action=CREDIT", 302),
        ("action=CREDIT&from=", 302),
        ("action=x&from=2026-01-01", 302),
        ("from=soon", 302),
        ("to=9999-12-31", 302),
        ("from=0001-01-01&to=9999-12-30", 200),
        ("from=%00", 302),
        ("asset=x", 302),
        ("program=%00", 302),
        ("participant__id__exact=x", 302),
        ("q=%00", 302),
        ("description__regex=(a%2B)%2B$", 400),
        ("idempotency_key=k", 400),
        ("from=2026-01-01&from=x", 302),
        ("q=" + "x" * 5000, 200),
        ("p=99999999999", 200),
        ("o=1.2.3", 200),
        ("_facets=1", 200),
    ],
)
def test_hostile_addresses_of_the_journal_show_no_error_page(
    admin_client: Client, journal: World, page: str, query: str, status: int
) -> None:
    response = admin_client.get(f"{JOURNAL}{page}?{query}")

    assert response.status_code == status
    if status == 302:
        assert response.headers["Location"] == f"{JOURNAL}?e=1"


def test_the_export_spells_numbers_plainly_and_disarms_formulas(
    admin_client: Client, db: None
) -> None:
    world = make_world('=HYPERLINK("x")', scale=18)
    world.credit("12345678901234567890.5", of='=HYPERLINK("x")', description="+1, said\nEva")

    [row] = exported(admin_client)

    assert row["amount"] == "12345678901234567890.500000000000000000"
    assert row["external_id"] == '\'=HYPERLINK("x")'
    assert row["description"] == "'+1, said\nEva"
    assert (row["action_type"], row["source"], row["destination"]) == (
        "CREDIT", "ISSUANCE", "AVAILABLE",
    )  # fmt: skip
    assert (row["sequence"], row["asset"], row["program"]) == ("1", "PTS", "Club")
    assert row["entry_hash"] == bytes(JournalEntry.objects.get().entry_hash).hex()
    assert row["created_at"].endswith("Z")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("plain", "plain"), ("a=b", "a=b"), (None, ""), ("", ""), ("=1", "'=1"), ("+1", "'+1"), ("-1", "'-1"),
        ("@x", "'@x"), (" =1", "' =1"), ("\t=1", "'\t=1"), ("\rx", "'\rx"), ("\nx", "'\nx"), ("\uff1d1", "'\uff1d1"),
    ],
)  # fmt: skip
def test_a_cell_is_no_formula(text: str | None, cell: str) -> None:
    assert export.plain(text) == cell


@pytest.fixture
def many(world: World) -> None:
    """Two thousand five hundred entries of ana, of which many share a moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO participants_journalentry (id, participant_id, sequence, asset_id, program_id, source,
                destination, amount, available, held, deferred, description, created_by, created_at, entry_hash)
            SELECT gen_random_uuid(), %s, n, %s, %s, 'ISSUANCE', 'AVAILABLE', 1, n, 0, 0, 'Number ' || n, 'tests',
                now() - (n / 100 || ' minutes')::interval, '\\x00'
            FROM generate_series(1, 2500) AS n""",
            [ana().pk, world.asset.pk, world.program.pk],
        )


@pytest.mark.parametrize("query", ["", "?q=ana"])
@pytest.mark.usefixtures("many")
def test_the_export_has_each_entry_once_in_batches(
    admin_client: Client, queries: list[str], query: str
) -> None:
    rows = exported(admin_client, query)

    stored = JournalEntry.objects.order_by(*(["-sequence"] if query else ["-created_at", "-id"]))
    assert [row["entry_id"] for row in rows] == [
        str(pk) for pk in stored.values_list("pk", flat=True)
    ]
    batches = [sql for sql in queries if "LIMIT 1000" in sql]
    assert len(batches) == 3
    assert not [sql for sql in queries if "OFFSET" in sql or "COUNT(" in sql.upper()]


@pytest.mark.parametrize("asked", ["", "?p=2", "?q=ana", "?p=100000000", "?o=2.3", "?_facets=1"])
@pytest.mark.usefixtures("many")
def test_the_journal_takes_a_few_queries_and_counts_nothing(
    admin_client: Client, queries: list[str], asked: str
) -> None:
    response = admin_client.get(JOURNAL + asked)

    assert response.status_code == 200
    # Session, user, rows, programs and assets to filter by, the participant searched for.
    assert len(queries) <= 6
    assert not [sql for sql in queries if "COUNT(" in sql.upper()]
    assert len(response.context["cl"].result_list) in (0, 50)
