"""A participant's tags."""

from typing import Any
from uuid import UUID

import msgspec
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from participants import state
from participants.api.addresses import PARTICIPANT
from participants.api.profile import ChangingViewSet, OneFieldSerializer, TagsField
from participants.state.changes import clean_tag
from programs.api.addresses import text_parameter
from programs.api.callers import actor_of
from programs.kernel import exact_json
from programs.models.rules import MAX_TAG_LENGTH


class TagsSerializer(OneFieldSerializer):
    tags = TagsField(help_text='The participant\'s tags from now on: ["vip", "beta"].')


class TagSerializer(serializers.Serializer[Any]):
    tag = serializers.CharField(min_length=1, max_length=MAX_TAG_LENGTH)


class TagListSerializer(serializers.Serializer[Any]):
    data = TagSerializer(many=True)  # type: ignore[assignment]


_TAG = text_parameter(
    "tag", "The tag, percent-encoded; case does not count.", "vip", longest=MAX_TAG_LENGTH
)


@extend_schema(parameters=[PARTICIPANT, _TAG], tags=["state"])
class TagViewSet(ChangingViewSet):
    """The tags of a participant."""

    def get_serializer_class(self) -> type[Any]:
        # The URL names the tag to add, so that call's form has no inputs.
        return serializers.Serializer if self.action == "add" else TagsSerializer

    @extend_schema(responses=TagListSerializer)
    def list(self, request: Request, participant: str | UUID) -> Response:
        """List a participant's tags."""
        return _tags(state.document(participant))

    @extend_schema(responses=TagListSerializer)
    def replace(self, request: Request, participant: str | UUID) -> Response:
        """Replace all tags."""
        return _tags(self.change(request, participant).document)

    @extend_schema(request=None, responses={201: TagSerializer, 200: TagSerializer})
    def add(self, request: Request, participant: str | UUID, tag: str) -> Response:
        """Add one tag.

        201 if the tag is new, 200 if the participant had it already.
        """
        tag = clean_tag(tag)
        change = state.Change(add_tags=[tag])
        result = state.change(change, to=participant, by=actor_of(request))
        return Response(TagSerializer({"tag": tag}).data, status=201 if result.changed else 200)

    def remove(self, request: Request, participant: str | UUID, tag: str) -> Response:
        """Remove one tag, if the participant has it."""
        # As it is, too: earlier releases kept the spaces around a tag.
        change = state.Change(remove_tags=[tag.lower(), tag.strip().lower()])
        state.change(change, to=participant, by=actor_of(request))
        return Response(status=204)


def _tags(participant: msgspec.Raw) -> Response:
    tags = exact_json.loads(bytes(participant))["tags"]
    return Response(TagListSerializer({"data": [{"tag": tag} for tag in tags]}).data)
