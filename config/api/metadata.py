from typing import TYPE_CHECKING, Any

from rest_framework.metadata import SimpleMetadata
from rest_framework.request import Request

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module by way of the settings


class Metadata(SimpleMetadata):
    """The answer to OPTIONS: the view's name and media types. Its fields are in the OpenAPI document."""

    def determine_actions(self, request: Request, view: "APIView") -> dict[str, Any]:
        # DRF's own would look up an object by a `pk`, which the URLs of participants do not have.
        return {}
