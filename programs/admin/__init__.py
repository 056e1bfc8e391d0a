"""The admin's pages of what the client sets up, a file for each subject."""

from django.contrib import admin

from programs.admin import assets, keys, programs, rules, tracks
from programs.admin.base import StrictAdmin, is_id

admin.site.site_header = "Laurel"
admin.site.site_title = "Laurel"
admin.site.index_title = "Administration"

__all__ = ["StrictAdmin", "assets", "is_id", "keys", "programs", "rules", "tracks"]
