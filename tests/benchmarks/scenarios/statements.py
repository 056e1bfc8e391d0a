"""How many statements a call sends, begin and commit apart: counted in this process, so that none is missed."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection
from rest_framework.test import APIClient

from tests.benchmarks.bench import Bench
from tests.benchmarks.measure import Figure, Outcome
from tests.benchmarks.people import Mix


def scenario(bench: Bench) -> Iterator[Outcome]:
    api = APIClient(headers={"X-API-Key": bench.key}, SERVER_NAME="localhost")
    api.get("/v1/participants")  # reads the key, and notes that it is used: neither is counted
    yield Outcome("Statements in a call", figures=[*_upserts(api, bench), *_pages(api, bench)])


def _upserts(api: APIClient, bench: Bench) -> Iterator[Figure]:
    for mix in (Mix.NEW, Mix.CHANGED, Mix.UNCHANGED):
        sent = _statements(api.post, "/v1/participants", next(bench.people(mix)))
        yield Figure(f"upsert, {mix}", sent, "", must=2, at_most=True)
    people = list(itertools.islice(bench.people(Mix.HALF_NEW), 1000))
    sent = _statements(api.post, "/v1/participants/batch", {"participants": people})
    yield Figure("batch of 1,000", sent, "", must=2, at_most=True)


def _pages(api: APIClient, bench: Bench) -> Iterator[Figure]:
    somebody = "/v1/participants/external:customer-1"
    for path in (
        "/v1/participants?limit=200",
        "/v1/participants?limit=200&search=customer",
        f"/v1/participants?limit=200&program_id={bench.program_id}",
        somebody,
        f"{somebody}/activity/state-history",
        "/v1/programs",
    ):
        yield Figure(f"GET {path[:48]}", _statements(api.get, path), "", must=4, at_most=True)


def _statements(call: Callable[..., Any], path: str, *body: Any) -> int:
    sent: list[str] = []

    def note(execute: Callable[..., Any], statement: str, *rest: Any) -> Any:
        sent.append(statement)
        return execute(statement, *rest)

    with connection.execute_wrapper(note):
        response = call(path, *body)
    if response.status_code not in (200, 201):
        raise RuntimeError(f"{path} answered {response.status_code}: {response.content!r}")
    return len(sent)
