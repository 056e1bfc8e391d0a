"""Actions that move an amount of an asset."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from programs.kernel import decimals
from programs.kernel.cleaning import Errors
from programs.rulebook import expressions
from programs.rulebook.actions.declaration import Action
from programs.rulebook.actions.inputs import (
    AssetField,
    ChoiceField,
    FlagField,
    MomentField,
    NumberField,
    WordsField,
)
from programs.rulebook.findings import Findings
from programs.rulebook.program_names import ProgramNames


class Movement(Action):
    """The base of all actions that move an amount of one asset."""

    subject = "Value"
    needs_active = True

    asset_id = AssetField(
        "An asset that is linked to the program.", label="Asset", form_name="asset"
    )
    amount = NumberField(
        "A number, or an expression such as round(event.amount * 0.05, 2). Extra decimals are rounded toward zero.",
        may_be_negative=False,
    )
    description = WordsField(
        "Shown in the participant's history.", longest=500, required=False, is_long=True
    )

    @classmethod
    def review(
        cls, action: Mapping[str, Any], names: ProgramNames, found: Findings, path: str
    ) -> None:
        super().review(action, names, found, path)
        amount, asset = (
            expressions.constant(action["amount"]),
            names.assets.get(UUID(action["asset_id"])),
        )
        if not amount or asset is None:
            return
        most = asset.max_transaction_amount
        if decimals.rounded_down(amount, asset.scale) == 0:
            words = f"{asset.symbol} has {asset.scale} decimals, so this is always 0 and the action does nothing."
            found.warn(f"{path}.amount", "no_effect", words)
        elif most is not None and amount > most:
            words = f"This is always more than the most that one movement of {asset.symbol} may be, {decimals.written(most)}."
            found.warn(f"{path}.amount", "never_allowed", words)


class Credit(Movement):
    type = "CREDIT"
    label = "Credit: give an amount"
    summary = "Gives the amount."

    bucket = ChoiceField("AVAILABLE", "HELD", help="Where the amount goes.", form_name="into")
    description = Movement.description
    matures_at = MomentField(
        "When the amount becomes available: after a duration such as 30d from the event's time, or at a time such as 2026-12-24T00:00:00Z."
        " Until then it is deferred. Empty or left out: at once.",
        label="Matures",
        required=False,
    )

    @classmethod
    def check(cls, action: Mapping[str, Any], errors: Errors, path: str) -> None:
        if "matures_at" in action and action["bucket"] == "HELD":
            message = "Only a CREDIT to AVAILABLE can mature later."
            errors.add(f"{path}.matures_at", "invalid", message)


class Debit(Movement):
    type = "DEBIT"
    label = "Debit: take an amount"
    summary = "Takes the amount from what is available. If that is too little, the event fails."

    allow_negative = FlagField(
        "Whether the debit may take more than is available.",
        label="The balance may become negative",
    )
    description = Movement.description


class Hold(Movement):
    type = "HOLD"
    label = "Hold: set an amount aside"
    summary = "Sets the amount aside: moves it from available to held."

    bucket = ChoiceField("AVAILABLE", help="Where the amount is taken from.")
    description = Movement.description


class Release(Movement):
    type = "RELEASE"
    label = "Release: return a held amount"
    summary = "Returns an amount that was set aside: moves it from held to available."

    bucket = ChoiceField("HELD", help="Where the amount is taken from.")
    description = Movement.description


class Forfeit(Movement):
    type = "FORFEIT"
    label = "Forfeit: take an amount for good"
    summary = "Takes the amount away for good."

    bucket = ChoiceField(
        "AVAILABLE",
        "HELD",
        "DEFERRED",
        help="Where the amount is taken from.",
        form_name="out_of",
    )
    description = Movement.description

    @property
    def takes_deferred(self) -> bool:
        return self.bucket == "DEFERRED"
