"""Events and their outcomes as the API shows them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from participants.events import outcome
from participants.events.outcome import RULE_OUTCOMES
from participants.models import LONGEST_SHOWN, Event
from programs.api.strict import RowSerializer


class StoredEventSerializer(RowSerializer[Event]):
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
        help_text=f"As it was sent; null if it is longer than {LONGEST_SHOWN:,} bytes, then read the event by itself.",
    )

    rule_errors = serializers.IntegerField(
        help_text="How many rules failed while the others had their effect; only those run when it is retried."
    )

    class Meta(StoredEventSerializer.Meta):
        fields = [
            *StoredEventSerializer.Meta.fields,
            "event_data",
            "attempts",
            "next_attempt_at",
            "rule_errors",
            "created_by",
            "created_at",
            "processed_at",
        ]


class RuleEvaluationSerializer(serializers.Serializer[Any]):
    rule_id = serializers.UUIDField()
    rule_name = serializers.CharField(help_text="Its name at that time.")
    rule_version = serializers.IntegerField()
    outcome = serializers.ChoiceField(choices=RULE_OUTCOMES)
    reason = serializers.CharField(help_text="Why it did not match, was skipped or failed.")
    actions = serializers.ListField(
        child=serializers.DictField(),
        help_text="What each of its actions did, with the values before and after. `late` marks a COUNTER whose window began only after the event, at `last_reset_at`; the event counts in it. `ignored` says why a SET_TIER did nothing.",
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
    earned_level = serializers.CharField(
        required=False,
        help_text="The level they have earned by it, where a loan or a pin covers it; otherwise left out.",
    )


class EventSerializer(EventRowSerializer):
    """An event with what came of it."""

    event_data = serializers.JSONField(
        source="data", help_text="As it was sent; numbers are exact."
    )
    rule_evaluations = serializers.SerializerMethodField(
        help_text="The result of every rule of the program, in order; of a rule that was retried, its latest."
    )
    tier_changes = serializers.SerializerMethodField(
        help_text="Levels that the participant reached by their counters, after the rules."
    )
    failure = serializers.SerializerMethodField(
        help_text="Why a FAILED event failed; none of its effects remain."
    )
    omitted_rules = serializers.SerializerMethodField(
        help_text="How many evaluations were omitted, as too many to keep."
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


# jsonb does not keep the order of keys, and people read these. Keys that are not named here stand in the middle.
_FIRST = ("rule_id", "rule_name", "rule_version", "outcome", "reason", "actions", "type")
_LAST = (
    "ignored",
    "before",
    "after",
    "available",
    "held",
    "deferred",
    "late",
    "last_reset_at",
    "journal_entry_id",
    "undone",
    "error",
)
_PLACES = {name: place - len(_FIRST) for place, name in enumerate(_FIRST)} | {
    name: place for place, name in enumerate(_LAST, start=1)
}


def _in_order(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_order(part) for part in value]
    if not isinstance(value, dict):
        return value
    names = sorted(value, key=lambda name: _PLACES.get(name, 0))
    return {name: _in_order(value[name]) for name in names}
