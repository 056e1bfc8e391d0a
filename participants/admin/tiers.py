"""A page to set the level of a participant on a tier track."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from participants.admin.subpages import ReasonedForm, participant_for, verb_page
from participants.api.permissions import rights_of
from participants.exceptions import NotEnrolled
from participants.models import Participant
from participants.state.tiers import Tier, TierChange, clean_tier, set_tier, tiers_of
from programs.admin.form_fields import MomentField
from programs.api.callers import actor_of
from programs.kernel.exceptions import ValidationFailed
from programs.models.tiers import BASE_IS_NOT_LENT


class TierForm(ReasonedForm):
    level = forms.ChoiceField(required=False)
    expires_at = MomentField(
        required=False,
        label="Expires at",
        help_text="Until then the level is lent: the participant stands on it or on what they have earned, whichever is higher. Leave empty for no end.",
    )
    pinned = forms.BooleanField(
        required=False,
        help_text="Holds the participant on the level, up and down, until it ends or you set another.",
    )

    of_refusal = {NotEnrolled: "level"}

    change: TierChange

    def __init__(self, tier: Tier, *args: Any) -> None:
        super().__init__(*args)
        self.tier = tier
        levels = [(level.key, f"{level} (rank {level.rank})") for level in tier.track.levels.all()]
        self.fields["level"].choices = [("", "Base"), *levels]  # type: ignore[attr-defined]
        self.fields["level"].help_text = _where(tier)
        self.initial = {
            "level": tier.stored_level,
            "expires_at": tier.expires_at,
            "pinned": tier.is_pinned,
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if (
            not self.errors
            and cleaned["expires_at"]
            and not (cleaned["level"] or cleaned["pinned"])
        ):
            self.add_error("expires_at", BASE_IS_NOT_LENT)
        if not self.errors:
            try:
                self.change = self._read(cleaned)
            except ValidationFailed as refusal:
                self.add_refusal(refusal)
        return cleaned

    def _read(self, cleaned: Mapping[str, Any]) -> TierChange:
        end = cleaned["expires_at"]
        if "expires_at" not in self.changed_data:
            end = (
                self.tier.expires_at
            )  # the page does not show microseconds, so keep the stored time
        body = {"level": cleaned["level"], "pinned": cleaned["pinned"]}
        return clean_tier({**body, "expires_at": end and end.isoformat()})


def _where(tier: Tier) -> str:
    """Where they stand and what they have earned, in words."""
    earned = tier.track.level(tier.earned_level)
    stands = f"Stands on {tier.level or 'the base'}; has earned {earned or 'no level'}."
    return f"{stands} Without an end and a pin, this becomes what they have earned, and events may raise it."


def tier_page(
    page: admin.ModelAdmin[Participant], request: HttpRequest, object_id: str, track_id: str
) -> HttpResponse:
    participant = participant_for(page, request, object_id, "TierViewSet.set")
    tier = next((each for each in tiers_of(participant.pk) if str(each.track.pk) == track_id), None)
    if tier is None:
        raise Http404("There is no such track.")
    rights = rights_of(request, "tierstanding")
    if not rights.allow(exists=tier.standing is not None):
        raise PermissionDenied
    form = TierForm(tier, request.POST if request.method == "POST" else None)
    track = tier.track

    def verb() -> str:
        set_to = set_tier(
            participant.pk,
            track.key,
            track.program_id,
            form.change,
            by=actor_of(request),
            rights=rights,
            reason=form.cleaned_data["reason"],
        )
        return f"{track}: {participant} is on {set_to.level or 'the base'}."

    title = f"{track} in {track.program}"
    return verb_page(page, request, participant, form, verb, title=title, button="Set tier")
