"""The digest of a task's code covers every module of its package that runs, found by its imports."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.errors import UsageError
from participant.tasks.code import code_digest, covered


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the import path with a module and its helper, and nothing of them left in memory afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "own_beta.py").write_text("x = 1\n")
    (tmp_path / "helper_beta.py").write_text("HELP = 1\n")
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.split(".")[0] in {"own_beta", "helper_beta", "packed_task"}:
            del sys.modules[name]


def test_the_code_digest_covers_every_source_and_nothing_of_the_machine(site: Path) -> None:
    first = code_digest(["own_beta", "helper_beta"])
    assert first == code_digest(["helper_beta", "own_beta"])
    (site / "helper_beta.py").write_text("HELP = 2\n")
    second = code_digest(["own_beta", "helper_beta"])
    assert second != first
    assert len(second) == 64


def test_the_same_source_has_the_same_digest_whatever_saved_it(site: Path) -> None:
    """Git writes CRLF on some systems, and some editors a byte order mark: Python reads the same."""
    source = 'x = 1\ntext = """a\nb"""\n'
    digests = set()
    for data in (source.encode(), source.replace("\n", "\r\n").encode(), source.encode("utf-8-sig")):
        (site / "own_beta.py").write_bytes(data)
        digests.add(code_digest(["own_beta"]))
    assert len(digests) == 1
    (site / "own_beta.py").write_bytes(source.replace("1", "2").encode())
    assert code_digest(["own_beta"]) not in digests


def test_a_package_is_covered_whole_wherever_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = []
    for place in ("one", "two"):
        package = tmp_path / place / "packed_task"
        (package / "deep").mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "deep" / "inner.py").write_text("x = 1\n")
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(tmp_path / place))
            digests.append(code_digest(["packed_task"]))
            (package / "deep" / "inner.py").write_text("x = 2\n")
            assert code_digest(["packed_task"]) != digests[-1]
    assert digests[0] == digests[1]


def test_source_that_cannot_be_found_is_an_error() -> None:
    with pytest.raises(UsageError, match="source of module"):
        code_digest(["math"])


PACKAGE = {
    "__init__.py": "VERSION = 1\n",
    "task.py": """
import json
from typing import TYPE_CHECKING
from . import helper
from packed_task.deep.inner import x
if TYPE_CHECKING:
    from packed_task.types import Shape
def later():
    from packed_task import late
    import packed_task.deep.later
""",
    "helper.py": "from .further import y\n",
    "further.py": "import numpy\n",
    "late.py": "",
    "types.py": "",
    "never.py": "",
    "deep/__init__.py": "",
    "deep/inner.py": "from ..upwards import z\n",
    "deep/later.py": "",
    "upwards.py": "",
}


def write_package(folder: Path) -> Path:
    for name, text in PACKAGE.items():
        (folder / "packed_task" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "packed_task" / name).write_text(text)
    return folder / "packed_task"


def test_what_a_module_imports_of_its_own_package_is_covered_and_nothing_else(site: Path) -> None:
    write_package(site)
    found = sorted(name.removeprefix("packed_task/") for name in covered(["packed_task.task"]))
    unused = {"never.py", "types.py"}
    assert found == sorted(PACKAGE.keys() - unused)


@pytest.mark.parametrize("name", [name for name in PACKAGE if name not in {"never.py", "types.py"}])
def test_a_change_in_any_file_that_runs_changes_the_digest(site: Path, name: str) -> None:
    package = write_package(site)
    before = code_digest(["packed_task.task"])
    with (package / name).open("a") as file:
        file.write("changed = True\n")
    assert code_digest(["packed_task.task"]) != before


@pytest.mark.parametrize("package_file", [True, False], ids=["packages", "a folder without __init__.py"])
def test_code_is_hashed_before_any_of_it_runs(site: Path, package_file: bool) -> None:
    package = write_package(site)
    whole = code_digest(["packed_task"])
    for name, text in PACKAGE.items():
        (package / name).write_text(text + "\nraise SystemExit('it ran')\n")
    if not package_file:
        (package / "deep" / "__init__.py").unlink()
    found = covered(["packed_task.task"])
    assert "packed_task/deep/inner.py" in found
    assert {name for name in sys.modules if name.startswith("packed_task")} == set()
    assert code_digest(["packed_task"]) != whole


def test_code_that_is_not_python_is_refused_with_its_file(site: Path) -> None:
    (site / "own_beta.py").write_text("def (\n")
    with pytest.raises(UsageError, match="cannot be read") as caught:
        code_digest(["own_beta"])
    assert str(caught.value.facts["file"]).endswith("own_beta.py")


@pytest.mark.node
@pytest.mark.parametrize("name", ["tabular", "image", "regression", "survival", "multimodal"])
def test_every_module_that_a_built_in_task_imports_is_covered(name: str) -> None:
    """What Python has loaded of `participant.tasks` after an import in a fresh process is what the digest covers."""
    pytest.importorskip("torch")
    code = (
        f"import sys, participant.tasks.ready.{name}; print(*(m for m in sys.modules if m.startswith('participant')))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    files = {
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in covered([f"participant.tasks.ready.{name}"])
    }
    assert set(run.stdout.split()) <= files
    assert "participant.tasks.optimisers" in files
    assert "participant.tasks.contract" not in files
