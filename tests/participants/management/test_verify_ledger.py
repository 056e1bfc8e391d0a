import tracemalloc

import pytest
from django.db import connection

from participants.ledger import verify
from participants.models import Participant
from tests.participants.ledger_world import World
from tests.participants.management.ledger_faults import run, spoil

ENTRY = "participants_journalentry"
BALANCE = "participants_balance"
HASH = "its hash does not fit what it says and the entry before it"
ANA = "participant_id = (SELECT id FROM participants_participant WHERE external_id = 'ana')"


def test_verify_ledger_ends_with_0_where_all_is_well(world: World) -> None:
    assert run("verify_ledger") == ([], "Checked the whole ledger: no fault.", 0)


def test_verify_ledger_writes_each_fault_and_ends_with_1(world: World) -> None:
    spoil(f"UPDATE {ENTRY} SET amount = 9 WHERE sequence = 1")
    ana = Participant.objects.get(external_id="ana").pk

    lines, end, code = run("verify_ledger")

    assert lines == [
        f"{ana} (ana), entry 1: {HASH}; available after it is 10 and should be 9",
    ]
    assert (end, code) == ("Checked the whole ledger: 1 fault(s).", 1)


def test_verify_ledger_checks_one_participant_by_either_id(world: World) -> None:
    spoil(f"UPDATE {ENTRY} SET amount = 9 WHERE sequence = 1")
    ana = str(Participant.objects.get(external_id="ana").pk)

    for whom in (ana, "external:ana"):
        lines, end, code = run("verify_ledger", "--participant", whom)
        assert (len(lines), end, code) == (1, f"Checked {whom}: 1 fault(s).", 1)
    assert run("verify_ledger", "--participant=external:bo") == (
        [],
        "Checked external:bo: no fault.",
        0,
    )


@pytest.mark.parametrize(
    ("whom", "complaint"),
    [
        ("ana", "--participant takes a UUID, or external: and an external_id."),
        ("external:eve\x1b[2J", "There is no participant 'external:eve\\x1b[2J'."),
        (
            "00000000-0000-7000-8000-000000000000",
            "There is no participant 00000000-0000-7000-8000-000000000000.",
        ),
    ],
)
def test_verify_ledger_says_whom_it_does_not_know(db: None, whom: str, complaint: str) -> None:
    assert run("verify_ledger", f"--participant={whom}") == ([], complaint, 1)


def test_verify_ledger_does_not_let_an_external_id_steer_the_terminal(world: World) -> None:
    Participant.objects.filter(external_id="ana").update(external_id="ana\x1b[2J")
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {BALANCE}")

    lines, _, code = run("verify_ledger")

    assert code == 1
    assert all(line.isprintable() for line in lines)


def test_verify_ledger_holds_few_faults_in_memory(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {ENTRY} (id, participant_id, sequence, asset_id, program_id, source, destination, amount, "
            "available, held, deferred, description, created_by, created_at, entry_hash) "
            "SELECT gen_random_uuid(), participant_id, number, asset_id, program_id, source, destination, 1, 1, 0, 0, "
            f"'', '', now(), '' FROM {ENTRY}, generate_series(100, 20000) AS number WHERE {ANA} AND sequence = 1"
        )
    tracemalloc.start()

    counted = sum(1 for _ in verify.faults())

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert counted > 19_000
    assert peak < 5_000_000
