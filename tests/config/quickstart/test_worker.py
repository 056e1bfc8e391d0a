"""A worker of quickstart that ends by itself is followed by another one."""

import subprocess
import sys
import time
from typing import Any

import pytest

from config.quickstart import serving


def test_a_worker_that_dies_is_replaced_and_the_last_one_ends_with_the_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    said: list[str] = []

    def start(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        assert arguments[:2] == ("manage.py", "run_jobs")
        # Two that die at once, each in its own way, and one that stays.
        code = ["raise SystemExit(3)", "import os; os.kill(os.getpid(), 9)", "input()"]
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", code[len(started)]], stdin=subprocess.PIPE, text=False
            )
        )
        return started[-1]

    monkeypatch.setattr(serving, "_started", start)
    monkeypatch.setattr(serving, "RESTART_AFTER", 0.01)
    with serving.worker("run_jobs", said.append):
        until = time.monotonic() + 20
        while len(started) < 3 and time.monotonic() < until:
            time.sleep(0.01)
        assert started[-1].poll() is None

    assert [process.returncode for process in started] == [3, -9, -15]
    assert [text.partition(",")[2] for text in said] == [
        f" with {code}. Another one is started." for code in (3, -9)
    ]
