from django.urls import path

from programs.views import ProgramViewSet

urlpatterns = [
    path(
        "programs",
        ProgramViewSet.as_view({"get": "list", "post": "create"}, name="Programs"),
        name="programs",
    ),
    path(
        "programs/<uuid:pk>",
        ProgramViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="program",
    ),
]
