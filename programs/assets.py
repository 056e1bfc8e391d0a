"""Assets and their links to programs: the only code that writes either."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from programs.exceptions import AssetNotFound, ProgramNotFound
from programs.kernel import decimals
from programs.kernel.database import retried, violated
from programs.kernel.exceptions import FieldError, ValidationFailed
from programs.models import Asset, AssetLink, Program
from programs.rulebook.attention import check_again
from programs.rulebook.in_use import names_changing


def create(values: Mapping[str, Any], *, program_ids: Iterable[UUID] = ()) -> Asset:
    """Create an asset of these fields, linked to these programs: all of it, or nothing.

    Raises ProgramNotFound, and ValidationFailed for a symbol that is taken or a max_transaction_amount with more decimals
    than the scale.
    """
    asset = Asset(**values)
    refuse_finer(asset.max_transaction_amount, asset.scale)
    with transaction.atomic():
        _write(asset)
        for program_id in program_ids:
            link(asset.pk, program_id)
    return asset


@retried
def change(asset_id: UUID, values: Mapping[str, Any], *, program_ids: Iterable[UUID] = ()) -> Asset:
    """Give the asset these values, a scale not among them, and link it to these programs: all of it, or nothing.

    Its other fields are left to whoever changes those. Raises AssetNotFound, ProgramNotFound, ValidationFailed as
    `create` does, and InUse for another symbol where a rule names the one that it has.
    """
    asset = found(asset_id)
    refuse_finer(values.get("max_transaction_amount"), asset.scale)
    with transaction.atomic():
        if values:
            # Locked first, so that nobody links it meanwhile: see `link`.
            current = Asset.objects.select_for_update(no_key=True).get(pk=asset_id)
            linked = Program.objects.filter(asset_links__asset=asset_id)
            renamed = linked if values.get("symbol", current.symbol) != current.symbol else []
            for name, value in values.items():
                setattr(asset, name, value)
            with names_changing([program.pk for program in renamed], "symbol"):
                _write(asset, update_fields=[*values, "updated_at"])
            asset.refresh_from_db(fields=["updated_at"])
            linked.revised()
        for program_id in program_ids:
            link(asset_id, program_id)
    return asset


@retried
def link(asset_id: UUID, program_id: UUID) -> tuple[AssetLink, bool]:
    """Link the asset to the program. Returns whether that is new. Raises AssetNotFound, ProgramNotFound."""
    if not Program.objects.filter(pk=program_id).exists():
        raise ProgramNotFound
    with transaction.atomic():
        # A simultaneous change of the asset must either see this link or be visible in the program's next revision.
        asset = Asset.objects.select_for_update(no_key=True).filter(pk=asset_id).first()
        if asset is None:
            raise AssetNotFound
        made, is_new = AssetLink.objects.get_or_create(asset=asset, program_id=program_id)
        if is_new:
            Program.objects.filter(pk=program_id).revised()
            check_again([program_id])
        return made, is_new


def found(asset_id: UUID) -> Asset:
    asset = Asset.objects.filter(pk=asset_id).first()
    if asset is None:
        raise AssetNotFound
    return asset


def refuse_finer(amount: Decimal | None, scale: int) -> None:
    """Raise ValidationFailed for a max_transaction_amount with more decimals than the scale."""
    if amount is not None and decimals.places(amount) > scale:
        message = f"This asset has {scale} decimals."
        raise ValidationFailed([FieldError("max_transaction_amount", "invalid_scale", message)])


def _write(asset: Asset, **options: Any) -> None:
    # Only the constraint can tell that another call takes the symbol at the same moment.
    try:
        with transaction.atomic():
            asset.save(**options)
    except IntegrityError as error:
        if violated(error) != "asset_symbol_is_unique":
            raise
        taken = FieldError("symbol", "unique", "Another asset has this symbol.")
        raise ValidationFailed([taken]) from error
