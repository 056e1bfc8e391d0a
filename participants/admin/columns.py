"""What the list of participants shows of the people on one page, each kind read in one query for all of them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import OuterRef, Subquery
from django.db.models.functions import Now
from django.http import HttpRequest

from participants.api.permissions import allows
from participants.models import Balance, Event, Participant, TierStanding
from participants.state.standing import Standing, stands_on
from programs.kernel.decimals import written
from programs.models import TierTrack

SHOWN = 3  # balances, tiers or tags of one person


class Columns(NamedTuple):
    """For each participant: balances ("120.50 PTS"), tiers ("Gold") and the time of the newest event."""

    balances: dict[UUID, list[str]]
    tiers: dict[UUID, list[str]]
    last_activity: dict[UUID, datetime]


def read(request: HttpRequest, people: Iterable[Participant]) -> Columns:
    """Read the columns that the user may see; the others are left out of the list and stay empty here."""
    ids = [person.pk for person in people]
    return Columns(
        _balances(ids) if ids and sees_balances(request) else {},
        _tiers(ids) if ids and sees_tiers(request) else {},
        _last_activity(ids) if ids and sees_events(request) else {},
    )


def sees_balances(request: HttpRequest) -> bool:
    return allows(request, "BalanceViewSet.list")


def sees_tiers(request: HttpRequest) -> bool:
    return allows(request, "TierViewSet.list")


def sees_events(request: HttpRequest) -> bool:
    return allows(request, "EventViewSet.list")


def shortened(texts: Sequence[str]) -> list[str]:
    """The first few, and how many more there are."""
    more = len(texts) - SHOWN
    return [*texts[:SHOWN], f"{more} more"] if more > 0 else list(texts)


def _balances(ids: list[UUID]) -> dict[UUID, list[str]]:
    found = defaultdict(list)
    rows = Balance.objects.filter(participant__in=ids).select_related("asset")
    for row in rows.order_by("asset__symbol", "asset"):
        found[row.participant_id].append(
            f"{written(row.available, row.asset.scale)} {row.asset.symbol}"
        )
    return found


def _tiers(ids: list[UUID]) -> dict[UUID, list[str]]:
    found = defaultdict(list)
    rows = list(TierStanding.objects.filter(participant__in=ids).annotate(moment=Now()))
    used = {row.track_id for row in rows}
    tracks = TierTrack.objects.current().with_levels().in_bulk(used) if used else {}
    for row in sorted(rows, key=lambda row: row.track_id):
        track: Any = tracks.get(row.track_id)
        standing = Standing(*(getattr(row, name) for name in Standing._fields))
        if track and (level := stands_on(standing, track, row.moment)):
            found[row.participant_id].append(str(level))
    return found


def _last_activity(ids: list[UUID]) -> dict[UUID, datetime]:
    mine = Event.objects.filter(participant=OuterRef("pk")).order_by("-created_at", "-id")
    last = Subquery(mine.values("created_at")[:1])
    people = Participant.objects.filter(pk__in=ids).order_by().annotate(last=last)
    return dict(people.filter(last__isnull=False).values_list("pk", "last"))
