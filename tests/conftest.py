import os
import shutil
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection
from django.test import TransactionTestCase
from hypothesis import settings
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)
from pytest_django.live_server_helper import LiveServer
from rest_framework.test import APIClient

from participants import state
from participants.models import Participant
from programs.api_keys import issue
from programs.kernel.actors import Actor, ActorKind
from programs.models import Program, Scope

# How long one example takes says more of the machine than of the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

TESTER = Actor(ActorKind.COMMAND, "tests")

CHROMIUM_FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses among them
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        fixtures = {*getattr(item, "fixturenames", ())}
        has_database = item.get_closest_marker("django_db") or {"db", "transactional_db"} & fixtures
        if "chromium" in fixtures or not has_database:
            item.add_marker(pytest.mark.once)


@pytest.fixture(scope="session", autouse=True)
def committed_rows_go_quickly() -> Iterator[None]:
    """After a test that commits, Django truncates every table and writes all permissions anew; here only tables with rows go."""

    def teardown(_: TransactionTestCase) -> None:
        names = connection.introspection.django_table_names(only_existing=True)
        kept = {"django_content_type", "auth_permission"}
        each = [f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in {*names} - kept]
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(each))
            if filled := ", ".join(name for (name,) in cursor.fetchall()):
                cursor.execute(f"TRUNCATE {filled} CASCADE")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", teardown)
        yield


@pytest.fixture
def key(db: None) -> str:
    """An API key that may do everything."""
    _, key = issue(name="tests", scopes=Scope.values, by=TESTER)
    return key


@pytest.fixture
def api(key: str) -> APIClient:
    """A client application with that key."""
    return APIClient(headers={"X-API-Key": key})


@pytest.fixture
def connection_stays_open(db: None) -> Iterator[None]:
    """For calls of the WSGI application: the test's transaction outlives them, as Django's own test client sees to."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def queries(db: None) -> Iterator[list[str]]:
    """The statements that run from now on, as they come; transactions' own begin and commit are not among them."""
    seen: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        seen.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield seen


@pytest.fixture
def program(db: None) -> Program:
    return Program.objects.create(name="Club")


@pytest.fixture
def participant(db: None) -> Participant:
    result = state.change(state.Change(), to="ana", by=TESTER, rights=state.ALL_RIGHTS)
    return Participant.objects.get(pk=result.participant_id)


@pytest.fixture
def outsider(transactional_db: None) -> Iterator["psycopg.Connection[object]"]:
    """A connection of somebody else, who holds locks until they roll back."""
    parameters = connection.get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(name, None)
    with psycopg.connect(**parameters) as other:
        yield other
        other.rollback()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium; browser tests have a module of their own, since Playwright's loop runs in its thread."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        pytest.skip("Chromium is not installed.")
    # Chromium cannot build its sandbox as root.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Django takes Playwright's running loop for asynchronous code of ours.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(
            executable_path=executable, args=[*CHROMIUM_FLAGS, *sandbox]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A fresh page on the live server. The test fails if the console says anything, or a request goes to another host."""
    complaints: list[str] = []

    def note_message(message: ConsoleMessage) -> None:
        # Chromium notes there too what was refused, by the server or by a test that asks for it, and that a test was
        # quicker than a page's autofocus.
        usual = ("Failed to load resource: ", "Autofocus processing was blocked")
        if not message.text.startswith(usual):
            complaints.append(f"{message.text} ({message.location['url']})")

    def note_request(request: Request) -> None:
        if not request.url.startswith((live_server.url, "data:", "blob:")):
            complaints.append(f"A request to {request.url}")

    def note_missing(response: Response) -> None:
        if response.status == 404 and "/static/" in response.url:
            complaints.append(f"Missing: {response.url}")

    context = chromium.new_context(
        base_url=live_server.url, viewport={"width": 1280, "height": 900}, reduced_motion="reduce"
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.on("console", note_message)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", note_request)
    page.on("response", note_missing)
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def admin(page: Page) -> Page:
    """The admin, signed in to."""
    User.objects.create_superuser("alex", password="correct horse")
    page.goto("/admin/")
    page.get_by_label("Username").fill("alex")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    return page
