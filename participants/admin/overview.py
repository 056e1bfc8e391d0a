"""The page of a participant: who they are, what they hold, where they stand, what can be done, and what happened."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, TextField
from django.db.models.functions import Cast, JSONObject
from django.http import HttpRequest

from participants.admin import timeline, words
from participants.admin.status import VERBS
from participants.admin.subpages import page_of
from participants.api.permissions import allows, rights_of
from participants.models import (
    Balance,
    Counter,
    Enrollment,
    EnrollmentStatus,
    Maturity,
    Participant,
    ParticipantStatus,
)
from participants.state.counters import counters_of
from participants.state.progress import CriterionProgress
from participants.state.tiers import Tier, tiers_of
from programs.kernel import durations, exact_json, instants
from programs.kernel.decimals import written
from programs.reader import amount, moment

SHOWN_CREDITS = 20  # of one asset

STATUS_BADGES: Final = {
    ParticipantStatus.ACTIVE: "good",
    ParticipantStatus.SUSPENDED: "warn",
    ParticipantStatus.CLOSED: "neutral",
}
BUCKETS = ("available", "held", "deferred")


@dataclass(frozen=True, slots=True)
class Maturing:
    amount: str
    at: Any


@dataclass(frozen=True, slots=True)
class Held:
    """What they have of one asset; held and deferred are "" where there is nothing."""

    asset: Any
    available: str
    held: str
    deferred: str
    is_overdrawn: bool
    maturing: list[Maturing]
    more: bool


@dataclass(frozen=True, slots=True)
class Criterion:
    """How far a counter is: `done` of `whole` for a bar, where there is one."""

    text: str
    reached: bool
    counter: str = ""
    done: str = ""
    whole: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where they stand on a track, and the way to the next level."""

    tier: Tier
    level: str
    earned: str
    url: str
    following: str
    joiner: str
    criteria: list[Criterion]


@dataclass(frozen=True, slots=True)
class Enrolled:
    enrollment: Enrollment
    badge: str
    url: str


@dataclass(frozen=True, slots=True)
class Counted:
    counter: Counter
    value: str
    window: str
    url: str


@dataclass(frozen=True, slots=True)
class Action:
    """A button; several `choices` fold under it."""

    label: str
    url: str = ""
    choices: tuple[tuple[str, str], ...] = ()


def context(request: HttpRequest, participant: Participant) -> dict[str, Any]:
    """Return what the page shows to this member of staff; what they may not see is not read."""
    pk = participant.pk
    enrollments = list(_enrollments(request, pk))
    counters = counters_of(pk) if allows(request, "CounterViewSet.list") else None
    standings = list(_standings(request, pk, counters))
    balances = list(_balances(pk)) if allows(request, "BalanceViewSet.list") else None
    programs = {each.enrollment.program_id: each.enrollment.program.name for each in enrollments}
    symbols = {str(held.asset.pk): held.asset.symbol for held in balances or ()}
    return {
        "name": words.person(participant),
        "status_badge": STATUS_BADGES[ParticipantStatus(participant.status)],
        "status": ParticipantStatus(participant.status).label,
        "attributes": {key: _shown(value) for key, value in participant.attributes.items()},
        "actions": list(_actions(request, participant, standings)),
        "balances": balances,
        "standings": standings if allows(request, "TierViewSet.list") else None,
        "counters": None if counters is None else list(_counters(request, pk, counters)),
        "counter_url": page_of(pk, "counter") if rights_of(request, "counter").may_create else "",
        "enrollments": enrollments if allows(request, "EnrollmentViewSet.retrieve") else None,
        "timeline": timeline.shown(request, pk, programs, symbols),
    }


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else exact_json.dumps(value).decode()


def _actions(
    request: HttpRequest, participant: Participant, standings: list[Standing]
) -> Iterator[Action]:
    def url(name: str, **query: str) -> str:
        return f"{page_of(participant.pk, name)}{'?' if query else ''}{urlencode(query)}"

    if allows(request, "BalanceViewSet.adjust"):
        yield Action("Adjust", url("adjust"))
    if allows(request, "BalanceViewSet.hold"):
        yield Action("Hold", url("adjust", action="HOLD"))
    if allows(request, "BalanceViewSet.release"):
        yield Action("Release", url("adjust", action="RELEASE"))
    if allows(request, "TagViewSet.add"):
        yield Action("Tag", url("tags"))
    if allows(request, "EnrollmentViewSet.update"):
        yield Action("Enroll", url("enroll"))
    settable = [each for each in standings if each.url]
    if len(settable) == 1:
        yield Action("Set tier", settable[0].url)
    elif settable:
        choices = (
            (f"{each.tier.track} in {each.tier.track.program}", each.url) for each in settable
        )
        yield Action("Set tier", choices=tuple(choices))
    if allows(request, "StatusViewSet.partial_update"):
        for status, (label, _) in VERBS.items():
            if status != participant.status:
                yield Action(label, url("status", to=status))


