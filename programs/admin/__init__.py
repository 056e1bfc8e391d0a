"""The admin's pages for programs, assets, tiers, rules, API keys and staff, a file per subject."""

from django.contrib import admin

from programs.admin import assets, keys, programs, rules, staff, tracks
from programs.admin.base import StrictAdmin, is_id

admin.site.site_header = "Laurel"
admin.site.site_title = "Laurel"
admin.site.index_title = "Administration"

__all__ = ["StrictAdmin", "assets", "is_id", "keys", "programs", "rules", "staff", "tracks"]
