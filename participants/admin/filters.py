from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Now
from django.http import HttpRequest

from participants.admin.lists import Sieve
from participants.models import (
    ActionType,
    Balance,
    EventQuerySet,
    JournalEntryQuerySet,
    Participant,
    ParticipantQuerySet,
    TierStanding,
)
from programs.admin.base import is_id
from programs.models import Asset, Program, ProgramStatus, Rule, TierLevel

LISTED = 50
MOST_HELD = Decimal(10) ** 20  # which no balance has


class ByIdFilter(admin.SimpleListFilter):
    """A filter that offers the first rows of a table by name; the URL may name any."""

    offered: ClassVar[QuerySet[Any]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(row.pk), str(row)) for row in self.offered.order_by("name", "id")[:LISTED]]

    def has_output(self) -> bool:
        # Django leaves out a filter that offers nothing, though the URL asks for it.
        return super().has_output() or self.value() is not None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        try:
            return queryset if value is None else self.narrowed(queryset, UUID(value))
        except ValueError as error:
            raise IncorrectLookupParameters from error

    def narrowed(self, queryset: Any, pk: UUID) -> QuerySet[Any]:
        rows: QuerySet[Any] = queryset.filter(**{str(self.parameter_name): pk})
        return rows


class ProgramFilter(ByIdFilter):
    title = "program"
    parameter_name = "program"
    offered = Program.objects.exclude(status=ProgramStatus.ARCHIVED)


class EnrolledInFilter(ProgramFilter):
    title = "program (actively enrolled)"

    def narrowed(self, queryset: ParticipantQuerySet, pk: UUID) -> ParticipantQuerySet:
        return queryset.enrolled_in(pk)


class AssetFilter(ByIdFilter):
    title = "asset"
    parameter_name = "asset"
    offered = Asset.objects.all()


class RuleFilter(ByIdFilter):
    """The rules of the program that the list is filtered by, or of all."""

    title = "rule"
    parameter_name = "rule"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rules = Rule.objects.current().select_related("program").order_by("program__name", "order")
        program = request.GET.get(ProgramFilter.parameter_name, "")
        if is_id(program):
            rules = rules.filter(program=UUID(program))
        offered = list(rules[:LISTED])
        chosen = self.value() or ""
        # A link may name any rule, an archived one too.
        if is_id(chosen) and UUID(chosen) not in {rule.pk for rule in offered}:
            offered += Rule.objects.filter(pk=UUID(chosen)).select_related("program")
        return [(str(rule.pk), f"{rule} ({rule.program})") for rule in offered]


class EntryRuleFilter(RuleFilter):
    """Entries that the rule made."""

    def narrowed(self, queryset: JournalEntryQuerySet, pk: UUID) -> JournalEntryQuerySet:
        return queryset.filter(rule_id=pk)


class EventRuleFilter(RuleFilter, Sieve):
    """Events in which the rule matched or failed. No index has them: each event would cost one row of it for each rule."""

    def narrowed(self, queryset: EventQuerySet, pk: UUID) -> EventQuerySet:
        rule = Rule.objects.filter(pk=pk).first()
        return queryset.filter(program=rule.program_id) if rule else queryset.none()

    def sift(self, queryset: EventQuerySet) -> EventQuerySet:
        return queryset.with_effect_of(UUID(self.value()))


class ActionFilter(admin.SimpleListFilter):
    title = "action"
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(action.value, action.label) for action in ActionType]

    def queryset(self, request: HttpRequest, queryset: Any) -> JournalEntryQuerySet:
        value = self.value()
        entries: JournalEntryQuerySet = queryset
        if value is None:
            return entries
        if value not in ActionType.values:
            raise IncorrectLookupParameters
        return entries.of_action(value)


class RuleErrorsFilter(admin.SimpleListFilter):
    title = "rule errors"
    parameter_name = "has_rule_errors"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("true", "With rule errors")]

    def queryset(self, request: HttpRequest, queryset: Any) -> EventQuerySet:
        if self.value() not in (None, "true"):
            raise IncorrectLookupParameters
        events: EventQuerySet = queryset
        return events.with_rule_errors() if self.value() else events


