"""What is done with rules from their list and their pages."""

from uuid import uuid4

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from programs import rulebook
from programs.models import Program, Rule, RuleStatus, RuleVersion
from tests.conftest import TESTER
from tests.programs.admin.rules.pages import do, make_rule

RULES = "/admin/programs/rule/"


def act(client: Client, verb: str, *rules: Rule) -> str:
    posted = {
        "action": verb,
        "_selected_action": [str(rule.pk) for rule in rules],
        "confirmed": "yes",
    }
    return client.post(RULES, posted, follow=True).content.decode()


def test_rules_are_suspended_activated_archived_and_duplicated_from_the_list(
    admin_client: Client, rule: Rule
) -> None:
    assert "Suspended: Purchases." in act(admin_client, "suspend", rule)
    assert Rule.objects.get().status == RuleStatus.SUSPENDED
    assert "Activated: Purchases." in act(admin_client, "activate", rule)
    assert Rule.objects.get().status == RuleStatus.ACTIVE
    assert "Duplicated: Purchases." in act(admin_client, "duplicate", rule)
    copy = Rule.objects.exclude(pk=rule.pk).get()
    assert (copy.name, copy.status) == ("Copy of Purchases", RuleStatus.SUSPENDED)
    assert "Archived: " in act(admin_client, "archive", rule, copy)
    assert not Rule.objects.current().exists()
    assert set(RuleVersion.objects.values_list("changed_by", flat=True)) == {
        "command:tests",
        "staff:admin",
    }


def test_a_verb_that_refuses_is_reported_and_the_others_are_carried_out(
    admin_client: Client, program: Program, rule: Rule
) -> None:
    rival = make_rule(program, "Rival", order=rule.order, status="SUSPENDED")
    third = make_rule(program, "Third", order=30, status="SUSPENDED")

    page = act(admin_client, "activate", rival, third)

    assert "Rival: The rule “Purchases” has the order 10." in page
    assert "Activated: Third." in page
    assert Rule.objects.get(name="Rival").status == RuleStatus.SUSPENDED


def test_a_rule_is_suspended_activated_and_duplicated_from_its_page(
    admin_client: Client, rule: Rule
) -> None:
    page = do(admin_client, rule, "suspend")
    assert "was suspended." in page.content.decode()
    assert [verb.name for verb in page.context["verbs"]] == ["activate", "archive", "duplicate"]
    assert "was activated." in do(admin_client, rule, "activate").content.decode()

    page = do(admin_client, rule, "duplicate")

    assert page.context["original"].name == "Copy of Purchases"
    assert "This is the copy, which is suspended." in page.content.decode()


def test_the_buttons_are_for_posts_and_for_rules_that_are_there(
    admin_client: Client, rule: Rule
) -> None:
    address = f"{RULES}{rule.pk}/suspend/do/"

    assert admin_client.get(address).status_code == 405
    assert admin_client.post(address.replace("suspend", "delete")).status_code == 404
    assert admin_client.post(f"{RULES}{uuid4()}/suspend/do/").status_code == 404
    checking = Client(enforce_csrf_checks=True)
    checking.force_login(User.objects.get(username="admin"))
    assert checking.post(address).status_code == 403
    assert Rule.objects.get().status == RuleStatus.ACTIVE


def restore(client: Client, rule: Rule, version: int) -> str:
    address = f"{RULES}{rule.pk}/restore/{version}/"
    return client.post(address, follow=True).content.decode()


def test_an_old_version_is_restored_from_the_history(admin_client: Client, rule: Rule) -> None:
    rulebook.change(rule.pk, {"name": "New"}, by=TESTER)
    page = admin_client.get(f"{RULES}{rule.pk}/change/").content.decode()
    assert page.count("/restore/") == 1
    assert f'action="{RULES}{rule.pk}/restore/1/"' in page

    restored = restore(admin_client, rule, 1)

    assert "Version 1 was restored; it is version 3 now." in restored
    assert "restored from 1" in restored
    assert Rule.objects.get().name == "Purchases"
    assert RuleVersion.objects.get(version=3).changed_by == "staff:admin"
    assert LogEntry.objects.get().change_message == "Restored version 1."
    assert "Version 1 does not differ" in restore(admin_client, rule, 1)
    assert "The rule has no version 9; its newest is 3." in restore(admin_client, rule, 9)


def test_a_version_whose_order_is_taken_is_not_restored(
    admin_client: Client, program: Program, rule: Rule
) -> None:
    rulebook.archive(rule.pk, by=TESTER)
    make_rule(program, "Heir", order=rule.order)

    page = restore(admin_client, rule, 1)

    assert "Version 1 was not restored: The rule “Heir” has the order 10." in page
    assert Rule.objects.get(pk=rule.pk).status == RuleStatus.ARCHIVED


def test_restoring_is_for_posts_of_those_who_may_change(client: Client, rule: Rule) -> None:
    rulebook.change(rule.pk, {"name": "New"}, by=TESTER)
    user = User.objects.create_user("rosa", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_rule", "add_rule"]))
    client.force_login(user)
    address = f"{RULES}{rule.pk}/restore/1/"

    assert client.get(address).status_code == 405
    assert client.post(address).status_code == 403
    assert "/restore/" not in client.get(f"{RULES}{rule.pk}/change/").content.decode()
    user.user_permissions.set(Permission.objects.filter(codename__in=["change_rule"]))
    assert client.post(address).status_code == 302
    assert client.post(f"{RULES}{uuid4()}/restore/1/").status_code == 404
    assert Rule.objects.get().name == "Purchases"
