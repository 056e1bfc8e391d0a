from django.urls import path

from programs import addresses  # noqa: F401 (knows <id:..>)
from programs.views import ProgramViewSet

urlpatterns = [
    path(
        "programs",
        ProgramViewSet.as_view({"get": "list", "post": "create"}, name="Programs"),
        name="programs",
    ),
    path(
        "programs/<id:pk>",
        ProgramViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="program",
    ),
]
