"""Who may see and change rules in the admin."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from programs.models import Asset, Program, Rule, TierTrack
from tests.programs.admin.rules.pages import add_page, do, make_rule, new_rule, order_page, page_of

RULES = "/admin/programs/rule/"


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
