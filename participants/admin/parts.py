"""Counters and tiers of a participant, set by hand."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from participants.admin.fields import LineField
from participants.admin.holdings import page_of
from participants.admin.subpages import MinuteField, VerbPageForm, participant_for, rendered
from participants.exceptions import CounterNotFound, NotEnrolled
from participants.models import MAX_COUNTER_KEY_LENGTH, Counter, Participant
from participants.state.counters import (
    CounterChange,
    clean_counter,
    clean_counter_key,
    counter_of,
    delete_counter,
    set_counter,
)
from participants.state.tiers import (
    Tier,
    TierChange,
    clean_tier,
    clear_tier,
    set_tier,
    tiers_of,
)
from programs.api.callers import actor_of
from programs.kernel import durations
from programs.kernel.decimals import written
from programs.kernel.exceptions import DomainError, ValidationFailed


class CounterForm(VerbPageForm):
    """A new counter, or one that its address names and that keeps its key."""

    key = LineField(
        max_length=MAX_COUNTER_KEY_LENGTH,
        widget=forms.TextInput({"class": "vTextField", "autocomplete": "off"}),
        help_text="Its name in rules, such as purchases.",
    )
    value = LineField(
        widget=forms.TextInput({"inputmode": "decimal", "autocomplete": "off"}),
        help_text="In plain digits, such as 12 or 9.50.",
    )
    reset_after = LineField(
        required=False,
        # What somebody else made of it meanwhile is left alone, unless it was edited here.
        show_hidden_initial=True,
        label="Starts again after",
        help_text="A duration such as 24h or 1h30m, after which it counts from zero; empty for never.",
    )

    change: CounterChange

    def __init__(self, counter: Counter | None, *args: Any) -> None:
        super().__init__(*args)
        if counter:
            del self.fields["key"]
            self.initial = {
                "value": written(counter.value),
                "reset_after": durations.written(counter.reset_after)
                if counter.reset_after
                else "",
            }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        body = {"value": cleaned.get("value")}
        if "reset_after" in self.changed_data:
            body["reset_after"] = cleaned.get("reset_after")
        if not self.errors:
            try:
                if "key" in cleaned:
                    clean_counter_key(cleaned["key"])
                self.change = clean_counter(body)
            except ValidationFailed as refusal:
                self.add_refusal(refusal)
        return cleaned


class TierForm(VerbPageForm):
    level = forms.ChoiceField(required=False)
    expires_at = MinuteField(
        required=False,
        label="Expires at (UTC)",
        help_text="When the participant falls back to the base; empty for never.",
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
            # To the microsecond, which the page does not show.
            return TierChange(level, self.tier.expires_at)
        return clean_tier(
            {"level": level, "expires_at": expires_at.isoformat() if expires_at else None}
        )


def counter_page(
    page: admin.ModelAdmin[Participant], request: HttpRequest, object_id: str
) -> HttpResponse:
    """The counter that `?key=` names, or a new one without."""
    participant = participant_for(page, request, object_id, "change_counter", "add_counter")
    counter = _counter(participant, request.GET.get("key"))
    may = request.user.has_perm
    if not may(f"participants.{'change' if counter else 'add'}_counter"):
        raise PermissionDenied
    may_delete = counter is not None and may("participants.delete_counter")
    form = CounterForm(counter, request.POST if request.method == "POST" else None)
    by = actor_of(request)
    if request.method == "POST" and counter and "delete" in request.POST:
        if not may_delete:
            raise PermissionDenied
        delete_counter(participant.pk, counter.key, by=by)
        return _done(request, participant, f"The counter {counter.key} was deleted.")
    if request.method == "POST" and form.is_valid():
        key = counter.key if counter else form.cleaned_data["key"]
        if counter is None and _exists(participant, key):
            form.add_error("key", "The participant has this counter already.")
        elif _carried_out(form, lambda: set_counter(participant.pk, key, form.change, by=by)):
            value = written(form.change.value)
            return _done(request, participant, f"The counter {key} was set to {value}.")
    title = f"Counter {counter.key}" if counter else "Set another counter"
    return rendered(
        page, request, participant, "part", title=title, form=form, may_delete=may_delete
    )


def tier_page(
    page: admin.ModelAdmin[Participant], request: HttpRequest, object_id: str, track_id: str
) -> HttpResponse:
    participant = participant_for(page, request, object_id, "change_tierstanding")
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

        if _carried_out(form, verb):
            level = form.change.level if form.change else "the base"
            return _done(request, participant, f"{track}: the participant is on {level}.")
    title = f"{tier.track} in {tier.track.program}"
    return rendered(page, request, participant, "part", title=title, form=form)


def _counter(participant: Participant, key: str | None) -> Counter | None:
    if key is None:
        return None
    try:
        return counter_of(participant.pk, clean_counter_key(key))
    except (CounterNotFound, ValidationFailed) as refusal:
        raise Http404(CounterNotFound.message) from refusal


def _exists(participant: Participant, key: str) -> bool:
    # Whoever may add counters may not for that reason change those that exist.
    return Counter.objects.filter(participant=participant, key=key).exists()


def _carried_out(form: VerbPageForm, verb: Callable[[], Any]) -> bool:
    try:
        verb()
    except DomainError as refusal:
        form.add_refusal(refusal)
        return False
    return True


def _done(request: HttpRequest, participant: Participant, message: str) -> HttpResponse:
    messages.success(request, message)
    return HttpResponseRedirect(page_of(participant.pk, "change"))
