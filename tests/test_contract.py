"""The API held against its own OpenAPI document by schemathesis, which invents calls that fit it and calls that do not."""

import json
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks

from config.wsgi import application
from participants import state
from programs.exact_json import InvalidJSON, loads
from programs.models import Program, ProgramStatus
from tests.conftest import TESTER

DOCUMENT = "/v1/openapi.json"
every_call = schemathesis.openapi.from_wsgi(DOCUMENT, application)
fitting_calls = schemathesis.openapi.from_wsgi(
    DOCUMENT,
    application,
    config=schemathesis.Config.from_dict({"generation": {"mode": "positive", "allow-x00": False}}),
)
stable = settings(
    deadline=None,
    derandomize=True,
    max_examples=10,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
load_all_checks()
checks: Any = CHECKS.get_by_names(["positive_data_acceptance", "negative_data_rejection"])
ACCEPTED, REFUSED = checks
numbers = count()


@pytest.fixture(autouse=True)
def _one_connection(db: None) -> Iterator[None]:
    """The test's transaction would not outlive what Django does around a request, and its own client leaves out."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@every_call.parametrize()
@stable
def test_every_answer_is_as_documented(case: schemathesis.Case[Any], key: str) -> None:
    # That what fits is accepted is for the other test, whose calls fit what no schema can say. And a batch answers
    # for its rows one by one.
    is_batch = case.path == "/v1/participants/batch"
    excluded = [ACCEPTED, REFUSED] if is_batch else [ACCEPTED]

    case.call_and_validate(headers={"X-API-Key": key}, excluded_checks=excluded)


@every_call.hook("filter_body")
def counts_each_tag_and_value_once(context: schemathesis.HookContext, body: Any) -> bool:
    """Leave out what is too much by the document's plain numbers only: equal tags, and nulls for attributes."""
    if not isinstance(body, dict):
        return True
    tags, attributes = body.get("tags"), body.get("attributes")
    if isinstance(tags, list) and len(tags) > 100:
        return len({str(tag).lower() for tag in tags}) > 100
    if isinstance(attributes, dict) and len(attributes) > 100:
        return sum(value is not None for value in attributes.values()) > 100
    return True


@every_call.hook("filter_path_parameters")
def can_be_sent(context: schemathesis.HookContext, path_parameters: Mapping[str, Any]) -> bool:
    """Leave out question marks: werkzeug's client reads them as the end of the path, encoded or not."""
    return "?" not in str(path_parameters)


@fitting_calls.parametrize()
@stable
def test_a_call_that_fits_the_document_succeeds(
    case: schemathesis.Case[Any], key: str, program: Program
) -> None:
    Program.objects.update(status=ProgramStatus.ACTIVE)
    known, club = f"customer-{next(numbers)}", str(program.pk)
    change = state.Change(program_id=program.pk, attributes={"plan": "free"})
    state.apply(change, to=known, by=TESTER, may_create=True)
    ours = {"participant": f"external:{known}", "program_id": club, "id": club}
    case.path_parameters |= {name: ours[name] for name in case.path_parameters & ours.keys()}
    if isinstance(case.body, dict) and "program_id" in case.body:
        case.body["program_id"] = club

    # That the path is not its own makes schemathesis call it a mistake.
    response = case.call_and_validate(headers={"X-API-Key": key}, excluded_checks=[REFUSED])

    assert response.status_code < 300


@fitting_calls.hook("filter_body")
def has_short_numbers(context: schemathesis.HookContext, body: Any) -> bool:
    """Leave out numbers of more than 40 digits written out."""
    try:
        loads(json.dumps(body, default=str))
    except InvalidJSON:
        return False
    return True


@fitting_calls.hook("map_query")
def without_cursor(context: schemathesis.HookContext, query: Any) -> Any:
    """Leave out cursors, which only an answer can give."""
    return {name: value for name, value in (query or {}).items() if name != "cursor"}
