"""Journal entries, of all participants."""

from collections.abc import Mapping, Sequence

from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.viewsets import GenericViewSet

from participants.api.filters import JournalEntryFilter
from participants.api.serializers.participants import JournalEntrySerializer
from participants.models import JournalEntry


class JournalEntryViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[JournalEntry]):
    """Every movement of value, newest first. An entry is never changed or deleted; a correction is another entry."""

    queryset = JournalEntry.objects.select_related("asset")
    serializer_class = JournalEntrySerializer
    filterset_class = JournalEntryFilter
    default_sorting = ("created_at", "desc")
    lookup_url_kwarg = "entry_id"

    @property
    def sortings(self) -> Mapping[str, Sequence[str]]:
        # One participant's entries are numbered in the order of time, and an index has them in that order.
        query = getattr(self.request, "query_params", {})
        if "participant_id" in query or "external_id" in query:
            return {"created_at": ["sequence"]}
        return {"created_at": ["created_at", "id"]}
