"""The shapes of what the client sets up, in the API."""

from programs.serializers.assets import AssetChangeSerializer, AssetLinkSerializer, AssetSerializer
from programs.serializers.base import (
    RefusalSerializer,
    StrictSerializer,
    TextField,
    body_of,
    form_body,
)
from programs.serializers.programs import ProgramSerializer
from programs.serializers.tiers import (
    NewTierTrackSerializer,
    TierTrackChangeSerializer,
    TierTrackSerializer,
)

__all__ = [
    "AssetChangeSerializer",
    "AssetLinkSerializer",
    "AssetSerializer",
    "NewTierTrackSerializer",
    "ProgramSerializer",
    "RefusalSerializer",
    "StrictSerializer",
    "TextField",
    "TierTrackChangeSerializer",
    "TierTrackSerializer",
    "body_of",
    "form_body",
]
