from typing import Any

import pytest
from django.db import IntegrityError, transaction

from programs import assets
from programs.models import Asset

POINTS = {"name": "Coffee points", "symbol": "POINTS"}


@pytest.fixture
def points(db: None) -> Asset:
    return assets.create({**POINTS, "scale": 2})


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"symbol": "points"}, "asset_symbol_is_unique"),
        ({"symbol": "A B"}, "asset_symbol_is_plain"),
        ({"name": " "}, "asset_name_is_not_blank"),
        ({"scale": 19}, "asset_scale_is_0_to_18"),
        ({"max_transaction_amount": 0}, "asset_max_transaction_amount_is_positive"),
        ({"issuance_policy": "PREFUNDED"}, "asset_issuance_policy_is_known"),
        ({"inventory_mode": "LOT"}, "asset_inventory_mode_is_known"),
    ],
)
def test_the_database_holds_what_an_asset_must_be(
    points: Asset, values: dict[str, Any], constraint: str
) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Asset.objects.create(**{"name": "Other", "symbol": "OTHER", **values})
