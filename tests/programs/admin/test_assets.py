from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from programs import assets
from programs.models import Asset, AssetLink, Program
from tests.admin_pages import shown_fields
from tests.threads import at_once

ASSETS = "/admin/programs/asset/"
POINTS = {
    "name": "Points",
    "symbol": "POINTS",
    "scale": "2",
    "issuance_policy": "UNLIMITED",
    "inventory_mode": "SIMPLE",
    "max_transaction_amount": "",
}


def links(*programs: Any) -> dict[str, str]:
    """Blank rows of the inline, filled with these programs."""
    rows = {f"links-{index}-program": str(program) for index, program in enumerate(programs)}
    return {"links-TOTAL_FORMS": str(len(rows)), "links-INITIAL_FORMS": "0", **rows}


@pytest.fixture
def points(db: None) -> Asset:
    return assets.create({"name": "Points", "symbol": "POINTS", "scale": 2})


def errors_of(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200
    errors: dict[str, list[str]] = response.context["adminform"].form.errors
    return errors


def test_an_asset_is_added_with_its_links(admin_client: Client, program: Program) -> None:
    posted = {**POINTS, "max_transaction_amount": "500.5", **links(program.pk, "")}

    response = admin_client.post(f"{ASSETS}add/", posted)

    asset = Asset.objects.get()
    assert response.status_code == 302
    assert (asset.symbol, asset.scale) == ("POINTS", 2)
    assert asset.max_transaction_amount == Decimal("500.5")
    assert AssetLink.objects.get().program == program
    assert LogEntry.objects.get().object_id == str(asset.pk)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "a\0b"),
        ("name", "x" * 256),
        ("symbol", "A B"),
        ("symbol", "points"),
        ("scale", "19"),
        ("scale", "-1"),
        ("scale", "1.5"),
        ("issuance_policy", "PREFUNDED"),
        ("max_transaction_amount", "0"),
        ("max_transaction_amount", "1e3"),
        ("max_transaction_amount", "0.001"),
        ("max_transaction_amount", "9" * 21),
        ("max_transaction_amount", "1\0"),
    ],
)
def test_an_asset_is_added_under_the_rules_of_the_api(
    admin_client: Client, points: Asset, field: str, value: str
) -> None:
    response = admin_client.post(
        f"{ASSETS}add/", {**POINTS, "symbol": "NEW", **links(), field: value}
    )

    assert list(errors_of(response)) == [field]
    assert Asset.objects.count() == 1


@pytest.mark.parametrize("chosen", ["club", "\0", str(UUID(int=1))])
def test_a_program_that_there_is_not_is_no_link(admin_client: Client, chosen: str) -> None:
    response = admin_client.post(f"{ASSETS}add/", {**POINTS, **links(chosen)})

    assert response.status_code == 200
    assert not Asset.objects.exists()


def test_of_a_change_only_what_was_touched_is_written(admin_client: Client, points: Asset) -> None:
    page = f"{ASSETS}{points.pk}/change/"
    fields = shown_fields(admin_client.get(page), "asset_form")
    Asset.objects.update(name="Coffee points")

    response = admin_client.post(page, {**fields, "max_transaction_amount": ["12.50"]})

    changed = Asset.objects.get()
    assert response.status_code == 302
    assert (changed.name, changed.max_transaction_amount) == ("Coffee points", Decimal("12.5"))


def test_an_untouched_page_changes_nothing(admin_client: Client, points: Asset) -> None:
    most = Decimal("99999999999999999999.99")
    assets.change(points.pk, {"max_transaction_amount": most})
    before = Asset.objects.get()
    page = f"{ASSETS}{points.pk}/change/"

    admin_client.post(page, shown_fields(admin_client.get(page), "asset_form"))

    after = Asset.objects.get()
    assert (after.updated_at, after.max_transaction_amount) == (before.updated_at, most)


def test_the_scale_of_an_asset_is_fixed(admin_client: Client, points: Asset) -> None:
    page = f"{ASSETS}{points.pk}/change/"
    fields = shown_fields(admin_client.get(page), "asset_form")

    admin_client.post(page, {**fields, "scale": ["4"]})
    finer = admin_client.post(page, {**fields, "max_transaction_amount": ["0.001"]})

    assert "scale" not in fields
    assert Asset.objects.get().scale == 2
    assert errors_of(finer) == {"max_transaction_amount": ["This asset has 2 decimals."]}


