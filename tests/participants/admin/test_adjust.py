"""Balances adjusted in the admin."""

from datetime import timedelta
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from participants import state
from participants.models import ActionType, Enrollment, EnrollmentStatus, JournalEntry, Participant
from programs.models import Asset, AssetLink, Program
from tests.admin_pages import shown_fields
from tests.conftest import TESTER
from tests.participants.admin.ledger_pages import ana, asked, page_of
from tests.participants.ledger_world import World, make_world
from tests.staff import staff_client, told

PEOPLE = "/admin/participants/participant/"


def adjust(client: Client, fields: dict[str, Any]) -> Any:
    return client.post(page_of(ana(), "adjust/"), fields)


def confirmation(response: Any) -> dict[str, Any]:
    """The fields of the page that asks to confirm, as its button sends them."""
    return {**shown_fields(response, "adjust_form"), "step": "confirm"}


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
        ({"action": "DEBIT", "amount": "11"}, "amount", "AVAILABLE has 10, less than the 11 asked for."),
        ({"action": "RELEASE", "amount": "1"}, "amount", "HELD has 0, less than the 1 asked for."),
        ({"description": " "}, "description", "This field is required."),
        ({"description": "x" * 501}, "description", "Ensure this value has at most 500 characters (it has 501)."),
        ({"bucket": "DEFERRED"}, "bucket", "Give one of AVAILABLE, HELD."),
        ({"action": "HOLD", "bucket": "HELD"}, "bucket", "A hold or release always moves value between available and held."),
        ({"matures_at": "2001-01-01T00:00"}, "matures_at", "Give a time in the future."),
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


def test_only_assets_of_programs_with_an_active_enrollment_are_offered(
    admin_client: Client, world: World
) -> None:
    other = Program.objects.create(name="Other")
    AssetLink.objects.create(program=other, asset=world.asset)
    Asset.objects.create(name="Unlinked", symbol="UN")
    frozen = Program.objects.create(name="Frozen")
    AssetLink.objects.create(program=frozen, asset=world.asset)
    change = state.Change(program_id=frozen.pk, enrollment_status=EnrollmentStatus.FROZEN)
    state.change(change, to="ana", by=TESTER)

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

    assert response.context["form"].errors == {
        "amount": ["AVAILABLE has 0, less than the 4 asked for."]
    }
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

    assert ">Adjust</a>" in client.get(page_of(ana())).content.decode()
    response = adjust(client, confirmation(adjust(client, asked(world))))

    assert response.status_code == 302
    assert JournalEntry.objects.get().created_by == "staff:sam"


@pytest.mark.parametrize("page", ["adjust/", "counter/", f"tiers/{UUID(int=0)}/"])
@pytest.mark.parametrize("who", [str(UUID(int=1)), "x"])
def test_a_page_of_nobody_is_not_found(admin_client: Client, page: str, who: str) -> None:
    assert admin_client.get(f"{PEOPLE}{who}/{page}").status_code == 404
