from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from programs.models import Program
from tests.programs.api.refusals import refusals

RULES = "/v1/rules"


def test_rules_are_listed_filtered_and_sorted(api: APIClient, new: dict[str, Any]) -> None:
    other = Program.objects.create(name="Other")
    rules: dict[str, dict[str, Any]] = {
        "a": {"order": 30},
        "b": {"order": 20, "status": "SUSPENDED"},
        "c": {"order": 40, "status": "ARCHIVED"},
        "d": {"order": 10, "program_id": str(other.pk)},
    }
    for name, more in rules.items():
        assert api.post(RULES, {**new, "name": name, **more}).status_code == 201

    def names(**query: Any) -> str:
        answer = api.get(RULES, query).json()
        follow = answer["pagination"]["next_cursor"]
        rest = names(**{**query, "cursor": follow}) if follow else ""
        return "".join(row["name"] for row in answer["data"]) + rest

    assert names() == names(limit=1) == "dba"
    assert names(sort_dir="asc") == "abd"
    assert names(sort_by="order", sort_dir="asc") == "dba"
    assert names(sort_by="order", limit=2, include_archived="true") == "cabd"
    assert names(program_id=new["program_id"]) == "ba"
    assert names(program_id=new["program_id"], include_archived="true") == "cba"
    assert names(program_id=str(uuid4())) == ""
    assert names(status="ARCHIVED") == "c"
    assert names(status="SUSPENDED") == "b"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"program_id": "club"}, "program_id"),
        ({"status": "OPEN"}, "status"),
        ({"include_archived": "yes"}, "include_archived"),
        ({"sort_by": "name"}, "sort_by"),
        ({"cursor": "forged"}, "cursor"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(
    api: APIClient, query: dict[str, str], field: str
) -> None:
    assert [name for name, _ in refusals(api.get(RULES, query))] == [field]


@pytest.mark.parametrize("place", ["", "/{rule}/history"])
def test_a_list_costs_the_same_however_many_there_are(
    api: APIClient, new: dict[str, Any], rule: str, queries: list[str], place: str
) -> None:
    path = RULES + place.replace("/{rule}", rule.removeprefix(RULES))
    costs = set()
    for count in (1, 30):
        for number in range(count):
            api.post(RULES, new)
            api.patch(rule, {"name": f"{count} {number}"})
        queries.clear()
        rows = api.get(path).json()["data"]
        costs.add(len(queries))

    assert len(rows) == 32
    assert costs == {2 if place else 1}  # the rule and its versions, or the rules
