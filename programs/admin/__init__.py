"""The admin's pages for programs, assets, tiers, rules, API keys and staff, a file per subject."""

from programs.admin import assets, keys, programs, rules, staff, tracks
from programs.admin.base import StrictAdmin, is_id

__all__ = ["StrictAdmin", "assets", "is_id", "keys", "programs", "rules", "staff", "tracks"]
