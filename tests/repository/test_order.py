"""Which files of tests begin first."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from support.order import LONGEST, TESTS, in_order, listed

ROOT = TESTS.parent


def item(file: str, name: str) -> Any:
    return SimpleNamespace(path=ROOT / file, name=name)


def test_the_longest_begin_and_else_nothing_changes() -> None:
    short, long, longest = ("tests/a.py", "tests/b.py", "tests/c.py")
    items = [item(short, "1"), item(long, "1"), item(long, "2"), item(longest, "1"), item("tests/d.py", "1")]
    order = [(one.path.name, one.name) for one in in_order(items, [longest, long])]
    assert order == [("c.py", "1"), ("b.py", "1"), ("b.py", "2"), ("a.py", "1"), ("d.py", "1")]


def test_what_is_listed_is_there_and_once() -> None:
    files = listed(LONGEST.read_text(encoding="utf-8"))
    assert [file for file in files if not (ROOT / file).is_file()] == []
    assert len(set(files)) == len(files) > 0


def test_the_list_is_made_from_what_a_run_took(tmp_path: Path) -> None:
    """The seconds of a file's tests are added; what needs built contracts comes behind 1,200 s of others."""
    took = {"tests/long.py": 1100, "tests/next.py": 300, "tests/last.py": 200, "tests/contracts/test_forge.py": 900}
    cases = "".join(f'<testcase file="{file}" time="{time / 2}"/>' * 2 for file, time in took.items())
    report = f'<testsuites><testsuite>{cases}<testcase file="tests/short.py" time="2"/></testsuite></testsuites>'
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "tests.xml").write_text(report)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "longest.py").write_bytes((ROOT / "tools" / "longest.py").read_bytes())
    command = [sys.executable, tmp_path / "tools" / "longest.py"]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    order = ["tests/long.py", "tests/next.py", "tests/contracts/test_forge.py", "tests/last.py"]
    assert listed(made) == order
