"""The upsert as one writes it first: a ModelSerializer, update_or_create, a row of history at a time.

It has Laurel's tables, indexes and persistent connections, writes the same history and gives the same answer.
What it does not have is safety: two simultaneous first calls for one person may answer 500.
"""

import hashlib
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ModelViewSet

from participants.models import (
    MAX_ATTRIBUTES,
    MAX_TAGS,
    PROFILE_FIELDS,
    Enrollment,
    EnrollmentStatus,
    Participant,
    StateChange,
)
from participants.state import windows
from programs.api.callers import actor_of
from programs.exceptions import ProgramInactive
from programs.kernel.decimals import written
from programs.models import ApiKey, Program, ProgramStatus, Scope, TierTrack
from programs.models.rules import (
    MAX_ATTRIBUTE_KEY_LENGTH,
    MAX_ATTRIBUTE_VALUE_LENGTH,
    MAX_TAG_LENGTH,
)

# What happened to one thing: its kind, its key, its old and its new value.
Happening = tuple[str, str, Any, Any]


class KeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey]:
        digest = hashlib.sha256(request.META.get("HTTP_X_API_KEY", "").encode()).hexdigest()
        key = ApiKey.objects.usable().filter(digest=digest).first()
        if key is None:
            raise AuthenticationFailed("This API key is not valid.")
        return AnonymousUser(), key


class MayWrite(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, ApiKey) and Scope.PARTICIPANTS_WRITE in request.auth.scopes


class NaiveParticipantSerializer(serializers.ModelSerializer[Participant]):
    # Declared, since the one that DRF derives refuses who is known already.
    external_id = serializers.CharField(max_length=255)
    program_id = serializers.UUIDField(required=False, write_only=True)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=MAX_TAG_LENGTH), max_length=MAX_TAGS, required=False
    )
    attributes = serializers.DictField(required=False)
    counters = serializers.SerializerMethodField()
    tiers = serializers.SerializerMethodField()
    balances = serializers.SerializerMethodField()
    program_ids = serializers.SerializerMethodField()

    class Meta:
        model = Participant
        fields = [
            "id",
            "external_id",
            "program_id",
            "status",
            *PROFILE_FIELDS,
            "tags",
            "attributes",
            "counters",
            "tiers",
            "balances",
            "program_ids",
            "created_at",
            "updated_at",
        ]

    def validate_tags(self, tags: list[str]) -> list[str]:
        return list(dict.fromkeys(tag.lower() for tag in tags))

    def validate_attributes(self, attributes: dict[str, Any]) -> dict[str, Any]:
        if len(attributes) > MAX_ATTRIBUTES:
            raise serializers.ValidationError(f"At most {MAX_ATTRIBUTES} attributes.")
        for key, value in attributes.items():
            if not 1 <= len(key) <= MAX_ATTRIBUTE_KEY_LENGTH:
                raise serializers.ValidationError({key: "This key is too long."})
            if isinstance(value, dict | list):
                raise serializers.ValidationError({key: "Nothing nested."})
            if isinstance(value, str) and len(value) > MAX_ATTRIBUTE_VALUE_LENGTH:
                raise serializers.ValidationError({key: "This value is too long."})
        return attributes

    def get_counters(self, participant: Participant) -> dict[str, str]:
        now = timezone.now()
        return {
            counter.key: written(windows.of(counter).value_at(now))
            for counter in participant.counters.all()
        }

    def get_tiers(self, participant: Participant) -> dict[str, Any]:
        tiers: dict[str, Any] = {}
        for track in TierTrack.objects.filter(
            program__enrollments__participant=participant, deleted_at=None
        ).order_by("program__enrollments__id"):
            standing = participant.tier_standings.filter(track=track).first()
            level = standing and track.levels.filter(key=standing.level).first()
            place = {"level": level.key, "rank": level.rank} if level else {"level": "", "rank": 0}
            tiers.setdefault(track.key, place)
        return tiers

    def get_balances(self, participant: Participant) -> list[Any]:
        return [
            {
                "asset_id": balance.asset_id,
                **{
                    name: written(getattr(balance, name), balance.asset.scale)
                    for name in ("available", "held", "deferred")
                },
            }
            for balance in participant.balances.select_related("asset")
        ]

    def get_program_ids(self, participant: Participant) -> list[UUID]:
        return [enrollment.program_id for enrollment in participant.enrollments.active()]


