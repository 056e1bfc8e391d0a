"""Every page that there is, found from the URL patterns, with something to show on each."""

import re
from collections.abc import Iterator
from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.apps import apps
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from config.quickstart import demo
from participants import state
from participants.events import ingest, process
from participants.events.request import NewEvent
from participants.models import Event, Job, JobStatus, JournalEntry, Participant
from participants.reports.refresh import refresh
from programs.api_keys import issue
from programs.models import Asset, Program, Rule, Scope, TierTrack
from tests.conftest import TESTER

# Words and ids without a space, as long as they may be.
LONG = "x" * 255
ENDLESS = "y" * 1000
# What a parameter of a URL stands for: a model of which the newest row is shown, or the value itself.
PARAMETERS: dict[str, Any] = {
    "program_id": Program,
    "rule_id": Rule,
    "event_id": Event,
    "asset_id": Asset,
    "entry_id": JournalEntry,
    "track_id": TierTrack,
    "id": User,
    "pk": Program,
    "participant": f"external:{LONG}",
    "app_label": "participants",
    "tag": "vip",
    "key": "note",
    "counter": "spent",
    "tier": "status",
    "track": "status",
    "name": "activate",
    "version": "1",
    "view_id": "0198c0dd-3f4a-7b5c-8d6e-7f8091a2b3c4",
}


def fill() -> None:
    """The demo data, and a row of all else that has a page, the longest that the columns hold among them."""
    demo.make(by=TESTER)
    issue(name="Tests", scopes=Scope.values, by=TESTER)
    long = state.Change(
        profile={"display_name": LONG, "email": f"{'e' * 60}@example.com"},
        tags=[LONG, "vip"],
        attributes={"note": ENDLESS},
        program_id=demo.PROGRAM,
    )
    state.change(long, to=LONG, by=TESTER, rights=state.ALL_RIGHTS)
    told = {"type": "purchase", "amount": "not a number", "note": ENDLESS}
    for key in ("failed", LONG):
        ingest.ingest(NewEvent(demo.PROGRAM, LONG, key, timezone.now(), told), by=TESTER)
    process.process_now(Participant.objects.get(external_id=LONG).pk)
    adjusted = Event.objects.filter(status="COMPLETED", idempotency_key="failed")
    adjusted.update(status="FAILED", failed_rule_ids=None)
    refresh()
    Group.objects.create(name="Support").permissions.set(Permission.objects.all()[:3])
    Job.objects.create(
        kind="export",
        title=f"Export {LONG}",
        requested_by="staff:alex",
        status=JobStatus.FAILED,
        failure=ENDLESS,
        ended_at=timezone.now(),
    )
    at = {"username": "mallory", "ip_address": "192.0.2.1", "user_agent": "tests"}
    AccessAttempt.objects.create(failures_since_start=3, **at)
    AccessFailureLog.objects.create(**at)
    AccessLog.objects.create(session_hash="h", **at)


def addresses(client: Client) -> Iterator[str]:
    """Yield the address of every page, for somebody who may see all: what answers a GET with HTML."""
    for route in _routes(get_resolver().url_patterns):
        if "(?P<url>" in route or "<path:content_type_id>" in route:
            continue  # no pages: what answers the rest with 404, and links to sites that we do not have
        path = _filled(route)
        response = client.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
        of_api = path.startswith("/v1")
        expected = (400, 404, 405) if of_api else (302, 403, 404, 405)
        assert response.status_code in (200, *expected), (path, response.status_code)
        is_page = response.status_code == 200 or of_api
        if is_page and response.headers["Content-Type"].startswith("text/html"):
            yield path


def _routes(patterns: list[Any], before: str = "/") -> Iterator[str]:
    for each in patterns:
        if isinstance(each, URLResolver):
            yield from _routes(each.url_patterns, f"{before}{each.pattern}")
        elif isinstance(each, URLPattern):
            yield f"{before}{each.pattern}"


def _filled(route: str) -> str:
    """The address of a page, with the newest row of what its parameters name."""
    listed = re.match(r"/admin/(\w+)/(\w+)/", route)

    def value(found: re.Match[str]) -> str:
        name = found["name"] or found["other"]
        meant = apps.get_model(listed[1], listed[2]) if listed and name == "object_id" else None
        meant = meant or PARAMETERS[name]
        if isinstance(meant, str):
            return meant
        row = meant.objects.order_by("pk").last()
        assert row, f"{meant.__name__} has no row to show: make one in `fill`."
        return str(quote(str(row.pk)))

    route = re.sub(r"^/admin/\^(.*)\$$", r"/admin/\1", route)
    return re.sub(r"<(?:\w+:)?(?P<name>\w+)>|\(\?P<(?P<other>\w+)>[^)]*\)", value, route)
