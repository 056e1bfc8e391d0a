import json
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from programs import rulebook, tracks
from programs.admin.rules.actions import action_of, row_of
from programs.models import (
    Asset,
    AssetLink,
    Program,
    ProgramStatus,
    Rule,
    RuleStatus,
    RuleVersion,
    TierTrack,
)
from programs.rulebook.actions import in_documented_order
from programs.rulebook.vocabulary import compile as compile_rule
from tests.admin_pages import shown_fields
from tests.conftest import TESTER
from tests.participants.test_races import at_once

RULES = "/admin/programs/rule/"


@pytest.fixture
def asset(program: Program) -> Asset:
    """An asset of the program."""
    asset = Asset.objects.create(name="Points", symbol="PTS", scale=2)
    AssetLink.objects.create(program=program, asset=asset)
    return asset


@pytest.fixture
def track(program: Program) -> TierTrack:
    """A track of the program with one level."""
    gold = {"key": "gold", "rank": 1, "display_name": "Gold", "qualification": None, "benefits": []}
    new = tracks.clean_new({"key": "status", "display_name": "Status", "levels": [gold]})
    return tracks.create(program.pk, new, by=TESTER)


def make_rule(program: Program, name: str = "Purchases", **more: Any) -> Rule:
    body = {
        "program_id": str(program.pk),
        "name": name,
        "condition": "event.amount > 50",
        "actions": [{"type": "TAG", "tag": "buyer"}],
        **more,
    }
    return rulebook.create(rulebook.clean_new(body), by=TESTER)


@pytest.fixture
def rule(program: Program) -> Rule:
    """A rule that tags."""
    return make_rule(program)


@pytest.fixture
def manager(program: Program) -> Callable[..., Client]:
    """A member of staff with these permissions and no others."""

    def sign_in(*permissions: str) -> Client:
        user = User.objects.create_user("kim", password="x", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client = Client()
        client.force_login(user)
        return client

    return sign_in


def add_page(program: Program) -> str:
    return f"{RULES}add/?program={program.pk}"


def page_of(rule: Rule) -> str:
    return f"{RULES}{rule.pk}/change/"


def fields_of(client: Client, rule: Rule) -> dict[str, list[str]]:
    return shown_fields(client.get(page_of(rule)), "rule_form")


def rows(*actions: dict[str, str]) -> dict[str, str]:
    posted = {"actions-TOTAL_FORMS": str(len(actions)), "actions-INITIAL_FORMS": "0"}
    for index, action in enumerate(actions):
        posted |= {f"actions-{index}-{name}": value for name, value in action.items()}
    return posted


def new_rule(*actions: dict[str, str], **more: str) -> dict[str, str]:
    """What the page of a new rule sends."""
    text = {"name": "Purchases", "condition": "event.amount > 50", "status": "ACTIVE"}
    return {**text, **rows(*actions), **more}


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
        {"type": "SET_ATTRIBUTE", "attribute": "plan", "text": "premium"},
        {"type": "SET_ATTRIBUTE", "attribute": "last", "expression": "event.amount"},
        {"type": "SET_TIER", "tier": "status:gold"},
        {"type": "SET_TIER", "tier": "status:"},
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
        {"type": "SET_ATTRIBUTE", "key": "plan", "value": "premium"},
        {"type": "SET_ATTRIBUTE", "key": "last", "expression": "event.amount"},
        {"type": "SET_TIER", "tier": "status", "level": "gold"},
        {"type": "SET_TIER", "tier": "status", "level": ""},
    ]
    assert (rule.program, rule.order, rule.description) == (program, 10, "Over\nfifty")
    assert RuleVersion.objects.get().changed_by == "staff:admin"
    assert LogEntry.objects.get().object_id == str(rule.pk)
    # The page is now sent as it is; what a browser says of a ticked box is not in the page.
    fields = fields_of(admin_client, rule) | {"actions-2-allow_negative": ["on"]}
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
            {"type": "COUNTER", "counter": "a", "added": "1", "reset_after": "1d"},
            "reset_after",
            "duration",
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
    assert "mend what is marked" in response.content.decode()
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

    assert "Somebody else has changed this rule meanwhile" in response.content.decode()
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


# The list


def shown(response: Any) -> list[str]:
    return [rule.name for rule in response.context["cl"].result_list]


def test_the_list_is_in_order_by_program_and_hides_archived_rules(
    admin_client: Client, program: Program
) -> None:
    other = Program.objects.create(name="Alps")
    make_rule(program, "second", order=20)
    make_rule(program, "first", order=10)
    make_rule(other, "alpine")
    rulebook.archive(make_rule(program, "gone").pk, by=TESTER)

    asked = {
        query: shown(admin_client.get(f"{RULES}?{query}"))
        for query in ("", "status=ARCHIVED", "status=all", f"program={program.pk}", "q=FIR")
    }

    assert asked == {
        "": ["alpine", "first", "second"],
        "status=ARCHIVED": ["gone"],
        "status=all": ["alpine", "first", "second", "gone"],
        f"program={program.pk}": ["first", "second"],
        "q=FIR": ["first"],
    }


