import json
from collections import Counter
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from rest_framework.test import APIClient

from programs import assets
from programs.api_keys import issue
from programs.models import Asset, AssetLink, Program, Scope
from tests.conftest import TESTER
from tests.threads import at_once

POINTS = {"name": "Coffee points", "symbol": "POINTS"}


@pytest.fixture
def points(db: None) -> Asset:
    return assets.create({**POINTS, "scale": 2})


def refusals(response: Any) -> list[tuple[str, str]]:
    assert response.status_code == 400
    assert response.json()["code"] == "validation_failed"
    return [(each["field"], each["reason"]) for each in response.json()["details"]["fields"]]


def test_an_asset_is_created_with_its_defaults(api: APIClient) -> None:
    response = api.post("/v1/assets", POINTS)

    asset = Asset.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "id": str(asset.id),
        "name": "Coffee points",
        "symbol": "POINTS",
        "scale": 0,
        "issuance_policy": "UNLIMITED",
        "inventory_mode": "SIMPLE",
        "max_transaction_amount": None,
        "created_at": f"{asset.created_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "updated_at": f"{asset.updated_at:%Y-%m-%dT%H:%M:%S.%fZ}",
    }
    assert api.get(f"/v1/assets/{asset.id}").json() == response.json()
    assert api.get("/v1/assets").json()["data"] == [response.json()]


@pytest.mark.parametrize(
    ("scale", "given", "written"),
    [
        (2, "500", "500.00"),
        (2, "0.01", "0.01"),
        (2, "1.500", "1.50"),
        (0, "7.0", "7"),
        (18, "99999999999999999999.999999999999999999", "99999999999999999999.999999999999999999"),
        (18, "0.000000000000000001", "0.000000000000000001"),
    ],
)
def test_the_most_of_a_movement_is_exact_and_written_with_the_scale(
    api: APIClient, scale: int, given: str, written: str
) -> None:
    body = {**POINTS, "scale": scale, "max_transaction_amount": given}

    created = api.post("/v1/assets", body).json()

    assert created["max_transaction_amount"] == written
    assert Asset.objects.get().max_transaction_amount == Decimal(given)
    assert api.get(f"/v1/assets/{created['id']}").json() == created


@pytest.mark.parametrize(
    ("more", "field", "reason"),
    [
        ({"name": None}, "name", "null"),
        ({"name": ""}, "name", "blank"),
        ({"name": " "}, "name", "invalid"),
        ({"name": "x" * 256}, "name", "max_length"),
        ({"name": 7}, "name", "invalid"),
        ({"symbol": None}, "symbol", "null"),
        ({"symbol": ""}, "symbol", "blank"),
        ({"symbol": "A B"}, "symbol", "invalid"),
        ({"symbol": "ÄPFEL"}, "symbol", "invalid"),
        ({"symbol": "POINTS\n"}, "symbol", "invalid"),
        ({"symbol": "٣"}, "symbol", "invalid"),
        ({"scale": -1}, "scale", "min_value"),
        ({"scale": 19}, "scale", "max_value"),
        ({"scale": 10**39}, "scale", "max_value"),
        ({"scale": "2"}, "scale", "invalid"),
        ({"scale": True}, "scale", "invalid"),
        ({"scale": 2.5}, "scale", "invalid"),
        ({"scale": None}, "scale", "null"),
        ({"issuance_policy": "PREFUNDED"}, "issuance_policy", "invalid_choice"),
        ({"inventory_mode": "LOT"}, "inventory_mode", "invalid_choice"),
        ({"max_transaction_amount": 500}, "max_transaction_amount", "type"),
        ({"max_transaction_amount": 0.1}, "max_transaction_amount", "type"),
        ({"max_transaction_amount": []}, "max_transaction_amount", "type"),
        ({"max_transaction_amount": "0"}, "max_transaction_amount", "not_positive"),
        ({"max_transaction_amount": "0.00"}, "max_transaction_amount", "not_positive"),
        ({"max_transaction_amount": "-1"}, "max_transaction_amount", "not_positive"),
        ({"max_transaction_amount": "-0"}, "max_transaction_amount", "invalid"),
        ({"max_transaction_amount": ""}, "max_transaction_amount", "invalid"),
        ({"max_transaction_amount": "1e3"}, "max_transaction_amount", "invalid"),
        ({"max_transaction_amount": "NaN"}, "max_transaction_amount", "invalid"),
        ({"max_transaction_amount": "9" * 21}, "max_transaction_amount", "too_long"),
        ({"max_transaction_amount": "9" * 9_999}, "max_transaction_amount", "too_long"),
        ({"max_transaction_amount": "0.5"}, "max_transaction_amount", "invalid_scale"),
        ({"program_id": "club"}, "program_id", "invalid"),
        ({"program_id": None}, "program_id", "null"),
        ({"colour": "red"}, "colour", "unknown"),
        ({"id": str(uuid4())}, "id", "unknown"),
        ({"updated_at": "2026-01-15T10:30:00Z"}, "updated_at", "unknown"),
    ],
)
def test_an_asset_outside_its_limits_is_refused(
    api: APIClient, more: dict[str, Any], field: str, reason: str
) -> None:
    response = api.post("/v1/assets", POINTS | more)

    assert (field, reason) in refusals(response)
    assert {refused for refused, _ in refusals(response)} == {field}
    assert not Asset.objects.exists()


