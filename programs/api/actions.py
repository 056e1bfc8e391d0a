"""The actions of a rule in the API, documented from the declarations of their types."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent

from programs.api.strict import JSONTextArea
from programs.rulebook.actions import ACTION_TYPES, MAX_ACTIONS, in_documented_order


class ActionsField(JSONTextArea):
    def to_representation(self, value: Any) -> Any:
        return in_documented_order(value)


class ActionsSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """The schema of a list of actions: one component for each type, told apart by `type`."""

    target_class = ActionsField

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        registry = auto_schema.registry
        kinds = {
            kind: _component(registry, f"{action.__name__}Action", action.schema())
            for kind, action in ACTION_TYPES.items()
        }
        union = {
            "oneOf": list(kinds.values()),
            "discriminator": {
                "propertyName": "type",
                "mapping": {kind: ref["$ref"] for kind, ref in kinds.items()},
            },
        }
        return {
            "type": "array",
            "maxItems": MAX_ACTIONS,
            "items": _component(registry, "Action", union),
        }


def _component(registry: ComponentRegistry, name: str, schema: dict[str, Any]) -> dict[str, str]:
    component = ResolvedComponent(name, ResolvedComponent.SCHEMA, schema, object=name)  # type: ignore[no-untyped-call]
    registry.register_on_missing(component)
    reference: dict[str, str] = component.ref
    return reference
