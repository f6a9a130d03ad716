"""What tests run against: a real Kubo daemon, and a chain sealed by real geth."""

from collections.abc import Iterator

import pytest
from support.content.geth import CliqueNetwork, find_geth
from support.content.holders import Daemon, find_ipfs

from ledger.config import Network

ATTEMPTS = 5


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