@pytest.mark.parametrize("body", [[], "POINTS", 7, [POINTS]])
def test_a_body_that_is_no_object_is_refused(api: APIClient, points: Asset, body: Any) -> None:
    for call in (api.post, api.patch):
        path = "/v1/assets" if call == api.post else f"/v1/assets/{points.pk}"
        assert call(path, body).status_code == 400


def test_a_symbol_is_unique_whatever_its_case(api: APIClient, points: Asset) -> None:
    other = assets.create({"name": "Miles", "symbol": "MILES"})

    created = api.post("/v1/assets", {"name": "Other", "symbol": "Points"})
    changed = api.patch(f"/v1/assets/{other.pk}", {"symbol": "points"})
    own = api.patch(f"/v1/assets/{points.pk}", {"symbol": "points"})

    assert refusals(created) == refusals(changed) == [("symbol", "unique")]
    assert own.json()["symbol"] == "points"
    assert Asset.objects.count() == 2


def test_an_asset_is_linked_to_a_program_at_once(api: APIClient, program: Program) -> None:
    body = {**POINTS, "program_id": str(program.id)}

    created = api.post("/v1/assets", body)

    assert created.status_code == 201
    assert api.get(f"/v1/programs/{program.id}/assets").json()["data"] == [created.json()]


def test_an_asset_for_an_unknown_program_is_not_stored(api: APIClient) -> None:
    response = api.post("/v1/assets", {**POINTS, "program_id": str(uuid4())})

    assert response.status_code == 404
    assert response.json()["message"] == "There is no program with this id."
    assert not Asset.objects.exists()


def test_a_change_leaves_the_rest(api: APIClient, points: Asset, queries: list[str]) -> None:
    changed = api.patch(f"/v1/assets/{points.pk}", {"max_transaction_amount": "12.5"})

    [update] = [sql for sql in queries if sql.startswith('UPDATE "programs_asset"')]
    assert '"name"' not in update
    assert changed.status_code == 200
    assert (changed.json()["name"], changed.json()["scale"]) == ("Coffee points", 2)
    assert changed.json()["max_transaction_amount"] == "12.50"
    assert changed.json() == api.get(f"/v1/assets/{points.pk}").json()


