from typing import Any

import pytest
from rest_framework.test import APIClient

from programs.models import RuleVersion

TAG = {"type": "TAG", "tag": "vip"}


def test_the_history_tells_each_edit_and_who_made_it(
    api: APIClient, new: dict[str, Any], rule: str
) -> None:
    created = api.get(rule).json()
    api.patch(rule, {"name": "New", "actions": []})
    api.delete(rule)

    answer = api.get(f"{rule}/history").json()

    fields = ["name", "description", "condition", "actions", "order"]
    fields += ["stop_after_match", "active_from", "active_to", "status"]
    original = {name: created[name] for name in fields}
    now = {**original, "name": "New", "actions": []}
    moments = {version.version: version.changed_at for version in RuleVersion.objects.all()}
    by = RuleVersion.objects.filter(version=1).get().changed_by
    assert by.startswith("api_key:tests")
    assert answer["pagination"] == {"has_more": False, "next_cursor": None}
    assert answer["data"] == [
        {
            "version": version,
            "changed_by": by,
            "changed_at": f"{moments[version]:%Y-%m-%dT%H:%M:%S.%fZ}",
            "restored_from": None,
            "changes": [
                {"field": name, "old": old, "new": value} for name, (old, value) in changes.items()
            ],
            "snapshot": snapshot,
        }
        for version, changes, snapshot in (
            (3, {"status": ("ACTIVE", "ARCHIVED")}, {**now, "status": "ARCHIVED"}),
            (2, {"name": ("Welcome", "New"), "actions": ([TAG], [])}, now),
            (1, {name: (None, value) for name, value in original.items()}, original),
        )
    ]


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_changes_are_told_across_pages(api: APIClient, rule: str, direction: str) -> None:
    for name in "abc":
        api.patch(rule, {"name": name})

    asked: dict[str, Any] = {"limit": 2, "sort_dir": direction}
    first = api.get(f"{rule}/history", asked).json()
    follow = first["pagination"]["next_cursor"]
    second = api.get(f"{rule}/history", {**asked, "cursor": follow}).json()

    rows = [*first["data"], *second["data"]]
    told = {row["version"]: [change["field"] for change in row["changes"]] for row in rows}
    assert list(told) == ([1, 2, 3, 4] if direction == "asc" else [4, 3, 2, 1])
    assert [told[version] for version in (2, 3, 4)] == [["name"]] * 3
    assert len(told[1]) == 9
