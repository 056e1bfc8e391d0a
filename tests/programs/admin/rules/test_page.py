"""The page of a rule: added, changed, and refused beside its fields."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from programs import rulebook
from programs.admin.rules.actions import action_of, row_of
from programs.models import Asset, AssetLink, Program, ProgramStatus, Rule, RuleVersion, TierTrack
from programs.rulebook.actions import in_documented_order
from programs.rulebook.vocabulary import compile as compile_rule
from tests.admin_pages import shown_fields
from tests.conftest import TESTER
from tests.programs.admin.rules.pages import add_page, make_rule, new_rule, page_of
from tests.threads import at_once

RULES = "/admin/programs/rule/"


def fields_of(client: Client, rule: Rule) -> dict[str, list[str]]:
    return shown_fields(client.get(page_of(rule)), "rule_form")


def row_errors(response: Any) -> list[dict[str, list[str]]]:
    form = response.context["adminform"].form
    return [dict(row.errors) for row in form.rows.in_order()]


def test_a_rule_is_added_in_a_program_with_actions_of_every_type(
    admin_client: Client, program: Program, asset: Asset, track: TierTrack
) -> None:
    points = {"asset": str(asset.pk), "amount": "event.amount * 0.1"}
    sent = new_rule(
        {"type": "CREDIT", **points, "into": "HELD", "description": "For you"},
        {"type": "CREDIT", **points, "matures_at": "720h"},
        {"type": "DEBIT", **points, "allow_negative": "on"},
        {"type": "HOLD", **points},
        {"type": "RELEASE", **points},
        {"type": "FORFEIT", **points, "out_of": "DEFERRED"},
        {"type": "TAG", "tag": "Buyer"},
        {"type": "UNTAG", "tag": "new"},
        {"type": "COUNTER", "counter": "visits", "added": "1", "reset_after": "24h"},
        {"type": "COUNTER", "counter": "month", "added": "1", "reset": "MONTH"},
        {"type": "SET_ATTRIBUTE", "attribute": "plan", "text": "premium"},
        {"type": "SET_ATTRIBUTE", "attribute": "last", "expression": "event.amount"},
        {"type": "SET_TIER", "tier": "status:gold"},
        {"type": "SET_TIER", "tier": "status:", "expires_at": "24h", "pinned": "on"},
        {},
        description="Over\r\nfifty",
        active_from="2026-01-01T00:00:00",
    )

    response = admin_client.post(add_page(program), sent)

    assert response.status_code == 302, response.context["errors"]
    rule = Rule.objects.get()
    value = {"asset_id": str(asset.pk), "amount": "event.amount * 0.1"}
    assert in_documented_order(rule.actions) == [
        {"type": "CREDIT", **value, "bucket": "HELD", "description": "For you"},
        {"type": "CREDIT", **value, "bucket": "AVAILABLE", "matures_at": "720h"},
        {"type": "DEBIT", **value, "allow_negative": True},
        {"type": "HOLD", **value, "bucket": "AVAILABLE"},
        {"type": "RELEASE", **value, "bucket": "HELD"},
        {"type": "FORFEIT", **value, "bucket": "DEFERRED"},
        {"type": "TAG", "tag": "buyer"},
        {"type": "UNTAG", "tag": "new"},
        {"type": "COUNTER", "key": "visits", "value": "1", "reset_after": "24h"},
        {"type": "COUNTER", "key": "month", "value": "1", "reset": "MONTH"},
        {"type": "SET_ATTRIBUTE", "key": "plan", "value": "premium"},
        {"type": "SET_ATTRIBUTE", "key": "last", "expression": "event.amount"},
        {"type": "SET_TIER", "tier": "status", "level": "gold"},
        {
            "type": "SET_TIER",
            "tier": "status",
            "level": "",
            "expires_at": "24h",
            "pinned": True,
        },
    ]
    assert (rule.program, rule.order, rule.description) == (program, 10, "Over\nfifty")
    assert RuleVersion.objects.get().changed_by == "staff:admin"
    assert LogEntry.objects.get().object_id == str(rule.pk)
    # The page is now sent as it is; what a browser says of a ticked box is not in the page.
    ticked = {"actions-2-allow_negative": ["on"], f"actions-{len(rule.actions) - 1}-pinned": ["on"]}
    fields = fields_of(admin_client, rule) | ticked
    response = admin_client.post(page_of(rule), fields)
    assert response.status_code == 302, response.context["errors"]
    assert Rule.objects.get().version == 1


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "required"),
        ("name", " ", "white space"),
        ("name", "x" * 256, "255"),
        ("name", "a\0b", "Null"),
        ("description", "x" * 1001, "1000"),
        ("condition", "", "required"),
        ("condition", "event.amount > > 50", "Line 1, column 16"),
        ("condition", "event.amount + 1", "true or false"),
        ("condition", "true || " * 600 + "true", "4096"),
        ("order", "0", "from 1"),
        ("order", "1.5", "whole number"),
        ("order", "99999999999", "2147483647"),
        ("active_from", "soon", "valid date"),
        ("active_to", "2025-01-01T00:00:00", "after active_from"),
        ("status", "ARCHIVED", "valid choice"),
    ],
)
def test_a_rule_is_refused_beside_its_field(
    admin_client: Client, program: Program, field: str, value: str, words: str
) -> None:
    sent = new_rule({"type": "TAG", "tag": "buyer"}, active_from="2026-01-01T00:00:00")

    response = admin_client.post(add_page(program), sent | {field: value})

    errors = response.context["adminform"].form.errors
    assert list(errors) == [field]
    assert words in str(errors[field])
    assert not Rule.objects.exists()


@pytest.mark.parametrize(
    ("action", "field", "words"),
    [
        ({"type": "PAY"}, "type", "valid choice"),
        ({"tag": "buyer"}, "type", "Choose what happens."),
        ({"type": "TAG"}, "tag", "required"),
        ({"type": "TAG", "tag": "x" * 256}, "tag", "255"),
        ({"type": "TAG", "tag": "a", "counter": "visits"}, "counter", "TAG does not take this"),
        ({"type": "CREDIT", "amount": "1"}, "asset", "required"),
        ({"type": "CREDIT", "asset": str(uuid4()), "amount": "1"}, "asset", "valid choice"),
        ({"type": "COUNTER", "counter": "visits", "added": "1 +"}, "added", "Line 1, column 4"),
        ({"type": "COUNTER", "counter": "visits", "added": '"a"'}, "added", "number"),
        (
            {"type": "COUNTER", "counter": "a", "added": "1", "reset_after": "1y"},
            "reset_after",
            "duration",
        ),
        (
            {"type": "COUNTER", "counter": "a", "added": "1", "reset_after": "1h", "reset": "DAY"},
            "reset",
            "not both",
        ),
        ({"type": "SET_ATTRIBUTE", "attribute": "a", "expression": "1 +"}, "expression", "Line 1"),
        ({"type": "SET_TIER"}, "tier", "required"),
        ({"type": "SET_TIER", "tier": "status:iron"}, "tier", "valid choice"),
    ],
)
def test_an_action_is_refused_in_its_row(
    admin_client: Client,
    program: Program,
    track: TierTrack,
    action: dict[str, str],
    field: str,
    words: str,
) -> None:
    first = {"type": "TAG", "tag": "first", "ORDER": "7"}

    response = admin_client.post(add_page(program), new_rule(first, {}, {**action, "ORDER": "9"}))

    assert response.status_code == 200
    errors = row_errors(response)
    assert [list(each) for each in errors] == [[], [field], []]
    assert words in str(errors[1][field])
    assert "Fix the actions that are marked" in response.content.decode()
    assert not Rule.objects.exists()


def test_an_asset_that_goes_while_the_page_is_open_is_refused_in_its_row(
    admin_client: Client, program: Program, asset: Asset
) -> None:
    credit = {"type": "CREDIT", "asset_id": str(asset.pk), "amount": "1"}
    rule = make_rule(program, actions=[credit])
    fields = fields_of(admin_client, rule)
    AssetLink.objects.all().delete()

    response = admin_client.post(page_of(rule), fields | {"actions-0-amount": ["2"]})

    assert row_errors(response)[0] == {"asset": ["The asset is not linked to this program."]}
    assert "no longer linked" in response.content.decode()
    # What it named before stays, whatever else is changed.
    response = admin_client.post(page_of(rule), fields | {"name": ["Other"]})
    assert response.status_code == 302
    assert Rule.objects.get().name == "Other"


def test_actions_are_changed_moved_added_and_removed(
    admin_client: Client, program: Program
) -> None:
    tags = [{"type": "TAG", "tag": name} for name in ("a", "b", "c")]
    rule = make_rule(program, actions=tags)
    fields = fields_of(admin_client, rule)
    change = {
        "actions-0-ORDER": ["3"],
        "actions-1-DELETE": ["on"],
        "actions-2-ORDER": ["1"],
        "actions-2-tag": ["see"],
        "actions-3-type": ["UNTAG"],
        "actions-3-tag": ["d"],
    }

    response = admin_client.post(page_of(rule), fields | change)

    assert response.status_code == 302
    assert [(each["type"], each["tag"]) for each in Rule.objects.get().actions] == [
        ("TAG", "see"),
        ("TAG", "a"),
        ("UNTAG", "d"),
    ]
    assert RuleVersion.objects.filter(rule=rule).count() == 2
    [entry] = LogEntry.objects.all()
    assert json.loads(entry.change_message) == [{"changed": {"fields": ["actions"]}}]


def test_all_actions_can_be_removed(admin_client: Client, rule: Rule) -> None:
    fields = fields_of(admin_client, rule) | {"actions-TOTAL_FORMS": ["0"]}

    response = admin_client.post(page_of(rule), fields)

    assert response.status_code == 302
    assert Rule.objects.get().actions == []


def test_an_untouched_page_changes_nothing(admin_client: Client, program: Program) -> None:
    rule = make_rule(
        program,
        description="Two\nlines ",
        condition=' true\n  && event.note == "<é>" ',
        actions=[{"type": "SET_ATTRIBUTE", "key": " a ", "value": " two\nlines "}],
        active_from="2026-01-15T10:30:00.123456Z",
    )

    response = admin_client.post(page_of(rule), fields_of(admin_client, rule))

    assert response.status_code == 302
    after = Rule.objects.get()
    assert (after.version, after.updated_at) == (1, rule.updated_at)


def test_of_two_members_of_staff_who_edit_at_once_the_second_is_told(
    admin_client: Client, rule: Rule
) -> None:
    fields = fields_of(admin_client, rule)
    rulebook.change(rule.pk, {"condition": "false"}, by=TESTER)

    response = admin_client.post(page_of(rule), fields | {"name": ["Other"]})

    assert "Somebody else has changed this rule in the meantime" in response.content.decode()
    assert Rule.objects.get().name == "Purchases"


@pytest.mark.django_db(transaction=True)
def test_of_many_who_save_at_once_one_is_first(admin_client: Client, rule: Rule) -> None:
    fields = fields_of(admin_client, rule)
    names = [f"Name {number}" for number in range(6)]
    posts: list[Callable[[], Any]] = [
        partial(admin_client.post, page_of(rule), fields | {"name": [name]}) for name in names
    ]

    responses = at_once(posts)

    assert sorted(response.status_code for response in responses) == [200] * 5 + [302]
    for response in responses:
        if response.status_code == 200:
            assert response.content.decode().count("Somebody else has changed this rule") == 1
    assert (Rule.objects.get().version, RuleVersion.objects.count()) == (2, 2)


def test_an_order_that_another_rule_has_is_refused_beside_its_field(
    admin_client: Client, program: Program, rule: Rule
) -> None:
    response = admin_client.post(add_page(program), new_rule(order=str(rule.order)))

    errors = response.context["adminform"].form.errors
    assert dict(errors) == {"order": ["The rule “Purchases” has the order 10."]}
    assert Rule.objects.count() == 1


def test_a_new_rule_begins_with_its_program(admin_client: Client, program: Program) -> None:
    Program.objects.create(name="Gone", status=ProgramStatus.ARCHIVED)
    Program.objects.create(name="Other", status=ProgramStatus.SUSPENDED)

    every = admin_client.get(f"{RULES}add/")
    some = admin_client.get(f"{RULES}add/?program_name=LU&program=no-id")

    assert [each.name for each in every.context["programs"]] == ["Club", "Other"]
    assert [each.name for each in some.context["programs"]] == ["Club"]
    assert f'href="?program={program.pk}"' in some.content.decode()
    assert admin_client.post(f"{RULES}add/", new_rule()).context["programs"]
    assert not Rule.objects.exists()


def test_a_new_rule_begins_suspended(admin_client: Client, program: Program) -> None:
    sent = shown_fields(admin_client.get(add_page(program)), "rule_form")

    assert sent["status"] == ["SUSPENDED"]


def test_a_rule_of_an_archived_program_is_refused(admin_client: Client, program: Program) -> None:
    Program.objects.update(status=ProgramStatus.ARCHIVED)

    response = admin_client.post(add_page(program), new_rule())

    assert "The program is archived" in response.content.decode()
    assert not Rule.objects.exists()


def test_a_row_and_its_action_say_the_same() -> None:
    for action in (
        {"type": "CREDIT", "asset_id": "1", "amount": "2", "bucket": "HELD"},
        {"type": "DEBIT", "asset_id": "1", "amount": "2", "allow_negative": True},
        {"type": "SET_ATTRIBUTE", "key": "plan", "value": ""},
        {"type": "SET_TIER", "tier": "status", "level": ""},
    ):
        assert action_of(row_of(action)) == action


def test_the_versions_of_a_rule_say_what_changed(admin_client: Client, rule: Rule) -> None:
    fields = fields_of(admin_client, rule)
    admin_client.post(page_of(rule), fields | {"condition": ["event.amount > 99"]})

    page = admin_client.get(page_of(rule))

    second, first = page.context["versions"]
    assert second[0].changed_by == "staff:admin"
    assert second[1] == [("condition", [("-", "event.amount > 50"), ("+", "event.amount > 99")])]
    assert [change[0] for change in first[1]][:3] == ["name", "condition", "actions"]


def test_versions_are_in_words_and_name_assets_that_are_gone(
    admin_client: Client, program: Program, asset: Asset
) -> None:
    credit = {"type": "CREDIT", "asset_id": str(asset.pk), "amount": "5"}
    tag = {"type": "TAG", "tag": "buyer"}
    rule = make_rule(program, actions=[credit, tag])
    body = {"actions": [tag], "stop_after_match": True, "active_from": "2026-01-01T00:00:00Z"}
    rulebook.change(rule.pk, rulebook.clean_change(body), by=TESTER)
    AssetLink.objects.all().delete()

    page = admin_client.get(page_of(rule))

    second, first = page.context["versions"]
    was = f"Credit: asset {asset}, no longer linked, amount 5, bucket AVAILABLE"
    assert dict(first[1])["actions"] == [("+", was), ("+", "Tag: tag buyer")]
    assert dict(second[1]) == {
        "actions": [("-", was), ("", "Tag: tag buyer")],
        "after a match": [("-", "goes on"), ("+", "stops")],
        "active from": [("+", "2026-01-01 00:00:00 UTC")],
    }


# What the page says of it


def test_the_names_that_the_page_offers_can_be_read_by_a_rule(
    admin_client: Client, program: Program, asset: Asset, track: TierTrack
) -> None:
    Asset.objects.update(symbol="1PTS")

    names = [name for name, _ in admin_client.get(add_page(program)).context["names"]]

    assert names == [
        'participant.balances["1PTS"].available',
        "participant.tiers.status.rank",
        'participant.tiers.status.level == "gold"',
    ]
    for name in names:
        assert compile_rule(name)
