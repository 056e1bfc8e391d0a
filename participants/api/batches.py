"""Batches: many bodies in one call, each accepted or refused by itself."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers

from programs.api.refusals import RefusalSerializer
from programs.kernel.exceptions import DomainError

MAX_BATCH = 1000

T = TypeVar("T")


def bodies_of(component: str) -> dict[str, Any]:
    """Return the schema of a batch's list of bodies, each described by this component of the OpenAPI document."""
    items = {"$ref": f"#/components/schemas/{component}"}
    return {"type": "array", "minItems": 1, "maxItems": MAX_BATCH, "items": items}


class BatchRowSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField(
        min_value=0,
        max_value=MAX_BATCH - 1,
        help_text="The position in the body, counted from 0.",
    )


class RefusedRowSerializer(BatchRowSerializer):
    status = serializers.ChoiceField(choices=["error"])
    error = RefusalSerializer()


class BatchCountsSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    success_count = serializers.IntegerField()
    error_count = serializers.IntegerField()


def either(component: str, *rows: type[BatchRowSerializer]) -> PolymorphicProxySerializer:
    """Describe a batch's results, each one of these rows."""
    return PolymorphicProxySerializer(
        component_name=component, serializers=rows, resource_type_field_name=None, many=True
    )


def batch_answer(
    results: Sequence[T | DomainError], accepted: Callable[[T], dict[str, Any]]
) -> dict[str, Any]:
    """Answer a batch: one row for each result, in order, and how many were accepted and refused."""
    rows = [
        {"index": index, "status": "error", "error": result.as_dict()}
        if isinstance(result, DomainError)
        else {"index": index, **accepted(result)}
        for index, result in enumerate(results)
    ]
    errors = sum(isinstance(result, DomainError) for result in results)
    return {
        "total": len(rows),
        "success_count": len(rows) - errors,
        "error_count": errors,
        "results": rows,
    }
