"""The shapes of rules: forms and documentation for bodies, whose limits `rulebook` checks; and answers."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from programs import rulebook
from programs.api.refusals import POSITION
from programs.api.strict import InstantField, JSONTextArea, body_of
from programs.kernel.exceptions import FieldError, ValidationFailed
from programs.models import Rule, RuleStatus, RuleVersion
from programs.models.rules import MAX_CONDITION_LENGTH, MAX_ORDER
from programs.rulebook.actions import (
    MAX_ACTIONS,
    MAX_DESCRIPTION_LENGTH,
    MAX_EXPRESSION_LENGTH,
    MAX_KEY_LENGTH,
    MAX_TAG_LENGTH,
    MAX_VALUE_LENGTH,
    SHAPES,
    TRACK_KEY,
)
from programs.rulebook.bodies import FIELDS, MAX_NAME_LENGTH
from programs.rulebook.bodies import MAX_DESCRIPTION_LENGTH as MAX_RULE_DESCRIPTION_LENGTH
from programs.tracks.bodies import MAX_KEY_LENGTH as MAX_TRACK_KEY_LENGTH

_JSON_INPUTS = {"actions", "order", "stop_after_match"}
_TIME_INPUTS = {"active_from", "active_to"}
# Python's \S: its white space has these five more than that of JSON Schema's patterns.
_NOT_BLANK = r"[^\s\u001c-\u001f\u0085]"


def _text(most: int, description: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": most,
        "description": description,
        **more,
    }


_DURATION = r"(?=\d)(\d{1,9}h)?(\d{1,9}m)?(\d{1,9}s)?"
# What each field of an action is. A bucket differs from type to type.
_FIELDS: dict[str, dict[str, Any]] = {
    "asset_id": {
        "type": "string",
        "format": "uuid",
        "description": "An asset that is linked to the program.",
    },
    "amount": _text(
        MAX_EXPRESSION_LENGTH,
        "A number or an expression that is one. What it has more decimals than the asset is rounded towards zero.",
        examples=["100", "round(event.amount * 0.05, 2)"],
    ),
    "bucket": {"type": "string", "description": "Where to, or where from."},
    "description": _text(MAX_DESCRIPTION_LENGTH, "Why, for people to read.", pattern=_NOT_BLANK),
    "matures_at": {
        "type": "string",
        "description": "How long, or until when it is DEFERRED; for a CREDIT to AVAILABLE.",
        "anyOf": [
            {"pattern": f"^{_DURATION}$"},
            {"format": "date-time"},
        ],
        "examples": ["720h"],
    },
    "allow_negative": {"type": "boolean", "description": "It may take more than is available."},
    "tag": _text(MAX_TAG_LENGTH, "Kept in lower case."),
    "key": _text(MAX_KEY_LENGTH, "The key of the counter or attribute."),
    "value": _text(MAX_EXPRESSION_LENGTH, "What to add: a number or an expression that is one."),
    "reset_after": {
        "type": "string",
        "pattern": f"^{_DURATION}$",
        "description": "How long a window of the counter lasts.",
        "examples": ["24h"],
    },
    "expression": _text(MAX_EXPRESSION_LENGTH, "What the attribute is set to, worked out."),
    "tier": {
        "type": "string",
        "pattern": f"^{TRACK_KEY}$",
        "maxLength": MAX_TRACK_KEY_LENGTH,
        "description": "The key of one of the program's tracks.",
    },
    "level": {
        "type": "string",
        "pattern": f"^({TRACK_KEY})?$",
        "maxLength": MAX_TRACK_KEY_LENGTH,
        "description": 'The key of a level of the track; "" for the base.',
    },
}
_BUCKETS = {
    "CREDIT": ["AVAILABLE", "HELD"],
    "HOLD": ["AVAILABLE"],
    "RELEASE": ["HELD"],
    "FORFEIT": ["AVAILABLE", "HELD", "DEFERRED"],
}


def _action_schema(kind: str) -> dict[str, Any]:
    shape = SHAPES[kind]
    properties = {name: {**_FIELDS[name]} for name in shape.readers}
    if kind in _BUCKETS:
        properties["bucket"] |= {"enum": _BUCKETS[kind]}
    for name, value in shape.defaults.items():
        properties[name]["default"] = value
    schema = {
        "title": kind,
        "type": "object",
        "required": ["type", *shape.required],
        "properties": {"type": {"const": kind}, **properties},
        "additionalProperties": False,
    }
    if kind == "SET_ATTRIBUTE":
        properties["value"] = {
            "type": "string",
            "maxLength": MAX_VALUE_LENGTH,
            "description": "What the attribute is set to, a text.",
        }
        schema["properties"] = {"type": {"const": kind}, **properties}
        schema["oneOf"] = [{"required": ["value"]}, {"required": ["expression"]}]
    return schema


@extend_schema_field(
    {
        "type": "array",
        "maxItems": MAX_ACTIONS,
        "items": {"oneOf": [_action_schema(kind) for kind in SHAPES]},
    }
)
class ActionsField(JSONTextArea):
    def to_representation(self, value: Any) -> Any:
        return rulebook.spelled(value)


@extend_schema_field({"type": "array", "items": {}})
class AnyActionsField(JSONTextArea):
    """Actions that may be wrong, which is what the call is about."""


class RuleSerializer(serializers.ModelSerializer[Rule]):
    """What an event earns: if the condition holds, the actions are carried out, in order."""

    actions = ActionsField(help_text="What it does then, one after the other.")
    active_from = InstantField(
        allow_null=True, help_text="The first moment whose events it takes; null for any."
    )
    active_to = InstantField(
        allow_null=True, help_text="The moment from which it takes none; null for never."
    )

    class Meta:
        model = Rule
        fields = [
            "id",
            "program_id",
            "name",
            "description",
            "condition",
            "actions",
            "order",
            "stop_after_match",
            "active_from",
            "active_to",
            "status",
            "version",
            "created_at",
            "updated_at",
        ]
        extra_kwargs = {"version": {"help_text": "1 when created; one more with each change."}}


class RuleChangeSerializer(serializers.Serializer[Any]):
    """What can be changed of a rule. What is left out stays as it is."""

    name = serializers.RegexField(
        r"\S",
        required=False,
        max_length=MAX_NAME_LENGTH,
        help_text="What program managers call it; 1 to 255 characters.",
    )
    description = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=MAX_RULE_DESCRIPTION_LENGTH,
        help_text="At most 1000 characters.",
    )
    condition = serializers.RegexField(
        r"\S",
        required=False,
        max_length=MAX_CONDITION_LENGTH,
        style={"base_template": "textarea.html", "rows": 4},
        help_text='When the rule applies: an expression (CEL) that is true or false, such as event.type == "purchase".',
    )
    actions = ActionsField(
        required=False,
        style={"base_template": "textarea.html", "rows": 8},
        help_text='What it does then, in order; at most 50: [{"type": "CREDIT", "asset_id": "…", "amount": "event.amount * 2"}].',
    )
    order = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_ORDER,
        help_text="Rules run in this order, and no two active ones of a program share it.",
    )
    stop_after_match = serializers.BooleanField(
        required=False,
        initial=None,
        # A box that is not ticked says nothing in a form, so that nobody could take it back.
        style={"base_template": "input.html", "input_type": "text"},
        help_text="Whether the rules after it are skipped where it matched: true or false.",
    )
    active_from = InstantField(
        required=False,
        allow_null=True,
        help_text="The first moment (UTC) whose events it takes; null for any.",
    )
    active_to = InstantField(
        required=False,
        allow_null=True,
        help_text="The moment (UTC) from which it takes none, after active_from; null for never.",
    )
    status = serializers.ChoiceField(
        choices=RuleStatus.choices,
        required=False,
        help_text="Only ACTIVE rules run; ARCHIVED ones are hidden.",
    )

    def to_internal_value(self, data: Any) -> Any:
        return rulebook.clean_change(body_of(data, _JSON_INPUTS, _TIME_INPUTS))


class NewRuleSerializer(RuleChangeSerializer):
    """The rule to create."""

    program_id = serializers.UUIDField(help_text="Whose events it takes; it cannot be changed.")

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for name in ("name", "condition", "actions"):
            fields[name].required = True
        fields["order"].help_text = f"{fields['order'].help_text} Left out, it is after all others."
        fields["status"].default = RuleStatus.ACTIVE
        return {name: fields[name] for name in dict.fromkeys(["program_id", *fields])}

    def to_internal_value(self, data: Any) -> rulebook.NewRule:
        return rulebook.clean_new(body_of(data, _JSON_INPUTS, _TIME_INPUTS))


class RuleFieldChangeSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    old = serializers.JSONField(help_text="Null where there was none.")
    new = serializers.JSONField()


class RuleSnapshotSerializer(serializers.ModelSerializer[Rule]):
    """A rule as it was."""

    actions = ActionsField(help_text="What it did then, one after the other.")

    class Meta:
        model = Rule
        fields = list(FIELDS)


class RuleVersionSerializer(serializers.ModelSerializer[RuleVersion]):
    """A rule as it was after one edit."""

    changes = serializers.SerializerMethodField(
        help_text="What differs from the version before; in the first one every field."
    )
    snapshot = serializers.SerializerMethodField(help_text="The whole rule, as it then was.")

    class Meta:
        model = RuleVersion
        fields = ["version", "changed_by", "changed_at", "changes", "snapshot"]
        extra_kwargs = {"changed_by": {"help_text": "Which API key or member of staff."}}

    @extend_schema_field(RuleFieldChangeSerializer(many=True))
    def get_changes(self, version: RuleVersion) -> list[dict[str, Any]]:
        return rulebook.changes(version)

    @extend_schema_field(RuleSnapshotSerializer)
    def get_snapshot(self, version: RuleVersion) -> dict[str, Any]:
        return rulebook.snapshot(version)


class RuleDraftSerializer(serializers.Serializer[Any]):
    """A condition or actions, one of the two."""

    program_id = serializers.UUIDField(
        required=False, help_text="Whose assets and tiers the actions must name; left out, any."
    )
    condition = serializers.CharField(
        required=False,
        allow_blank=True,
        style={"base_template": "textarea.html", "rows": 4},
        help_text="An expression (CEL) that is true or false.",
    )
    actions = AnyActionsField(
        required=False,
        style={"base_template": "textarea.html", "rows": 8},
        help_text="A list of actions, as a rule has them.",
    )

    def to_internal_value(self, data: Any) -> rulebook.Draft:
        return rulebook.clean_draft(body_of(data, _JSON_INPUTS))


@extend_schema_field(POSITION)
class PositionField(serializers.DictField):
    pass


class RefusedFieldSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(help_text='Its path, such as "actions[1].amount".')
    reason = serializers.CharField(help_text="Why, for machines.")
    message = serializers.CharField(help_text="Why, for people.")
    position = PositionField(required=False, help_text="Where in an expression.")


class JudgementSerializer(serializers.Serializer[Any]):
    """Whether a rule may have them, and if not, why."""

    valid = serializers.BooleanField()
    message = serializers.CharField(help_text='The first mistake, for people; "" where there is none.')  # fmt: skip
    position = PositionField(
        required=False, help_text="Where it is in the expression; absent where it is in none."
    )
    errors = RefusedFieldSerializer(  # type: ignore[assignment]
        many=True, help_text="All mistakes."
    )

    def to_representation(self, instance: Sequence[FieldError]) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "valid": not instance,
            "message": ValidationFailed(instance).message if instance else "",
            "errors": [error.as_dict() for error in instance],
        }
        position = next((error.position for error in instance if error.position), None)
        if position is not None:
            answer["position"] = position.as_dict()
        return answer
