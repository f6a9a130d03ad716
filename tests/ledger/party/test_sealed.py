"""An audit of a chain whose validators the network file pins: real geth, and a server that makes up blocks."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support.content.geth import CliqueNetwork
from support.worlds.sealed import FIELDS, Validator, digest

from demo.lying_node import Log, lying
from ledger.audit.context import CHAIN_NODE
from ledger.audit.report import Check, Report
from ledger.chain.headers import NUMBERS
from ledger.chain.rpc import Rpc
from ledger.config import Network
from ledger.party.auditing import AuditRequest, inspect
from ledger.party.connection import Connection
from ledger.party.nodes.own_log import OwnLog
from ledger.party.nodes.witnesses import Findings, HistoryPoint

SEAL = 130
"""Hexadecimal digits."""


class Fork:
    """The blocks after the founding, made again by a server: all that they say stays, but its own key seals them."""

    def __init__(self, network: Network) -> None:
        self._rpc, self._founding = Rpc(network.chain.rpc), network.founding.block
        self._key = Validator(7)
        self._made = {self._founding: {"hash": network.founding.hash}}
        self.strange = False

    def forge(self, asked: dict[str, Any], result: Any) -> Any:
        if asked["method"] != "eth_getBlockByNumber" or not result or asked["params"][0] == "pending":
            return result
        strange = {"otherField": "0x", "gasUsed": "0x7"} if self.strange else {}
        return result | self.block(int(result["number"], 16)) | strange

    def edit(self, logs: list[Log]) -> list[Log]:
        return [log | {"blockHash": self.block(int(log["blockNumber"], 16))["hash"]} for log in logs]

    def block(self, number: int) -> dict[str, str]:
        """What is another in a block than the chain has it."""
        if number < self._founding:
            return {"hash": self._rpc.call("eth_getBlockByNumber", hex(number), False)["hash"]}
        if number not in self._made:
            real = self._rpc.call("eth_getBlockByNumber", hex(number), False)
            header = {name: int(real[name], 16) if name in NUMBERS else _bytes(real[name]) for name in FIELDS}
            parent = _bytes(self.block(number - 1)["hash"])
            header |= {"parentHash": parent, "extraData": _bytes(real["extraData"][:-SEAL])}
            sealed = header | {"extraData": header["extraData"] + self._key.sign(digest(header))}
            told = {name: "0x" + sealed[name].hex() for name in ("parentHash", "extraData")}
            self._made[number] = told | {"hash": "0x" + digest(sealed).hex()}
        return self._made[number]


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def audit(network: Network, folder: Path) -> Report:
    with Connection.visit(network, folder) as connection:
        connection.refresh()
        return inspect(connection, AuditRequest(source=False))


@contextmanager
def own_log(network: Network, folder: Path) -> Iterator[tuple[OwnLog, HistoryPoint]]:
    """What a member asks before it signs, and where its history stands."""
    folder.mkdir(exist_ok=True)
    with Connection.visit(network, folder) as connection:
        connection.refresh()
        yield connection._own_log(connection.client, connection.follower), connection.point(*connection.follower.tip)


@pytest.mark.engine
def test_a_member_signs_for_sealed_blocks_and_for_no_others(
    clique: CliqueNetwork, sealed: Network, tmp_path: Path
) -> None:
    """Blocks of a server's own making, whether their form is known or not, get no signature, even of a lonely node."""
    with own_log(sealed, tmp_path / "honest") as (own, point):
        assert own.says(point).same
    fork = Fork(sealed)
    with lying(sealed.chain.rpc, fork.edit, forge=fork.forge) as url:
        there = replace(sealed, chain=replace(sealed.chain, rpc=url))
        with own_log(there, tmp_path / "fork") as (own, point):
            said = own.says(point)
            fork.strange = True
            strange = own.says(point)
    assert said.same is False
    assert "are not sealed by the chain's validators" in (said.trouble or "")
    assert "is not believed" in Findings(point, own=said).refusal
    assert (strange.same, "show no seals" in (strange.trouble or "")) == (False, True)


def test_blocks_without_the_seals_that_are_pinned_get_no_signature(consortium: Any, tmp_path: Path) -> None:
    """The local chain has none."""
    network = consortium.network
    names = tuple(sorted(member.address for member in consortium.members))
    pinned = replace(
        network, chain=replace(network.chain, seals="qbft"), founding=replace(network.founding, validators=names)
    )
    with own_log(pinned, tmp_path) as (own, point):
        said = own.says(point)
    assert (said.same, "show no seals" in (said.trouble or "")) == (False, True)


@pytest.mark.engine
def test_an_audit_says_who_sealed_the_chain(clique: CliqueNetwork, sealed: Network, tmp_path: Path) -> None:
    report = audit(sealed, tmp_path)
    assert (report.right.answer, report.history.storage) == ("yes", "proved")
    assert report.history.seals.startswith(f"checked to block {report.history.block}: clique, 3 validators")
    assert "any block may still be replaced" in report.history.seals
    assert report.history.receipts == f"proved to block {report.history.block}"
    assert report.passed[Check.SEALS] == report.history.block - sealed.founding.block
    assert report.passed[Check.RECEIPTS] == report.history.events > 0


@pytest.mark.engine
def test_a_server_that_makes_up_blocks_lacks_the_seals(clique: CliqueNetwork, sealed: Network, tmp_path: Path) -> None:
    """Its headers, receipts and storage fit together: only the seals tell."""
    fork = Fork(sealed)
    with lying(sealed.chain.rpc, fork.edit, forge=fork.forge) as url:
        report = audit(replace(sealed, chain=replace(sealed.chain, rpc=url)), tmp_path)
        unpinned = replace(
            sealed,
            chain=replace(sealed.chain, rpc=url, seals="none"),
            founding=replace(sealed.founding, validators=()),
        )
        believed = audit(unpinned, tmp_path / "unpinned")
    assert (report.exit, report.right.answer, report.lies.answer) == (3, "unknown", "none")
    assert Validator(7).address in report.history.seals
    (found,) = [one for one in report.open.list if one.check is Check.SEALS]
    assert (found.fault, found.what) == (CHAIN_NODE, "the history")
    assert "is not the one that the chain's validators sealed" in found.why
    assert (believed.right.answer, believed.history.receipts.split()[0]) == ("yes", "proved")


def test_validators_that_never_sealed_the_chain_leave_it_open(consortium: Any, tmp_path: Path) -> None:
    """The local chain has no seals: a file that pins some proves nothing, and nobody is blamed."""
    network = consortium.network
    names = tuple(sorted(member.address for member in consortium.members))
    pinned = replace(
        network,
        chain=replace(network.chain, seals="qbft"),
        founding=replace(network.founding, validators=names),
    )
    report = audit(pinned, tmp_path)
    assert (report.right.answer, report.history.seals.split(":")[0]) == ("yes", "could not check")
    (found,) = [one for one in report.open.list if one.check is Check.SEALS]
    assert (found.fault, "not sealed by qbft" in found.why) == (None, True)
