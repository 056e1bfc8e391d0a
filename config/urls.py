from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config.documents import OpenAPIView, SwaggerView, rule_language

urlpatterns = [
    path("", RedirectView.as_view(url="/docs")),
    path("v1/", include("participants.urls")),
    path("v1/", include("programs.urls")),
    path("v1/openapi.json", OpenAPIView.as_view(), name="schema"),
    path("docs", SwaggerView.as_view(), name="docs"),
    path("docs/rules", rule_language, name="rule-language"),
    path("api-auth/", include("rest_framework.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "config.errors.bad_request"
handler403 = "config.errors.permission_denied"
handler404 = "config.errors.not_found"
handler500 = "config.errors.server_error"