def _enrollments(request: HttpRequest, participant_id: UUID) -> Iterator[Enrolled]:
    if not allows(request, "EnrollmentViewSet.retrieve"):
        return
    may_change = rights_of(request, "enrollment").may_change
    mine = Enrollment.objects.filter(participant=participant_id).select_related("program")
    for each in mine.order_by("id"):
        page = f"{page_of(participant_id, 'enroll')}?program={each.program_id}"
        badge = "good" if each.status == EnrollmentStatus.ACTIVE else "warn"
        yield Enrolled(each, badge, page if may_change else "")


def _balances(participant_id: UUID) -> Iterator[Held]:
    deferred = Maturity.objects.filter(
        participant=participant_id, asset=OuterRef("asset"), matured_at=None, amount__gt=0
    )
    credit = JSONObject(at=F("matures_at"), amount=Cast("amount", TextField()))
    waiting = deferred.order_by("matures_at", "id").values(text=Cast(credit, TextField()))
    balances = Balance.objects.filter(participant=participant_id).select_related("asset")
    balances = balances.annotate(credits=ArraySubquery(waiting[: SHOWN_CREDITS + 1]))
    for balance in balances.order_by("asset__name", "asset"):
        scale = balance.asset.scale
        available, held, deferred_ = (getattr(balance, name) for name in BUCKETS)
        maturing = [_maturing(text, scale) for text in balance.credits]
        yield Held(
            balance.asset,
            amount(available, scale),
            amount(held, scale) if held else "",
            amount(deferred_, scale) if deferred_ else "",
            balance.overdrawn,
            maturing[:SHOWN_CREDITS],
            len(maturing) > SHOWN_CREDITS,
        )


def _maturing(text: str, scale: int) -> Maturing:
    credit = exact_json.loads(text)
    return Maturing(amount(Decimal(credit["amount"]), scale), instants.read(credit["at"]))


def _standings(
    request: HttpRequest, participant_id: UUID, counters: list[Counter] | None
) -> Iterator[Standing]:
    rights = rights_of(request, "tierstanding")
    may_see = allows(request, "TierViewSet.list")
    if not (may_see or rights.may_create or rights.may_change):
        return
    # Progress tells counters.
    known = None if counters is None else {each.key: each.value for each in counters}
    for tier in tiers_of(participant_id, counters=known):
        may_set = rights.allow(exists=tier.standing is not None)
        url = page_of(participant_id, "tier", str(tier.track.pk)) if may_set else ""
        progress = tier.progress
        earned = tier.track.level(tier.earned_level)
        yield Standing(
            tier,
            str(tier.level) if tier.level else "Base",
            (str(earned) if earned else "Base")
            if tier.standing and tier.standing.is_override
            else "",
            url,
            str(progress.level) if progress else "",
            " or " if progress and progress.mode == "ANY" else " and ",
            [_criterion(each) for each in progress.criteria] if progress else [],
        )


def _criterion(progress: CriterionProgress) -> Criterion:
    value, threshold = amount(progress.value), amount(progress.threshold)
    if progress.reached:
        return Criterion(f"{progress.counter} is {value}", reached=True)
    is_bar = progress.operator in (">=", ">") and progress.threshold > 0
    if not is_bar:
        condition = f"{progress.counter} {progress.operator} {threshold}"
        return Criterion(f"{condition}; it is {value}", reached=False)
    more = "more than " if progress.operator == ">" else ""
    text = f"{more}{amount(progress.missing)} more"
    return Criterion(
        text,
        reached=False,
        counter=progress.counter,
        done=written(max(progress.value, Decimal(0))),
        whole=written(progress.threshold),
    )


def _counters(
    request: HttpRequest, participant_id: UUID, counters: list[Counter]
) -> Iterator[Counted]:
    may_change = rights_of(request, "counter").may_change
    page = page_of(participant_id, "counter")
    for counter in counters:
        url = f"{page}?{urlencode({'key': counter.key})}" if may_change else ""
        yield Counted(counter, amount(counter.value), _window(counter), url)


def _window(counter: Counter) -> str:
    if counter.reset:
        return f"resets {words.period(counter)}, last at {moment(counter.period_start)}"
    if not counter.reset_after:
        return ""
    began = moment(counter.last_reset_at)
    return f"resets after {durations.written(counter.reset_after)}, began {began}"
