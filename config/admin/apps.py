from django.contrib.admin.apps import AdminConfig


class LaurelAdminConfig(AdminConfig):
    default_site = "config.admin.site.Site"