def test_links_are_added_and_never_taken_away(
    admin_client: Client, points: Asset, program: Program
) -> None:
    other = Program.objects.create(name="Other")
    assets.link(points.pk, program.pk)
    page = f"{ASSETS}{points.pk}/change/"
    fields = shown_fields(admin_client.get(page), "asset_form")

    more = {"links-1-program": [str(other.pk)], "links-0-DELETE": ["on"], "links-0-program": [str(other.pk)]}  # fmt: skip
    response = admin_client.post(page, fields | more)

    assert response.status_code == 302
    linked = AssetLink.objects.values_list("program__name", flat=True)
    assert sorted(linked) == ["Club", "Other"]


def test_assets_are_not_deleted(admin_client: Client, points: Asset) -> None:
    page = f"{ASSETS}{points.pk}/delete/"

    assert admin_client.post(page, {"post": "yes"}).status_code == 403
    assert Asset.objects.exists()


def test_the_list_shows_scale_limit_and_programs_in_as_many_queries_for_many(
    admin_client: Client, program: Program, queries: list[str]
) -> None:
    for number in range(60):
        values = {
            "name": "A",
            "symbol": f"S{number}",
            "scale": 2,
            "max_transaction_amount": Decimal(5),
        }
        assets.create(values, program_ids=[program.pk])
    queries.clear()

    response = admin_client.get(ASSETS)

    content = response.content.decode()
    assert content.count('<td class="field-scale number" data-label="Scale">2</td>') == 60
    assert (
        content.count('<td class="field-limit number" data-label="Maximum per movement">5.00</td>')
        == 60
    )
    assert content.count('<td class="field-programs number" data-label="Programs">1</td>') == 60
    assert len(queries) == 6  # session, user, saved views, two counts, rows


@pytest.mark.parametrize(
    ("asked", "found"), [("poi", ["POINTS"]), ("%", []), ("a\\b", []), ("", ["POINTS"])]
)
def test_an_asset_is_found_by_name_and_symbol(
    admin_client: Client, points: Asset, asked: str, found: list[str]
) -> None:
    response = admin_client.get(ASSETS, {"q": asked})

    assert [asset.symbol for asset in response.context["cl"].result_list] == found


@pytest.mark.parametrize(
    ("path", "asked", "status"),
    [
        (ASSETS, {"symbol__regex": "("}, 400),
        (ASSETS, {"links__program": "x"}, 400),
        (ASSETS, {"q": "\0"}, 302),
        (f"{ASSETS}add/", {"scale": "x", "name": "\0"}, 200),
        (f"{ASSETS}nothing/change/", {}, 302),
        (
            "/admin/autocomplete/",
            {
                "app_label": "programs",
                "model_name": "assetlink",
                "field_name": "program",
                "term": "\0",
            },
            200,
        ),
    ],
)
def test_hostile_addresses_are_answered(
    admin_client: Client, path: str, asked: dict[str, str], status: int
) -> None:
    assert admin_client.get(path, asked).status_code == status


@pytest.mark.parametrize(
    ("permissions", "seen", "saved"),
    [
        ([], 403, 403),
        (["view_asset"], 200, 403),
        (["view_asset", "change_asset"], 200, 302),
    ],
)
def test_staff_need_the_permission(
    client: Client, points: Asset, permissions: list[str], seen: int, saved: int
) -> None:
    user = User.objects.create_user("sam", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    page = f"{ASSETS}{points.pk}/change/"

    answers = client.get(page), client.post(page, {**POINTS, "name": "New", **links()})

    assert [answer.status_code for answer in answers] == [seen, saved]
    assert (Asset.objects.get().name == "New") == (saved == 302)


@pytest.mark.django_db(transaction=True)
def test_of_two_members_of_staff_who_take_one_symbol_at_once_the_second_is_told(
    admin_client: Client,
) -> None:
    posted = {**POINTS, **links()}

    responses = at_once([partial(admin_client.post, f"{ASSETS}add/", posted) for _ in range(6)])

    assert sorted(response.status_code for response in responses) == [200] * 5 + [302]
    refused = [response for response in responses if response.status_code == 200]
    for response in refused:
        assert "Another asset has this symbol." in response.content.decode()
    assert Asset.objects.count() == 1
