"""The shapes of what the client sets up, in the API."""

from programs.api.serializers.assets import (
    AssetChangeSerializer,
    AssetLinkSerializer,
    AssetSerializer,
)
from programs.api.serializers.base import (
    RefusalSerializer,
    StrictSerializer,
    TextField,
    body_of,
    form_body,
)
from programs.api.serializers.programs import ProgramSerializer
from programs.api.serializers.rules import (
    JudgementSerializer,
    NewRuleSerializer,
    RuleChangeSerializer,
    RuleDraftSerializer,
    RuleSerializer,
    RuleVersionSerializer,
)
from programs.api.serializers.tiers import (
    NewTierTrackSerializer,
    TierTrackChangeSerializer,
    TierTrackSerializer,
)

__all__ = [
    "AssetChangeSerializer",
    "AssetLinkSerializer",
    "AssetSerializer",
    "JudgementSerializer",
    "NewRuleSerializer",
    "NewTierTrackSerializer",
    "ProgramSerializer",
    "RefusalSerializer",
    "RuleChangeSerializer",
    "RuleDraftSerializer",
    "RuleSerializer",
    "RuleVersionSerializer",
    "StrictSerializer",
    "TextField",
    "TierTrackChangeSerializer",
    "TierTrackSerializer",
    "body_of",
    "form_body",
]