class InputFilter(admin.SimpleListFilter):
    """A filter with inputs of its own, for values too many to list."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("", "")]  # Django hides a filter that has none

    def form(self, changelist: ChangeList) -> dict[str, Any]:
        """Return what the filter's form sends along, and the list without this filter."""
        own = [str(name) for name in self.expected_parameters()]
        return {
            "others": [
                (name, value)
                for name, values in changelist.get_filters_params().items()
                for value in values
                if name not in own
            ],
            "query": changelist.query,
            "without": changelist.get_query_string(remove=own),
        }


class DaysFilter(InputFilter):
    """A filter with two inputs, the first and the last day, in UTC."""

    title = "day"
    parameter_name = "from"
    parameters: ClassVar[tuple[str, str]] = ("from", "to")
    template = "admin/participants/days_filter.html"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        until = self.parameters[1]
        last = params.pop(until, None)
        if last:
            self.used_parameters[until] = last[-1]

    def expected_parameters(self) -> list[str | None]:
        return [*self.parameters]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        values = [(name, self.used_parameters.get(name) or "") for name in self.parameters]
        yield {"inputs": values, **self.form(changelist)}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        try:
            first, last = (_day(self.used_parameters.get(name)) for name in self.parameters)
            if first:
                queryset = self.beginning(queryset, first)
            if last:
                queryset = self.ending(queryset, last + timedelta(days=1))
        except (ValueError, OverflowError) as error:
            raise IncorrectLookupParameters from error
        return queryset

    def beginning(self, queryset: Any, moment: datetime) -> QuerySet[Any]:
        rows: QuerySet[Any] = queryset.filter(created_at__gte=moment)
        return rows

    def ending(self, queryset: Any, moment: datetime) -> QuerySet[Any]:
        rows: QuerySet[Any] = queryset.filter(created_at__lt=moment)
        return rows


class HappenedFilter(DaysFilter):
    """The same for when it happened, which may be long before it was written."""

    title = "day it happened"
    parameter_name = "effective_from"
    parameters: ClassVar[tuple[str, str]] = ("effective_from", "effective_to")

    def beginning(self, queryset: JournalEntryQuerySet, moment: datetime) -> JournalEntryQuerySet:
        return queryset.effective_from(moment)

    def ending(self, queryset: JournalEntryQuerySet, moment: datetime) -> JournalEntryQuerySet:
        return queryset.effective_before(moment)


def _day(text: Any) -> datetime | None:
    """Return the start of the day in UTC."""
    return datetime.combine(date.fromisoformat(text), time(), UTC) if text else None


class TypedFilter(InputFilter):
    """A filter with one text input."""

    label: ClassVar[str]
    placeholder: ClassVar[str]
    template = "admin/participants/typed_filter.html"

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        yield {"filter": self, "value": self.value() or "", **self.form(changelist)}


class ActorFilter(TypedFilter):
    """By who caused a movement, spelled as entries do."""

    title = "who"
    parameter_name = "created_by"
    label = "Created by"
    placeholder = "staff:ada"

    def queryset(self, request: HttpRequest, queryset: Any) -> JournalEntryQuerySet:
        actor = (self.value() or "").strip()
        entries: JournalEntryQuerySet = queryset
        return entries.made_by(actor) if actor else entries


class TagFilter(TypedFilter):
    title = "tag"
    parameter_name = "tag"
    label = "Tag"
    placeholder = "vip"

    def queryset(self, request: HttpRequest, queryset: Any) -> ParticipantQuerySet:
        tag = (self.value() or "").strip()
        participants: ParticipantQuerySet = queryset
        return participants.tagged(tag) if tag else participants


class ExternalIdFilter(TypedFilter):
    title = "participant"
    parameter_name = "external_id"
    label = "External id"
    placeholder = "external_id"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        # Look up the id first instead of joining, so that the planner can use the participant's index.
        named = Participant.objects.filter(external_id=self.value()).values_list("pk", flat=True)
        found = named.first()
        return queryset.filter(participant=found) if found else queryset.none()


