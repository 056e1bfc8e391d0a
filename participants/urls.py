from django.urls import path, register_converter

from participants import views
from participants.addresses import ParticipantConverter, TextConverter

register_converter(ParticipantConverter, "participant")
register_converter(TextConverter, "text")

# The longest first: an external_id may hold slashes, so the last of these patterns would swallow the others.
urlpatterns = [
    path(
        "participants",
        views.ParticipantViewSet.as_view({"get": "list", "post": "create"}, name="Participants"),
    ),
    path("participants/batch", views.BatchViewSet.as_view({"post": "create"})),
    path(
        "participants/<participant:participant>/state/tags/<text:tag>",
        views.TagViewSet.as_view({"put": "add", "delete": "remove"}),
    ),
    path(
        "participants/<participant:participant>/state/tags",
        views.TagViewSet.as_view({"get": "list", "put": "replace"}, name="Tags"),
    ),
    path(
        "participants/<participant:participant>/state/attributes/<text:key>",
        views.AttributeViewSet.as_view({"put": "set", "delete": "remove"}),
    ),
    path(
        "participants/<participant:participant>/state/attributes",
        views.AttributeViewSet.as_view({"get": "list", "patch": "merge"}, name="Attributes"),
    ),
    path(
        "participants/<participant:participant>/enrollments/<id:program_id>",
        views.EnrollmentViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
    ),
    path(
        "participants/<participant:participant>/activity/state-history",
        views.StateHistoryViewSet.as_view({"get": "list"}),
    ),
    path(
        "participants/<participant:participant>/status",
        views.StatusViewSet.as_view({"patch": "partial_update"}),
    ),
    path(
        "participants/<participant:participant>",
        views.ParticipantViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
    ),
]
