"""Set-up builds the kernel where it can, and goes on where it cannot."""

import os
import subprocess
import sys
from pathlib import Path
from shutil import copy2, copytree, ignore_patterns

import pytest

from ledger.kernel import build

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with a copy of the package, without a kernel."""
    copytree(ROOT / "ledger/kernel", tmp_path / "ledger/kernel", ignore=ignore_patterns("*.so", "*.sha256"))
    (tmp_path / "ledger/__init__.py").touch()
    return tmp_path


def set_up(package: Path, **environment: str) -> str:
    """What set-up says; it must end well."""
    known = {name: value for name, value in os.environ.items() if name not in {"CC", "FEDLEDGER_KERNEL"}}
    done = subprocess.run(
        [sys.executable, "-m", "ledger.kernel"],
        cwd=package,
        env={**known, "PYTHONPATH": str(package), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def script(folder: Path, text: str) -> str:
    file = folder / "compiler"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


@pytest.mark.usefixtures("built")
def test_it_is_built_and_used(package: Path) -> None:
    said = set_up(package)
    assert said.startswith("The kernel is built with ")
    assert "In use: native: " in said
    assert (package / "ledger/kernel" / build.LIBRARY).is_file()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("printf 'In a function:\\nkernel.c:1: error: broken\\n' >&2; exit 3", "code 3: kernel.c:1: error: broken"),
        ("exit 0", "failed with code 0: no output"),
        ("kill -9 $$", "failed with code -9: no output"),
    ],
)
def test_a_compiler_that_fails_does_not_stop_set_up(package: Path, text: str, why: str) -> None:
    said = set_up(package, CC=script(package, text))
    assert f"{why}. In use: pure Python: no native kernel was built." in said
    assert said.count("\n") == 1
    assert not (package / "ledger/kernel" / build.LIBRARY).exists()
    assert list((package / "ledger/kernel").glob("tmp*")) == []


def test_a_kernel_stays_in_use_where_another_cannot_be_built(package: Path, built: Path) -> None:
    for name in (build.LIBRARY, build.DIGEST):
        copy2(built / name, package / "ledger/kernel" / name)
    for compiler in (script(package, "exit 3"), "nothing-like-it"):
        said = set_up(package, CC=compiler)
        assert "The kernel is not built: " in said
        assert "In use: native: " in said


def test_no_compiler_does_not_either(package: Path) -> None:
    assert "not built: no C compiler (nothing-like-it) is on the path" in set_up(package, CC="nothing-like-it")
    assert "not built: no C compiler (cc, clang or gcc) is on the path" in set_up(package, PATH=str(package))
