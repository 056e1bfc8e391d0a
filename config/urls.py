from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config.api.documents import OpenAPIView, SwaggerView, rule_language
from config.api.root import RootViewSet

urlpatterns = [
    path("", RedirectView.as_view(url="/docs")),
    path("v1", RootViewSet.as_view({"get": "retrieve"}, name="API"), name="root"),
    path("v1/", include("participants.api.urls")),
    path("v1/", include("programs.api.urls")),
    path("v1/openapi.json", OpenAPIView.as_view(), name="schema"),
    path("docs", SwaggerView.as_view(), name="docs"),
    path("docs/rules", rule_language, name="rule-language"),
    path("api-auth/", include("rest_framework.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "config.api.errors.bad_request"
handler403 = "config.api.errors.permission_denied"
handler404 = "config.api.errors.not_found"
handler500 = "config.api.errors.server_error"
