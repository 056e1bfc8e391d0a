"""What an event would do, over HTTP: told for each rule, and nothing of it stored."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.db import connection
from rest_framework.test import APIClient

from participants import state
from participants.models import Enrollment, Participant
from participants.state import Change
from programs import rulebook, tracks
from programs.api.tiers import NewTierTrackSerializer
from programs.api_keys import issue
from programs.models import Rule, Scope
from tests.conftest import TESTER
from tests.participants.api.events import work_off
from tests.participants.ledger_world import World, make_world

NOON = "2026-01-15T12:00:00Z"


@pytest.fixture
def world(db: None) -> World:
    """Ana, a VIP with 10.00 points, in a program with two rules and a track."""
    world = make_world("ana")
    world.credit("10")
    state.change(Change(tags=["vip"], attributes={"plan": "free"}), to="ana", by=TESTER)
    level = {"counter": "spent", "operator": ">=", "threshold": "100"}
    gold = {"key": "gold", "rank": 1, "qualification": {"mode": "ALL", "criteria": [level]}}
    tracks.create(
        world.program.pk,
        NewTierTrackSerializer.read({"key": "status", "levels": [gold]}),
        by=TESTER,
    )
    credit = {"type": "CREDIT", "asset_id": str(world.asset.pk), "amount": "event.amount * 0.05"}
    spent = {"type": "COUNTER", "key": "spent", "value": "event.amount"}
    make_rule(world, name="Points", condition="event.amount > 0.0", actions=[credit, spent])
    make_rule(
        world,
        name="VIP",
        condition='"vip" in participant.tags && event.amount >= 50.0',
        actions=[{"type": "TAG", "tag": "seen"}],
    )
    return world


def make_rule(world: World, **given: Any) -> Rule:
    body = {"program_id": str(world.program.pk), **given}
    return rulebook.create(rulebook.clean_new(body), by=TESTER)


def everything() -> dict[str, list[Any]]:
    """Every row of every table of ours."""
    rows = {}
    with connection.cursor() as cursor:
        for model in apps.get_models():
            table = model._meta.db_table
            cursor.execute(f"SELECT row_to_json(t)::text FROM {table} AS t ORDER BY 1")
            rows[table] = cursor.fetchall()
    return rows


def test_a_simulation_tells_what_each_rule_would_do(api: APIClient, world: World) -> None:
    rules = list(Rule.objects.order_by("order"))

    response = api.post(
        f"/v1/programs/{world.program.pk}/simulate",
        {"event": {"amount": 120}, "external_id": "ana", "event_timestamp": NOON},
    )

    assert response.status_code == 200
    assert response.json() == {
        "status": "COMPLETED",
        "rule_evaluations": [
            {
                "rule_id": str(rules[0].pk),
                "rule_name": "Points",
                "rule_version": 1,
                "outcome": "matched",
                "reason": "",
                "actions": [
                    {
                        "type": "CREDIT",
                        "asset_id": str(world.asset.pk),
                        "amount": "6.00",
                        "bucket": "AVAILABLE",
                        "before": {"available": "10.00", "held": "0.00", "deferred": "0.00"},
                        "after": {"available": "16.00", "held": "0.00", "deferred": "0.00"},
                    },
                    {
                        "type": "COUNTER",
                        "key": "spent",
                        "value": "120",
                        "before": None,
                        "after": "120",
                    },
                ],
            },
            {
                "rule_id": str(rules[1].pk),
                "rule_name": "VIP",
                "rule_version": 1,
                "outcome": "matched",
                "reason": "",
                "actions": [{"type": "TAG", "tag": "seen", "before": False, "after": True}],
            },
        ],
        "tier_changes": [{"tier": "status", "before": "", "after": "gold"}],
        "failure": None,
        "rule_errors": 0,
        "participant_state": {
            "external_id": "ana",
            "status": "ACTIVE",
            "tags": ["vip", "seen"],
            "attributes": {"plan": "free"},
            "counters": {"spent": "120"},
            "tiers": {"status": {"level": "gold", "rank": 1}},
            "balances": {"PTS": {"available": "16.00", "held": "0.00", "deferred": "0.00"}},
        },
    }


@pytest.mark.parametrize("path", ["programs/{program}/simulate", "rules/{rule}/simulate"])
@pytest.mark.parametrize("amount", [120, -5, "x"])
def test_a_simulation_changes_nothing(api: APIClient, world: World, path: str, amount: Any) -> None:
    address = path.format(program=world.program.pk, rule=Rule.objects.earliest("order").pk)
    api.get("/v1/programs")  # the key's time of use is written
    before = everything()

    for whom in ({"external_id": "ana"}, {"participant_state": {"tags": ["vip"]}}):
        response = api.post(f"/v1/{address}", {"event": {"amount": amount}, **whom})
        assert response.status_code == 200

    assert everything() == before


def test_a_simulation_says_why_a_rule_does_not_match(api: APIClient, world: World) -> None:
    body = {"event": {"amount": 20}, "participant_state": {"tags": ["new"]}}

    evaluations = api.post(f"/v1/programs/{world.program.pk}/simulate", body).json()

    assert evaluations["rule_evaluations"][1]["outcome"] == "not_matched"
    assert evaluations["rule_evaluations"][1]["reason"] == (
        '"vip" in participant.tags is false: participant.tags is ["new"]; '
        "event.amount >= 50.0 is false: it is 20"
    )


def test_somebody_made_up_has_what_is_said_of_them(api: APIClient, world: World) -> None:
    condition = (
        'participant.status == "SUSPENDED" && participant.external_id == "zoe" && '
        "participant.attributes.age == 34 && participant.counters.visits == 9 && participant.counters.exact == 0.1 && "
        'participant.tiers.status.level == "gold" && participant.tiers.status.rank == 1 && '
        "participant.balances.PTS.available == 5 && participant.balances.PTS.deferred == 2.5 && "
        'participant.created_at < timestamp("2020-01-02T00:00:00Z") && participant.tags == ["a"]'
    )
    body = {
        "event": {},
        "participant_state": {
            "status": "SUSPENDED",
            "external_id": "zoe",
            "tags": ["A"],
            "attributes": {"age": 34},
            "counters": {"visits": 9, "exact": "0.1"},
            "tiers": {"status": {"level": "gold"}},
            "balances": {"PTS": {"available": "5", "deferred": 2.5}},
            "created_at": "2020-01-01T00:00:00Z",
        },
        "rule": {"condition": condition, "actions": []},
    }

    answer = api.post(f"/v1/programs/{world.program.pk}/simulate", body).json()

    [evaluation] = answer["rule_evaluations"]
    assert (evaluation["outcome"], evaluation["reason"]) == ("matched", "")


def test_rules_read_when_somebody_was_enrolled_in_their_program(api: APIClient) -> None:
    world, elsewhere = make_world("ana"), make_world("ana", symbol="ELSE")
    moments = {world: "2025-03-01T08:00:00Z", elsewhere: "2024-01-01T00:00:00Z"}
    for each, moment in moments.items():
        Enrollment.objects.filter(program=each.program).update(created_at=moment)
    state.change(
        Change(), to="zoe", by=TESTER, rights=state.ALL_RIGHTS
    )  # not enrolled, and an event would do it now
    noted = {"type": "SET_ATTRIBUTE", "key": "on", "expression": "string(participant.enrolled_at)"}
    make_rule(world, name="Note", condition="participant.enrolled_at <= now", actions=[noted])

    def told(**whom: Any) -> str:
        body = {"event": {}, "event_timestamp": "2099-01-01T00:00:00Z", **whom}
        answer = api.post(f"/v1/programs/{world.program.pk}/simulate", body).json()
        return str(answer["participant_state"]["attributes"]["on"])

    assert told(external_id="ana") == moments[world]
    assert told(external_id="zoe") > "2026"
    assert told(participant_state={"created_at": moments[elsewhere]}) == moments[elsewhere]
    made_up = {"created_at": moments[elsewhere], "enrolled_at": moments[world]}
    assert told(participant_state=made_up) == moments[world]

    event = {"program_id": str(world.program.pk), "external_id": "ana", "idempotency_key": "k"}
    api.post("/v1/events", {**event, "event_timestamp": NOON, "event_data": {}})
    work_off()
    assert Participant.objects.get(external_id="ana").attributes == {"on": moments[world]}


def test_a_participants_own_answer_can_be_sent_as_the_state(api: APIClient, world: World) -> None:
    ana = api.get("/v1/participants/external:ana").json()
    profile = ("email", "phone", "first_name", "last_name", "display_name")
    shown = {name: value for name, value in ana.items() if name not in profile}

    answer = api.post(
        f"/v1/programs/{world.program.pk}/simulate",
        {"event": {"amount": 1}, "participant_state": shown},
    ).json()

    assert answer["participant_state"]["balances"]["PTS"]["available"] == "10.05"
    assert answer["participant_state"]["tags"] == ["vip"]


def test_what_would_fail_is_told_with_what_would_be_undone(api: APIClient, world: World) -> None:
    debit = {"type": "DEBIT", "asset_id": str(world.asset.pk), "amount": "100"}
    make_rule(world, name="Spend", condition="true", actions=[debit])

    answer = api.post(
        f"/v1/programs/{world.program.pk}/simulate",
        {"event": {"amount": 60}, "external_id": "ana"},
    ).json()

    assert answer["status"] == "FAILED"
    assert answer["failure"]["code"] == "insufficient_balance"
    assert answer["participant_state"]["balances"]["PTS"]["available"] == "10.00"
    assert answer["rule_evaluations"][0]["actions"][0]["undone"] is True


def test_one_rule_is_tried_alone_though_it_is_suspended(api: APIClient, world: World) -> None:
    rule = Rule.objects.get(name="VIP")
    rulebook.change(rule.pk, {"status": "SUSPENDED"}, by=TESTER)
    body = {"event": {"amount": 50}, "external_id": "ana"}

    answer = api.post(f"/v1/rules/{rule.pk}/simulate", body).json()
    changed = api.post(
        f"/v1/rules/{rule.pk}/simulate", {**body, "rule": {"condition": "event.amount > 50.0"}}
    ).json()

    assert [each["outcome"] for each in answer["rule_evaluations"]] == ["matched"]
    assert [each["outcome"] for each in changed["rule_evaluations"]] == ["not_matched"]
    assert Rule.objects.get(name="VIP").condition != "event.amount > 50.0"


def test_a_rule_outside_of_its_window_is_skipped(api: APIClient, world: World) -> None:
    rule = Rule.objects.get(name="VIP")
    body = {
        "event": {"amount": 50},
        "external_id": "ana",
        "event_timestamp": NOON,
        "rule": {"active_from": "2026-01-16T00:00:00Z"},
    }

    [evaluation] = api.post(f"/v1/rules/{rule.pk}/simulate", body).json()["rule_evaluations"]

    assert evaluation["outcome"] == "skipped"
    assert "window" in evaluation["reason"]


def test_what_is_deferred_can_be_forfeited_in_a_simulation(api: APIClient, world: World) -> None:
    forfeit = {
        "type": "FORFEIT",
        "asset_id": str(world.asset.pk),
        "amount": "2",
        "bucket": "DEFERRED",
    }
    body = {
        "event": {},
        "participant_state": {"balances": {"PTS": {"deferred": "3"}}},
        "rule": {"condition": "true", "actions": [forfeit]},
    }

    answer = api.post(f"/v1/programs/{world.program.pk}/simulate", body).json()

    assert answer["status"] == "COMPLETED"
    assert answer["participant_state"]["balances"]["PTS"]["deferred"] == "1.00"


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("event", {"participant_state": {}}),
        ("event", {"event": [], "participant_state": {}}),
        ("participant_id", {"event": {}}),
        ("participant_id", {"event": {}, "participant_state": {}, "external_id": "ana"}),
        ("participant_id", {"event": {}, "participant_id": "x"}),
        ("participant_state", {"event": {}, "participant_state": []}),
        ("participant_state.tags", {"event": {}, "participant_state": {"tags": 1}}),
        ("participant_state.colour", {"event": {}, "participant_state": {"colour": 1}}),
        ("participant_state.counters", {"event": {}, "participant_state": {"counters": []}}),
        ("participant_state.counters.n", {"event": {}, "participant_state": {"counters": {"n": "x"}}}),
        ("participant_state.tiers.x", {"event": {}, "participant_state": {"tiers": {"x": "gold"}}}),
        ("participant_state.tiers.status", {"event": {}, "participant_state": {"tiers": {"status": "x"}}}),
        ("participant_state.balances.X", {"event": {}, "participant_state": {"balances": {"X": {}}}}),
        (
            "participant_state.balances.PTS.hold",
            {"event": {}, "participant_state": {"balances": {"PTS": {"hold": "1"}}}},
        ),
        (
            "participant_state.balances.PTS",
            {"event": {}, "participant_state": {"balances": {"PTS": {"held": "-1"}}}},
        ),
        ("event_timestamp", {"event": {}, "participant_state": {}, "event_timestamp": "x"}),
        ("participant_state.enrolled_at", {"event": {}, "participant_state": {"enrolled_at": "x"}}),
        ("rule.condition", {"event": {}, "participant_state": {}, "rule": {"condition": "1 +"}}),
        ("rule.condition", {"event": {}, "participant_state": {}, "rule": {"actions": []}}),
        ("rule.colour", {"event": {}, "participant_state": {}, "rule": {"colour": 1}}),
        (
            "rule.actions[0].tier",
            {
                "event": {},
                "participant_state": {},
                "rule": {
                    "condition": "true",
                    "actions": [{"type": "SET_TIER", "tier": "no", "level": "gold"}],
                },
            },
        ),
        ("colour", {"event": {}, "participant_state": {}, "colour": 1}),
    ],
)  # fmt: skip
def test_what_cannot_be_tried_is_refused_by_its_field(
    api: APIClient, world: World, field: str, body: dict[str, Any]
) -> None:
    response = api.post(f"/v1/programs/{world.program.pk}/simulate", body)

    assert response.status_code == 400
    assert [error["field"] for error in response.json()["details"]["fields"]] == [field]


def test_whom_and_what_to_try_must_be_there(api: APIClient, world: World) -> None:
    nothing = "01980000-0000-7000-8000-000000000000"
    path = f"/v1/programs/{world.program.pk}/simulate"

    assert api.post(path, {"event": {}, "participant_id": nothing}).status_code == 404
    assert api.post(path, {"event": {}, "external_id": "nobody"}).status_code == 404
    body: dict[str, Any] = {"event": {}, "participant_state": {}}
    assert api.post(f"/v1/programs/{nothing}/simulate", body).status_code == 404
    assert api.post(f"/v1/rules/{nothing}/simulate", body).status_code == 404


def test_a_real_participant_takes_the_scope_to_read_them(world: World) -> None:
    _, key = issue(name="p", scopes=[Scope.PROGRAMS_READ], by=TESTER)
    client = APIClient(headers={"X-API-Key": key})
    path = f"/v1/programs/{world.program.pk}/simulate"
    ana = str(Participant.objects.get().pk)

    assert client.post(path, {"event": {}, "participant_state": {}}).status_code == 200
    refused = client.post(path, {"event": {}, "participant_id": ana})
    assert refused.status_code == 403
    assert "participants:read" in refused.json()["message"]


def test_staff_who_may_see_a_program_may_try_its_rules(world: World) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_program"))
    client = APIClient()
    client.force_login(clerk)
    path = f"/v1/programs/{world.program.pk}/simulate"

    assert client.post(path, {"event": {}, "participant_state": {}}).status_code == 200
    assert client.post(path, {"event": {}, "external_id": "ana"}).status_code == 403


def test_rules_read_who_somebody_is_and_no_reason_tells_it(api: APIClient, world: World) -> None:
    profile = {"email": "ana@club.example", "first_name": "Ana", "display_name": "Ana L."}
    state.change(Change(profile=profile), to="ana", by=TESTER)
    condition = (
        'participant.email.endsWith("@club.example") && participant.first_name == "Ana"'
        ' && participant.last_name == "" && participant.display_name != participant.first_name'
    )
    draft = {"condition": condition, "actions": [{"type": "TAG", "tag": "staff"}]}

    def told(somebody: dict[str, Any]) -> tuple[str, str]:
        body = {"event": {}, "rule": draft, **somebody}
        answer = api.post(f"/v1/programs/{world.program.pk}/simulate", body).json()
        evaluation = answer["rule_evaluations"][-1]
        return evaluation["outcome"], evaluation["reason"]

    assert told({"external_id": "ana"}) == ("matched", "")
    assert told({"participant_state": profile}) == ("matched", "")
    outcome, reason = told({"participant_state": {**profile, "email": "ana@elsewhere.example"}})
    assert outcome == "not_matched"
    assert reason == 'participant.email.endsWith("@club.example") is false'
