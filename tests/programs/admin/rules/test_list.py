"""The list of rules."""

from typing import Any

import pytest
from django.test import Client

from programs import rulebook
from programs.models import Program, Rule
from tests.conftest import TESTER
from tests.programs.admin.rules.pages import make_rule, order_page

RULES = "/admin/programs/rule/"


def shown(response: Any) -> list[str]:
    return [rule.name for rule in response.context["cl"].result_list]


def test_the_list_is_in_order_by_program_and_hides_archived_rules(
    admin_client: Client, program: Program
) -> None:
    other = Program.objects.create(name="Alps")
    make_rule(program, "second", order=20)
    make_rule(program, "first", order=10)
    make_rule(other, "alpine")
    rulebook.archive(make_rule(program, "gone").pk, by=TESTER)

    asked = {
        query: shown(admin_client.get(f"{RULES}?{query}"))
        for query in ("", "status=ARCHIVED", "status=all", f"program={program.pk}", "q=FIR")
    }

    assert asked == {
        "": ["alpine", "first", "second"],
        "status=ARCHIVED": ["gone"],
        "status=all": ["alpine", "first", "second", "gone"],
        f"program={program.pk}": ["first", "second"],
        "q=FIR": ["first"],
    }


def test_the_list_takes_the_id_of_a_program_however_it_is_spelled(
    admin_client: Client, rule: Rule
) -> None:
    page = admin_client.get(f"{RULES}?program={rule.program_id.hex.upper()}")

    assert shown(page) == ["Purchases"]
    assert "goes on" in page.content.decode()  # in words what “stop after match: no” is
    assert order_page(rule.program) in page.content.decode()


@pytest.mark.parametrize(
    "query",
    ["program=x", "status=x", "program=%00", "program_name=%00", "condition__regex=(a", "o=99"],
)
def test_what_the_list_cannot_be_asked_is_no_error(
    admin_client: Client, rule: Rule, query: str
) -> None:
    assert admin_client.get(f"{RULES}?{query}").status_code in (200, 302, 400)


def test_the_filter_finds_programs_by_name(admin_client: Client, rule: Rule) -> None:
    Program.objects.create(name="Alps")

    page = admin_client.get(f"{RULES}?program_name=alp&status=all").content.decode()

    assert ">Alps</a>" in page
    assert "By program" in page
    assert f'href="?program={rule.program_id}"' in page  # the rule's own program, in its column


def test_the_list_asks_the_same_for_many_rules(
    admin_client: Client, program: Program, queries: list[str]
) -> None:
    make_rule(program)
    admin_client.get(RULES)
    queries.clear()
    admin_client.get(RULES)
    few = len(queries)
    for number in range(9):
        make_rule(Program.objects.create(name=f"Program {number}"))
    queries.clear()

    admin_client.get(RULES)

    assert len(queries) == few
