"""What revises a program besides its rules."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connections, transaction

from programs import assets, tracks
from programs.api.tiers import NewTierTrackSerializer
from programs.models import Program
from tests.conftest import TESTER
from tests.programs.rulebook.changes import revision


def test_a_track_and_an_asset_revise_the_programs_that_have_them(program: Program) -> None:
    other = Program.objects.create(name="Other")

    def revised_by(verb: Any) -> tuple[bool, bool]:
        before = revision(program), revision(other)
        verb()
        return revision(program) != before[0], revision(other) != before[1]

    new = NewTierTrackSerializer.read({"key": "status"})
    assert revised_by(lambda: tracks.create(program.pk, new, by=TESTER)) == (1, 0)
    [track] = tracks.current(program.pk)
    change = partial(tracks.change, track.pk, tracks.TrackChange("Status"), by=TESTER)
    assert revised_by(change) == (1, 0)
    assert revised_by(change) == (0, 0)
    assert revised_by(lambda: tracks.delete(track.pk, by=TESTER)) == (1, 0)

    points = assets.create({"name": "Points", "symbol": "POINTS"})
    assert revised_by(lambda: assets.change(points.pk, {"name": "P"})) == (0, 0)
    assert revised_by(lambda: assets.link(points.pk, program.pk)) == (1, 0)
    assert revised_by(lambda: assets.link(points.pk, program.pk)) == (0, 0)
    assert revised_by(lambda: assets.link(points.pk, other.pk)) == (0, 1)
    assert revised_by(lambda: assets.change(points.pk, {"name": "Q"})) == (1, 1)
    assert revised_by(lambda: assets.change(points.pk, {})) == (0, 0)
    values = {"name": "M", "symbol": "M"}
    assert revised_by(lambda: assets.create(values, program_ids=[other.pk])) == (0, 1)


@pytest.mark.django_db(transaction=True)
def test_a_change_of_an_asset_that_is_linked_at_that_moment_revises_the_program(
    program: Program,
) -> None:
    points = assets.create({"name": "Points", "symbol": "POINTS"})

    def change() -> None:
        try:
            assets.change(points.pk, {"name": "New"})
        finally:
            connections.close_all()

    with ThreadPoolExecutor() as pool:
        with transaction.atomic():
            assets.link(points.pk, program.pk)
            linked = revision(program)
            waiting = pool.submit(change)
            threading.Event().wait(0.5)  # so that the change has looked, or waits for us
        waiting.result()

    assert revision(program) != linked
