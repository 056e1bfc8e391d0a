"""The pages of rules in the admin, as a browser sees them."""

from typing import Any

from django.test import Client

from programs import rulebook
from programs.models import Program, Rule
from tests.conftest import TESTER

RULES = "/admin/programs/rule/"


def make_rule(program: Program, name: str = "Purchases", **more: Any) -> Rule:
    body = {
        "program_id": str(program.pk),
        "name": name,
        "condition": "event.amount > 50",
        "actions": [{"type": "TAG", "tag": "buyer"}],
        **more,
    }
    return rulebook.create(rulebook.clean_new(body), by=TESTER)


def add_page(program: Program) -> str:
    return f"{RULES}add/?program={program.pk}"


def page_of(rule: Rule) -> str:
    return f"{RULES}{rule.pk}/change/"


def rows(*actions: dict[str, str]) -> dict[str, str]:
    posted = {"actions-TOTAL_FORMS": str(len(actions)), "actions-INITIAL_FORMS": "0"}
    for index, action in enumerate(actions):
        posted |= {f"actions-{index}-{name}": value for name, value in action.items()}
    return posted


def new_rule(*actions: dict[str, str], **more: str) -> dict[str, str]:
    """What the page of a new rule sends."""
    text = {"name": "Purchases", "condition": "event.amount > 50", "status": "ACTIVE"}
    return {**text, **rows(*actions), **more}


def do(client: Client, rule: Rule, verb: str) -> Any:
    return client.post(f"{RULES}{rule.pk}/{verb}/do/", follow=True)


def order_page(program: Program) -> str:
    return f"{RULES}order/{program.pk}/"
