"""Balances over HTTP: what each call answers, what it refuses, and that amounts are exact texts."""

from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from participants import state
from participants.models import JournalEntry
from programs.api_keys import issue
from programs.models import Asset, Program, Scope
from tests.conftest import TESTER
from tests.participants.ledger_world import World, make_world

PATH = "/v1/participants/external:ana/balances"
NOTHING = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def call(
    api: APIClient, world: World, verb: str = "adjust", headers: Any = None, **body: Any
) -> Any:
    base: dict[str, Any] = {
        "program_id": str(world.program.pk),
        "asset_id": str(world.asset.pk),
        "description": "A test.",
    }
    if verb == "adjust":
        base |= {"type": "CREDIT"}
    merged = {name: value for name, value in {**base, **body}.items() if value is not ...}
    return api.post(f"{PATH}/{verb}", merged, headers=headers or {})


def refused(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_a_credit_and_a_debit(api: APIClient, world: World) -> None:
    credit = call(api, world, amount="100.5")
    debit = call(api, world, type="DEBIT", amount="0.25")

    assert (credit.status_code, debit.status_code) == (200, 200)
    assert debit.json() == {
        "amount": "0.25",
        "asset_id": str(world.asset.pk),
        "program_id": str(world.program.pk),
        "type": "DEBIT",
        "bucket": "AVAILABLE",
        "balance": {"available": "100.25", "held": "0.00", "deferred": "0.00"},
        "journal_entry_id": str(JournalEntry.objects.latest("sequence").pk),
    }
    row = {
        "asset_id": str(world.asset.pk),
        "available": "100.25",
        "held": "0.00",
        "deferred": "0.00",
    }
    assert api.get(PATH).json() == {"data": [row]}
    assert api.get(f"{PATH}?asset_id={world.asset.pk}").json() == {"data": [row]}
    assert api.get(f"{PATH}?asset_id={NOTHING}").json() == {"data": []}
    assert api.get("/v1/participants/external:ana").json()["balances"] == [row]
    assert api.post("/v1/participants", {"external_id": "ana"}).json()["balances"] == [row]


def test_hold_release_and_forfeit(api: APIClient, world: World) -> None:
    call(api, world, amount="100")

    held = call(api, world, "hold", amount="40")
    released = call(api, world, "release", amount="15")
    forfeited = call(api, world, "forfeit", bucket="HELD")

    assert held.json() == {
        "operation": "HOLD",
        "asset_id": str(world.asset.pk),
        "program_id": str(world.program.pk),
        "amount_processed": "40.00",
        "balance": {"available": "60.00", "held": "40.00", "deferred": "0.00"},
        "journal_entry_id": held.json()["journal_entry_id"],
    }
    assert released.json()["balance"] == {"available": "75.00", "held": "25.00", "deferred": "0.00"}
    assert forfeited.json()["amount_processed"] == "25.00"
    for verb, rest in (("release", {}), ("forfeit", {"bucket": "DEFERRED"})):
        assert refused(call(api, world, verb, **rest)) == (422, "insufficient_balance")


def test_a_credit_that_matures_is_deferred(api: APIClient, world: World) -> None:
    response = call(api, world, amount="5", matures_at="2099-01-01T00:00:00+02:00")

    assert response.json()["bucket"] == "DEFERRED"
    assert response.json()["balance"] == {"available": "0.00", "held": "0.00", "deferred": "5.00"}


def test_a_credit_may_go_to_held_and_a_debit_below_zero(api: APIClient, world: World) -> None:
    held = call(api, world, amount="5", bucket="HELD")
    overdrawn = call(api, world, type="DEBIT", amount="7.5", allow_negative=True)

    assert held.json()["balance"]["held"] == "5.00"
    assert overdrawn.json()["balance"] == {"available": "-7.50", "held": "5.00", "deferred": "0.00"}


@pytest.mark.parametrize(
    "amount", ["0.1", "0.2", "123456789012345678.123456789012", "0.000000000001"]
)
def test_amounts_come_back_as_they_went_in(db: None, api: APIClient, amount: str) -> None:
    world = make_world(scale=12)

    answer = call(api, world, amount=amount).json()

    assert (
        f"{amount:0<{amount.index('.') + 13}}" == answer["amount"] == answer["balance"]["available"]
    )
    assert api.get(PATH).json()["data"][0]["available"] == answer["amount"]
    entry = api.get("/v1/journal-entries").json()["data"][0]
    assert [posting["amount"] for posting in entry["postings"]] == [
        f"-{answer['amount']}",
        answer["amount"],
    ]


@pytest.mark.parametrize(
    "amount",
    [
        "1e3",
        "NaN",
        "-0",
        "-1",
        "0",
        "0.00",
        "+1",
        "",
        " ",
        "1,5",
        "1" * 21,
        "0." + "0" * 18 + "1",
        "9" * 500000,
        10,
        10.5,
        True,
        None,
        ["1"],
    ],
)
@pytest.mark.parametrize("verb", ["adjust", "hold"])
def test_an_amount_is_plain_digits_above_zero_in_a_text(
    api: APIClient, world: World, amount: object, verb: str
) -> None:
    response = call(api, world, verb, amount=amount)

    assert refused(response) == (400, "validation_failed")
    assert [each["field"] for each in response.json()["details"]["fields"]] == ["amount"]
    assert not JournalEntry.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"program_id": ...}, "program_id"),
        ({"program_id": "1"}, "program_id"),
        ({"asset_id": ...}, "asset_id"),
        ({"description": ...}, "description"),
        ({"description": ""}, "description"),
        ({"description": "x" * 501}, "description"),
        ({"type": "HOLD"}, "type"),
        ({"type": ...}, "type"),
        ({"bucket": "DEFERRED"}, "bucket"),
        ({"bucket": None}, "bucket"),
        ({"allow_negative": True}, "allow_negative"),
        ({"type": "DEBIT", "allow_negative": "yes"}, "allow_negative"),
        ({"type": "DEBIT", "matures_at": "2099-01-01T00:00:00Z"}, "matures_at"),
        ({"matures_at": "2099-01-01"}, "matures_at"),
        ({"matures_at": "2001-01-01T00:00:00Z"}, "matures_at"),
        ({"bucket": "HELD", "matures_at": "2099-01-01T00:00:00Z"}, "matures_at"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": "x" * 256}, "idempotency_key"),
        ({"idempotency_key": 7}, "idempotency_key"),
        ({"colour": "red"}, "colour"),
        ({"amount": ...}, "amount"),
    ],
)
def test_a_bad_body_is_refused_and_nothing_is_stored(
    api: APIClient, world: World, body: dict[str, Any], field: str
) -> None:
    response = call(api, world, **{"amount": "1", **body})

    assert refused(response) == (400, "validation_failed")
    assert response.json()["details"]["fields"][0]["field"] == field
    assert not JournalEntry.objects.exists()


