from django.db import models
from rest_framework import serializers

from programs.api.serializer_fields import AmountField, WholeNumberField
from programs.api.serializers.base import StrictSerializer, TextField
from programs.kernel.decimals import DECIMAL_PLACES
from programs.models import Asset, InventoryMode, IssuancePolicy


class AssetSerializer(StrictSerializer, serializers.ModelSerializer[Asset]):
    """Something that programs give out and participants hold."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: TextField,
    }
    scale = WholeNumberField(
        min_value=0,
        max_value=DECIMAL_PLACES,
        default=0,
        help_text="How many decimals its amounts have; it cannot be changed.",
    )
    max_transaction_amount = AmountField(
        allow_null=True,
        default=None,
        help_text="The most that one movement may be, with at most `scale` decimals; null for no limit.",
    )
    program_id = serializers.UUIDField(
        write_only=True, required=False, help_text="Links the asset to this program at once."
    )

    class Meta:
        model = Asset
        fields = [
            "id",
            "name",
            "symbol",
            "scale",
            "issuance_policy",
            "inventory_mode",
            "max_transaction_amount",
            "program_id",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["id", "created_at", "updated_at"]
        extra_kwargs = {
            "issuance_policy": {"default": IssuancePolicy.UNLIMITED},
            "inventory_mode": {"default": InventoryMode.SIMPLE},
        }


class AssetChangeSerializer(AssetSerializer):
    """What can be changed of an asset. What is left out stays as it is."""

    fixed = {"scale": "The scale of an asset cannot be changed."}
    scale = None  # type: ignore[assignment]
    program_id = None  # type: ignore[assignment]

    class Meta(AssetSerializer.Meta):
        fields = [
            name for name in AssetSerializer.Meta.fields if name not in ("scale", "program_id")
        ]


class AssetLinkSerializer(StrictSerializer):
    """The asset that the program may give out from now on."""

    asset_id = serializers.UUIDField()
