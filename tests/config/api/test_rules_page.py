"""The page about the rule language: whole, linked, the same for everybody, and what an editor can link into."""

import re
from collections import Counter
from html import unescape
from html.parser import HTMLParser

import pytest
from django.test import Client

from programs.kernel.cleaning import Errors
from programs.rulebook.actions import ACTION_TYPES, clean_actions
from programs.rulebook.reference import (
    EXAMPLES,
    FORMS,
    LIMITS,
    VARIABLES,
    WORKED_RULES,
    Action,
    WorkedRule,
)
from programs.rules.functions import FUNCTIONS


class Outline(HTMLParser):
    """The ids, the addresses, and the tags and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "id":
                self.ids.append(value or "")
            if name == "href":
                self.links.append(value or "")


@pytest.fixture
def page(client: Client) -> str:
    return client.get("/docs/rules").content.decode()


def test_everybody_reads_it_without_the_database(client: Client) -> None:
    # This test has none: a query would fail.
    response = client.get("/docs/rules")

    assert response.status_code == 200
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert client.post("/docs/rules").status_code == 405


def test_each_function_macro_and_variable_has_its_address(page: str) -> None:
    ids = Counter(Outline(page).ids)

    named = [*FUNCTIONS, *(form.name for form in FORMS), *(each.path for each in VARIABLES)]
    assert [name for name in named if ids[name] != 1] == []
    assert [name for name, times in ids.items() if times > 1] == []


def test_no_link_within_it_leads_nowhere(page: str) -> None:
    outline = Outline(page)

    targets = {f"#{each}" for each in outline.ids}
    assert [link for link in outline.links if link[:1] == "#" and link not in targets] == []
    assert "/docs" in outline.links


def test_it_has_nothing_that_the_policy_forbids(page: str) -> None:
    outline = Outline(page)

    assert "style" not in outline.tags
    # No script but the admin's own, for the theme.
    assert re.findall(r"<script[^>]*>[^<]*", page) == ['<script src="/static/admin/js/theme.js">']
    assert "style" not in outline.attributes
    assert not [name for name in outline.attributes if name.startswith("on")]


def test_it_says_all_that_the_reference_does(page: str) -> None:
    text = unescape(re.sub(r"<[^>]*>", "", page))

    said = [
        *(part for form in FORMS for part in (form.description, form.example, form.gives)),
        *(part for each in FUNCTIONS.values() for part in (each.description, each.example, each.gives)),
        *(signature.text for each in FUNCTIONS.values() for signature in each.signatures),
        *(part for example in EXAMPLES for part in (example.title, example.text, example.gives)),
        *(part for limit in LIMITS for part in (limit.subject, limit.most, limit.says)),
        *(part for rule in WORKED_RULES for part in (rule.title, rule.purpose, rule.condition, rule.reason)),
        *(part for rule in WORKED_RULES for action in rule.actions for part in (action.type, *action.says.values())),
    ]  # fmt: skip
    assert [part for part in said if part not in text] == []


def test_it_describes_the_actions_that_a_rule_may_have(page: str) -> None:
    ids, text = Outline(page).ids, unescape(re.sub(r"<[^>]*>", "", page))

    assert [kind for kind in ACTION_TYPES if kind not in ids] == []
    described = [
        part
        for action in ACTION_TYPES.values()
        for part in (
            action.summary,
            *action.fields,
            *(each.help for each in action.fields.values()),
        )
    ]
    assert [part for part in described if part not in text] == []


@pytest.mark.parametrize("rule", WORKED_RULES, ids=lambda rule: rule.name)
def test_a_worked_rule_could_be_saved(rule: WorkedRule) -> None:
    errors = Errors()

    clean_actions([as_in_the_api(action) for action in rule.actions], errors)

    errors.raise_if_any()


def as_in_the_api(action: Action) -> dict[str, object]:
    said: dict[str, object] = {"type": action.type, **action.says}
    if said.pop("asset", None):
        said["asset_id"] = "0196f0c0-0000-7000-8000-000000000003"
    if "allow_negative" in said:
        said["allow_negative"] = said["allow_negative"] == "true"
    return said


def test_the_documentation_of_the_api_leads_to_it(client: Client) -> None:
    assert 'href="/docs/rules"' in client.get("/docs").content.decode()
