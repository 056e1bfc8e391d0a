"""The shapes of participants in the API: forms and documentation for bodies, whose limits `state` checks; and rows."""

from typing import Any

from rest_framework import serializers
from rest_framework.utils import html

from participants.fields import (
    MAX_BATCH,
    AttributesField,
    AttributeValueField,
    TagsField,
    UpsertsField,
)
from participants.models import (
    PROFILE_FIELDS,
    Enrollment,
    EnrollmentStatus,
    Participant,
    ParticipantStatus,
    StateChange,
)
from participants.state.changes import (
    Change,
    clean_attribute,
    clean_change,
    clean_list,
    clean_upsert,
)
from programs import exact_json
from programs.exceptions import FieldError, ValidationFailed
from programs.serializers import StrictSerializer, form_body

_CLEARED = "An empty string clears it."
_JSON_INPUTS = {"participants", "tags", "attributes", "value"}


def body_of(data: Any) -> Any:
    """The body as JSON, also where a form carried it: what is no plain text is written as JSON there."""
    if not html.is_html_input(data):
        return data
    body = form_body(data)
    for name in _JSON_INPUTS & body.keys():
        try:
            body[name] = exact_json.loads(body[name])
        except exact_json.InvalidJSON as error:
            raise ValidationFailed([FieldError(name, "invalid", str(error))]) from error
    return body


class ChangeSerializer(serializers.Serializer[Any]):
    """What can be changed of a participant. What is left out stays as it is."""

    status = serializers.ChoiceField(
        choices=ParticipantStatus.choices, required=False, help_text="ACTIVE for somebody new."
    )
    email = serializers.EmailField(
        required=False, allow_blank=True, max_length=255, help_text=_CLEARED
    )
    phone = serializers.CharField(
        required=False, allow_blank=True, max_length=50, help_text=_CLEARED
    )
    first_name = serializers.CharField(
        required=False, allow_blank=True, max_length=255, help_text=_CLEARED
    )
    last_name = serializers.CharField(
        required=False, allow_blank=True, max_length=255, help_text=_CLEARED
    )
    display_name = serializers.CharField(
        required=False, allow_blank=True, max_length=255, help_text=_CLEARED
    )
    tags = TagsField(
        required=False,
        help_text='Replaces the tags: ["vip", "beta"]. Kept in lower case, each once.',
    )
    attributes = AttributesField(
        required=False, help_text='Merged key by key; a null removes the key: {"plan": "premium"}.'
    )

    def to_internal_value(self, data: Any) -> Change:
        return clean_change(body_of(data))


class UpsertSerializer(ChangeSerializer):
    """The participant to create, or to update where the `external_id` is known."""

    external_id = serializers.RegexField(
        r"\S",
        min_length=1,
        max_length=255,
        help_text="Your application's id for this person, kept as given; not only white space.",
    )
    program_id = serializers.UUIDField(
        required=False, help_text="Enrols in this program, or makes an inactive enrolment active."
    )

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        return {
            name: fields[name] for name in dict.fromkeys(["external_id", "program_id", *fields])
        }

    def to_internal_value(self, data: Any) -> tuple[str, Change]:  # type: ignore[override]
        return clean_upsert(body_of(data))


class BatchSerializer(serializers.Serializer[Any]):
    participants = UpsertsField(
        help_text="1 to 1000 participants, each as in the single upsert; a bad one is an error in its row."
    )

    def to_internal_value(self, data: Any) -> list[Any]:
        return clean_list(body_of(data), "participants", most=MAX_BATCH)


class PartSerializer(serializers.Serializer[Any]):
    """A body that is about one field of a participant."""

    def to_internal_value(self, data: Any) -> Change:
        [name] = self.fields
        return clean_change(body_of(data), only=name)


class StatusSerializer(PartSerializer):
    status = serializers.ChoiceField(choices=ParticipantStatus.choices)


class TagsSerializer(PartSerializer):
    tags = TagsField(help_text='All of the tags from now on: ["vip", "beta"].')


class AttributesSerializer(PartSerializer):
    attributes = AttributesField(
        help_text='Merged key by key; a null removes: {"plan": "premium"}.'
    )


class AttributeSerializer(serializers.Serializer[Any]):
    """The value to set.

    Its key, which the URL names, comes as context["key"].
    """

    value = AttributeValueField(
        help_text="A string of at most 1000 characters, a number, true or false."
    )

    def to_internal_value(self, data: Any) -> Change:
        return clean_attribute(body_of(data), self.context["key"])


class ParticipantRowSerializer(serializers.ModelSerializer[Participant]):
    """A participant in a list."""

    class Meta:
        model = Participant
        fields = ["id", "external_id", "status", *PROFILE_FIELDS, "created_at", "updated_at"]


class EnrollmentSerializer(StrictSerializer, serializers.ModelSerializer[Enrollment]):
    status = serializers.ChoiceField(
        choices=EnrollmentStatus.choices, required=False, default=EnrollmentStatus.ACTIVE
    )

    class Meta:
        model = Enrollment
        fields = ["program_id", "status", "created_at", "updated_at"]
        read_only_fields = ["program_id", "created_at", "updated_at"]


class StateChangeSerializer(serializers.ModelSerializer[StateChange]):
    class Meta:
        model = StateChange
        fields = [
            "id",
            "state_type",
            "key",
            "operation",
            "old_value",
            "new_value",
            "changed_by",
            "event_id",
            "rule_id",
            "program_id",
            "changed_at",
        ]
        extra_kwargs = {
            "old_value": {"help_text": "A JSON value; null where there was none."},
            "new_value": {"help_text": "A JSON value; null where there is none any more."},
            "event_id": {"help_text": "The event that caused it, if one did."},
            "rule_id": {"help_text": "The rule that caused it, if one did."},
            "program_id": {"help_text": "The program that it happened in, if in one."},
        }
