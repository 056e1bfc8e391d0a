from typing import Any

from django.db import models
from rest_framework import serializers

from programs.api.serializers.base import StrictSerializer, TextField
from programs.models import Program, ProgramStatus, UnknownParticipant


class ProgramSerializer(StrictSerializer, serializers.ModelSerializer[Program]):
    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: TextField,
    }

    class Meta:
        model = Program
        fields = [
            "id",
            "name",
            "description",
            "on_unknown_participant",
            "status",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["id", "created_at", "updated_at"]
        extra_kwargs = {
            "on_unknown_participant": {"default": UnknownParticipant.CREATE},
            "status": {"default": ProgramStatus.ACTIVE},
        }

    def update(self, instance: Program, validated_data: dict[str, Any]) -> Program:
        # Only what the call names: two calls about two fields must not undo each other.
        for name, value in validated_data.items():
            setattr(instance, name, value)
        instance.save(update_fields=[*validated_data, "updated_at"])
        return instance