class NaiveParticipantViewSet(ModelViewSet[Participant]):
    queryset = Participant.objects.all()
    serializer_class = NaiveParticipantSerializer
    authentication_classes = [KeyAuthentication]
    permission_classes = [MayWrite]
    throttle_classes = []
    parser_classes = [JSONParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = DefaultContentNegotiation

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        participant, created = self.upsert(**serializer.validated_data)
        answer = self.get_serializer(participant).data
        return Response(answer, status=201 if created else 200)

    @transaction.atomic
    def upsert(
        self, *, external_id: str, program_id: UUID | None = None, **given: Any
    ) -> tuple[Participant, bool]:
        program = _active_program(program_id) if program_id else None
        old = Participant.objects.select_for_update().filter(external_id=external_id).first()
        if "attributes" in given:
            merged = (old.attributes if old else {}) | given["attributes"]
            given["attributes"] = {key: value for key, value in merged.items() if value is not None}
        happened = _changes(old, given) if old else []
        if happened:
            given["updated_at"] = timezone.now()
        participant, created = Participant.objects.update_or_create(
            external_id=external_id, defaults=given
        )
        if created:
            happened = beginnings(participant)
        if program:
            happened += _enroll(participant, program)
        record(participant, happened, str(actor_of(self.request)))
        return participant, created


def record(participant: Participant, happened: list[Happening], changed_by: str) -> None:
    for state_type, key, old_value, new_value in happened:
        operation = "ADD" if old_value is None else "REMOVE" if new_value is None else "CHANGE"
        StateChange.objects.create(
            participant=participant,
            state_type=state_type,
            key=key,
            operation=operation,
            old_value=old_value,
            new_value=new_value,
            changed_by=changed_by,
            program_id=UUID(key) if state_type == "enrollment" else None,
            changed_at=timezone.now(),
        )


def _active_program(program_id: UUID) -> Program:
    program = get_object_or_404(Program, pk=program_id)
    if program.status != ProgramStatus.ACTIVE:
        raise ProgramInactive
    return program


def beginnings(participant: Participant) -> list[Happening]:
    """All that somebody new has, a row for each kind."""
    profile = {
        name: getattr(participant, name) for name in PROFILE_FIELDS if getattr(participant, name)
    }
    values = {
        "status": participant.status,
        "profile": profile,
        "attribute": participant.attributes,
        "tag": participant.tags,
    }
    return [(state_type, "", None, value) for state_type, value in values.items() if value]


def _changes(old: Participant, given: dict[str, Any]) -> list[Happening]:
    """What differs in somebody known, a row for each key."""
    happened: list[Happening] = []
    if given.get("status", old.status) != old.status:
        happened.append(("status", "", old.status, given["status"]))
    for name in PROFILE_FIELDS:
        had, has = getattr(old, name), given.get(name, getattr(old, name))
        if had != has:
            happened.append(("profile", name, had or None, has or None))
    attributes = given.get("attributes", old.attributes)
    happened += [
        ("attribute", key, old.attributes.get(key), attributes.get(key))
        for key in old.attributes.keys() | attributes.keys()
        if old.attributes.get(key) != attributes.get(key)
    ]
    tags = given.get("tags", old.tags)
    happened += [("tag", tag, None, tag) for tag in tags if tag not in old.tags]
    happened += [("tag", tag, tag, None) for tag in old.tags if tag not in tags]
    if tags != old.tags and set(tags) == set(old.tags):
        happened.append(("tag", "", old.tags, tags))
    return happened


def _enroll(participant: Participant, program: Program) -> list[Happening]:
    known = Enrollment.objects.filter(participant=participant, program=program).first()
    before = known.status if known else None
    values: dict[str, Any] = {"status": EnrollmentStatus.ACTIVE}
    if before != EnrollmentStatus.ACTIVE:
        values["updated_at"] = timezone.now()
    Enrollment.objects.update_or_create(participant=participant, program=program, defaults=values)
    if before == EnrollmentStatus.ACTIVE:
        return []
    if before:
        participant.updated_at = values["updated_at"]
        participant.save(update_fields=["updated_at"])
    return [("enrollment", str(program.pk), before, EnrollmentStatus.ACTIVE)]
