"""Amounts of an asset in the participant's three buckets."""

from typing import Any

from rest_framework import serializers

from programs.api.strict import DecimalField
from programs.kernel.decimals import written


class ScaledField(DecimalField):
    """An amount of an asset, written with as many decimals as the asset has.

    Its instance has a `scale`, or an `asset` that has one.
    """

    def get_attribute(self, instance: Any) -> str:
        amount: Any = super().get_attribute(instance)
        return written(amount, getattr(instance, "asset", instance).scale)


class BucketsSerializer(serializers.Serializer[Any]):
    available = ScaledField(help_text="What can be spent.")
    held = ScaledField(help_text="What is set aside.")
    deferred = ScaledField(help_text="What matures later.")
