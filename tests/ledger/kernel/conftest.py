"""A kernel built from the source at hand."""

import shutil
from pathlib import Path

import pytest

from ledger.kernel import build, choice
from ledger.kernel.native import AVX2, AVX512, SHA, Native
from ledger.kernel.table import Kernel, native_kernel

WITHOUT = [command for command in ("cc", "clang", "gcc") if shutil.which(command)] == []


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a fresh kernel."""
    if WITHOUT:
        pytest.skip("there is no C compiler")
    folder = tmp_path_factory.mktemp("kernel")
    build.build(folder, flags=("-Wall", "-Wextra", "-Werror"))
    return folder


@pytest.fixture(scope="session", params=[SHA | AVX2 | AVX512, SHA | AVX2, SHA, 0], ids=["all", "AVX2", "SHA", "plain"])
def native(built: Path, request: pytest.FixtureRequest) -> Kernel:
    """The functions as processors with more and with fewer instructions have them."""
    return native_kernel(Native(choice.load(built).file, request.param))
