from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from programs.models import Program, Rule, RuleVersion
from tests.programs.rulebook.changes import made


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"order": 10}, "rule_order_is_unique_among_active"),
        ({"order": 0}, "rule_order_is_from_1"),
        ({"status": "OPEN"}, "rule_status_is_known"),
        ({"name": " "}, "rule_name_is_not_blank"),
        ({"condition": "\n"}, "rule_condition_is_not_blank"),
        (
            {"active_from": datetime(2026, 1, 1, tzinfo=UTC), "active_to": datetime(2026, 1, 1, tzinfo=UTC)},
            "rule_is_active_from_before_to",
        ),
    ],
)  # fmt: skip
def test_the_database_holds_what_a_rule_must_be(
    program: Program, values: dict[str, Any], constraint: str
) -> None:
    made(program)
    right = {"name": "x", "condition": "true", "actions": [], "order": 20}

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Rule.objects.create(**{"program": program, **right, **values})


def test_the_database_holds_a_version_once(program: Program) -> None:
    rule = made(program)

    with (
        pytest.raises(IntegrityError, match="rule_version_is_unique"),
        transaction.atomic(),
    ):
        RuleVersion.objects.create(rule=rule, version=1, snapshot={}, changed_by="x")


@pytest.mark.parametrize("restored_from", [0, 2, 3])
def test_the_database_holds_that_a_version_restores_an_older_one(
    program: Program, restored_from: int
) -> None:
    rule = made(program)
    what = {"snapshot": {}, "changed_by": "x", "restored_from": restored_from}

    with (
        pytest.raises(IntegrityError, match="rule_version_restores_an_older_one"),
        transaction.atomic(),
    ):
        RuleVersion.objects.create(rule=rule, version=2, **what)
