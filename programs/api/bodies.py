"""The bodies of calls: how a view reads one, and schemas of those that the domain reads itself."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.utils import html

from programs.api.strict import InstantField, JSONTextArea, body_of

_JSON_INPUTS = JSONTextArea | serializers.BooleanField | serializers.IntegerField


def validated_body(view: GenericAPIView[Any], **options: Any) -> Any:
    """Read the body of the call with the view's serializer. Raises DRF's ValidationError, or the domain's."""
    serializer = view.get_serializer(data=view.request.data, **options)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


class BodySchema(serializers.Serializer[Any]):
    """A body as the OpenAPI document and the browsable API's form show it.

    The fields validate nothing: `reader` does, for speed or because the admin, imports or simulations read the same body.
    tests/participants/api/test_schemas.py proves that both agree.
    """

    reader: ClassVar[Any]  # a static function that takes the body

    def read(self, body: Any) -> Any:
        """Read the body with the domain's own reader. Raises ValidationFailed."""
        return self.reader(body)

    def to_internal_value(self, data: Any) -> Any:
        # The fields are copied when they are first looked at, which hot calls must not pay for.
        return self.read(self._body_of_form(data) if html.is_html_input(data) else data)

    def _body_of_form(self, data: Any) -> Any:
        fields = self.fields.items()
        json_inputs = {name for name, field in fields if isinstance(field, _JSON_INPUTS)}
        time_inputs = {name for name, field in fields if isinstance(field, InstantField)}
        return body_of(data, json_inputs, time_inputs)


def json_field(schema: dict[str, Any]) -> type[JSONTextArea]:
    """Return a field of any JSON that this schema describes, for the body's reader to check."""

    @extend_schema_field(schema)
    class DescribedField(JSONTextArea):
        pass

    return DescribedField
