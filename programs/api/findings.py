"""What is wrong with a rule, and what is probably wrong, in answers."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from programs.api.refusals import POSITION


@extend_schema_field(POSITION)
class PositionField(serializers.DictField):
    pass


class FindingSerializer(serializers.Serializer[Any]):
    """A mistake in a rule, or what is probably one."""

    field = serializers.CharField(help_text='Its path, such as "actions[1].amount".')
    reason = serializers.CharField(help_text="Why, for machines.")
    message = serializers.CharField(help_text="Why, for people.")
    position = PositionField(required=False, help_text="Where in an expression.")

    def to_representation(self, instance: Any) -> Any:
        return instance.as_dict()


class WarningsField(serializers.ListSerializer[Any]):
    """What is probably wrong, and refuses nothing."""

    def __init__(self, **options: Any) -> None:
        help_text = (
            "What is probably wrong, though the rule is valid. `reason` is `unknown_name` (a field that no recent event had,"
            " a counter that nobody has), `unreachable`, `no_effect` or `never_allowed`."
        )
        super().__init__(child=FindingSerializer(), read_only=True, help_text=help_text, **options)
