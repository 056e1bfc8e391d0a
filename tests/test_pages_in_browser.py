"""Every page, as Chromium and axe-core see it: nothing to complain of, in light and dark, on a desk and on a phone."""

from functools import partial
from importlib.resources import files

import pytest
from django.template.loader import render_to_string
from django.test import Client
from playwright.sync_api import Page, Route

from tests import pages

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
DESK, PHONE = 1440, 390
# Each page is judged in one of them, or this would take four times as long; what pages share is judged in all.
VIEWS = [(DESK, "light"), (PHONE, "dark"), (DESK, "dark"), (PHONE, "light")]
STANDING_ALONE = [
    "400.html",
    "403.html",
    "404.html",
    "429.html",
    "500.html",
    "503.html",
    "locked_out.html",
]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_no_page_has_a_barrier_or_overflows_or_says_anything_on_the_console(admin: Page) -> None:
    pages.fill()
    browser = Client()
    browser.cookies.load({each["name"]: each["value"] for each in admin.context.cookies()})
    for name in STANDING_ALONE:
        admin.route(f"**/{name}", partial(answer_with, name))
    found = [*pages.addresses(browser), *(f"/admin/{name}" for name in STANDING_ALONE)]
    complaints: list[str] = []
    # Forty calls of the API share one template, and all pages of history another.
    alike = [path for path in found if path.startswith("/v1") or path.endswith("/history/")]
    judged = [path for path in found if path not in alike or alike.index(path) % 6 == 0]

    for number, path in enumerate(judged):
        width, scheme = VIEWS[number % len(VIEWS)]
        admin.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        admin.set_viewport_size({"width": PHONE, "height": 844})
        admin.goto(path)
        if path == "/docs":
            admin.locator(".opblock").first.wait_for(timeout=60_000)
        if admin.evaluate("document.documentElement.scrollWidth") > PHONE:
            complaints.append(f"{path} is wider than a phone.")
        # As high as the page, or what stays in sight below would lie over what is judged.
        admin.set_viewport_size({"width": width, "height": 844})
        height = admin.evaluate("document.documentElement.scrollHeight")
        admin.set_viewport_size({"width": width, "height": min(height + 100, 8000)})
        whole = path.startswith("/admin") is False or number % 5 == 0
        complaints += [f"{path} ({width}, {scheme}): {each}" for each in barriers(admin, whole)]

    assert len(found) > 100
    assert complaints == []


def answer_with(template: str, route: Route) -> None:
    route.fulfill(body=render_to_string(template), content_type="text/html")


def barriers(page: Page, whole: bool) -> list[str]:
    """What axe-core finds, with the element that it is about; if not of the whole page, without the admin's frame."""
    page.evaluate(AXE)
    options = {"runOnly": STANDARDS, "resultTypes": ["violations"], "preload": False}
    result = page.evaluate(
        "([part, options]) => axe.run(document.querySelector(part) ?? document, options)",
        ["html" if whole else "main", options],
    )
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]