class TierFilter(admin.SimpleListFilter):
    """By the level of a track on which people stand now."""

    title = "tier"
    parameter_name = "tier"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        levels = TierLevel.objects.filter(track__deleted_at=None).select_related("track__program")
        return [
            (f"{level.track_id}:{level.key}", f"{level} ({level.track}, {level.track.program})")
            for level in levels.order_by("track", "rank")[:LISTED]
        ]

    def has_output(self) -> bool:
        return super().has_output() or self.value() is not None

    def queryset(self, request: HttpRequest, queryset: Any) -> ParticipantQuerySet:
        participants: ParticipantQuerySet = queryset
        if self.value() is None:
            return participants
        track, _, level = str(self.value()).partition(":")
        if not is_id(track):
            raise IncorrectLookupParameters
        return participants.filter(pk__in=standing_on(UUID(track), level))


class BalanceFilter(Sieve, InputFilter):
    """By what is available of an asset. An index on what moves would make each movement dearer, so these are looked through."""

    title = "balance"
    parameter_name = "balance_of"
    parameters: ClassVar[tuple[str, ...]] = ("balance_of", "balance_min", "balance_max")
    template = "admin/participants/balance_filter.html"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        for name in self.parameters[1:]:
            if value := params.pop(name, None):
                self.used_parameters[name] = value[-1]

    def expected_parameters(self) -> list[str | None]:
        return [*self.parameters]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        yield {
            "assets": [
                (str(asset.pk), str(asset)) for asset in Asset.objects.order_by("name")[:LISTED]
            ],
            "asset": self.value(),
            "inputs": [
                (name, self.used_parameters.get(name) or "") for name in self.parameters[1:]
            ],
            **self.form(changelist),
        }

    @property
    def is_on(self) -> bool:
        return bool(self.value()) and any(map(self.used_parameters.get, self.parameters[1:]))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() and not is_id(str(self.value())):
            raise IncorrectLookupParameters
        return queryset

    def sift(self, queryset: Any) -> ParticipantQuerySet:
        try:
            least, most = (_amount(self.used_parameters.get(name)) for name in self.parameters[1:])
        except ValueError as error:
            raise IncorrectLookupParameters from error
        mine = Balance.objects.filter(
            participant=OuterRef("pk"), asset=UUID(self.value())
        ).order_by()
        people = queryset.alias(held=Coalesce(Subquery(mine.values("available")), Decimal(0)))
        bounds = {"held__gte": least, "held__lte": most}
        found: ParticipantQuerySet = people.filter(
            **{name: bound for name, bound in bounds.items() if bound is not None}
        )
        return found


def standing_on(track_id: UUID, key: str) -> QuerySet[Any]:
    """Who stands on this level now, as `participants.state.standing` says; a test holds both together.

    Each part has an index: of the levels of tracks, and of what ends.
    """
    ranks = dict(TierLevel.objects.filter(track=track_id).values_list("key", "rank"))
    rank = ranks.get(key, 0)
    has_ended = Q(expires_at__lte=Now())
    is_loan = Q(expires_at__isnull=False, pinned=False)
    higher = [other for other in ranks if ranks[other] > rank]
    held = Q(level=key) & ~has_ended & ~(is_loan & Q(earned_level__in=higher))
    earned = Q(earned_level=key, expires_at__isnull=False)
    earned &= has_ended | (is_loan & ~Q(level__in=[key, *higher]))
    standings = TierStanding.objects.filter(held | earned, track=track_id).order_by()
    return (
        standings.values("participant") if key in ranks else standings.none().values("participant")
    )


def _amount(text: Any) -> Decimal | None:
    try:
        amount = Decimal(text.strip()) if text else None
    except InvalidOperation as error:
        raise ValueError from error
    if amount is not None and not (amount.is_finite() and abs(amount) < MOST_HELD):
        raise ValueError
    return amount
