"""Property tests are the same on every run; `HYPOTHESIS_PROFILE=thorough` looks further. And a real Kubo daemon."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from support.content.holders import Daemon, find_ipfs

settings.register_profile("quick", max_examples=40, deadline=None, derandomize=True, database=None)
settings.register_profile("thorough", max_examples=1500, deadline=None, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A running Kubo daemon; skips where there is no binary."""
    binary = find_ipfs()
    if binary is None:
        pytest.skip("no ipfs: run `make engines`, or put one on PATH")
    running = Daemon(binary, tmp_path_factory.mktemp("kubo"))
    yield running
    running.stop()
