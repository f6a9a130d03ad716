"""Seals, receipts and storage of a real Clique chain: three signers, by geth 1.13.15."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support.content.geth import DEEP, EPOCH, CliqueNetwork

from demo.lying_node import lying
from ledger.chain.client import Client
from ledger.chain.proofs.header_chain import BlockAt
from ledger.chain.proofs.log_proof import Held, LogProof, Refused, Unknown
from ledger.chain.seals.follow import Sealed, SealedChain
from ledger.config import Network

pytestmark = pytest.mark.engine
STRANGER = "0x00000000000000000000000000000000000000AA"
"""Joins the signers, and never seals: two of four votes are enough to go on, by turns of the other three."""


def check(network: Network, folder: Path) -> Sealed | Refused | Unknown:
    """Up to a block that is a little deep, so that the chain still has it."""
    with Client.connect(network) as client:
        block = client.block(client.latest().number - DEEP)
        assert block is not None
        return SealedChain(client.rpc, network, folder / "seals.json").check(BlockAt(block.number, block.hash))


def test_deploying_pins_the_signers(clique: CliqueNetwork, sealed: Network) -> None:
    assert sorted(sealed.founding.validators) == sorted(clique.signers)


def test_receipts_hold_the_logs(clique: CliqueNetwork, sealed: Network) -> None:
    with Client.connect(sealed) as client:
        clique.wait_deep(sealed.founding.block + 6)
        block = client.block(client.latest().number - DEEP)
        assert block is not None
        before, last = BlockAt(sealed.founding.block - 1, b""), BlockAt(block.number, block.hash)
        told = [event for piece in client.read(before.number + 1, last.number) for event in piece.events]
        assert LogProof(client).hold(before, last, told) == Held(last.number, len(told))
        assert len(told) >= len(clique.signers)
        assert isinstance(LogProof(client).hold(before, last, told[1:]), Refused)


def test_signers_seal_vote_and_are_listed_by_epochs(clique: CliqueNetwork, sealed: Network, tmp_path: Path) -> None:
    """What is found is what geth says, through a signer that joins, one that leaves, and a list of all."""
    for inside, signers in ((True, {*clique.signers, STRANGER}), (False, set(clique.signers))):
        clique.vote(STRANGER, inside, voters=3)
        clique.wait(lambda signers=signers: settled(clique) == {one.lower() for one in signers})
        clique.wait_deep(clique.number())
        found = check(sealed, tmp_path)
        assert isinstance(found, Sealed), found
        assert set(found.state.validators) == signers
    clique.wait_deep((sealed.founding.block // EPOCH + 1) * EPOCH)
    found = check(sealed, tmp_path)
    assert isinstance(found, Sealed) and found.settled == found.block - 1


def settled(clique: CliqueNetwork) -> set[str]:
    return {str(one).lower() for one in clique.nodes[0].call("clique_getSigners")}


def test_another_set_of_signers_did_not_seal_this_chain(sealed: Network, tmp_path: Path) -> None:
    others = (*sealed.founding.validators[:2], STRANGER)
    wrong = replace(sealed, founding=replace(sealed.founding, validators=others))
    found = check(wrong, tmp_path)
    assert isinstance(found, Unknown) and "other validators than its founding block" in found.why


def test_a_seal_that_is_cut_or_changed_proves_nothing(sealed: Network, tmp_path: Path) -> None:
    """A header that is changed does not hash to its hash; one that is made to is not sealed."""
    block = sealed.founding.block + 1

    def cut(asked: dict[str, Any], result: Any) -> Any:
        at = asked["method"] == "eth_getBlockByNumber" and asked["params"][0] == hex(block) and result
        return result | {"extraData": result["extraData"][:-2]} if at else result

    with lying(sealed.chain.rpc, list, forge=cut) as url:
        found = check(replace(sealed, chain=replace(sealed.chain, rpc=url)), tmp_path)
    assert isinstance(found, Unknown) and f"block {block}" in found.why
