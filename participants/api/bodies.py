"""Schemas of bodies that the domain reads itself: for speed, or because the admin and imports read the same bodies."""

from typing import Any

from rest_framework import serializers
from rest_framework.utils import html

from programs.api.strict import InstantField, JSONTextArea, body_of


class BodySchema(serializers.Serializer[Any]):
    """A body as the OpenAPI document and the browsable API's form show it.

    The fields validate nothing: `read` does, and tests/participants/api/test_schemas.py proves that both agree.
    """

    def read(self, body: Any) -> Any:
        """Read the body with the domain's own reader. Raises ValidationFailed."""
        raise NotImplementedError

    def to_internal_value(self, data: Any) -> Any:
        # The fields are copied when they are first looked at, which hot calls must not pay for.
        return self.read(self._body_of_form(data) if html.is_html_input(data) else data)

    def _body_of_form(self, data: Any) -> Any:
        fields = self.fields.items()
        json_inputs = {
            name
            for name, field in fields
            if isinstance(field, JSONTextArea | serializers.BooleanField)
        }
        time_inputs = {name for name, field in fields if isinstance(field, InstantField)}
        return body_of(data, json_inputs, time_inputs)
