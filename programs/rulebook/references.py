"""What a rule's actions name: that it is there, and the program's own."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from programs.kernel.cleaning import Errors
from programs.models import Asset, TierLevel, TierTrack


def refuse_strangers(
    program_id: UUID, actions: Sequence[dict[str, Any]], errors: Errors, name: str = "actions"
) -> None:
    """Refuse assets that are not there or not linked to the program, and tracks and levels that it has not."""
    _refuse_assets(program_id, actions, errors, name)
    _refuse_tiers(program_id, actions, errors, name)


def _refuse_assets(
    program_id: UUID, actions: Sequence[dict[str, Any]], errors: Errors, name: str
) -> None:
    named = {
        index: UUID(action["asset_id"])
        for index, action in enumerate(actions)
        if "asset_id" in action
    }
    if not named:
        return
    linked = _ids(Asset.objects.linked_to(program_id), named.values())
    strange = {index: pk for index, pk in named.items() if pk not in linked}
    known = _ids(Asset.objects.all(), strange.values()) if strange else set()
    for index, asset_id in strange.items():
        path = f"{name}[{index}].asset_id"
        if asset_id in known:
            errors.add(path, "not_linked", "The asset is not linked to this program.")
        else:
            errors.add(path, "not_found", "There is no asset with this id.")


def _refuse_tiers(
    program_id: UUID, actions: Sequence[dict[str, Any]], errors: Errors, name: str
) -> None:
    named = {index: action for index, action in enumerate(actions) if action["type"] == "SET_TIER"}
    if not named:
        return
    tracks = TierTrack.objects.current().filter(program=program_id)
    levels: dict[str, set[str]] = {key: set() for key in tracks.values_list("key", flat=True)}
    rows = TierLevel.objects.filter(track__in=tracks).values_list("track__key", "key")
    for track, level in rows:
        levels[track].add(level)
    for index, action in named.items():
        track, level = action["tier"], action["level"]
        if track not in levels:
            message = "There is no tier track with this key in this program."
            errors.add(f"{name}[{index}].tier", "not_found", message)
        elif level and level not in levels[track]:
            message = "There is no level with this key on the track."
            errors.add(f"{name}[{index}].level", "not_found", message)


def _ids(assets: QuerySet[Asset], wanted: Iterable[UUID]) -> set[UUID]:
    return set(assets.filter(pk__in=wanted).values_list("pk", flat=True))
