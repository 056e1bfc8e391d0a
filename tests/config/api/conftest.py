from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from tests.config.api.browsable_pages import signed_in

if TYPE_CHECKING:
    pass


@pytest.fixture
def boss(db: None) -> Client:
    """The browser of a member of staff who may do everything."""
    return signed_in(*Permission.objects.values_list("codename", flat=True))
