"""The shapes of events: forms and documentation for bodies, whose limits `events.request` checks; and answers."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from participants.api.serializer_fields import MAX_BATCH
from participants.api.serializers.participants import body_of
from participants.events import outcome
from participants.events.outcome import RULE_OUTCOMES
from participants.events.request import (
    FURTHEST_AHEAD,
    MAX_EXTERNAL_ID_LENGTH,
    NewEvent,
    clean_event,
)
from participants.events.trial import Trial, clean_trial
from participants.models import LONGEST_SHOWN, MAX_IDEMPOTENCY_KEY_LENGTH, Event
from participants.state.changes import clean_list
from programs.api.strict import InstantField, JSONTextArea

_JSON_INPUTS = {"event_data", "events", "event", "participant_state", "rule"}
_OBJECT = {"type": "object", "additionalProperties": True}


@extend_schema_field(_OBJECT)
class EventDataField(JSONTextArea):
    pass


class EventBodySerializer(serializers.Serializer[Any]):
    """The event to store."""

    program_id = serializers.UUIDField(
        help_text="In which program; its rules decide what it earns."
    )
    external_id = serializers.RegexField(
        r"\S",
        required=False,
        max_length=MAX_EXTERNAL_ID_LENGTH,
        help_text="Your application's id of the participant; this or participant_id.",
    )
    participant_id = serializers.UUIDField(required=False, help_text="Our id of the participant.")
    idempotency_key = serializers.RegexField(
        r"\S",
        max_length=MAX_IDEMPOTENCY_KEY_LENGTH,
        help_text="Your own name for it, unique in the program: sent again, it is the same event.",
    )
    event_timestamp = InstantField(
        help_text=f"When it happened; at most {FURTHEST_AHEAD.total_seconds() / 3600:.0f} hours ahead of now."
    )
    event_data = EventDataField(
        help_text='What happened, as rules read it under `event`: {"type": "purchase", "amount": 49.90}; at most 1 MB.'
    )

    def to_internal_value(self, data: Any) -> NewEvent:
        return clean_event(body_of(data, _JSON_INPUTS))


@extend_schema_field(
    {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_BATCH,
        "items": {"$ref": "#/components/schemas/EventBodyRequest"},
    }
)
class EventsField(JSONTextArea):
    pass


class EventBatchSerializer(serializers.Serializer[Any]):
    events = EventsField(
        help_text="1 to 1000 events, each as in the single call; a bad one is an error in its row."
    )

    def to_internal_value(self, data: Any) -> list[Any]:
        return clean_list(body_of(data, _JSON_INPUTS), "events", most=MAX_BATCH)


@extend_schema_field(_OBJECT)
class ObjectField(JSONTextArea):
    pass


class TrialSerializer(serializers.Serializer[Any]):
    """What to try: an event, and one of participant_id, external_id and participant_state."""

    event = ObjectField(help_text='The event\'s data: {"type": "purchase", "amount": 49.90}.')
    event_timestamp = InstantField(
        required=False, allow_null=True, help_text="When it happens; now where it is left out."
    )
    participant_id = serializers.UUIDField(required=False, help_text="Our id of a participant.")
    external_id = serializers.RegexField(
        r"\S",
        required=False,
        max_length=MAX_EXTERNAL_ID_LENGTH,
        help_text="Your application's id of a participant.",
    )
    participant_state = ObjectField(
        required=False,
        help_text='Somebody made up: {"tags": ["vip"], "counters": {"visits": "9"}, "balances": {"POINTS": {"available": "50"}}}.',
    )
    rule = ObjectField(
        required=False,
        help_text='A rule as it is being written: {"condition": "event.amount > 50", "actions": []}.',
    )

    def to_internal_value(self, data: Any) -> Trial:
        return clean_trial(body_of(data, _JSON_INPUTS))


class StoredEventSerializer(serializers.ModelSerializer[Event]):
    """An event that is stored."""

    external_id = serializers.CharField(source="participant.external_id")

    class Meta:
        model = Event
        fields = [
            "id",
            "program_id",
            "participant_id",
            "external_id",
            "idempotency_key",
            "event_timestamp",
            "status",
        ]


class EventRowSerializer(StoredEventSerializer):
    """An event in a list."""

    event_data = serializers.JSONField(
        source="shown_data",
        allow_null=True,
        help_text=f"As it was sent; null where it is longer than {LONGEST_SHOWN:,} bytes, and only the event by itself has it.",
    )

    class Meta(StoredEventSerializer.Meta):
        fields = [
            *StoredEventSerializer.Meta.fields,
            "event_data",
            "attempts",
            "next_attempt_at",
            "created_by",
            "created_at",
            "processed_at",
        ]


class RuleEvaluationSerializer(serializers.Serializer[Any]):
    rule_id = serializers.UUIDField()
    rule_name = serializers.CharField(help_text="As it was called then.")
    rule_version = serializers.IntegerField()
    outcome = serializers.ChoiceField(choices=RULE_OUTCOMES)
    reason = serializers.CharField(help_text="Why it did not match, was skipped or failed.")
    actions = serializers.ListField(
        child=serializers.DictField(),
        help_text="What each of its actions did, with what was there before and after.",
    )


class FailureSerializer(serializers.Serializer[Any]):
    rule_id = serializers.UUIDField(allow_null=True)
    rule_name = serializers.CharField()
    action = serializers.IntegerField(
        allow_null=True, help_text="Which of the rule's actions, from 0; null for its condition."
    )
    code = serializers.CharField(help_text="Why, for machines.")
    message = serializers.CharField(help_text="Why, for people.")


class TierChangeSerializer(serializers.Serializer[Any]):
    tier = serializers.CharField(help_text="The track's key.")
    before = serializers.CharField(help_text="The level's key; empty at the base.")
    after = serializers.CharField()


class EventSerializer(EventRowSerializer):
    """An event with what came of it."""

    event_data = serializers.JSONField(
        source="data", help_text="As it was sent; numbers are exact."
    )
    rule_evaluations = serializers.SerializerMethodField(
        help_text="What every rule of the program said and did, in order."
    )
    tier_changes = serializers.SerializerMethodField(
        help_text="The levels that the participant rose to by their counters."
    )
    failure = serializers.SerializerMethodField(
        help_text="Why a FAILED event failed; nothing of it was carried out."
    )
    omitted_rules = serializers.SerializerMethodField(
        help_text="How many evaluations were too many to keep."
    )

    class Meta(EventRowSerializer.Meta):
        fields = [
            *EventRowSerializer.Meta.fields,
            "rule_evaluations",
            "tier_changes",
            "failure",
            "omitted_rules",
        ]

    @extend_schema_field(RuleEvaluationSerializer(many=True))
    def get_rule_evaluations(self, event: Event) -> list[Any]:
        return [_in_order(evaluation) for evaluation in outcome.of(event).rule_evaluations]

    @extend_schema_field(TierChangeSerializer(many=True))
    def get_tier_changes(self, event: Event) -> list[Any]:
        return list(outcome.of(event).tier_changes)

    @extend_schema_field(FailureSerializer(allow_null=True))
    def get_failure(self, event: Event) -> outcome.Failure | None:
        return outcome.of(event).failure

    def get_omitted_rules(self, event: Event) -> int:
        return outcome.of(event).omitted_rules


# jsonb does not keep the order of keys, and people read these. What is not named here stands in the middle.
_FIRST = ("rule_id", "rule_name", "rule_version", "outcome", "reason", "actions", "type")
_LAST = ("before", "after", "available", "held", "deferred", "journal_entry_id", "undone", "error")
_PLACES = {name: place - len(_FIRST) for place, name in enumerate(_FIRST)} | {
    name: place for place, name in enumerate(_LAST, start=1)
}


def _in_order(told: Any) -> Any:
    if isinstance(told, list):
        return [_in_order(part) for part in told]
    if not isinstance(told, dict):
        return told
    names = sorted(told, key=lambda name: _PLACES.get(name, 0))
    return {name: _in_order(told[name]) for name in names}
