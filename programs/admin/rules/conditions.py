"""What the builder of conditions offers, and its questions: rows as text, and text as rows."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypedDict

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse

from programs.admin.rules.choices import ProgramChoices
from programs.api.permissions import DECLARED
from programs.kernel import exact_json
from programs.kernel.exceptions import ValidationFailed
from programs.models import Rule
from programs.models.rules import counted_keys
from programs.rulebook import builder, observed, reference
from programs.rulebook.observed import Field, Recent
from programs.rulebook.program_names import STATUSES
from programs.rules.paths import spelled

MOST_RULES: Final = 500  # whose tags and counters are offered
_DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


class Offered(TypedDict):
    """A field to choose: its text in the language, and the values to choose from, each with what it is called."""

    field: str
    label: str
    kind: str
    values: list[tuple[str, str]]


def recent_events(request: HttpRequest, choices: ProgramChoices) -> Recent:
    """Return what the program's events had, as far as the user may read events."""
    if not DECLARED["EventViewSet.retrieve"].staff_may(request):
        return Recent()
    return observed.observer().recent_events(choices.program.pk)


def builder_context(
    request: HttpRequest, choices: ProgramChoices, events: Recent, condition: str
) -> dict[str, Any]:
    """Return what the script of the builder needs to know."""
    rows = builder.read(condition)
    return {
        "rows": rows.as_dict() if rows else None,
        "operators": [
            {"name": each.name, "label": each.label, "values": each.values, "kinds": each.kinds}
            for each in builder.OPERATORS.values()
        ],
        "groups": [
            {"label": label, "fields": fields}
            for label, fields in _groups(request, choices, events)
            if fields
        ],
        "max_depth": builder.MAX_DEPTH,
    }


def builder_page(page: admin.ModelAdmin[Rule], request: HttpRequest) -> JsonResponse:
    """Answer with the rows of a text, or with the text of rows or what is wrong with them."""
    if not (page.has_change_permission(request) or page.has_add_permission(request)):
        raise PermissionDenied
    try:
        body = exact_json.loads(request.body)
    except exact_json.InvalidJSON as error:
        return JsonResponse({"message": str(error)}, status=400)
    said = body if isinstance(body, dict) else {}
    if isinstance(said.get("text"), str):
        rows = builder.read(said["text"])
        return JsonResponse({"rows": rows.as_dict() if rows else None})
    try:
        return JsonResponse({"text": builder.write(builder.clean(said.get("rows"))), "errors": []})
    except ValidationFailed as refusal:
        errors = [{"place": error.field, "message": error.message} for error in refusal.fields]
        return JsonResponse({"text": None, "errors": errors})


def _groups(
    request: HttpRequest, choices: ProgramChoices, events: Recent
) -> Iterator[tuple[str, list[Offered]]]:
    tags: set[str] = set()
    counters: set[str] = set()
    rules = Rule.objects.filter(program=choices.program).current()
    for actions in rules.values_list("actions", flat=True)[:MOST_RULES]:
        counters |= counted_keys(actions)
        tags |= {each["tag"] for each in actions if each["type"] in ("TAG", "UNTAG")}
    people: Iterable[Field] = ()
    if DECLARED["ParticipantViewSet.retrieve"].staff_may(request):
        people = observed.observer().recent_participants(choices.program.pk)
    attributes = [each for each in people if each.path[1] == "attributes"]
    tags.update(*(each.values for each in people if each.path[1] == "tags"))
    yield "Event", list(_observed(events.fields or _examples(), without=1))
    yield (
        "Participant",
        [
            _offered(("participant", "tags"), "tags", "list", sorted(tags)),
            *_observed(attributes, without=2),
            _offered(("participant", "status"), "status", "text", STATUSES),
            _since("participant.created_at", "time since creation"),
            _since("participant.enrolled_at", "time since enrollment"),
        ],
    )
    yield (
        "Counters",
        [_offered(("participant", "counters", each), each, "number") for each in sorted(counters)],
    )
    yield (
        "Tiers",
        [offered for track in choices.tracks for offered in _standing(track)],
    )
    yield (
        "Balances",
        [
            _offered(("participant", "balances", asset.symbol, part), f"{asset} {part}", "number")
            for asset in choices.linked_assets
            for part in ("available", "held", "deferred")
        ],
    )
    yield (
        "Time of the event",
        [
            _part_of_now("getDayOfWeek", "day of the week", enumerate(_DAYS)),
            _part_of_now("getHours", "hour, 0 to 23"),
            _part_of_now("getDate", "day of the month"),
        ],
    )


def _standing(track: Any) -> list[Offered]:
    path = ("participant", "tiers", track.key)
    levels = [(level.key, str(level)) for level in track.levels.all()]
    return [
        {
            "field": spelled((*path, "level")),
            "label": f"{track} level",
            "kind": "text",
            "values": levels,
        },
        _offered((*path, "rank"), f"{track} rank", "number"),
    ]


def _offered(path: tuple[str, ...], label: str, kind: str, values: Iterable[str] = ()) -> Offered:
    named = [(value, value) for value in values]
    return {"field": spelled(path), "label": label, "kind": kind, "values": named}


def _since(path: str, label: str) -> Offered:
    return {"field": f"now - {path}", "label": label, "kind": "duration", "values": []}


def _part_of_now(function: str, label: str, values: Iterable[tuple[int, str]] = ()) -> Offered:
    named = [(str(number), name) for number, name in values]
    return {"field": f"now.{function}()", "label": label, "kind": "number", "values": named}


def _observed(fields: Iterable[Field], *, without: int) -> Iterator[Offered]:
    """The fields, labeled by the names in their paths but for the first ones."""
    for each in fields:
        label = ".".join(each.path[without:])
        if each.within:
            inner = spelled((builder.ITEM, *each.within))
            field = f"{spelled(each.path)}{builder.EXISTS}{inner})"
            label = f"any of {label}: {'.'.join(each.within)}"
        else:
            field = spelled(each.path)
        values = [(value, value) for value in each.values]
        yield {"field": field, "label": label, "kind": each.kind, "values": values}


def _examples() -> list[Field]:
    """The fields of the reference's event, while there are none of the program's own."""
    kinds: dict[type, str] = {str: "text", list: "list"}
    event = reference.FACTS["event"]
    return [
        Field(("event", name), kinds.get(type(value), "number"))
        for name, value in event.items()
        if value is not None
    ]
