from pathlib import Path

import programs
from programs.admin.rules.completions import names_of_the_language

CODEMIRROR = Path(programs.__file__).parent / "static/programs/vendor/codemirror.js"


def test_the_names_say_how_they_are_written() -> None:
    names = {(each["kind"], each["name"]): each for each in names_of_the_language()}

    assert ("variable", "participant.tags") in names
    assert {("function", "has"), ("function", "cel.bind"), ("method", "exists")} <= names.keys()
    assert ("function", "size") in names
    assert names["method", "size"]["takes_arguments"] is False
    assert names["method", "startsWith"]["takes_arguments"] is True
    assert names["method", "getHours"]["takes_arguments"] is False  # it may do without its zone
    assert ("function", "base64.encode") not in names
    assert all(each["about"] for each in names.values())


def test_codemirror_is_kept_as_one_file_that_names_no_other() -> None:
    """The manifest of static files would look for a source map; the policy of pages refuses other hosts."""
    text = CODEMIRROR.read_text(encoding="utf-8")

    assert "sourceMappingURL" not in text
    assert text.count("http") == text.count("http://www.w3.org/2000/svg")
    assert CODEMIRROR.with_suffix(".LICENSE").exists()
    assert len(text) < 400_000