def test_the_most_of_a_movement_is_removed_by_a_null(api: APIClient, points: Asset) -> None:
    Asset.objects.update(max_transaction_amount=1)

    kept = api.patch(f"/v1/assets/{points.pk}", {})
    removed = api.patch(f"/v1/assets/{points.pk}", {"max_transaction_amount": None})

    assert kept.json()["max_transaction_amount"] == "1.00"
    assert removed.json()["max_transaction_amount"] is None


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({"scale": 3}, ("scale", "read_only")),
        ({"scale": 2}, ("scale", "read_only")),
        ({"program_id": str(uuid4())}, ("program_id", "unknown")),
        ({"max_transaction_amount": "0.001"}, ("max_transaction_amount", "invalid_scale")),
        ({"max_transaction_amount": 1}, ("max_transaction_amount", "type")),
        ({"name": " "}, ("name", "invalid")),
        ({"inventory_mode": "LOT"}, ("inventory_mode", "invalid_choice")),
    ],
)
def test_a_change_outside_the_limits_is_refused(
    api: APIClient, points: Asset, body: dict[str, Any], refused: tuple[str, str]
) -> None:
    response = api.patch(f"/v1/assets/{points.pk}", {"symbol": "NEW", **body})

    assert refusals(response) == [refused]
    assert Asset.objects.get().symbol == "POINTS"


def test_a_change_of_nothing_leaves_the_time_of_change(api: APIClient, points: Asset) -> None:
    api.patch(f"/v1/assets/{points.pk}", {})

    assert Asset.objects.get().updated_at == points.updated_at


def test_an_unknown_asset_is_not_found(api: APIClient, program: Program) -> None:
    page = f"/v1/assets/{uuid4()}"
    link = {"asset_id": str(uuid4())}

    responses = [
        api.get(page),
        api.patch(page, {"name": "x"}),
        api.post(f"/v1/programs/{program.id}/assets", link),
    ]

    for response in responses:
        assert response.status_code == 404
        assert response.json()["message"] == "There is no asset with this id."


def test_linking_twice_makes_one_link(api: APIClient, program: Program, points: Asset) -> None:
    path, link = f"/v1/programs/{program.id}/assets", {"asset_id": str(points.pk)}

    first, second = api.post(path, link), api.post(path, link)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json() == api.get(f"/v1/assets/{points.pk}").json()
    assert AssetLink.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "asset_id"),
        ({"asset_id": None}, "asset_id"),
        ({"asset_id": "POINTS"}, "asset_id"),
        ({"asset_id": "x"}, "asset_id"),
        ({"asset_id": str(uuid4()), "scale": 1}, "scale"),
    ],
)
def test_a_link_that_makes_no_sense_is_refused(
    api: APIClient, program: Program, body: dict[str, Any], field: str
) -> None:
    response = api.post(f"/v1/programs/{program.id}/assets", body)

    assert [refused for refused, _ in refusals(response)] == [field]


def test_the_assets_of_an_unknown_program_are_not_found(api: APIClient, points: Asset) -> None:
    path = f"/v1/programs/{uuid4()}/assets"

    responses = [api.get(path), api.post(path, {"asset_id": str(points.pk)})]

    for response in responses:
        assert response.status_code == 404
        assert response.json()["message"] == "There is no program with this id."


def test_a_program_lists_its_own_assets_page_by_page(api: APIClient, program: Program) -> None:
    other = Program.objects.create(name="Other")
    made = [assets.create({"name": "A", "symbol": s}, program_ids=[program.id]) for s in "ABC"]
    assets.link(made[0].pk, other.pk)
    assets.create({"name": "D", "symbol": "D"}, program_ids=[other.id])

    def symbols(program: Program, **query: Any) -> list[str]:
        answer = api.get(f"/v1/programs/{program.id}/assets", query).json()
        follow = answer["pagination"]["next_cursor"]
        rest = symbols(program, **{**query, "cursor": follow}) if follow else []
        return [*(row["symbol"] for row in answer["data"]), *rest]

    assert symbols(program) == symbols(program, limit=1) == ["C", "B", "A"]
    assert symbols(program, sort_dir="asc", limit=2) == ["A", "B", "C"]
    assert symbols(other) == ["D", "A"]


@pytest.mark.parametrize("path", ["/v1/assets", "/v1/programs/{program}/assets"])
def test_a_list_costs_the_same_however_many_there_are(
    api: APIClient, program: Program, queries: list[str], path: str
) -> None:
    path = path.replace("{program}", str(program.id))
    api.get(path)  # the key is known from now on
    costs = set()
    for count in (1, 30):
        for number in range(count):
            values = {"name": "A", "symbol": f"S{count}x{number}"}
            assets.create(values, program_ids=[program.id])
        queries.clear()
        rows = api.get(path).json()["data"]
        costs.add(len(queries))

    assert len(rows) == 31
    assert len(costs) == 1


