from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from programs import assets
from programs.api.addresses import PROGRAM_ID, path_parameter
from programs.api.bodies import validated_body
from programs.api.permissions import LINKING_AN_ASSET
from programs.api.strict import (
    AmountField,
    StrictModelSerializer,
    StrictSerializer,
    WholeNumberField,
)
from programs.exceptions import InUse, ProgramNotFound
from programs.kernel.decimals import DECIMAL_PLACES
from programs.models import Asset, AssetLink, InventoryMode, IssuancePolicy, Program

_ASSET_ID = "0198c0dd-3f4a-7b5c-8d6e-7f8091a2b3c4"


class AssetSerializer(StrictModelSerializer):
    """Something that programs give out and participants hold."""

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


@extend_schema(parameters=[path_parameter("asset_id", "The asset.", _ASSET_ID)])
class AssetViewSet(ListModelMixin, GenericViewSet[Asset]):
    """What the client's programs give out."""

    queryset = Asset.objects.all()
    sortings = {"created_at": ["created_at", "id"]}

    def get_serializer_class(self) -> type[Any]:
        return AssetChangeSerializer if self.action == "partial_update" else AssetSerializer

    @extend_schema(responses={201: AssetSerializer, 404: ProgramNotFound})
    def create(self, request: Request) -> Response:
        """Create one asset."""
        values = validated_body(self)
        program_id = values.pop("program_id", None)
        if program_id:
            LINKING_AN_ASSET.check(request)
        asset = assets.create(values, program_ids=[program_id] if program_id else [])
        return Response(AssetSerializer(asset).data, status=201)

    def retrieve(self, request: Request, asset_id: UUID) -> Response:
        return Response(self.get_serializer(assets.found(asset_id)).data)

    @extend_schema(responses={200: AssetSerializer, 409: InUse})
    def partial_update(self, request: Request, asset_id: UUID) -> Response:
        """Change one asset.

        A symbol that a rule names cannot be changed (409 `in_use`, which names the rules).
        """
        asset = assets.change(asset_id, validated_body(self, partial=True))
        return Response(AssetSerializer(asset).data)


@extend_schema(parameters=[PROGRAM_ID], tags=["assets"])
class LinkedAssetViewSet(ListModelMixin, GenericViewSet[Any]):
    """The assets that a program may give out."""

    queryset = AssetLink.objects.all()
    sortings = {"created_at": ["created_at", "id"]}

    def get_queryset(self) -> QuerySet[Asset]:
        program_id = self.kwargs["program_id"]
        if not Program.objects.filter(pk=program_id).exists():
            raise ProgramNotFound
        return Asset.objects.linked_to(program_id)

    def get_serializer_class(self) -> type[Any]:
        return AssetLinkSerializer if self.action == "create" else AssetSerializer

    @extend_schema(responses=AssetSerializer(many=True))
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the assets of a program."""
        return super().list(request, *args, **kwargs)

    @extend_schema(responses={201: AssetSerializer, 200: AssetSerializer})
    def create(self, request: Request, program_id: UUID) -> Response:
        """Link one asset to a program.

        201 where it is new, 200 where it was linked already.
        """
        link, is_new = assets.link(validated_body(self)["asset_id"], program_id)
        return Response(AssetSerializer(link.asset).data, status=201 if is_new else 200)
