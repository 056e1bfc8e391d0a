"""Filters of the lists of participants, events and the journal."""

from contextlib import suppress
from uuid import UUID

from django.core.validators import RegexValidator
from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters

from participants.ledger.request import spellings
from participants.models import (
    ActionType,
    Bucket,
    Event,
    EventStatus,
    JournalEntry,
    JournalEntryQuerySet,
    Participant,
    ParticipantQuerySet,
    ParticipantStatus,
    StateType,
)
from programs.api.filters import InstantFilter, TrueOrFalseFilter, by, period


class ParticipantFilter(filters.FilterSet):
    external_id = filters.CharFilter(strip=False, help_text="Exactly this external_id.")
    # This one, phone and search are not stripped: a blank one would filter nothing.
    email = filters.CharFilter(
        method=by(ParticipantQuerySet.with_email),
        strip=False,
        max_length=255,
        validators=[RegexValidator(r"\S", "Give an address.")],
        help_text="With exactly this address; case does not count.",
    )
    phone = filters.CharFilter(
        method=by(ParticipantQuerySet.with_phone),
        strip=False,
        max_length=255,
        validators=[RegexValidator("[0-9]", "Give a number with a digit.")],
        help_text="With exactly the digits of this number, however both are written.",
    )
    search = filters.CharFilter(
        method=by(ParticipantQuerySet.matching),
        strip=False,
        max_length=255,
        validators=[RegexValidator(r"\S", "Give a word.")],
        help_text="Words, each of which is part of external_id, email, phone (also by its digits alone) or a name. If none has 3 characters and a letter or digit: the beginning of external_id.",
    )
    program_id = filters.UUIDFilter(
        method=by(ParticipantQuerySet.enrolled_in),
        strip=False,
        help_text="Actively enrolled in it.",
    )
    status = filters.ChoiceFilter(choices=ParticipantStatus.choices, help_text="With this status.")
    tag = filters.CharFilter(
        method=by(ParticipantQuerySet.tagged),
        strip=False,
        max_length=255,
        help_text="With this tag; case does not count.",
    )
    # `from` is a keyword of Python.
    vars()["from"], to = period("created_at", "Created")


class StateChangeFilter(filters.FilterSet):
    state_type = filters.ChoiceFilter(choices=StateType.choices, help_text="Changes of this kind.")
    key = filters.CharFilter(
        strip=False,
        max_length=255,
        help_text="Changes of this tag, attribute, profile field or program.",
    )


class MovementFilter(filters.FilterSet):
    program_id = filters.UUIDFilter(strip=False, help_text="Movements in this program.")
    asset_id = filters.UUIDFilter(strip=False, help_text="Movements of this asset.")
    event_id = filters.UUIDFilter(strip=False, help_text="Movements that this event caused.")
    bucket = filters.ChoiceFilter(
        method=by(JournalEntryQuerySet.touching),
        choices=Bucket.choices,
        help_text="Into or out of this bucket.",
    )
    action_type = filters.ChoiceFilter(
        method=by(JournalEntryQuerySet.of_action),
        choices=ActionType.choices,
        help_text="Movements of this kind.",
    )
    reference_id = filters.CharFilter(
        method="referring",
        strip=False,
        max_length=255,
        help_text="Caused by the event with this id, or by a call with this idempotency key.",
    )
    # `from` is a keyword of Python.
    vars()["from"], to = period("created_at", "Made")
    effective_from = InstantFilter(
        method=by(JournalEntryQuerySet.effective_from), help_text="Happened at this time or later."
    )
    effective_to = InstantFilter(
        method=by(JournalEntryQuerySet.effective_before), help_text="Happened before this time."
    )

    def referring(
        self, queryset: QuerySet[JournalEntry], name: str, value: str
    ) -> QuerySet[JournalEntry]:
        meant = Q(idempotency_key__in=spellings(value))
        with suppress(ValueError):
            meant |= Q(event_id=UUID(value))
        return queryset.filter(meant)


class JournalEntryFilter(MovementFilter):
    participant_id = filters.UUIDFilter(strip=False, help_text="This participant's entries.")
    external_id = filters.CharFilter(
        field_name="participant__external_id",
        strip=False,
        help_text="The entries of the participant with this external_id.",
    )


class ActivityFilter(filters.FilterSet):
    program_id = filters.UUIDFilter(strip=False, help_text="Events in this program.")
    status = filters.ChoiceFilter(choices=EventStatus.choices, help_text="With this status.")
    has_rule_errors = TrueOrFalseFilter(
        field_name="failed_rule_ids",
        lookup_expr="isnull",
        exclude=True,
        help_text="With rules that failed while the others had their effect, or without.",
    )
    # `from` is a keyword of Python.
    vars()["from"], to = period("created_at", "Received")
    event_from, event_to = period("event_timestamp", "Happened")


class EventFilter(ActivityFilter):
    participant_id = filters.UUIDFilter(strip=False, help_text="This participant's events.")
    external_id = filters.CharFilter(
        method="of",
        strip=False,
        help_text="The events of the participant with this external_id.",
    )

    def of(self, queryset: QuerySet[Event], name: str, value: str) -> QuerySet[Event]:
        # A value and not a join, so that the planner knows which part of the index it will read.
        participant = Participant.objects.filter(external_id=value).values_list("pk", flat=True)
        return queryset.filter(participant=participant.first())