def test_the_list_takes_the_id_of_a_program_however_it_is_spelled(
    admin_client: Client, rule: Rule
) -> None:
    page = admin_client.get(f"{RULES}?program={rule.program_id.hex.upper()}")

    assert shown(page) == ["Purchases"]
    assert order_page(rule.program) in page.content.decode()


@pytest.mark.parametrize(
    "query",
    ["program=x", "status=x", "program=%00", "program_name=%00", "condition__regex=(a", "o=99"],
)
def test_what_the_list_cannot_be_asked_is_no_error(
    admin_client: Client, rule: Rule, query: str
) -> None:
    assert admin_client.get(f"{RULES}?{query}").status_code in (200, 302, 400)


def test_the_filter_finds_programs_by_name(admin_client: Client, rule: Rule) -> None:
    Program.objects.create(name="Alps")

    page = admin_client.get(f"{RULES}?program_name=alp&status=all").content.decode()

    assert ">Alps</a>" in page
    assert "By program" in page
    assert f'href="?program={rule.program_id}"' in page  # the rule's own program, in its column


def test_the_list_asks_the_same_for_many_rules(
    admin_client: Client, program: Program, queries: list[str]
) -> None:
    make_rule(program)
    admin_client.get(RULES)
    queries.clear()
    admin_client.get(RULES)
    few = len(queries)
    for number in range(9):
        make_rule(Program.objects.create(name=f"Program {number}"))
    queries.clear()

    admin_client.get(RULES)

    assert len(queries) == few


def act(client: Client, verb: str, *rules: Rule) -> str:
    posted = {"action": verb, "_selected_action": [str(rule.pk) for rule in rules]}
    return client.post(RULES, posted, follow=True).content.decode()


def test_rules_are_suspended_activated_archived_and_duplicated_from_the_list(
    admin_client: Client, rule: Rule
) -> None:
    assert "1 suspended." in act(admin_client, "suspend", rule)
    assert Rule.objects.get().status == RuleStatus.SUSPENDED
    assert "1 activated." in act(admin_client, "activate", rule)
    assert Rule.objects.get().status == RuleStatus.ACTIVE
    assert "1 duplicated." in act(admin_client, "duplicate", rule)
    copy = Rule.objects.exclude(pk=rule.pk).get()
    assert (copy.name, copy.status) == ("Copy of Purchases", RuleStatus.SUSPENDED)
    assert "2 archived." in act(admin_client, "archive", rule, copy)
    assert not Rule.objects.current().exists()
    assert set(RuleVersion.objects.values_list("changed_by", flat=True)) == {
        "command:tests",
        "staff:admin",
    }


def test_a_verb_that_refuses_is_reported_and_the_others_are_carried_out(
    admin_client: Client, program: Program, rule: Rule
) -> None:
    rival = make_rule(program, "Rival", order=rule.order, status="SUSPENDED")
    third = make_rule(program, "Third", order=30, status="SUSPENDED")

    page = act(admin_client, "activate", rival, third)

    assert "Rival: The rule “Purchases” has the order 10." in page
    assert "1 activated." in page
    assert Rule.objects.get(name="Rival").status == RuleStatus.SUSPENDED


# The rule's own buttons


def do(client: Client, rule: Rule, verb: str) -> Any:
    return client.post(f"{RULES}{rule.pk}/{verb}/do/", follow=True)


def test_a_rule_is_suspended_activated_and_duplicated_from_its_page(
    admin_client: Client, rule: Rule
) -> None:
    page = do(admin_client, rule, "suspend")
    assert "was suspended." in page.content.decode()
    assert [verb.name for verb in page.context["verbs"]] == ["activate", "archive", "duplicate"]
    assert "was activated." in do(admin_client, rule, "activate").content.decode()

    page = do(admin_client, rule, "duplicate")

    assert page.context["original"].name == "Copy of Purchases"
    assert "This is the copy, which is suspended." in page.content.decode()


def test_the_buttons_are_for_posts_and_for_rules_that_are_there(
    admin_client: Client, rule: Rule
) -> None:
    address = f"{RULES}{rule.pk}/suspend/do/"

    assert admin_client.get(address).status_code == 405
    assert admin_client.post(address.replace("suspend", "delete")).status_code == 404
    assert admin_client.post(f"{RULES}{uuid4()}/suspend/do/").status_code == 404
    checking = Client(enforce_csrf_checks=True)
    checking.force_login(User.objects.get(username="admin"))
    assert checking.post(address).status_code == 403
    assert Rule.objects.get().status == RuleStatus.ACTIVE


