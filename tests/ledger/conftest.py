"""Property tests are the same on every run; `HYPOTHESIS_PROFILE=thorough` looks further.

And what they run against: a real Kubo daemon, and a chain sealed by real geth.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from support.content.geth import CliqueNetwork, find_geth
from support.content.holders import Daemon, find_ipfs

from ledger.config import Network

ATTEMPTS = 5
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


@pytest.fixture(scope="module")
def clique(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CliqueNetwork]:
    """Three signers of a chain of their own; skips where there is no binary."""
    binary = find_geth()
    if binary is None:
        pytest.skip("no geth: run `make engines`, or put one on PATH")
    running = CliqueNetwork(binary, tmp_path_factory.mktemp("clique"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def sealed(clique: CliqueNetwork, tmp_path_factory: pytest.TempPathFactory) -> Network:
    """A consortium on that chain, whose founding block stays; its network file pins the signers."""
    from ledger.chain.client import Client
    from ledger.errors import FedledgerError

    for _ in range(ATTEMPTS):
        try:
            made = clique.found("clique", clique.signers, tmp_path_factory.mktemp("deployer"))
            clique.wait_deep(made.founding.block)
            Client.connect(made).close()
        except FedledgerError:
            continue  # the signers replaced a block meanwhile
        return made
    raise AssertionError("the chain never stood still")
