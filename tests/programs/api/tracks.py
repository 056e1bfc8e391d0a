"""Tier tracks for tests of their calls."""

SPENT = {"counter": "spent", "operator": ">=", "threshold": "1000"}


GOLD = {
    "key": "gold",
    "rank": 2,
    "display_name": "Gold",
    "qualification": {"mode": "ALL", "criteria": [SPENT]},
    "benefits": [{"type": "discount", "percent": 7}],
}
