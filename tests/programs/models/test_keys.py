import pytest
from django.db import IntegrityError, transaction

from programs.models import ApiKey


@pytest.mark.parametrize(
    "fields", [{"digest": "x"}, {"scopes": []}, {"scopes": ["all"]}, {"name": ""}]
)
def test_the_database_refuses_a_key_that_could_not_work(
    key: str, fields: dict[str, object]
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.update(**fields)
