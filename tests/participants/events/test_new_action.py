"""A new type of action: a class in the rulebook and its effect, and every door knows it."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from participants.events import actions as effects
from participants.events.actions import Context, Facts, effect_of
from participants.events.apply import Occurrence, apply
from participants.events.outcome import Effect
from participants.events.subject import Subject
from participants.ledger.book import Book
from participants.state.person import Person
from programs.models import Program, Rule
from programs.rulebook.actions import ACTION_TYPES, Action
from programs.rulebook.actions.inputs import ChoiceField, NumberField, TextField
from programs.rulebook.compiled import Rulebook, compile_rule

MOMENT = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Badge(Action):
    """A made-up type: a badge with points on it, kept as an attribute."""

    type = "BADGE"
    label = "Badge: award a badge"
    subject = "Badge"
    summary = "Awards the badge."
    needs_active = True

    badge = TextField("The name of the badge.", longest=20)
    points = NumberField("How much the badge is worth.", form_name="badge_points")
    color = ChoiceField("GREEN", "BLUE", help="The color of the badge.")


@pytest.fixture(autouse=True)
def _badge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACTION_TYPES, "BADGE", Badge)
    monkeypatch.setattr(effects, "_EFFECTS", dict(effects._EFFECTS))

    @effect_of(Badge)
    def award(action: Badge, subject: Subject, facts: Facts, context: Context) -> Effect:
        text = f"{action.color} {action.points.evaluate(facts)}"
        before = subject.person.set_attribute(action.badge, text, context.cause)
        return {"type": action.type, "key": action.badge, "before": before, "after": text}


def body(program: Program, *actions: dict[str, Any]) -> dict[str, Any]:
    return {
        "program_id": str(program.pk),
        "name": "Stars",
        "condition": "true",
        "actions": list(actions),
    }


def test_it_is_validated_and_stored(api: APIClient, program: Program) -> None:
    right = {"type": "BADGE", "badge": "star", "points": "1.50"}
    wrong = {"type": "BADGE", "points": "1 +", "colour": "RED"}

    created = api.post("/v1/rules", body(program, right))
    refused = api.post("/v1/rules", body(program, wrong))

    assert created.status_code == 201
    assert created.json()["actions"] == [{**right, "points": "1.5", "color": "GREEN"}]
    assert list(created.json()["actions"][0]) == ["type", "badge", "points", "color"]
    fields = refused.json()["details"]["fields"]
    assert [(each["field"], each["reason"]) for each in fields] == [
        ("actions[0].badge", "required"),
        ("actions[0].points", "syntax"),
        ("actions[0].colour", "unknown"),
    ]


def test_it_is_documented() -> None:
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    schemas = generator.get_schema(public=True)["components"]["schemas"]  # type: ignore[no-untyped-call]

    assert (
        schemas["Action"]["discriminator"]["mapping"]["BADGE"] == "#/components/schemas/BadgeAction"
    )
    assert schemas["BadgeAction"]["description"] == "Awards the badge."
    assert schemas["BadgeAction"]["required"] == ["type", "badge", "points"]
    assert schemas["BadgeAction"]["properties"]["color"] == {
        "type": "string",
        "enum": ["GREEN", "BLUE"],
        "description": "The color of the badge.",
        "default": "GREEN",
    }


def test_it_is_in_the_form_of_the_admin(admin_client: Client, program: Program) -> None:
    address = f"/admin/programs/rule/add/?program={program.pk}"
    action = {"type": "BADGE", "badge": "star", "badge_points": "event.n", "color": "BLUE"}
    sent = {f"actions-0-{name}": value for name, value in action.items()}
    sent |= {"actions-TOTAL_FORMS": "1", "actions-INITIAL_FORMS": "0"}
    sent |= {"name": "Stars", "condition": "true", "status": "ACTIVE"}

    page = admin_client.get(address)
    response = admin_client.post(address, sent)

    text = page.content.decode()
    assert '<option value="BADGE">Badge: award a badge</option>' in text
    assert "How much the badge is worth." in text
    for_scripts = json.loads(
        text.split('id="rule-editor-data" type="application/json">')[1].split("</script>")[0]
    )
    assert for_scripts["types"]["BADGE"] == {
        "inputs": {"badge": ["badge"], "badge_points": ["points"], "color": ["color"]},
        "either": None,
    }
    assert response.status_code == 302
    assert Rule.objects.get().actions == [
        {"type": "BADGE", "badge": "star", "points": "event.n", "color": "BLUE"}
    ]


def test_it_is_in_the_reference() -> None:
    from config.api.documents import _rule_language

    page = _rule_language.__wrapped__().decode()

    assert '<h3 id="BADGE">' in page
    assert "Awards the badge." in page
    assert "The name of the badge." in page


def test_it_is_carried_out() -> None:
    stored = {"type": "BADGE", "badge": "star", "points": "event.n * 2", "color": "BLUE"}
    rule = compile_rule(Rule(name="Stars", condition="true", actions=[stored]))
    rulebook = Rulebook(UUID(int=1), "Club", UUID(int=2), (rule,), (), {}, {})
    ana = Person(UUID(int=3), "ana", "ACTIVE", MOMENT)
    subject = Subject(ana, Book(ana.id, MOMENT, 0, b""), MOMENT)

    outcome = apply(Occurrence(None, MOMENT, {"n": 4}), subject, rulebook)
    ana.status = "SUSPENDED"
    refused = apply(Occurrence(None, MOMENT, {"n": 4}), subject, rulebook)

    assert outcome.rule_evaluations[0]["actions"] == [
        {"type": "BADGE", "key": "star", "before": None, "after": "BLUE 8"}
    ]
    assert ana.attributes == {"star": "BLUE 8"}
    assert refused.failure is not None
    assert refused.failure["code"] == "participant_inactive"
