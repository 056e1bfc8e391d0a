"""The shapes of tier tracks: forms and documentation for bodies, whose limits `tracks` checks; and answers."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from programs import tracks
from programs.api.serializers.base import body_of
from programs.kernel import decimals
from programs.models import TierLevel, TierTrack
from programs.models.tiers import MAX_CRITERIA, MAX_LEVELS
from programs.tracks.bodies import (
    MAX_BENEFITS_LENGTH,
    MAX_COUNTER_LENGTH,
    MAX_KEY_LENGTH,
    MAX_NAME_LENGTH,
    MAX_RANK,
    MODES,
    OPERATORS,
)

_DIGITS = (
    rf"(0|[1-9][0-9]{{0,{decimals.INTEGER_DIGITS - 1}}})(\.[0-9]{{1,{decimals.DECIMAL_PLACES}}})?"
)
_KEY = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$", "maxLength": MAX_KEY_LENGTH}
_JSON_INPUTS = {"levels"}


@extend_schema_field({"type": "string", "pattern": rf"^(?!-0(\.0+)?$)-?{_DIGITS}$"})
class ThresholdField(serializers.Field[Any, Any, Any, Any]):
    pass


@extend_schema_field(_KEY)
class KeyField(serializers.CharField):
    pass


@extend_schema_field({"type": ["array", "object"], "items": {}, "additionalProperties": True})
class BenefitsField(serializers.JSONField):
    pass


class CriterionSerializer(serializers.Serializer[Any]):
    counter = serializers.CharField(
        min_length=1, max_length=MAX_COUNTER_LENGTH, help_text="The key of one of their counters."
    )
    operator = serializers.ChoiceField(choices=OPERATORS)
    threshold = ThresholdField(
        help_text="What to compare the counter with: a number as a string, exact."
    )


class QualificationSerializer(serializers.Serializer[Any]):
    mode = serializers.ChoiceField(
        choices=MODES, help_text="Whether all criteria must hold, or any one of them."
    )
    criteria = serializers.ListField(
        child=CriterionSerializer(), min_length=1, max_length=MAX_CRITERIA
    )


@extend_schema_field(QualificationSerializer)
class QualificationField(serializers.JSONField):
    pass


class TierLevelSerializer(serializers.ModelSerializer[TierLevel]):
    key = KeyField(help_text="Its name in rules and answers, unique on its track.")
    rank = serializers.IntegerField(
        min_value=1,
        max_value=MAX_RANK,
        help_text="From 1, unique on its track; a higher one is better.",
    )
    display_name = serializers.CharField(
        max_length=MAX_NAME_LENGTH, default="", allow_blank=True, help_text="What people are shown."
    )
    qualification = QualificationField(
        allow_null=True,
        default=None,
        help_text="What lets a participant rise to it; null where only a rule or a call grants it.",
    )
    benefits = BenefitsField(
        default=list,  # type: ignore[arg-type]
        help_text=f"What the level gives: a list or an object for your application, at most {MAX_BENEFITS_LENGTH:,} characters of JSON.",
    )

    class Meta:
        model = TierLevel
        fields = ["key", "rank", "display_name", "qualification", "benefits"]


class TierTrackSerializer(serializers.ModelSerializer[TierTrack]):
    """A ladder of levels, from the lowest rank up."""

    levels = TierLevelSerializer(many=True)

    class Meta:
        model = TierTrack
        fields = [
            "id",
            "program_id",
            "key",
            "display_name",
            "levels",
            "version",
            "created_at",
            "updated_at",
        ]
        extra_kwargs = {"version": {"help_text": "1 when created; one more with each change."}}


class LevelsField(serializers.ListField):
    """Documented level by level, and a text area of JSON in a form."""

    def __init__(self, **kwargs: Any) -> None:
        style = {"base_template": "textarea.html", "rows": 12}
        super().__init__(
            child=TierLevelSerializer(), max_length=MAX_LEVELS, initial=None, style=style, **kwargs
        )


class NewTierTrackSerializer(serializers.Serializer[Any]):
    """The track to create."""

    key = KeyField(
        help_text="Its name in rules and answers, unique in its program; it cannot be changed."
    )
    display_name = serializers.CharField(
        max_length=MAX_NAME_LENGTH,
        required=False,
        allow_blank=True,
        help_text="What people are shown.",
    )
    levels = LevelsField(
        required=False,
        help_text='At most 100: [{"key": "gold", "rank": 1, "qualification": {"mode": "ALL", "criteria": [{"counter": "spent", "operator": ">=", "threshold": "100"}]}, "benefits": []}].',
    )

    def to_internal_value(self, data: Any) -> tracks.NewTrack:
        return tracks.clean_new(body_of(data, _JSON_INPUTS))


class TierTrackChangeSerializer(serializers.Serializer[Any]):
    """What can be changed of a track. What is left out stays as it is."""

    display_name = serializers.CharField(
        max_length=MAX_NAME_LENGTH,
        required=False,
        allow_blank=True,
        help_text="What people are shown.",
    )
    levels = LevelsField(
        required=False,
        help_text="All of the levels from now on. One with a key that is known is changed, one that is not named is removed.",
    )

    def to_internal_value(self, data: Any) -> tracks.TrackChange:
        return tracks.clean_change(body_of(data, _JSON_INPUTS))
