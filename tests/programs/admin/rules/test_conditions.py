"""The builder of conditions beside the form of a rule, and worked rules to begin with."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from participants.models import Event, Participant
from programs.kernel.instants import read as instant
from programs.models import Asset, Program, Rule, TierTrack
from programs.rulebook.reference import WORKED_RULES
from tests.admin_pages import shown_fields
from tests.programs.admin.rules.pages import add_page, make_rule, page_of

CONDITIONS = "/admin/programs/rule/conditions/"


@pytest.fixture
def purchase(program: Program) -> Event:
    ana = Participant.objects.create(external_id="ana", tags=["vip"], attributes={"plan": "gold"})
    return Event.objects.create(
        program=program,
        participant=ana,
        sequence=1,
        idempotency_key="1",
        event_timestamp=instant("2026-01-15T10:30:00Z"),
        data={"type": "purchase", "amount": 5, "lines": [{"sku": "A1"}]},
        created_by="command:tests",
    )


def asked(client: Client, body: Any) -> Any:
    return client.post(CONDITIONS, json.dumps(body), content_type="application/json")


def fields(response: Any) -> dict[str, dict[str, Any]]:
    groups = response.context["editor"]["builder"]["groups"]
    return {each["field"]: each for group in groups for each in group["fields"]}


def test_rows_become_text_and_text_becomes_rows(admin_client: Client) -> None:
    row = {"field": "event.amount", "operator": ">", "kind": "number", "values": ["5"]}
    rows = {"join": "all", "rows": [row]}

    assert asked(admin_client, {"rows": rows}).json() == {"text": "event.amount > 5", "errors": []}
    assert asked(admin_client, {"text": "event.amount>5"}).json() == {"rows": rows}
    assert asked(admin_client, {"text": "event.amount > event.least"}).json() == {"rows": None}
    wrong = asked(admin_client, {"rows": {"join": "all", "rows": [{**row, "values": ["x"]}]}})
    assert wrong.json()["errors"][0]["place"] == "rows[0]"
    assert asked(admin_client, [1]).json()["text"] is None
    assert admin_client.post(CONDITIONS, "{", content_type="application/json").status_code == 400
    assert admin_client.get(CONDITIONS).status_code == 405


def test_the_builder_offers_what_events_and_the_program_have(
    admin_client: Client, program: Program, purchase: Event, asset: Asset, track: TierTrack
) -> None:
    counter = {"type": "COUNTER", "key": "visits", "value": "1"}
    rule = make_rule(program, actions=[counter, {"type": "TAG", "tag": "buyer"}])

    page = admin_client.get(page_of(rule))

    offered = fields(page)
    assert offered["event.type"]["values"] == [("purchase", "purchase")]
    assert offered["event.amount"]["kind"] == "number"
    assert offered["event.lines.exists(item, item.sku)"]["label"] == "any of lines: sku"
    assert offered["participant.tags"]["values"] == [("buyer", "buyer"), ("vip", "vip")]
    assert offered["participant.attributes.plan"]["values"] == [("gold", "gold")]
    assert offered["participant.tiers.status.level"]["values"] == [("gold", "Gold")]
    assert {"participant.counters.visits", "participant.balances.PTS.available"} <= offered.keys()
    assert '"sku": "A1"' in page.context["sample_event"]
    for name, each in offered.items():
        kind = {"list": "text"}.get(each["kind"], each["kind"])
        operator, value = (">", "1") if kind in ("number", "duration") else ("==", "true")
        operator = "includes" if each["kind"] == "list" else operator
        row = {"field": name, "operator": operator, "kind": kind, "values": [value]}
        assert asked(admin_client, {"rows": {"join": "all", "rows": [row]}}).json()["errors"] == []


def test_who_may_not_read_events_or_participants_is_shown_none(
    client: Client, rule: Rule, purchase: Event
) -> None:
    user = User.objects.create_user("kim", is_staff=True)
    names = ["view_rule", "change_rule", "view_program"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)

    page = client.get(page_of(rule))

    assert "event.lines.exists(item, item.sku)" not in fields(page)
    assert "participant.attributes.plan" not in fields(page)
    assert "A1" not in page.content.decode()
    user.user_permissions.set(Permission.objects.filter(codename="view_rule"))
    assert asked(client, {"text": "true"}).status_code == 403


def test_the_page_asks_the_same_however_much_happened(
    admin_client: Client, rule: Rule, purchase: Event, queries: list[str]
) -> None:
    costs = []
    for count in (0, 30):
        Event.objects.bulk_create(
            Event(
                program=rule.program,
                participant=Participant.objects.create(external_id=f"p{number}"),
                sequence=number + 2,
                idempotency_key=f"e{number}",
                event_timestamp=purchase.event_timestamp,
                data={f"field{number}": number},
                created_by="command:tests",
            )
            for number in range(count)
        )
        admin_client.get(page_of(rule))
        queries.clear()
        admin_client.get(page_of(rule))
        costs.append(len(queries))

    assert costs[0] == costs[1]


@pytest.mark.parametrize("name", ["vip-bonus", "refund", "gold-for-a-month", "last-order"])
def test_a_new_rule_begins_with_a_worked_rule(
    admin_client: Client, program: Program, asset: Asset, track: TierTrack, name: str
) -> None:
    address = f"{add_page(program)}&template={name}"
    sent = shown_fields(admin_client.get(address), "rule_form")
    sent = {
        key: [value.replace("PTS", asset.symbol) for value in each] for key, each in sent.items()
    }
    if name == "refund":
        sent["actions-0-allow_negative"] = ["on"]  # the box is ticked in the page

    response = admin_client.post(address, sent)

    assert response.status_code == 302, response.context["errors"]
    worked = next(rule for rule in WORKED_RULES if rule.name == name)
    rule = Rule.objects.get()
    assert (rule.name, rule.status) == (worked.title, "SUSPENDED")
    assert rule.condition == worked.condition.strip()
    assert [each["type"] for each in rule.actions] == [each.type for each in worked.actions]


def test_a_worked_rule_that_there_is_not_is_none(admin_client: Client, program: Program) -> None:
    sent = shown_fields(admin_client.get(f"{add_page(program)}&template=x"), "rule_form")

    assert sent["name"] == [""]
