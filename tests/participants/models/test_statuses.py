from participants.models import ParticipantStatus
from programs.rulebook.program_names import STATUSES


def test_rules_know_the_statuses_that_participants_have() -> None:
    assert list(STATUSES) == ParticipantStatus.values
