"""A page to set the level of a participant on a tier track."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from participants.admin.subpages import VerbPageForm, carried_out, done, participant_for, rendered
from participants.exceptions import NotEnrolled
from participants.models import Participant
from participants.state.tiers import (
    Tier,
    TierChange,
    clean_tier,
    clear_tier,
    set_tier,
    tiers_of,
)
from programs.admin.form_fields import UTCTimeField
from programs.api.callers import actor_of
from programs.kernel.exceptions import ValidationFailed


class TierForm(VerbPageForm):
    level = forms.ChoiceField(required=False)
    expires_at = UTCTimeField(
        required=False,
        label="Expires at (UTC)",
        help_text="When the participant falls back to the base level. Leave empty for never.",
    )

    of_refusal = {NotEnrolled: "level"}

    change: TierChange | None

    def __init__(self, tier: Tier, *args: Any) -> None:
        super().__init__(*args)
        self.tier = tier
        levels = [(level.key, f"{level} (rank {level.rank})") for level in tier.track.levels.all()]
        self.fields["level"].choices = [("", "Base"), *levels]  # type: ignore[attr-defined]
        self.initial = {
            "level": tier.level.key if tier.level else "",
            "expires_at": tier.expires_at,
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        if not cleaned["level"]:
            if cleaned["expires_at"] and "expires_at" in self.changed_data:
                self.add_error("expires_at", "The base does not expire.")
            self.change = None
            return cleaned
        try:
            self.change = self._read(cleaned["level"], cleaned["expires_at"])
        except ValidationFailed as refusal:
            self.add_refusal(refusal)
        return cleaned

    def _read(self, level: str, expires_at: datetime | None) -> TierChange:
        if "expires_at" not in self.changed_data:
            # The page does not show microseconds, so keep the stored time.
            return TierChange(level, self.tier.expires_at)
        return clean_tier(
            {"level": level, "expires_at": expires_at.isoformat() if expires_at else None}
        )


def tier_page(
    page: admin.ModelAdmin[Participant], request: HttpRequest, object_id: str, track_id: str
) -> HttpResponse:
    participant = participant_for(page, request, object_id, "TierViewSet.set")
    if not request.user.has_perm("participants.change_tierstanding"):
        raise PermissionDenied
    tier = next((each for each in tiers_of(participant.pk) if str(each.track.pk) == track_id), None)
    if tier is None:
        raise Http404("There is no such track.")
    form = TierForm(tier, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        track, by = tier.track, actor_of(request)

        def verb() -> None:
            if form.change is None:
                clear_tier(participant.pk, track.key, track.program_id, by=by)
            else:
                set_tier(participant.pk, track.key, track.program_id, form.change, by=by)

        if carried_out(form, verb):
            level = form.change.level if form.change else "the base"
            return done(request, participant, f"{track}: the participant is on {level}.")
    title = f"{tier.track} in {tier.track.program}"
    return rendered(page, request, participant, "verb", title=title, form=form)
