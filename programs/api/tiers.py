"""Tier tracks: their bodies and answers, and the calls that read and change them."""

from typing import Any
from uuid import UUID

from django.core.validators import RegexValidator
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from programs import tracks
from programs.api.addresses import PROGRAM_ID, path_parameter
from programs.api.bodies import validated_body
from programs.api.callers import actor_of
from programs.api.refusals import validation_failed
from programs.api.strict import (
    DecimalField,
    ReasonedSerializer,
    RowSerializer,
    RowsField,
    TextField,
    VersionField,
    WholeNumberField,
    body_of,
)
from programs.exceptions import ChangedMeanwhile, InUse
from programs.kernel import decimals, exact_json
from programs.models import TierLevel, TierTrack
from programs.models.tiers import KEY, MAX_CRITERIA, MAX_KEY_LENGTH, MAX_LEVELS
from programs.tracks.bodies import (
    MAX_BENEFITS_DEPTH,
    MAX_BENEFITS_LENGTH,
    MAX_COUNTER_LENGTH,
    MAX_NAME_LENGTH,
    MAX_RANK,
    MODES,
    OPERATORS,
)


@extend_schema_field(
    {"type": "string", "pattern": "^[a-z][a-z0-9_]*$", "maxLength": MAX_KEY_LENGTH}
)
class KeyField(TextField):
    def __init__(self, **kwargs: Any) -> None:
        validator = RegexValidator(KEY.regex, KEY.message, "pattern")
        super().__init__(max_length=MAX_KEY_LENGTH, validators=[validator], **kwargs)


class NameField(TextField):
    def __init__(self, **kwargs: Any) -> None:
        texts = {"allow_blank": True, "help_text": "What people are shown."}
        super().__init__(**{"max_length": MAX_NAME_LENGTH, **texts, **kwargs})


class ChoiceField(serializers.ChoiceField):
    def __init__(self, *, choices: list[str], **kwargs: Any) -> None:
        super().__init__(choices=choices, **kwargs)
        self.error_messages["invalid_choice"] = f"Give one of {', '.join(choices)}."


class ThresholdField(DecimalField):
    """A number, kept as a string without trailing zeros."""

    def to_internal_value(self, data: Any) -> Any:
        return decimals.written(super().to_internal_value(data))


BENEFITS = {"type": ["array", "object"], "items": {}, "additionalProperties": True}


@extend_schema_field(BENEFITS)
class BenefitsField(serializers.JSONField):
    def to_internal_value(self, data: Any) -> list[Any] | dict[str, Any]:
        if not isinstance(data, list | dict):
            raise ValidationError("Give a list or an object.", "type")
        if _depth(data) > MAX_BENEFITS_DEPTH:
            raise ValidationError(f"At most {MAX_BENEFITS_DEPTH} levels deep.", "too_deep")
        if len(exact_json.dumps(data).decode()) > MAX_BENEFITS_LENGTH:
            raise ValidationError(
                f"At most {MAX_BENEFITS_LENGTH:,} characters of JSON.", "too_long"
            )
        return data


def _depth(value: object) -> int:
    if not isinstance(value, list | dict):
        return 0
    parts = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_depth, parts), default=0)


class CriterionSerializer(ReasonedSerializer):
    reasons = {
        "counter": {"null": "required", "blank": "key", "max_length": "key"},
        "operator": {"null": "required"},
        "threshold": {"invalid": "invalid"},
    }

    counter = TextField(
        min_length=1, max_length=MAX_COUNTER_LENGTH, help_text="The key of one of their counters."
    )
    operator = ChoiceField(choices=OPERATORS)
    threshold = ThresholdField(
        help_text="What to compare the counter with: a number as a string, exact."
    )


class QualificationSerializer(ReasonedSerializer):
    reasons = {
        "mode": {"null": "required"},
        "criteria": {"null": "required", "min_length": "length", "max_length": "length"},
    }

    mode = ChoiceField(
        choices=MODES, help_text="Whether all criteria must hold, or any one of them."
    )
    criteria = RowsField(child=CriterionSerializer(), min_length=1, max_length=MAX_CRITERIA)


