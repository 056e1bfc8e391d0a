"""A program with an asset, and people enrolled in it, for tests that move value."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from participants import ledger, state
from participants.ledger import Movement, Posted
from participants.models import ActionType, Balance
from programs.kernel.actors import Actor
from programs.kernel.decimals import written
from programs.models import Asset, AssetLink, Program
from tests.conftest import TESTER


@dataclass(frozen=True, slots=True)
class World:
    program: Program
    asset: Asset

    def move(
        self,
        action: ActionType,
        amount: str | None,
        *,
        of: str | UUID = "ana",
        by: Actor = TESTER,
        **rest: Any,
    ) -> Posted:
        """Move the amount of the asset, as one call would."""
        movement = Movement(
            action,
            self.program.pk,
            self.asset.pk,
            rest.pop("description", "A test."),
            Decimal(amount) if amount else None,
            **rest,
        )
        return ledger.post(movement, of=of, by=by)

    def credit(self, amount: str, *, of: str | UUID = "ana", **rest: Any) -> Posted:
        return self.move(ActionType.CREDIT, amount, of=of, **rest)

    def debit(self, amount: str, *, of: str | UUID = "ana", **rest: Any) -> Posted:
        return self.move(ActionType.DEBIT, amount, of=of, **rest)

    def balance(self, of: str = "ana") -> tuple[str, str, str]:
        """Available, held and deferred in plain digits."""
        row = Balance.objects.get(participant__external_id=of, asset=self.asset)
        return written(row.available), written(row.held), written(row.deferred)


def make_world(*people: str, scale: int = 2, symbol: str = "PTS", **asset: Any) -> World:
    program = Program.objects.create(name="Club")
    points = Asset.objects.create(name="Points", symbol=symbol, scale=scale, **asset)
    AssetLink.objects.create(program=program, asset=points)
    for person in people or ("ana",):
        enrolled = state.Change(program_id=program.pk)
        state.change(enrolled, to=person, by=TESTER, rights=state.ALL_RIGHTS)
    return World(program, points)
