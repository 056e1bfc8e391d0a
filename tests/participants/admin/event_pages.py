"""The pages of events in the admin, as a browser sees them."""

import html
import re
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.utils import timezone

from participants.events import process
from participants.events.ingest import ingest
from participants.events.request import clean_event
from participants.models import Event
from programs import rulebook
from programs.kernel import exact_json
from programs.models import Asset, Program, Rule
from tests.conftest import TESTER

EVENTS = "/admin/participants/event/"


def make_rule(program: Program, name: str, *actions: dict[str, Any], **more: Any) -> Rule:
    body = {"program_id": str(program.pk), "name": name, "condition": "true", **more}
    return rulebook.create(rulebook.clean_new({**body, "actions": list(actions)}), by=TESTER)


def make_redemption(program: Program, points: Asset) -> Rule:
    """A rule that takes more than anybody has, after it has tagged."""
    tag = {"type": "TAG", "tag": "redeemer"}
    debit = {"type": "DEBIT", "asset_id": str(points.pk), "amount": "1000000"}
    return make_rule(program, "Redeem", tag, debit)


def make_mistake(program: Program, name: str = "Bonus") -> Rule:
    """A rule that fails alone, after it has tagged."""
    tag = {"type": "TAG", "tag": "bonus"}
    count = {"type": "COUNTER", "key": "bonus", "value": "event.bonus"}
    return make_rule(program, name, tag, count)


def stored(program: Program, key: str = "k-1", of: str = "ana", **more: Any) -> Event:
    """An event that waits."""
    body = {
        "program_id": str(program.pk),
        "external_id": of,
        "idempotency_key": key,
        "event_timestamp": "2026-01-15T10:30:00Z",
        "event_data": {"type": "purchase", "amount": 12.5},
        **more,
    }
    event = clean_event(exact_json.loads(exact_json.dumps(body)), received_at=timezone.now())
    return Event.objects.get(pk=ingest(event, by=TESTER).id)


def processed(program: Program, key: str = "k-1", of: str = "ana", **more: Any) -> Event:
    event = stored(program, key, of, **more)
    process.process_now(event.participant_id)
    event.refresh_from_db()
    return event


def page_of(event: Event, name: str = "change/") -> str:
    return f"{EVENTS}{event.pk}/{name}"


def text_of(response: Any, section: str = "") -> str:
    """What the page, or its part with this class, shows, with one space between words."""
    content = response.content.decode()
    if section:
        [content] = re.findall(
            rf'<section class="(?:module )?{section}.*?</section>', content, re.DOTALL
        )
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", content))).strip()


def listed(response: Any) -> list[str]:
    return [event.idempotency_key for event in response.context["cl"].result_list]


def cells(response: Any) -> list[dict[str, str]]:
    found = re.findall(r'<t[dh] class="field-(\w+)[^>]*>(.*?)</t[dh]>', response.content.decode())
    names = ("received", "key", "whose_in", "state", "what_came_of_it")
    texts = [html.unescape(re.sub("<[^>]+>", "", cell)) for _, cell in found]
    rows = zip(*[iter(texts)] * len(names), strict=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


def plans_of(part: str, call: Callable[[], object]) -> list[str]:
    """How PostgreSQL would carry out each of the call's statements that has this part."""
    plans: list[str] = []

    def explain(execute: Any, sql: str, params: Any, *rest: Any) -> Any:
        if part in sql:
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}", params)
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
        return execute(sql, params, *rest)

    with connection.execute_wrapper(explain):
        call()
    return plans
