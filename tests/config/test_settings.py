import re
import subprocess
import sys
from pathlib import Path

import pytest

from config.quickstart import embedded
from tests.config.quickstart.first_run import copy_of_the_project


def test_every_variable_is_explained_and_every_explained_one_is_read() -> None:
    folder = embedded.PROJECT / "config"
    code = "".join((folder / name).read_text() for name in ("settings.py", "gunicorn.py"))
    read = set(re.findall(r"""env\.\w+\(\s*["'](\w+)""", code))

    explained = re.findall(
        r"^#([A-Z_]+)=", (embedded.PROJECT / ".env.example").read_text(), re.MULTILINE
    )

    assert sorted(explained) == sorted(read)


@pytest.mark.parametrize("missing", ["SECRET_KEY", "DATABASE_URL"])
def test_a_server_does_not_start_without(missing: str, tmp_path: Path) -> None:
    given = {"SECRET_KEY": "x" * 50, "DATABASE_URL": "postgres:///example"}
    del given[missing]
    copy_of_the_project(tmp_path)

    server = subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn", "-b", "127.0.0.1:0"],
        cwd=tmp_path,
        env=given,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert server.returncode != 0
    assert f"Set the {missing} environment variable" in server.stderr


def test_a_server_with_the_settings_of_production_has_no_warning(tmp_path: Path) -> None:
    copy_of_the_project(tmp_path)

    checked = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=tmp_path,
        env={"SECRET_KEY": "0123456789" * 6, "DATABASE_URL": "postgres:///example"},
        capture_output=True,
        text=True,
    )

    assert (checked.returncode, checked.stderr) == (0, "")