@pytest.mark.parametrize("text", [r"\u0000", r"\ud800", "\0"])
@pytest.mark.parametrize("name", ["name", "symbol", "max_transaction_amount", "program_id"])
def test_text_that_cannot_be_stored_is_refused(api: APIClient, name: str, text: str) -> None:
    body = json.dumps({**POINTS, name: "@"}).replace("@", text)

    response = api.generic("POST", "/v1/assets", body, content_type="application/json")

    assert response.status_code == 400
    assert not Asset.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_calls_that_take_one_symbol_at_once_one_succeeds(api: APIClient) -> None:
    bodies = [{**POINTS, "symbol": symbol} for symbol in ("POINTS", "points") * 10]

    responses = at_once([partial(api.post, "/v1/assets", body) for body in bodies])

    assert Counter(response.status_code for response in responses) == {201: 1, 400: 19}
    refused = [response for response in responses if response.status_code == 400]
    assert all(refusals(response) == [("symbol", "unique")] for response in refused)
    assert Asset.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_calls_that_link_at_once_one_is_new(
    api: APIClient, program: Program, points: Asset
) -> None:
    path, link = f"/v1/programs/{program.id}/assets", {"asset_id": str(points.pk)}

    responses = at_once([partial(api.post, path, link) for _ in range(20)])

    assert Counter(response.status_code for response in responses) == {201: 1, 200: 19}
    assert AssetLink.objects.count() == 1


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        (Scope.PROGRAMS_READ, "get", "/v1/assets", 200),
        (Scope.PROGRAMS_READ, "get", "/v1/programs/{program}/assets", 200),
        (Scope.PROGRAMS_READ, "post", "/v1/assets", 403),
        (Scope.PROGRAMS_READ, "patch", "/v1/assets/{asset}", 403),
        (Scope.PROGRAMS_READ, "post", "/v1/programs/{program}/assets", 403),
        (Scope.PROGRAMS_WRITE, "get", "/v1/assets", 403),
        (Scope.PROGRAMS_WRITE, "get", "/v1/programs/{program}/assets", 403),
        (Scope.PROGRAMS_WRITE, "post", "/v1/assets", 400),
        (Scope.PROGRAMS_WRITE, "patch", "/v1/assets/{asset}", 200),
        (Scope.PROGRAMS_WRITE, "post", "/v1/programs/{program}/assets", 400),
        (Scope.PARTICIPANTS_WRITE, "patch", "/v1/assets/{asset}", 403),
    ],
)
def test_each_call_needs_its_scope(
    program: Program, points: Asset, scope: Scope, method: str, path: str, status: int
) -> None:
    _, key = issue(name="tests", scopes=[scope], by=TESTER)
    path = path.replace("{program}", str(program.id)).replace("{asset}", str(points.pk))

    response = getattr(APIClient(headers={"X-API-Key": key}), method)(path, {})

    assert response.status_code == status


def test_the_forms_of_assets_create_change_and_link_them(
    admin_client: Client, program: Program
) -> None:
    browser = {"headers": {"Accept": "text/html"}}
    form = {"name": "Points", "symbol": "PTS", "scale": "2", "max_transaction_amount": "10", "program_id": ""}  # fmt: skip

    created = admin_client.post("/v1/assets", form, **browser)  # type: ignore[arg-type]
    asset = Asset.objects.get()
    links = f"/v1/programs/{program.id}/assets"
    linked = admin_client.post(links, {"asset_id": str(asset.pk)}, **browser)  # type: ignore[arg-type]
    pages = [admin_client.get(path, **browser) for path in (links, f"/v1/assets/{asset.pk}")]  # type: ignore[arg-type]

    assert (created.status_code, linked.status_code) == (201, 201)
    assert (asset.scale, asset.max_transaction_amount) == (2, 10)
    for page in pages:
        assert page.status_code == 200
        assert "<form" in page.content.decode()
