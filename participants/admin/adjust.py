"""Adjusting a balance by hand: a form, a preview, then a movement in the ledger."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import salted_hmac

from participants import ledger
from participants.admin.form_fields import LineField
from participants.admin.subpages import VerbPageForm, done, participant_for, rendered
from participants.api.permissions import allows
from participants.exceptions import (
    AmountOutOfRange,
    AssetNotLinked,
    InsufficientBalance,
    InvalidScale,
    MaxTransactionExceeded,
    NotEnrolled,
)
from participants.ledger import Movement, Posted
from participants.ledger.book import Amounts
from participants.ledger.request import (
    MAX_DESCRIPTION_LENGTH,
    clean_adjustment,
    clean_transfer,
)
from participants.models import ActionType, Bucket, EnrollmentStatus, Participant, ParticipantStatus
from programs.admin.form_fields import AmountField, MomentField, notes
from programs.api.callers import actor_of
from programs.exceptions import AssetNotFound, ProgramNotFound
from programs.kernel.database import uuid7
from programs.kernel.decimals import EXACT, written
from programs.kernel.exceptions import DomainError, FieldError, ValidationFailed
from programs.models import Asset, AssetLink
from programs.reader import amount

ACTIONS = [
    (ActionType.CREDIT, "Credit: give"),
    (ActionType.DEBIT, "Debit: take"),
    (ActionType.HOLD, "Hold: set aside what is available"),
    (ActionType.RELEASE, "Release: make available what is held"),
    (ActionType.FORFEIT, "Forfeit: take away for good"),
]


_TITLES = {"HOLD": "Hold", "RELEASE": "Release"}


class AdjustForm(VerbPageForm):
    """The movement to make, read by the same rules as the API's bodies."""

    asset = forms.ChoiceField(label="Program and asset")
    action = forms.ChoiceField(choices=ACTIONS)
    bucket = forms.ChoiceField(
        choices=[(bucket, bucket.label) for bucket in Bucket],
        required=False,
        help_text="The bucket it goes to or comes from. Only a forfeit can take from the deferred bucket.",
    )
    amount = AmountField()
    matures_at = MomentField(
        required=False,
        label="Matures at",
        help_text="For a credit that becomes available later; until then it is deferred.",
    )
    allow_negative = forms.BooleanField(
        required=False,
        label="Allow a negative balance",
        help_text="For a debit of more than is available.",
    )
    description = LineField(
        label="Reason",
        max_length=MAX_DESCRIPTION_LENGTH,
        widget=forms.TextInput({"class": "vLargeTextField", "autocomplete": "off"}),
        help_text="Kept in the history permanently. The participant may see it.",
    )

    names = {"type": "action", "program_id": "asset", "asset_id": "asset"}
    of_refusal = {
        **dict.fromkeys((InvalidScale, MaxTransactionExceeded, InsufficientBalance), "amount"),
        AmountOutOfRange: "amount",
        **dict.fromkeys((NotEnrolled, AssetNotLinked, ProgramNotFound, AssetNotFound), "asset"),
    }

    movement: Movement

    def __init__(self, participant: Participant, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.links: dict[str, AssetLink] = {
            f"{link.program_id}:{link.asset_id}": link for link in _links(participant)
        }
        self.fields["asset"].choices = [  # type: ignore[attr-defined]
            (value, f"{link.program}: {link.asset}") for value, link in self.links.items()
        ]

    @property
    def link(self) -> AssetLink:
        return self.links[self.cleaned_data["asset"]]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                self.movement = self._read(cleaned)
            except ValidationFailed as refusal:
                self.add_refusal(refusal)
        return cleaned

    def _read(self, given: dict[str, Any]) -> Movement:
        action = ActionType(given["action"])
        bucket = given["bucket"] or Bucket.AVAILABLE
        matures_at: datetime | None = given["matures_at"]
        body = {
            "program_id": str(self.link.program_id),
            "asset_id": str(self.link.asset_id),
            "amount": written(given["amount"]),
            "description": given["description"],
        }
        if action in (ActionType.CREDIT, ActionType.DEBIT):
            body |= {"type": action.value, "bucket": bucket}
            if given["allow_negative"]:
                body["allow_negative"] = True
            if matures_at:
                body["matures_at"] = matures_at.isoformat()
            movement = clean_adjustment(body)
        else:
            self._refuse_what_only_adjustments_have(given)
            if action is ActionType.FORFEIT:
                body["bucket"] = bucket
            elif bucket != Bucket.AVAILABLE:
                message = "A hold or release always moves value between available and held."
                raise ValidationFailed([FieldError("bucket", "invalid", message)])
            movement = clean_transfer(body, action)
        if movement.matures_at and movement.matures_at <= timezone.now():
            raise ValidationFailed([FieldError("matures_at", "past", "Give a time in the future.")])
        return movement

    def _refuse_what_only_adjustments_have(self, given: dict[str, Any]) -> None:
        messages = {
            "matures_at": "Only a credit can mature later.",
            "allow_negative": "Only a debit can overdraw.",
        }
        errors = [
            FieldError(name, "invalid", words) for name, words in messages.items() if given[name]
        ]
        if errors:
            raise ValidationFailed(errors)


class ConfirmForm(forms.Form):
    """The confirmation: an idempotency key, so that value moves once, and the balances that the page showed."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    shown = forms.CharField(widget=forms.HiddenInput)


@dataclass(frozen=True, slots=True)
class Change:
    """A bucket before and after the movement, as text."""

    bucket: str
    before: str
    change: str
    after: str


def adjust_page(
    page: admin.ModelAdmin[Participant], request: HttpRequest, object_id: str
) -> HttpResponse:
    participant = participant_for(page, request, object_id, "BalanceViewSet.adjust")
    data = request.POST if request.method == "POST" else None
    action = request.GET.get("action", "")
    form = AdjustForm(participant, data, initial={"action": action})
    if request.method == "POST" and form.is_valid() and request.POST.get("step") != "edit":
        try:
            return _next_step(page, request, participant, form)
        except InsufficientBalance as refusal:
            sees = allows(request, "BalanceViewSet.list")
            form.add_refusal(refusal if sees else InsufficientBalance("There is not enough."))
        except DomainError as refusal:
            form.add_refusal(refusal)
    return rendered(
        page,
        request,
        participant,
        "adjust",
        title=_TITLES.get(action, "Adjust balance"),
        form=form,
        is_inactive=participant.status != ParticipantStatus.ACTIVE,
    )


def _next_step(
    page: admin.ModelAdmin[Participant],
    request: HttpRequest,
    participant: Participant,
    form: AdjustForm,
) -> HttpResponse:
    confirmed = ConfirmForm(request.POST)
    may_move = request.POST.get("step") == "confirm" and confirmed.is_valid()
    key = confirmed.cleaned_data["key"] if may_move else uuid7()
    movement = replace(form.movement, idempotency_key=f"admin-{key}")
    preview = ledger.preview(movement, of=participant.pk, by=actor_of(request))
    overtaken = may_move and confirmed.cleaned_data["shown"] != _shown(preview.before)
    # The other half of a double click has moved the balance, too; posting again gives its answer.
    if may_move and (preview.is_posted or not overtaken):
        posted = ledger.post(movement, of=participant.pk, by=actor_of(request))
        shows_balances = allows(request, "BalanceViewSet.list")
        return done(request, participant, _told(movement, posted, form.link.asset, shows_balances))
    assert movement.amount is not None, "The form asks for it."
    return rendered(
        page,
        request,
        participant,
        "adjust_confirm",
        title="Confirm the adjustment",
        form=form,
        confirm=ConfirmForm(initial={"key": key, "shown": _shown(preview.before)}),
        movement=movement,
        action=dict(ACTIONS)[movement.action],
        amount=amount(movement.amount, form.link.asset.scale),
        notes=notes(form),
        changes=_changes(preview.before, preview.after, form.link.asset.scale),
        shows_balances=allows(request, "BalanceViewSet.list"),
        is_overdrawn=preview.after.overdrawn,
        is_overtaken=overtaken,
    )


def _links(participant: Participant) -> QuerySet[AssetLink]:
    """Return the assets of the programs in which the participant is actively enrolled."""
    enrolled = AssetLink.objects.filter(
        program__enrollments__participant=participant,
        program__enrollments__status=EnrollmentStatus.ACTIVE,
    )
    order = ("program__name", "program", "asset__name", "asset")
    return enrolled.select_related("program", "asset").order_by(*order)


def _shown(amounts: Amounts) -> str:
    """A digest of the amounts, for who may adjust them need not be allowed to see them."""
    text = " ".join(written(amounts.of(bucket)) for bucket in Bucket.values)
    return salted_hmac("adjust", text).hexdigest()


def _changes(before: Amounts, after: Amounts, scale: int) -> list[Change]:
    return [_change(bucket, before.of(bucket), after.of(bucket), scale) for bucket in Bucket]


def _change(bucket: Bucket, before: Any, after: Any, scale: int) -> Change:
    moved = EXACT.subtract(after, before)
    sign = "+" if moved > 0 else "-" if moved < 0 else ""
    change = f"{sign}{amount(moved.copy_abs(), scale)}" if moved else ""
    return Change(bucket.label, amount(before, scale), change, amount(after, scale))


def _told(movement: Movement, posted: Posted, asset: Asset, shows_balances: bool) -> str:
    if not shows_balances:
        return f"{movement.action.label} of {amount(posted.amount, asset.scale)} {asset.symbol}."
    numbers = (posted.amount, posted.available, posted.held, posted.deferred)
    moved, available, held, deferred = (amount(number, asset.scale) for number in numbers)
    return (
        f"{movement.action.label} of {moved} {asset.symbol}; "
        f"now {available} available, {held} held, {deferred} deferred."
    )
