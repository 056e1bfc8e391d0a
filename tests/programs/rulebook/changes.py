"""Rules made and changed as one call would, for tests of the rulebook."""

from typing import Any
from uuid import UUID

import pytest

from programs import rulebook
from programs.kernel.exceptions import DomainError
from programs.models import Program, Rule
from tests.conftest import TESTER

TAG = {"type": "TAG", "tag": "vip"}


def body(program: Program | UUID, **more: Any) -> dict[str, Any]:
    program_id = program.pk if isinstance(program, Program) else program
    rule = {"name": "Welcome", "condition": "true", "actions": [TAG]}
    return {"program_id": str(program_id), **rule, **more}


def made(program: Program, **more: Any) -> Rule:
    return rulebook.create(rulebook.clean_new(body(program, **more)), by=TESTER)


def changed(rule: Rule, **values: Any) -> Rule:
    return rulebook.change(rule.pk, rulebook.clean_change(values), by=TESTER)


def refusals(refused: pytest.ExceptionInfo[DomainError]) -> list[tuple[str, str]]:
    return [(error.field, error.reason) for error in refused.value.fields]


def revision(program: Program) -> UUID:
    return Program.objects.get(pk=program.pk).revision
