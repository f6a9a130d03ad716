"""Seals of a real QBFT chain: four validators, by GoQuorum 24.4.1.

Its headers are frozen in `tests/vectors/qbft.json`. Where a `quorum` is at hand (https://github.com/Consensys/quorum,
`cmd/geth` under that name), a chain of it is run as well.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support.content.quorum import QbftNetwork, find_quorum

from ledger.chain.client import Client
from ledger.chain.headers import BlockHeader, read_header
from ledger.chain.proofs.header_chain import BlockAt
from ledger.chain.proofs.log_proof import Held, LogProof, Refused, Unknown
from ledger.chain.seals import BadSeal, Bft
from ledger.chain.seals.follow import Sealed, SealedChain
from ledger.config import Network

RECORDED: list[dict[str, str]] = json.loads((Path(__file__).parents[2] / "vectors" / "qbft.json").read_text())
STRANGER = "0x00000000000000000000000000000000000000AA"
"""Joins the validators, and never seals."""


def header(shown: dict[str, str]) -> BlockHeader:
    found = read_header(shown)
    assert found is not None
    return found


def follow(shown: list[dict[str, str]]) -> list[Bft]:
    """The validators after each block, from the second on."""
    state = Bft.listed("qbft", header(shown[0]))
    states = []
    for one in shown[1:]:
        state = state.after(header(one))
        states.append(state)
    return states


def test_recorded_headers_hold_through_votes_and_further_rounds() -> None:
    counts = [len(state.validators) for state in follow(RECORDED)]
    assert set(counts) == {4, 5} and counts[0] == counts[-1] == 4
    parents = [one["parentHash"] for one in RECORDED[1:]]
    assert parents == [one["hash"] for one in RECORDED[:-1]]


@pytest.mark.parametrize("block", range(1, len(RECORDED)))
def test_a_recorded_seal_that_is_changed_proves_nothing(block: int) -> None:
    """The last byte of the last seal's s: another key, or none, or no header at all."""
    shown = RECORDED[block]
    extra = bytearray.fromhex(shown["extraData"][2:])
    extra[-2] ^= 1
    changed = read_header(shown | {"extraData": "0x" + extra.hex()})
    before = Bft.listed("qbft", header(RECORDED[block - 1]))
    assert changed is not None, "seals are not in the hash"
    with pytest.raises(BadSeal):
        before.after(changed)


@pytest.mark.parametrize("name", ["stateRoot", "receiptsRoot", "timestamp", "parentHash"])
def test_a_recorded_header_that_is_changed_is_none(name: str) -> None:
    shown = RECORDED[3]
    changed = shown[name][:-1] + ("0" if shown[name][-1] != "0" else "1")
    assert read_header(shown | {name: changed}) is None


@pytest.fixture(scope="module")
def quorum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QbftNetwork]:
    """Four validators of a chain of their own; skips where there is no binary."""
    binary = find_quorum()
    if binary is None:
        pytest.skip("no quorum on PATH: the recorded headers of GoQuorum are tested, not a running chain")
    running = QbftNetwork(binary, tmp_path_factory.mktemp("qbft"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def sealed(quorum: QbftNetwork, tmp_path_factory: pytest.TempPathFactory) -> Network:
    """A consortium on that chain; its network file pins the validators."""
    return quorum.found("qbft", [one.address for one in quorum.validators], tmp_path_factory.mktemp("deployer"))


def check(network: Network, folder: Path) -> Sealed | Refused | Unknown:
    """Up to the latest block: each is final at once."""
    with Client.connect(network) as client:
        block = client.latest()
        return SealedChain(client.rpc, network, folder / "seals.json").check(BlockAt(block.number, block.hash))


@pytest.mark.engine
def test_contracts_are_deployed_without_a_base_fee(quorum: QbftNetwork, sealed: Network) -> None:
    """Such a chain takes no transaction of EIP-1559."""
    assert sorted(sealed.founding.validators) == sorted(one.address for one in quorum.validators)
    latest: Any = quorum.nodes[0].call("eth_getBlockByNumber", "latest", False)
    assert "baseFeePerGas" not in latest


@pytest.mark.engine
def test_receipts_and_storage_hold_the_logs(quorum: QbftNetwork, sealed: Network) -> None:
    with Client.connect(sealed) as client:
        block = client.latest()
        before, last = BlockAt(sealed.founding.block - 1, b""), BlockAt(block.number, block.hash)
        told = [event for piece in client.read(before.number + 1, last.number) for event in piece.events]
        assert LogProof(client).hold(before, last, told) == Held(last.number, len(told))
        assert len(told) >= len(quorum.validators)
        assert isinstance(LogProof(client).hold(before, last, told[1:]), Refused)


@pytest.mark.engine
def test_a_running_chain_is_followed_through_votes_and_a_silent_validator(
    quorum: QbftNetwork, sealed: Network, tmp_path: Path
) -> None:
    for inside in (True, False):
        quorum.vote(STRANGER, inside)
        block = quorum.number()
        quorum.wait(lambda block=block: quorum.number() > block + 1)
        found = check(sealed, tmp_path)
        assert isinstance(found, Sealed), found
        assert {one.lower() for one in found.state.validators} == quorum.present()
    quorum.pause(3, on=True)
    block = quorum.number()
    quorum.wait(lambda: quorum.number() >= block + 5)
    quorum.pause(3, on=False)
    found = check(sealed, tmp_path)
    assert isinstance(found, Sealed) and len(found.state.validators) == 4


@pytest.mark.engine
def test_other_validators_did_not_seal_a_running_chain(sealed: Network, tmp_path: Path) -> None:
    others = (*sealed.founding.validators[:3], STRANGER)
    found = check(replace(sealed, founding=replace(sealed.founding, validators=others)), tmp_path)
    assert isinstance(found, Unknown | Refused)