class TierLevelSerializer(ReasonedSerializer, RowSerializer[TierLevel]):
    reasons = {"key": {"null": "required", "blank": "invalid"}, "rank": {"null": "required"}}

    key = KeyField(help_text="Its name in rules and answers, unique on its track.")
    rank = WholeNumberField(
        min_value=1,
        max_value=MAX_RANK,
        error_messages=dict.fromkeys(
            ("min_value", "max_value"), f"Give a number from 1 to {MAX_RANK}."
        ),
        help_text="From 1, unique on its track; a higher one is better.",
    )
    display_name = NameField(default="")
    qualification = QualificationSerializer(
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

    def validate(self, attrs: Any) -> Any:
        return tracks.Level(**attrs)


class TierTrackSerializer(RowSerializer[TierTrack]):
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


class LevelsField(RowsField):
    """All levels of a track; in a form a text area of JSON."""

    def __init__(self, **kwargs: Any) -> None:
        style = {"base_template": "textarea.html", "rows": 12}
        super().__init__(
            child=TierLevelSerializer(), max_length=MAX_LEVELS, initial=None, style=style, **kwargs
        )

    def to_internal_value(self, data: Any) -> list[tracks.Level]:
        levels: list[tracks.Level] = super().to_internal_value(data)
        errors = [
            {
                name: ErrorDetail(f"Another level has this {name}.", "unique")
                for name in ("key", "rank")
                if getattr(level, name) in {getattr(other, name) for other in levels[:index]}
            }
            for index, level in enumerate(levels)
        ]
        if any(errors):
            raise ValidationError(errors)
        return sorted(levels, key=lambda level: level.rank)


class TierTrackBodySerializer(ReasonedSerializer):
    reasons = {
        "key": {"null": "required", "blank": "invalid"},
        "levels": {"max_length": "too_many"},
    }

    @classmethod
    def read(cls, body: Any) -> Any:
        """Read a body that is not from a request. Raises ValidationFailed."""
        serializer = cls(data=body)
        try:
            serializer.is_valid(raise_exception=True)
        except ValidationError as refusal:
            raise validation_failed(refusal) from refusal
        return serializer.validated_data

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(body_of(data, {"levels"}))


class NewTierTrackSerializer(TierTrackBodySerializer):
    """The track to create."""

    key = KeyField(
        help_text="Its name in rules and answers, unique in its program; it cannot be changed."
    )
    display_name = NameField(required=False)
    levels = LevelsField(
        required=False,
        help_text='At most 100: [{"key": "gold", "rank": 1, "qualification": {"mode": "ALL", "criteria": [{"counter": "spent", "operator": ">=", "threshold": "100"}]}, "benefits": []}].',
    )

    def validate(self, attrs: Any) -> Any:
        return tracks.NewTrack(**attrs)


class TierTrackChangeSerializer(TierTrackBodySerializer):
    """What can be changed of a track. What is left out stays as it is."""

    fixed = {"key": "The key of a track cannot be changed."}

    version = VersionField()
    display_name = NameField(required=False)
    levels = LevelsField(
        required=False,
        help_text="All of the levels from now on. One with a key that is known is changed, one that is not named is removed.",
    )

    def validate(self, attrs: Any) -> Any:
        return tracks.TrackChange(**attrs)


_TRACK = path_parameter(
    "track",
    "The track's key.",
    "status",
    {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$"},
)


@extend_schema(parameters=[PROGRAM_ID, _TRACK], tags=["tiers"])
class TierTrackViewSet(ListModelMixin, GenericViewSet[TierTrack]):
    """The tier tracks of a program: ladders of levels, such as bronze, silver and gold."""

    queryset = TierTrack.objects.all()
    sortings = {"created_at": ["created_at", "id"]}

    def get_queryset(self) -> QuerySet[TierTrack]:
        return tracks.current(self.kwargs["program_id"])

    def get_serializer_class(self) -> type[Any]:
        bodies = {"create": NewTierTrackSerializer, "partial_update": TierTrackChangeSerializer}
        return bodies.get(str(self.action), TierTrackSerializer)

    @extend_schema(responses={201: TierTrackSerializer})
    def create(self, request: Request, program_id: UUID) -> Response:
        track = tracks.create(program_id, validated_body(self), by=actor_of(request))
        return Response(TierTrackSerializer(track).data, status=201)

    def retrieve(self, request: Request, program_id: UUID, track: str) -> Response:
        return Response(self.get_serializer(tracks.found(program_id, track)).data)

    @extend_schema(responses={200: TierTrackSerializer, 409: (InUse, ChangedMeanwhile)})
    def partial_update(self, request: Request, program_id: UUID, track: str) -> Response:
        """Change one tier track.

        A level that a rule names cannot be removed (409 `in_use`, which names the rules).
        """
        change = validated_body(self)
        known = tracks.found(program_id, track)
        return Response(
            TierTrackSerializer(tracks.change(known.pk, change, by=actor_of(request))).data
        )

    @extend_schema(responses={204: None, 409: InUse})
    def destroy(self, request: Request, program_id: UUID, track: str) -> Response:
        """Delete one tier track.

        Whoever holds a level of it stands at the base at once, and within moments their history says so. Its key is free for another track. A track that a rule names
        cannot be deleted (409 `in_use`, which names the rules).
        """
        tracks.delete(tracks.found(program_id, track).pk, by=actor_of(request))
        return Response(status=204)
