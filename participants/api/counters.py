"""A participant's counters."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from participants.api.addresses import PARTICIPANT
from participants.api.permissions import rights_of
from participants.models import Counter
from participants.state import counters
from participants.state.counters import clean_counter
from participants.state.persons import found
from programs.api.addresses import text_parameter
from programs.api.bodies import BodySchema, validated_body
from programs.api.callers import actor_of
from programs.api.strict import DecimalField, InstantField
from programs.kernel import durations, periods
from programs.models.rules import MAX_COUNTER_KEY_LENGTH


@extend_schema_field({"type": "string"})
class DurationField(serializers.Field[timedelta, Any, str, Any]):
    def to_representation(self, value: timedelta) -> str:
        return durations.written(value)


@extend_schema_field({"type": "string", "enum": [*(name for name, _ in periods.CHOICES), None]})
class PeriodField(serializers.Field[str, Any, Any, Any]):
    def to_representation(self, value: str) -> str | None:
        return value or None


class CounterSerializer(BodySchema):
    reader = staticmethod(clean_counter)
    value = DecimalField(help_text="The counter's value from now on.")
    reset_after = serializers.RegexField(
        durations.PATTERN,
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text='How long a window lasts: "24h", "7d", "1h30m". "" for one without an end; left out, it stays as it is.',
    )


class CounterAnswerSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    value = DecimalField(help_text='Its value now: "0" once its window has ended.')
    reset_after = DurationField(
        allow_null=True, help_text='How long a window lasts ("24h"); null for one without an end.'
    )
    last_reset_at = InstantField(help_text="When the window began in which it last counted.")
    reset = PeriodField(
        allow_null=True,
        help_text="The calendar period after which a rule's COUNTER begins at zero again; null for none.",
    )
    period_start = InstantField(
        allow_null=True, help_text="When this calendar period began; null without `reset`."
    )


class CounterListSerializer(serializers.Serializer[Any]):
    data = CounterAnswerSerializer(many=True)  # type: ignore[assignment]


_COUNTER = text_parameter(
    "counter",
    "The counter's key, percent-encoded.",
    "purchases",
    longest=MAX_COUNTER_KEY_LENGTH,
    pattern=r"\S",
)


@extend_schema(parameters=[PARTICIPANT, _COUNTER], tags=["state"])
class CounterViewSet(GenericViewSet[Counter]):
    """The current counters of a participant: a counter whose window has ended is "0"."""

    queryset = Counter.objects.all()
    serializer_class = CounterSerializer

    @extend_schema(responses=CounterListSerializer)
    def list(self, request: Request, participant: str | UUID) -> Response:
        """List a participant's counters."""
        rows = counters.counters_of(found(participant))
        return Response(CounterListSerializer({"data": rows}).data)

    @extend_schema(responses=CounterAnswerSerializer)
    def retrieve(self, request: Request, participant: str | UUID, counter: str) -> Response:
        """Read one counter."""
        row = counters.counter_of(found(participant), counter)
        return Response(CounterAnswerSerializer(row).data)

    @extend_schema(responses=CounterAnswerSerializer)
    def set(self, request: Request, participant: str | UUID, counter: str) -> Response:
        """Set a counter, or create it.

        A new window begins if the last one has ended or `reset_after` changes; otherwise the current one continues. A
        counter that a rule resets with the calendar is set for the current period; only another `reset_after` ends that.
        """
        counters.clean_counter_key(counter)
        change = validated_body(self)
        rights = rights_of(request, "counter")
        row = counters.set_counter(
            participant, counter, change, by=actor_of(request), rights=rights
        )
        return Response(CounterAnswerSerializer(row).data)

    def remove(self, request: Request, participant: str | UUID, counter: str) -> Response:
        """Delete a counter, if it exists."""
        counters.delete_counter(participant, counter, by=actor_of(request))
        return Response(status=204)