def test_each_refusal_has_its_status_and_code(api: APIClient, world: World) -> None:
    elsewhere = Program.objects.create(name="Other")
    unlinked = Asset.objects.create(name="Miles", symbol="MIL")
    Asset.objects.filter(pk=world.asset.pk).update(max_transaction_amount=100)

    assert refused(call(api, world, amount="1", program_id=NOTHING)) == (404, "not_found")
    assert refused(call(api, world, amount="1", asset_id=NOTHING)) == (404, "not_found")
    assert refused(call(api, world, amount="1.001")) == (400, "invalid_scale")
    assert refused(call(api, world, amount="100.01")) == (422, "max_transaction_exceeded")
    assert refused(call(api, world, type="DEBIT", amount="1")) == (422, "insufficient_balance")
    assert refused(call(api, world, amount="1", asset_id=str(unlinked.pk))) == (
        *(422, "asset_not_linked"),
    )
    assert refused(call(api, world, amount="1", program_id=str(elsewhere.pk))) == (
        *(409, "not_enrolled"),
    )
    state.change(state.Change(status="SUSPENDED"), to="ana", by=TESTER)
    assert refused(call(api, world, amount="1")) == (409, "participant_inactive")
    response = api.post(
        "/v1/participants/external:bob/balances/hold",
        {"program_id": NOTHING, "asset_id": NOTHING, "description": "x"},
    )
    assert refused(response) == (404, "not_found")
    assert not JournalEntry.objects.exists()


def test_value_moves_only_with_its_own_scope(world: World) -> None:
    others = [scope for scope in Scope.values if scope != Scope.BALANCES_WRITE]
    _, key = issue(name="reader", scopes=others, by=TESTER)
    api = APIClient(headers={"X-API-Key": key})

    for verb in ("adjust", "hold", "release", "forfeit"):
        response = call(api, world, verb, amount="1")
        assert refused(response) == (403, "forbidden")
        assert "balances:write" in response.json()["message"]
    assert api.get(PATH).status_code == 200


