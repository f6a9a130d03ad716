"""A kernel is used when it is the owner's, whole, current and right; else the pure functions are, and say why."""

import ctypes
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from shutil import copytree

import pytest

from ledger.kernel import build, choice
from ledger.kernel.native import SHA, VERSION, Native
from ledger.kernel.table import native_kernel, pure_kernel


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A folder with a good kernel, to be spoiled."""
    return Path(copytree(built, tmp_path / "kernel"))


def reason(folder: Path, caplog: pytest.LogCaptureFixture) -> str:
    """Why the kernel in a folder is not used, as it is said once."""
    kernel = choice.choose(folder)
    assert kernel.leaf_hashes(b"abc", 2) == pure_kernel("").leaf_hashes(b"abc", 2)
    (said,) = [record.getMessage() for record in caplog.records]
    assert said == f"fedledger: the native kernel is not used: {kernel.name.removeprefix('pure Python: ')}"
    return said


def rewrite(folder: Path, library: bytes) -> None:
    (folder / build.LIBRARY).write_bytes(library)
    (folder / build.DIGEST).write_text(sha256(library).hexdigest())


def test_a_good_one_is_used(folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FEDLEDGER_KERNEL", raising=False)
    assert choice.choose(folder).name.startswith("native: ")
    assert caplog.records == []


def test_the_environment_can_ask_for_the_pure_functions(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEDLEDGER_KERNEL", "pure")
    assert choice.choose(folder).name == "pure Python: FEDLEDGER_KERNEL asks for it"
    assert caplog.records == []


@pytest.fixture
def unforced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FEDLEDGER_KERNEL", raising=False)


@pytest.mark.usefixtures("unforced")
class TestNotUsed:
    def test_none(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        assert choice.choose(tmp_path).name == "pure Python: no native kernel was built"
        assert caplog.records == []

    def test_another_version(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        build.build(folder, flags=("-DFL_VERSION=99",))
        assert f"is version 99, not {VERSION}" in reason(folder, caplog)

    def test_one_that_hashes_wrong(self, built: Path, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        if not Native(built / build.LIBRARY).features & SHA:
            pytest.skip("this processor has no instructions for SHA-256")
        build.build(folder, flags=("-D__builtin_bswap64(x)=(x)",))
        assert "its digests fails the self-check" in reason(folder, caplog)

    def test_one_that_adds_wrong(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        wrong = "-Dfl_survey(a,b,c,d)=fl_survey(a,b,c,d){found[0]=found[1]=found[2]=7;}void unused(a,b,c,d)"
        build.build(folder, flags=(wrong,))
        assert "its survey fails the self-check" in reason(folder, caplog)

    def test_one_cut_short(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        library = (folder / build.LIBRARY).read_bytes()
        (folder / build.LIBRARY).write_bytes(library[: len(library) // 2])
        assert "is damaged" in reason(folder, caplog)

    def test_one_without_its_digest(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        (folder / build.DIGEST).unlink()
        assert "cannot be loaded" in reason(folder, caplog)

    @pytest.mark.parametrize("library", [b"", b"not a library", b"\x7fELF" + bytes(60)])
    def test_what_is_not_a_library(self, folder: Path, caplog: pytest.LogCaptureFixture, library: bytes) -> None:
        rewrite(folder, library)
        assert "cannot be loaded" in reason(folder, caplog)

    def test_one_for_another_processor(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        library = bytearray((folder / build.LIBRARY).read_bytes())
        library[18:20] = b"\xf3\x00"  # ELF's e_machine: RISC-V
        rewrite(folder, bytes(library))
        assert "cannot be loaded" in reason(folder, caplog)

    def test_one_that_lacks_a_function(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        build.build(folder, flags=("-Dfl_grow=fl_shrink",))
        assert "lacks a function" in reason(folder, caplog)

    @pytest.mark.parametrize("error", [ctypes.ArgumentError("argument 1"), ValueError("no"), MemoryError()])
    def test_one_with_a_function_that_fails(
        self, folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        def survey(native: Native, values: object) -> tuple[int, int]:
            raise error

        monkeypatch.setattr(Native, "survey", survey)
        assert f"its survey fails the self-check: {type(error).__name__}" in reason(folder, caplog)

    @pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
    def test_one_that_others_may_write(self, folder: Path, caplog: pytest.LogCaptureFixture, mode: int) -> None:
        (folder / build.LIBRARY).chmod(mode)
        assert "its owner alone can write" in reason(folder, caplog)

    def test_a_link_to_somewhere_else(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        moved = (folder / build.LIBRARY).rename(folder / "elsewhere.so")
        (folder / build.LIBRARY).symlink_to(moved)
        assert "its owner alone can write" in reason(folder, caplog)


def test_without_instructions_for_sha_hashlib_hashes(built: Path) -> None:
    kernel = native_kernel(Native(built / build.LIBRARY, 0))
    assert kernel.name == "native: plain C, SHA-256 by hashlib"
    assert kernel.digests is pure_kernel("").digests
    choice.check(kernel)


@pytest.mark.parametrize(("forced", "expected"), [("pure", "kernel: pure Python: FEDLEDGER_KERNEL asks for it")])
def test_the_version_says_what_is_in_use(forced: str, expected: str) -> None:
    code = "from ledger.cli.main import main; main(['--version'])"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "FEDLEDGER_KERNEL": forced}, capture_output=True, text=True
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[0].startswith("fedledger ")
    assert done.stdout.splitlines()[1:] == [expected]
