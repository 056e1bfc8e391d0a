"""The OpenAPI document: it is valid, whole and true."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from jsonschema_rs import Draft202012Validator
from pytest_django import Settings
from rest_framework.test import APIClient

from programs.api_keys import issue
from programs.kernel.cleaning import Errors
from programs.models import Program, Rule, Scope
from programs.rulebook.actions import ACTION_TYPES, clean_actions
from tests.conftest import TESTER

IDS = ("id", "participant_id", "request_id")
NOT_BLANK = r"[^\s\u001c-\u001f\u0085]"
METHODS = ("get", "post", "put", "patch", "delete")
# By their tags. Generated clients name their functions for them, so that a change breaks whoever has one.
OPERATION_IDS = {
    "activity": "activity_events_list activity_history_list activity_state_history_list",
    "assets": "assets_list assets_create assets_retrieve assets_update programs_assets_list programs_assets_create",
    "balances": "balances_list balances_adjust balances_hold balances_release balances_forfeit",
    "enrollments": "enrollments_retrieve enrollments_update enrollments_delete",
    "events": "events_list events_create events_batch_create events_by_key events_retrieve events_retry",
    "journal-entries": "journal_entries_list journal_entries_retrieve",
    "participants": "participants_list participants_upsert participants_batch_upsert participants_retrieve participants_update participants_status_update",
    "programs": "programs_list programs_create programs_retrieve programs_update programs_simulate",
    "rules": "rules_list rules_create rules_retrieve rules_update rules_delete rules_restore rules_history_list rules_simulate rules_validate",
    "state": "attributes_list attributes_merge attributes_set attributes_remove counters_list counters_retrieve counters_set counters_remove "
    "tags_list tags_replace tags_add tags_remove tiers_list tiers_retrieve tiers_set tiers_remove",
    "tiers": "programs_tiers_list programs_tiers_create programs_tiers_retrieve programs_tiers_update programs_tiers_delete",
}


@cache
def document() -> Any:
    return Client().get("/v1/openapi.json").json()


def schema_of(component: str) -> Any:
    return document()["components"]["schemas"][component]


def operations() -> Iterator[Any]:
    for path in document()["paths"].values():
        yield from path.values()


def resolved(part: Any) -> Any:
    while "$ref" in part:
        _, kind, name = part["$ref"].removeprefix("#/").split("/")
        part = document()["components"][kind][name]
    return part


def contents() -> Iterator[tuple[str, Any]]:
    """Every body and every answer that has one, as `{"schema": .., "examples": ..}`."""
    for operation in operations():
        name = operation["operationId"]
        if "requestBody" in operation:
            yield f"{name} body", operation["requestBody"]["content"]["application/json"]
        for status, answer in operation["responses"].items():
            if status != "204":
                yield f"{name} {status}", resolved(answer)["content"]["application/json"]


def example(component: str, kind: str = "schemas") -> Any:
    """The one example of a body, an answer or a refusal."""
    reference = f"#/components/{kind}/{component}"
    contained = (
        [resolved({"$ref": reference})["content"]["application/json"]]
        if kind == "responses"
        else [content for _, content in contents() if content["schema"] == {"$ref": reference}]
    )
    return next(iter(contained[0]["examples"].values()))["value"]


def test_the_document_is_valid_and_made_without_a_warning(tmp_path: Path) -> None:
    call_command(
        "spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "openapi.yaml")
    )


def test_everybody_may_read_the_document(client: Client) -> None:
    response = client.get("/v1/openapi.json")

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response.json()["openapi"] == "3.1.1"
    assert response.json()["servers"][0]["url"] == "/"


def test_every_operation_says_what_it_does_and_which_scope_it_needs() -> None:
    tags = {tag["name"] for tag in document()["tags"]}

    for operation in operations():
        scopes = [scope for way in operation["security"] for [scope] in way.values()]
        assert operation["summary"]
        assert set(operation["tags"]) <= tags
        assert set(scopes) < set(Scope.values)
        assert f"Needs the scope `{scopes[0]}`." in operation["description"]
        assert all(parameter["description"] for parameter in operation.get("parameters", []))


def test_each_operation_has_an_id_that_does_not_change() -> None:
    ids: dict[str, list[str]] = {tag: [] for tag in OPERATION_IDS}
    for operation in operations():
        [tag] = operation["tags"]
        ids[tag].append(operation["operationId"])

    assert ids.keys() == {tag["name"] for tag in document()["tags"]}
    assert {tag: sorted(each) for tag, each in ids.items()} == {
        tag: sorted(each.split()) for tag, each in OPERATION_IDS.items()
    }


def test_operations_stand_in_an_order_that_does_not_change() -> None:
    for path in document()["paths"].values():
        assert list(path) == sorted(path, key=METHODS.index)


def test_every_operation_names_its_refusals() -> None:
    for operation in operations():
        statuses = set(operation["responses"])
        assert statuses >= {"401", "403", "429", "500", "503"}
        assert ("requestBody" in operation) == ({"413", "415"} <= statuses)
    upsert = document()["paths"]["/v1/participants"]["post"]["responses"]
    assert list(upsert)[:4] == ["200", "201", "400", "401"]
    assert upsert["409"]["content"]["application/json"]["examples"]["program_inactive"]


def test_every_answer_says_what_it_is_and_names_its_headers() -> None:
    for operation in operations():
        for answer in operation["responses"].values():
            assert resolved(answer)["description"]
            assert set(resolved(answer)["headers"]) >= {
                "X-Request-ID",
                "X-RateLimit-Limit",
                "X-RateLimit-Remaining",
                "X-RateLimit-Reset",
            }


def test_a_body_has_no_other_fields_than_the_documented() -> None:
    for name, schema in document()["components"]["schemas"].items():
        if name.endswith("Request"):
            assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("component", "field", "limits"),
    [
        ("UpsertRequest", "external_id", {"minLength": 1, "maxLength": 255, "pattern": NOT_BLANK}),
        ("UpsertRequest", "program_id", {"format": "uuid"}),
        ("UpsertRequest", "status", {"enum": ["ACTIVE", "SUSPENDED", "CLOSED"]}),
        ("UpsertRequest", "phone", {"maxLength": 50}),
        ("UpsertRequest", "first_name", {"maxLength": 255}),
        ("UpsertRequest", "last_name", {"maxLength": 255}),
        ("UpsertRequest", "display_name", {"maxLength": 255}),
        (
            "UpsertRequest",
            "tags",
            {
                "maxItems": 100,
                "items": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": NOT_BLANK},
            },
        ),
        (
            "UpsertRequest",
            "attributes",
            {
                "maxProperties": 100,
                "propertyNames": {"minLength": 1, "maxLength": 100},
                "additionalProperties": {
                    "type": ["string", "number", "boolean", "null"],
                    "maxLength": 1000,
                    "exclusiveMinimum": -(10**40),
                    "exclusiveMaximum": 10**40,
                },
            },
        ),
        ("BatchRequest", "participants", {"minItems": 1, "maxItems": 1000}),
        ("EnrollmentRequest", "status", {"enum": ["ACTIVE", "FROZEN", "LOCKED", "CLOSED"]}),
        ("ProgramRequest", "name", {"minLength": 1, "maxLength": 255, "pattern": NOT_BLANK}),
        ("ProgramRequest", "description", {"maxLength": 1000}),
        ("AssetRequest", "name", {"minLength": 1, "maxLength": 255, "pattern": NOT_BLANK}),
        ("AssetRequest", "symbol", {"maxLength": 16, "pattern": "^[A-Za-z0-9]{1,16}$"}),
        ("AssetRequest", "scale", {"minimum": 0, "maximum": 18, "default": 0}),
        ("AssetRequest", "issuance_policy", {"enum": ["UNLIMITED"], "default": "UNLIMITED"}),
        ("AssetRequest", "inventory_mode", {"enum": ["SIMPLE"], "default": "SIMPLE"}),
        ("AssetRequest", "max_transaction_amount", {"type": ["string", "null"]}),
        ("NewTierTrackRequest", "key", {"maxLength": 64, "pattern": "^[a-z][a-z0-9_]*$"}),
        ("NewTierTrackRequest", "display_name", {"maxLength": 255}),
        ("NewTierTrackRequest", "levels", {"maxItems": 100}),
        ("TierTrackChangeRequest", "levels", {"maxItems": 100}),
        ("TierLevelRequest", "rank", {"type": "integer", "minimum": 1, "maximum": 2147483647}),
        ("TierLevelRequest", "benefits", {"type": ["array", "object"]}),
        ("QualificationRequest", "mode", {"enum": ["ALL", "ANY"]}),
        ("QualificationRequest", "criteria", {"minItems": 1, "maxItems": 20}),
        ("CriterionRequest", "counter", {"minLength": 1, "maxLength": 100}),
        ("CriterionRequest", "operator", {"enum": [">=", ">", "<=", "<", "=="]}),
        ("NewRuleRequest", "name", {"maxLength": 255, "pattern": NOT_BLANK}),
        ("NewRuleRequest", "description", {"maxLength": 1000}),
        ("NewRuleRequest", "condition", {"maxLength": 4096, "pattern": NOT_BLANK}),
        ("NewRuleRequest", "actions", {"type": "array", "maxItems": 50}),
        ("NewRuleRequest", "order", {"minimum": 1, "maximum": 2147483647}),
        ("NewRuleRequest", "status", {"default": "ACTIVE"}),
        ("RuleChangeRequest", "status", {"enum": ["ACTIVE", "SUSPENDED", "ARCHIVED"]}),
        (
            "ProgramRequest",
            "on_unknown_participant",
            {"enum": ["CREATE", "REJECT"], "default": "CREATE"},
        ),
        (
            "ProgramRequest",
            "status",
            {"enum": ["ACTIVE", "SUSPENDED", "ARCHIVED"], "default": "ACTIVE"},
        ),
    ],
)
def test_each_limit_is_named(component: str, field: str, limits: dict[str, Any]) -> None:
    schema = schema_of(component)["properties"][field]

    assert {name: schema.get(name) for name in limits} == limits


def test_the_limits_of_an_address_and_of_an_email_are_named() -> None:
    email = {"type": "string", "format": "idn-email", "maxLength": 255}
    parameters = {
        parameter["name"]: parameter
        for operation in operations()
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "path"
    }

    assert schema_of("UpsertRequest")["properties"]["email"]["anyOf"][0] == email
    assert parameters["tag"]["schema"]["maxLength"] == 255
    assert parameters["key"]["schema"]["maxLength"] == 100
    assert parameters["participant"]["schema"]["anyOf"][1]["maxLength"] == len("external:") + 255


def test_a_list_names_its_filters_sortings_and_limits() -> None:
    parameters = document()["paths"]["/v1/participants"]["get"]["parameters"]
    schemas = {parameter["name"]: parameter["schema"] for parameter in parameters}

    assert schemas == {
        "external_id": {"type": "string", "minLength": 1},
        "email": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": NOT_BLANK},
        "phone": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "[0-9]"},
        "search": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": NOT_BLANK},
        "program_id": {"type": "string", "format": "uuid"},
        "status": {"type": "string", "enum": ["ACTIVE", "CLOSED", "SUSPENDED"]},
        "tag": {"type": "string", "minLength": 1, "maxLength": 255},
        "from": {"type": "string", "format": "date-time"},
        "to": {"type": "string", "format": "date-time"},
        "limit": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
        "cursor": {"type": "string", "minLength": 1},
        "sort_dir": {"type": "string", "enum": ["asc", "desc"], "default": "desc"},
        "sort_by": {
            "type": "string",
            "enum": ["created_at", "external_id", "status"],
            "default": "created_at",
        },
    }


def test_what_may_be_left_out_of_a_body_is_not_required() -> None:
    required = {
        name: schema.get("required", [])
        for name, schema in document()["components"]["schemas"].items()
        if name.endswith("Request")
    }

    assert required == {
        "AdjustmentRequest": ["amount", "asset_id", "description", "program_id", "type"],
        "AssetLinkRequest": ["asset_id"],
        "AssetRequest": ["name", "symbol"],
        "AttributeRequest": ["value"],
        "AttributesRequest": ["attributes"],
        "BatchRequest": ["participants"],
        "ChangeRequest": [],
        "CounterRequest": ["value"],
        "CriterionRequest": ["counter", "operator", "threshold"],
        "EnrollmentRequest": [],
        "EventBatchRequest": ["events"],
        "EventBodyRequest": ["event_data", "event_timestamp", "idempotency_key", "program_id"],
        "ForfeitRequest": ["asset_id", "description", "program_id"],
        "HoldRequest": ["asset_id", "description", "program_id"],
        "NewRuleRequest": ["actions", "condition", "name", "program_id"],
        "NewTierTrackRequest": ["key"],
        "PatchedAssetChangeRequest": [],
        "PatchedProgramChangeRequest": [],
        "ProgramRequest": ["name"],
        "QualificationRequest": ["criteria", "mode"],
        "ReleaseRequest": ["asset_id", "description", "program_id"],
        "RuleChangeRequest": [],
        "RuleDraftRequest": [],
        "RuleRestorationRequest": ["version"],
        "StatusRequest": ["status"],
        "TagsRequest": ["tags"],
        "TierLevelRequest": ["key", "rank"],
        "TierRequest": ["level"],
        "TierTrackChangeRequest": [],
        "TrialRequest": ["event"],
        "UpsertRequest": ["external_id"],
    }


def schemas_within(part: Any) -> Iterator[Any]:
    """Every object of the document that could be a schema."""
    if isinstance(part, dict):
        yield part
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from schemas_within(each)


def test_no_schema_is_of_a_kind_that_generators_of_clients_drop() -> None:
    for schema in schemas_within(document()["components"]["schemas"]):
        kinds = schema.get("type", [])
        if "array" in ([kinds] if isinstance(kinds, str) else kinds):
            assert "items" in schema, schema
        if isinstance(schema.get("required"), list):
            assert set(schema["required"]) <= set(schema.get("properties", {})), schema
        if None in (schema.get("enum") or []):
            assert "type" not in schema, schema


def test_every_body_and_every_answer_has_examples_that_fit_its_schema() -> None:
    for name, content in contents():
        schema = {**content["schema"], "components": document()["components"]}
        assert content["examples"], name
        for title, shown in content["examples"].items():
            validator = Draft202012Validator(schema, validate_formats=True)
            errors = list(validator.iter_errors(shown["value"]))
            assert not errors, (name, title, errors)


def alike(answer: Any, shown: Any) -> bool:
    """Whether two answers are equal but for ids and times, which differ with each run."""
    if isinstance(shown, dict):
        ours = {name for name in shown if not name.endswith("_at") and name not in IDS}
        return answer.keys() == shown.keys() and all(alike(answer[n], shown[n]) for n in ours)
    if isinstance(shown, list):
        return len(answer) == len(shown) and all(map(alike, answer, shown))
    return bool(answer == shown)


PEOPLE = "/v1/participants"
PERSON = f"{PEOPLE}/external:customer-1042"
PROGRAM = "/v1/programs/0198c0de-7a3b-7c21-9f4e-2b1d5a6c7e80"
ENROLMENT = f"{PERSON}/enrollments/0198c0de-7a3b-7c21-9f4e-2b1d5a6c7e80"
CALLS = [
    ("post", PEOPLE, "UpsertRequest", ""),  # the answers' example is what the next call makes of it
    ("patch", PERSON, "ChangeRequest", "Participant"),
    ("get", PERSON, "", "Participant"),
    ("patch", f"{PERSON}/status", "StatusRequest", "Participant"),
    ("put", f"{PERSON}/state/tags", "TagsRequest", "TagList"),
    ("get", f"{PERSON}/state/tags", "", "TagList"),
    ("put", f"{PERSON}/state/tags/vip", "", "Tag"),
    ("patch", f"{PERSON}/state/attributes", "AttributesRequest", "AttributeList"),
    ("get", f"{PERSON}/state/attributes", "", "AttributeList"),
    ("put", f"{PERSON}/state/attributes/plan", "AttributeRequest", "AttributeAnswer"),
    ("put", ENROLMENT, "EnrollmentRequest", "Enrollment"),
    ("get", ENROLMENT, "", "Enrollment"),
    ("get", PEOPLE, "", "PaginatedParticipantRowList"),
    ("post", f"{PEOPLE}/batch", "BatchRequest", "BatchAnswer"),
    ("get", PROGRAM, "", "Program"),
    ("get", "/v1/programs", "", "PaginatedProgramList"),
    ("post", "/v1/assets", "AssetRequest", "Asset"),
    ("get", "/v1/assets", "", "PaginatedAssetList"),
    ("get", f"{PROGRAM}/assets", "", "PaginatedAssetList"),
    ("post", f"{PROGRAM}/tiers", "NewTierTrackRequest", ""),
    ("patch", f"{PROGRAM}/tiers/status", "TierTrackChangeRequest", "TierTrack"),
    ("get", f"{PROGRAM}/tiers/status", "", "TierTrack"),
    ("get", f"{PROGRAM}/tiers", "", "PaginatedTierTrackList"),
    ("post", "/v1/rules", "NewRuleRequest", "WrittenRule"),
    ("get", "/v1/rules", "", "PaginatedRuleList"),
    ("post", "/v1/rules/validate", "RuleDraftRequest", "Judgement"),
    ("post", "/v1/events", "EventBodyRequest", "StoredEvent"),
    ("post", "/v1/events/batch", "EventBatchRequest", ""),
    ("post", f"{PROGRAM}/simulate", "TrialRequest", ""),
]


@pytest.fixture
def coffee_club(db: None) -> Program:
    """The program of the examples."""
    return Program.objects.create(**example("ProgramRequest"), id=example("Program")["id"])


@pytest.mark.usefixtures("coffee_club")
def test_the_examples_are_true(api: APIClient) -> None:
    for method, url, body, answer in CALLS:
        response = getattr(api, method)(url, example(body) if body else None)
        assert response.status_code < 300, (method, url, response.json())
        assert not answer or alike(response.json(), example(answer)), (method, url, response.json())

    history = api.get(f"{PERSON}/activity/state-history?key=plan").json()
    shown = example("PaginatedStateChangeList")["data"][0]
    changed_by = {"changed_by": history["data"][0]["changed_by"]}
    assert alike(history["data"][0], shown | changed_by)

    rule = f"/v1/rules/{Rule.objects.get().pk}"
    assert api.patch(rule, example("RuleChangeRequest")).status_code == 200
    history = api.get(f"{rule}/history").json()
    shown = example("PaginatedRuleVersionList")
    changed_by = {"changed_by": history["data"][0]["changed_by"]}
    assert alike(history["data"][0], shown["data"][0] | changed_by)
    assert history["pagination"]["has_more"] == shown["pagination"]["has_more"]


def test_each_type_of_action_is_documented_as_it_is_kept() -> None:
    actions = schema_of("NewRuleRequest")["properties"]["actions"]
    union = resolved(actions["items"])

    mapping = union["discriminator"]["mapping"]
    assert union["discriminator"]["propertyName"] == "type"
    assert list(mapping) == list(ACTION_TYPES)
    assert [{"$ref": each} for each in mapping.values()] == union["oneOf"]
    for kind, ref in mapping.items():
        each, fields = resolved({"$ref": ref}), ACTION_TYPES[kind].fields
        assert each["properties"]["type"] == {"const": kind}
        assert list(each["properties"]) == ["type", *fields]
        required = [name for name, field in fields.items() if field.required]
        assert each["required"] == ["type", *required]
        assert each["additionalProperties"] is False
        defaults = {name: part["default"] for name, part in each["properties"].items() if "default" in part}  # fmt: skip
        kept = {name: field.default for name, field in fields.items() if field.default is not None}
        assert defaults == kept


@pytest.mark.parametrize(
    ("action", "fits"),
    [
        ({"type": "SET_ATTRIBUTE", "key": "plan", "value": "free"}, True),
        ({"type": "SET_ATTRIBUTE", "key": "plan", "expression": "event.plan"}, True),
        ({"type": "SET_ATTRIBUTE", "key": "plan", "value": "", "expression": "1"}, False),
        ({"type": "SET_ATTRIBUTE", "key": "plan"}, False),
        ({"type": "COUNTER", "key": "visits", "value": "1"}, True),
        ({"type": "COUNTER", "key": "visits", "value": "1", "reset": "DAY"}, True),
        ({"type": "COUNTER", "key": "visits", "value": "1", "reset_after": "7d"}, True),
        (
            {"type": "COUNTER", "key": "visits", "value": "1", "reset": "DAY", "reset_after": "7d"},
            False,
        ),
    ],
)
def test_which_fields_of_an_action_exclude_each_other_is_documented(
    action: dict[str, str], fits: bool
) -> None:
    schema = {"$ref": "#/components/schemas/Action", "components": document()["components"]}
    errors = Errors()

    clean_actions([action], errors)

    assert Draft202012Validator(schema).is_valid(action) == (not errors) == fits


@pytest.mark.usefixtures("coffee_club")
def test_a_body_with_a_field_that_the_document_does_not_name_is_refused(api: APIClient) -> None:
    for method, url, body, _ in [*CALLS, ("patch", PROGRAM, "ProgramRequest", "")]:
        if body:
            response = getattr(api, method)(url, {**example(body), "unheard_of": None})
            assert response.status_code == 400, (method, url)
            assert [field["field"] for field in response.json()["details"]["fields"]] == [
                "unheard_of"
            ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("component", "call", "headers"),
    [
        ("BadRequest", {"data": {"external_id": "a", "tags": ["a", "b", "c", 1]}}, {}),
        ("Unauthorized", {"data": {}}, {"X-API-Key": "lrl_forged"}),
        ("PayloadTooLarge", {"data": {"external_id": "x" * 1_000_000}}, {}),
        ("UnsupportedMediaType", {"data": "a", "content_type": "text/plain"}, {}),
    ],
)
def test_the_examples_of_refusals_are_true(
    api: APIClient, component: str, call: dict[str, Any], headers: dict[str, str]
) -> None:
    response = api.post("/v1/participants", **call, headers=headers)

    assert response.status_code >= 400
    assert alike(response.json(), example(component, "responses"))


@pytest.mark.django_db
def test_the_example_of_a_missing_scope_is_true() -> None:
    _, key = issue(name="reader", scopes=[Scope.PARTICIPANTS_READ], by=TESTER)
    reader = APIClient(headers={"X-API-Key": key})

    response = reader.post("/v1/participants", {"external_id": "a"})

    assert alike(response.json(), example("Forbidden", "responses"))


def test_the_example_of_an_unknown_address_is_true(api: APIClient) -> None:
    response = api.get("/v1/participants/external:nobody")

    assert alike(response.json(), example("NotFound", "responses"))


def test_the_example_of_too_many_calls_is_true(api: APIClient, settings: Settings) -> None:
    settings.RATE_LIMIT = "1/hour"

    api.get("/v1/participants")
    response = api.get("/v1/participants")

    wait = response["Retry-After"]
    shown = example("TooManyRequests", "responses")
    shown["message"] = shown["message"].replace(" 7 ", f" {wait} ")
    assert alike(response.json(), shown)


def test_what_the_document_calls_blank_is_what_the_api_refuses_as_blank(api: APIClient) -> None:
    blank = "".join(filter(str.isspace, map(chr, range(0x11000))))
    named = Draft202012Validator(schema_of("UpsertRequest")).is_valid({"external_id": blank})

    statuses = [
        api.post("/v1/participants", {"external_id": blank}).status_code,
        api.post("/v1/programs", {"name": blank}).status_code,
    ]

    assert (named, statuses) == (False, [400, 400])
