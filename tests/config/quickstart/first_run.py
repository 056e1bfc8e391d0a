"""What a first run prints, and waiting for what it starts."""

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from config.quickstart import embedded


def found(label: str, output: str) -> str:
    match = re.search(rf"^{label} +(\S.*)$", output, re.MULTILINE)
    assert match, output
    return match[1]


def curl_line(output: str) -> str:
    [line] = [line for line in output.splitlines() if line.startswith("curl ")]
    return line


def copy_of_the_project(folder: Path) -> None:
    hidden = shutil.ignore_patterns(".?*", "__pycache__")  # .env, .venv, .laurel, .git..
    shutil.copytree(embedded.PROJECT, folder, ignore=hidden, dirs_exist_ok=True)


def soon(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()