# Idempotency


def test_a_key_in_the_header_or_in_the_body_is_one_key(api: APIClient, world: World) -> None:
    header = {"Idempotency-Key": "a"}
    first = call(api, world, headers=header, amount="5.00")
    again = call(api, world, amount="5", idempotency_key="a")
    both = call(api, world, headers=header, amount="5", idempotency_key="a")
    other = call(api, world, headers=header, amount="5", idempotency_key="b")

    assert first.status_code == 200
    assert first.json() == again.json() == both.json()
    assert refused(other) == (400, "validation_failed")
    assert refused(call(api, world, headers=header, amount="6")) == (409, "idempotency_conflict")
    assert refused(call(api, world, "hold", amount="5", idempotency_key="a")) == (
        *(409, "idempotency_conflict"),
    )
    assert JournalEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        ('"case-1"', "case-1"),
        ('"a b"', "a b"),
        (r'"a\"b\\c"', 'a"b\\c'),
        ('"', '"'),
        ('"a', '"a'),
        ('"a"b"', '"a"b"'),
        ("case-1", "case-1"),
    ],
)
def test_a_quoted_key_is_the_key_in_the_quotes(
    api: APIClient, world: World, header: str, meant: str
) -> None:
    first = call(api, world, headers={"Idempotency-Key": header}, amount="5")

    assert first.status_code == 200
    assert JournalEntry.objects.get().idempotency_key == meant
    for same in (header, meant):
        assert (
            call(api, world, headers={"Idempotency-Key": same}, amount="5").json() == first.json()
        )
        assert call(api, world, amount="5", idempotency_key=same).json() == first.json()
        both = call(
            api, world, headers={"Idempotency-Key": header}, amount="5", idempotency_key=same
        )
        assert both.json() == first.json()
        found = api.get("/v1/journal-entries", {"reference_id": same}).json()["data"]
        assert [row["id"] for row in found] == [first.json()["journal_entry_id"]]
    assert JournalEntry.objects.count() == 1


def test_a_key_that_was_stored_with_its_quotes_is_found_either_way(
    api: APIClient, world: World
) -> None:
    first = call(api, world, amount="5", idempotency_key="old")
    with connection.cursor() as cursor:
        cursor.execute("""
            SET session_replication_role = replica;
            UPDATE participants_journalentry SET idempotency_key = '"old"';
            SET session_replication_role = DEFAULT""")

    for header in ('"old"', "old"):
        again = call(api, world, headers={"Idempotency-Key": header}, amount="5")
        assert again.json() == first.json()
        other = call(api, world, headers={"Idempotency-Key": header}, amount="6")
        assert refused(other) == (409, "idempotency_conflict")
    assert refused(call(api, world, headers={"Idempotency-Key": '""'}, amount="5")) == (
        *(400, "validation_failed"),
    )
    assert JournalEntry.objects.count() == 1


def test_one_instant_is_one_meaning_however_it_is_spelled(api: APIClient, world: World) -> None:
    first = call(api, world, amount="5", matures_at="2099-01-01T00:00:00Z", idempotency_key="a")

    again = call(
        api, world, amount="5", matures_at="2099-01-01T02:00:00.000+02:00", idempotency_key="a"
    )

    assert again.json() == first.json()


def test_either_id_of_the_participant_is_the_same_call(api: APIClient, world: World) -> None:
    first = call(api, world, amount="5", idempotency_key="a")
    holder = JournalEntry.objects.get().participant_id
    body = {
        "program_id": str(world.program.pk).upper(),
        "asset_id": str(world.asset.pk),
        "description": "A test.",
        "type": "CREDIT",
        "amount": "5.0",
        "bucket": "AVAILABLE",
        "idempotency_key": "a",
    }

    again = api.post(f"/v1/participants/{holder}/balances/adjust", body)

    assert again.json() == first.json()


def test_a_movement_over_http_takes_two_statements(
    api: APIClient, world: World, queries: list[str]
) -> None:
    call(api, world, amount="1")
    queries.clear()

    call(api, world, amount="1")

    # In the test's transaction the lock is a statement of its own, and a savepoint around it two more.
    assert len([each for each in queries if "SAVEPOINT" not in each]) <= 3
