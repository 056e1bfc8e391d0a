from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from programs import assets
from programs.api.rights import LINKING_AN_ASSET
from programs.api.serializers.assets import (
    AssetChangeSerializer,
    AssetLinkSerializer,
    AssetSerializer,
)
from programs.kernel.exceptions import ProgramNotFound
from programs.models import Asset, AssetLink, Program


class AssetViewSet(ListModelMixin, GenericViewSet[Asset]):
    """What the client's programs give out."""

    queryset = Asset.objects.all()
    sortings = {"created_at": ["created_at", "id"]}
    default_sorting = ("created_at", "desc")

    def get_serializer_class(self) -> type[Any]:
        return AssetChangeSerializer if self.action == "partial_update" else AssetSerializer

    @extend_schema(responses={201: AssetSerializer, 404: ProgramNotFound})
    def create(self, request: Request) -> Response:
        """Create one asset."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        program_id = values.pop("program_id", None)
        if program_id:
            LINKING_AN_ASSET.check(request)
        asset = assets.create(values, program_ids=[program_id] if program_id else [])
        return Response(AssetSerializer(asset).data, status=201)

    def retrieve(self, request: Request, asset_id: UUID) -> Response:
        return Response(self.get_serializer(assets.found(asset_id)).data)

    @extend_schema(responses=AssetSerializer)
    def partial_update(self, request: Request, asset_id: UUID) -> Response:
        serializer = self.get_serializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        asset = assets.change(asset_id, serializer.validated_data)
        return Response(AssetSerializer(asset).data)


class LinkedAssetViewSet(ListModelMixin, GenericViewSet[Any]):
    """The assets that a program may give out."""

    queryset = AssetLink.objects.all()
    sortings = {"created_at": ["created_at", "id"]}
    default_sorting = ("created_at", "desc")

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
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        link, is_new = assets.link(serializer.validated_data["asset_id"], program_id)
        return Response(AssetSerializer(link.asset).data, status=201 if is_new else 200)
