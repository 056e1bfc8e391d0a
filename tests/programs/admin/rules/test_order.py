"""Rules reordered in the admin."""

from uuid import uuid4

from django.test import Client

from programs.models import Program, Rule, RuleVersion
from tests.admin_pages import shown_fields
from tests.programs.admin.rules.pages import make_rule, order_page

RULES = "/admin/programs/rule/"


def in_order(program: Program) -> list[str]:
    return list(Rule.objects.filter(program=program).in_order().values_list("name", flat=True))


def test_rules_are_reordered_in_one_step_without_a_script(
    admin_client: Client, program: Program
) -> None:
    first, _, third = (make_rule(program, name) for name in ("first", "second", "third"))
    posted = shown_fields(admin_client.get(order_page(program)), "rule-order")
    for move in (f"up:{third.pk}", f"up:{third.pk}", f"up:{third.pk}", f"down:{first.pk}"):
        page = admin_client.post(order_page(program), {**posted, "move": move})
        posted = shown_fields(page, "rule-order")
    assert in_order(program) == ["first", "second", "third"]

    response = admin_client.post(order_page(program), posted)

    assert response.status_code == 302
    assert in_order(program) == ["third", "second", "first"]
    assert RuleVersion.objects.filter(version=2).count() == 2


def test_an_order_of_other_rules_is_refused(admin_client: Client, program: Program) -> None:
    make_rule(program, "first")
    posted = shown_fields(admin_client.get(order_page(program)), "rule-order")
    make_rule(program, "second")

    page = admin_client.post(order_page(program), posted)

    assert "The rules of the program have changed." in page.content.decode()
    assert [rule.name for rule in page.context["rules"]] == ["first", "second"]
    assert admin_client.get(f"{RULES}order/{uuid4()}/").status_code == 404
