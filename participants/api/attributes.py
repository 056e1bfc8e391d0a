"""A participant's attributes."""

from typing import Any
from uuid import UUID

import msgspec
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from participants import state
from participants.api.addresses import PARTICIPANT
from participants.api.profile import (
    AttributesField,
    AttributeValueField,
    ChangingViewSet,
    OneFieldSerializer,
)
from participants.state.changes import Change, clean_attribute, clean_change
from programs.api.addresses import text_parameter
from programs.api.bodies import BodySchema
from programs.api.callers import actor_of
from programs.kernel import exact_json
from programs.models.rules import MAX_ATTRIBUTE_KEY_LENGTH


class AttributesSerializer(OneFieldSerializer):
    attributes = AttributesField(
        help_text='Merged key by key; a null removes the key: {"plan": "premium"}.'
    )


class AttributeSerializer(BodySchema):
    """The value to set."""

    value = AttributeValueField(
        help_text="A string of at most 1000 characters, a number, true or false."
    )

    def read(self, body: Any) -> Change:
        return clean_attribute(body, self.context["view"].kwargs["key"])


class AttributeAnswerSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(min_length=1, max_length=MAX_ATTRIBUTE_KEY_LENGTH)
    value = AttributeValueField()


class AttributeListSerializer(serializers.Serializer[Any]):
    data = AttributeAnswerSerializer(many=True)  # type: ignore[assignment]


_KEY = text_parameter(
    "key", "The attribute's key, percent-encoded.", "plan", longest=MAX_ATTRIBUTE_KEY_LENGTH
)


@extend_schema(parameters=[PARTICIPANT, _KEY], tags=["state"])
class AttributeViewSet(ChangingViewSet):
    """The attributes of a participant."""

    def get_serializer_class(self) -> type[Any]:
        return AttributeSerializer if self.action == "set" else AttributesSerializer

    @extend_schema(responses=AttributeListSerializer)
    def list(self, request: Request, participant: str | UUID) -> Response:
        """List a participant's attributes."""
        return _list(state.document(participant))

    @extend_schema(responses=AttributeListSerializer)
    def merge(self, request: Request, participant: str | UUID) -> Response:
        """Merge attributes, key by key."""
        return _list(self.change(request, participant).document)

    @extend_schema(responses=AttributeAnswerSerializer)
    def set(self, request: Request, participant: str | UUID, key: str) -> Response:
        """Set one attribute."""
        value = _attributes(self.change(request, participant).document)[key]
        return Response(AttributeAnswerSerializer({"key": key, "value": value}).data)

    def remove(self, request: Request, participant: str | UUID, key: str) -> Response:
        """Remove one attribute, if the participant has it."""
        change = clean_change({"attributes": {key: None}})
        state.change(change, to=participant, by=actor_of(request))
        return Response(status=204)


def _attributes(participant: msgspec.Raw) -> dict[str, Any]:
    attributes: dict[str, Any] = exact_json.loads(bytes(participant))["attributes"]
    return attributes


def _list(participant: msgspec.Raw) -> Response:
    rows = [{"key": key, "value": value} for key, value in _attributes(participant).items()]
    return Response(AttributeListSerializer({"data": rows}).data)