def test_the_versions_of_a_rule_say_what_changed(admin_client: Client, rule: Rule) -> None:
    fields = fields_of(admin_client, rule)
    admin_client.post(page_of(rule), fields | {"condition": ["event.amount > 99"]})

    page = admin_client.get(page_of(rule))

    second, first = page.context["versions"]
    assert second[0].changed_by == "staff:admin"
    assert second[2] == [("condition", "event.amount > 50", "event.amount > 99")]
    assert [change[0] for change in first[2]][:4] == ["name", "description", "condition", "actions"]


# The order


def order_page(program: Program) -> str:
    return f"{RULES}order/{program.pk}/"


def in_order(program: Program) -> list[str]:
    return list(Rule.objects.filter(program=program).in_order().values_list("name", flat=True))


def test_rules_are_reordered_in_one_step_without_a_script(
    admin_client: Client, program: Program
) -> None:
    first, _, third = (make_rule(program, name) for name in ("first", "second", "third"))
    posted = shown_fields(admin_client.get(order_page(program)), "rule-order")
    for move in (f"up:{third.pk}", f"up:{third.pk}", f"up:{third.pk}", f"down:{first.pk}"):
        page = admin_client.post(order_page(program), {**posted, "move": move})
        posted = shown_fields(page, "rule-order")
    assert in_order(program) == ["first", "second", "third"]

    response = admin_client.post(order_page(program), posted)

    assert response.status_code == 302
    assert in_order(program) == ["third", "second", "first"]
    assert RuleVersion.objects.filter(version=2).count() == 2


def test_an_order_of_other_rules_is_refused(admin_client: Client, program: Program) -> None:
    make_rule(program, "first")
    posted = shown_fields(admin_client.get(order_page(program)), "rule-order")
    make_rule(program, "second")

    page = admin_client.post(order_page(program), posted)

    assert "The program has other rules by now." in page.content.decode()
    assert [rule.name for rule in page.context["rules"]] == ["first", "second"]
    assert admin_client.get(f"{RULES}order/{uuid4()}/").status_code == 404


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


# Who may what


def test_who_may_only_look_sees_the_rule_and_no_buttons(
    manager: Callable[..., Client], rule: Rule
) -> None:
    client = manager("view_rule")

    page = client.get(page_of(rule))

    text = page.content.decode()
    assert page.status_code == 200
    assert page.context["verbs"] == []
    assert "event.amount &gt; 50" in text
    assert "buyer" in text
    assert 'id="rule-try"' in text
    for offered in ('name="_save"', "id_condition", "actions-0", "rule-reference", "do/"):
        assert offered not in text
    assert (
        "Change the order" not in client.get(f"{RULES}?program={rule.program_id}").content.decode()
    )
    assert client.post(page_of(rule), new_rule()).status_code == 403
    for verb in ("suspend", "archive", "duplicate"):
        assert do(client, rule, verb).status_code == 403
    assert client.get(order_page(rule.program)).status_code == 403
    assert client.get(add_page(rule.program)).status_code == 403
    assert client.get(f"{RULES}add/").status_code == 403


def test_who_may_only_look_sees_what_an_action_empties_and_the_base_of_a_track(
    manager: Callable[..., Client], program: Program, asset: Asset, track: TierTrack
) -> None:
    credit = {"type": "CREDIT", "asset_id": str(asset.pk), "amount": "5"}
    emptied = {"type": "SET_ATTRIBUTE", "key": "plan", "value": ""}
    base = {"type": "SET_TIER", "tier": "status", "level": ""}
    rule = make_rule(program, actions=[credit, emptied, base])

    page = manager("view_rule").get(page_of(rule))

    assert [action["fields"] for action in page.context["shown_actions"]] == [
        [("Asset", "Points (PTS)"), ("Amount", "5"), ("Bucket", "AVAILABLE")],
        [("Attribute", "plan"), ("Text", "(empty)")],
        [("Tier", "status"), ("Level", "(base)")],
    ]


def test_who_may_change_rules_may_not_add_them(manager: Callable[..., Client], rule: Rule) -> None:
    client = manager("view_rule", "change_rule")

    page = client.get(page_of(rule))

    assert [verb.name for verb in page.context["verbs"]] == ["suspend", "archive"]
    assert do(client, rule, "duplicate").status_code == 403
    assert client.get(f"{RULES}{rule.pk}/delete/").status_code == 403


def test_a_stranger_is_asked_to_sign_in(client: Client, rule: Rule) -> None:
    for address in (RULES, page_of(rule), order_page(rule.program), f"{RULES}add/"):
        assert "/login/" in client.get(address)["Location"]
