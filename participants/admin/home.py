"""The first page: what needs attention, then how each program is doing; on an empty installation, how to begin."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.conf import settings
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from participants.admin import figures, words
from participants.admin.figures import listed, may
from participants.api.permissions import allows
from participants.events import queue
from participants.models import Event, EventStatus
from participants.reports import failures
from participants.reports.failures import Cause, Causes
from programs.kernel import durations
from programs.models import ApiKey, Asset, Program, ProgramStatus, Rule, TierTrack

SHOWN_PROGRAMS: Final = 4  # on one page
SHOWN_ASSETS: Final = 2
SHOWN: Final = 5  # of one kind that needs attention
SOON: Final = timedelta(days=14)
EFFECT: Final = "The rule failed; the others had their effect."


class Notice(NamedTuple):
    """Something that needs attention. `look` is the class of its badge."""

    look: str
    kind: str
    text: str
    url: str
    events: str = ""


class SetUpStep(NamedTuple):
    name: str
    why: str
    url: str
    is_done: bool


def context(request: HttpRequest) -> dict[str, Any]:
    """Return what the page shows to this member of staff; what they may not see is not read."""
    chosen = figures.switch(request)
    programs, before, after = _programs(request)
    steps = [] if Event.objects.exists() else list(_set_up(request))
    return {
        "switch": chosen,
        "notices": list(_notices(request)),
        "programs": figures.of(request, programs, chosen.days, most_assets=SHOWN_ASSETS),
        "previous_page": before,
        "next_page": after,
        "set_up": steps,
    }


def _programs(request: HttpRequest) -> tuple[list[Program], str, str]:
    """The programs of this page, and the addresses of the one before and the next."""
    if not may(request, "ProgramViewSet.list"):
        return [], "", ""
    page = request.GET.get("page", "")
    number = max(int(page[:5]), 1) if page.isascii() and page.isdigit() else 1
    first = (number - 1) * SHOWN_PROGRAMS
    every = Program.objects.exclude(status=ProgramStatus.ARCHIVED).order_by(
        "status", "created_at", "id"
    )
    found = list(every[first : first + SHOWN_PROGRAMS + 1])

    def address(page: int) -> str:
        others = request.GET.copy()
        others["page"] = str(page)
        return f"?{others.urlencode()}"

    before = address(number - 1) if number > 1 else ""
    return (
        found[:SHOWN_PROGRAMS],
        before,
        address(number + 1) if len(found) > SHOWN_PROGRAMS else "",
    )


def _notices(request: HttpRequest) -> Iterator[Notice]:
    if allows(request, "EventViewSet.list"):
        yield from _queue()
        yield from _failures()
    if may(request, "RuleViewSet.list"):
        yield from _rules()
    if admin.site.get_model_admin(ApiKey).has_view_permission(request):
        yield from _keys()


def _queue() -> Iterator[Notice]:
    events, age = queue.backlog()
    if age > durations.read(settings.QUEUE_MAX_AGE):
        count = f"{events:,}{'+' if events >= queue.MOST_COUNTED else ''}"
        text = f"Events wait to be processed, the oldest for {words.length(age)}. Is a worker running (process_events)?"
        waiting = listed("participants_event", status__exact=EventStatus.PENDING.value)
        yield Notice("bad", "Queue stalled", text, waiting, count)


def _failures() -> Iterator[Notice]:
    failed, errors = failures.of_failed_events(), failures.of_rule_errors()
    every = [*failed.causes[:SHOWN], *errors.causes[:SHOWN]]
    rules = Rule.objects.in_bulk([each.rule_id for each in every if each.rule_id]) if every else {}
    programs = Program.objects.in_bulk({each.program_id for each in every}) if every else {}

    def text(cause: Cause, otherwise: str) -> str:
        rule = rules.get(cause.rule_id) if cause.rule_id else None
        where = f"{f'“{rule}” in ' if rule else ''}{programs[cause.program_id]}"
        return f"{where}: {cause.message or otherwise}"

    for cause in failed.causes[:SHOWN]:
        events = listed("participants_event", status__exact="FAILED", **_of(cause))
        kind = cause.code.replace("_", " ").capitalize() or "Failed"
        yield Notice("bad", kind, text(cause, "It failed."), events, _count(cause.events, failed))
    if len(failed.causes) > SHOWN:
        rest = sum(cause.events for cause in failed.causes[SHOWN:])
        events = listed("participants_event", status__exact="FAILED")
        yield Notice(
            "bad", "Failed", "Events that failed for other reasons.", events, _count(rest, failed)
        )
    for cause in errors.causes[:SHOWN]:
        events = listed("participants_event", has_rule_errors="true", **_of(cause))
        yield Notice(
            "warn", "Rule errors", text(cause, EFFECT), events, _count(cause.events, errors)
        )
    if len(errors.causes) > SHOWN:
        events = listed("participants_event", has_rule_errors="true")
        yield Notice("warn", "Rule errors", "Other rules failed, too.", events)


def _of(cause: Cause) -> dict[str, UUID]:
    """The filters of the list of events that leave those of this cause."""
    rule = {"rule": cause.rule_id} if cause.rule_id else {}
    return {"program": cause.program_id, **rule}


def _count(events: int, among: Causes) -> str:
    return f"{events:,}{'+' if among.more else ''}"


def _rules() -> Iterator[Notice]:
    found = Rule.objects.current().needing_attention().select_related("program")
    rules = list(found.order_by("program_id", "order", "id")[: SHOWN + 1])
    for rule in rules[:SHOWN]:
        page = reverse("admin:programs_rule_change", args=[rule.pk])
        text = f"“{rule}” in {rule.program} would be refused if it were saved now."
        yield Notice("warn", "Rule needs attention", text, page)
    if len(rules) > SHOWN:
        every = listed("programs_rule", needs_attention="true")
        yield Notice("warn", "Rules need attention", "There are more of them.", every)


def _keys() -> Iterator[Notice]:
    now = timezone.now()
    exposed = Q(exposed_at__isnull=False)
    found = ApiKey.objects.usable().filter(exposed | Q(expires_at__lte=now + SOON))
    for key in found.order_by("expires_at", "id")[: 2 * SHOWN]:
        page = reverse("admin:programs_apikey_change", args=[key.pk])
        if key.exposed_at:
            text = f"{key} came over plain HTTP, where others could read it. Rotate it."
            yield Notice("bad", "Key exposed", text, page)
        if key.expires_at and key.expires_at <= now + SOON:
            text = f"{key} stops working in {words.length(key.expires_at - now)}. Rotate it before."
            yield Notice("warn", "Key expires", text, page)


def _set_up(request: HttpRequest) -> Iterator[SetUpStep]:
    """What an installation without an event needs to have one, in order; only what the user may do."""
    first = Program.objects.order_by("created_at", "id").values_list("pk", flat=True).first()

    def add(name: str, **query: UUID | None) -> str:
        known = {key: value for key, value in query.items() if value}
        address = reverse(f"admin:programs_{name}_add")
        return f"{address}?{'&'.join(f'{key}={value}' for key, value in known.items())}"

    if may(request, "ProgramViewSet.create"):
        why = "In which people take part, with a time zone that its days and months follow."
        yield SetUpStep("A program", why, add("program"), first is not None)
    if may(request, "AssetViewSet.create"):
        why = (
            "What people collect, such as points. Choose the program that gives it out on its form."
        )
        yield SetUpStep(
            "An asset", why, add("asset"), Asset.objects.filter(links__isnull=False).exists()
        )
    if may(request, "TierTrackViewSet.create"):
        why = "Levels such as silver and gold, and what counters must reach for them. You can leave it out."
        yield SetUpStep(
            "A tier track",
            why,
            add("tiertrack", program=first),
            TierTrack.objects.current().exists(),
        )
    if may(request, "RuleViewSet.create"):
        why = "What an event earns. A template is a good start."
        yield SetUpStep("A rule", why, add("rule", program=first), Rule.objects.current().exists())
    if allows(request, "EventViewSet.create"):
        why = "Sent by your application, or by hand with the form at the end of that page."
        yield SetUpStep("A first event", why, "/v1/events", is_done=False)
