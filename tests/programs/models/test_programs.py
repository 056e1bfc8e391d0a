import pytest
from django.db import IntegrityError, transaction

from programs.models import Program


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("program_status_is_known", {"status": "GONE"}),
        ("program_on_unknown_participant_is_known", {"on_unknown_participant": "ASK"}),
        ("program_name_is_not_blank", {"name": " "}),
        ("program_name_is_not_blank", {"name": ""}),
        ("program_has_a_time_zone", {"time_zone": ""}),
    ],
)
def test_the_database_refuses_a_program_outside_the_limits(
    program: Program, constraint: str, fields: dict[str, str]
) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Program.objects.update(**fields)
