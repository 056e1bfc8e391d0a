"""What a client sets up: API keys, programs, their rules and tier tracks, and assets."""

from programs.models.assets import Asset, AssetLink, InventoryMode, IssuancePolicy
from programs.models.keys import ApiKey, ApiKeyQuerySet, Scope
from programs.models.programs import (
    MAX_TIME_ZONE_LENGTH,
    Program,
    ProgramChange,
    ProgramStatus,
    UnknownParticipant,
    time_zones,
)
from programs.models.rules import Rule, RuleCounter, RuleQuerySet, RuleStatus, RuleVersion
from programs.models.saved_views import SavedView
from programs.models.tiers import TierLevel, TierTrack, TierTrackVersion

__all__ = [
    "MAX_TIME_ZONE_LENGTH",
    "ApiKey",
    "ApiKeyQuerySet",
    "Asset",
    "AssetLink",
    "InventoryMode",
    "IssuancePolicy",
    "Program",
    "ProgramChange",
    "ProgramStatus",
    "Rule",
    "RuleCounter",
    "RuleQuerySet",
    "RuleStatus",
    "RuleVersion",
    "SavedView",
    "Scope",
    "TierLevel",
    "TierTrack",
    "TierTrackVersion",
    "UnknownParticipant",
    "time_zones",
]
