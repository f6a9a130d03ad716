"""The own node's log, proved before a member signs: what was proved once vouches for nothing else later."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support.consortia.synthetic import Trial

from demo.lying_node import Log, lying
from ledger.chain.build import committed as build_of
from ledger.chain.client import Client
from ledger.chain.codec import signature
from ledger.formats.digest import keccak
from ledger.history.fold import History
from ledger.index import Follower, Index
from ledger.party.nodes import own_log
from ledger.party.nodes.own_log import OwnLog
from ledger.party.nodes.witnesses import HistoryPoint

ANNOUNCED = "0x" + next(
    keccak(signature(entry).encode()).hex()
    for entry in build_of("consortium").abi
    if entry["type"] == "event" and entry["name"] == "Announced"
)
HIDDEN = 2
"""The member whose announcement is hidden."""


class Reader:
    """A member's reading of a node that hides an event while `hides`, and denies all blocks below `denied`."""

    def __init__(self, trial: Trial, folder: Path) -> None:
        self.trial, self.hides, self.denied = trial, False, 0
        self.mark = folder / "proved.json"
        self._index = folder / "index.sqlite"

    def edit(self, logs: list[Log]) -> list[Log]:
        return [log for log in logs if not (self.hides and _is_hidden(log))]

    def forge(self, asked: dict[str, Any], result: Any) -> Any:
        if asked["method"] != "eth_getBlockByNumber" or not asked["params"][0].startswith("0x"):
            return result
        other = {"hash": "0x" + "77" * 32, "otherField": "0x"}  # a form that nobody can hold against its hash
        return result | other if int(asked["params"][0], 16) < self.denied else result

    def connect(self, url: str) -> None:
        network = self.trial.consortium.network
        self.client = Client.connect(replace(network, chain=replace(network.chain, rpc=url)))
        self.follower = Follower(self.client, Index(self._index))
        record = self.follower.refresh().foundation.record
        self.own = OwnLog(self.client, self.follower, record, self.mark)

    def point(self) -> HistoryPoint:
        history = self.follower.refresh()
        return HistoryPoint(*self.follower.tip, history.head_at(self.follower.tip.number))

    def read_again(self) -> HistoryPoint:
        """Have the index read all again, as after a deep reorganisation that the node feigns."""
        self.mine(2)
        self.denied = self.client.latest().number
        self.follower.refresh()
        self.denied = 0
        return self.point()

    def mine(self, count: int) -> None:
        for _ in range(count):
            self.trial.consortium.client.rpc.call("evm_mine")

    def marked(self) -> int:
        number: int = json.loads(self.mark.read_text())["number"]
        return number

    def hidden(self) -> int:
        """The block of the event that it hides."""
        client = self.trial.consortium.client
        logs = client.rpc.call("eth_getLogs", {"fromBlock": "0x0", "address": client.addresses["consortium"]})
        return next(int(log["blockNumber"], 16) for log in logs if _is_hidden(log))

    def honest(self) -> History:
        return Follower(self.trial.consortium.client, Index(None)).refresh()


def _is_hidden(log: Log) -> bool:
    return bool(log["topics"][0] == ANNOUNCED and int(log["topics"][1], 16) == HIDDEN)


@pytest.fixture
def reader(consortium: Any, tmp_path: Path) -> Iterator[Reader]:
    with Trial(consortium) as trial:
        made = Reader(trial, tmp_path)
        with lying(consortium.network.chain.rpc, made.edit, (), made.forge) as url:
            made.connect(url)
            yield made
            made.client.close()


def test_an_event_hidden_after_it_was_proved_convicts(reader: Reader) -> None:
    """The log is proved, then read again without an old event: the mark's block is on the chain, its head another."""
    assert reader.own.says(reader.point()).same
    reader.hides = True
    point = reader.read_again()
    assert point.head != reader.honest().head_at(point.number)
    said = reader.own.says(point)
    assert (said.same, "receipts hold 1" in (said.trouble or "")) == (False, True)


@pytest.mark.parametrize("proved", [False, True])
def test_a_log_that_a_node_left_out_once_is_read_again(reader: Reader, proved: bool) -> None:
    """From where it was proved, or from the founding: the member signs again, and believes nobody for it."""
    if proved:
        assert reader.own.says(reader.point()).same
    reader.hides = True
    wrong = reader.read_again()
    reader.hides = False
    assert reader.own.says(wrong).same is False
    right = reader.point()
    assert right.head == reader.honest().head_at(right.number)
    assert reader.own.says(right).same


def test_a_node_that_lies_on_is_not_read_again_each_time(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    reader.hides = True
    reader.read_again()
    read, again = list[Any](), reader.follower.read_again

    def noted(after: Any) -> None:
        read.append(after)
        again(after)

    monkeypatch.setattr(reader.follower, "read_again", noted)
    monkeypatch.setattr(reader.own, "_pause", 1e6)
    for _ in range(3):
        assert reader.own.says(reader.point()).same is False
        reader.mine(1)
    assert read == [None]


def test_a_log_that_changes_between_the_question_and_the_proof_convicts(reader: Reader) -> None:
    """What is signed is the head asked for, not the one that the index has by the time of the proof."""
    reader.hides = True
    asked = reader.read_again()
    reader.hides = False
    reader.read_again()
    said = reader.own.says(asked)
    assert (said.same, "two logs" in (said.trouble or "")) == (False, True)


def test_a_home_far_behind_proves_forward_in_pieces(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is skipped; the mark moves over what was proved from the founding on, and no further."""
    founding = reader.follower.history.foundation.record.block
    point = reader.point()
    monkeypatch.setattr(own_log, "AT_A_TIME", few := 3)
    ends = range(founding - 1 + few, point.number, few)
    assert len(ends) > 1
    for end in ends:
        said = reader.own.says(point)
        assert (said.same, said.trouble) == (None, f"proved to block {end} of {point.number}")
        assert reader.marked() == end
    assert reader.own.says(point).same
    assert reader.marked() == point.number


def test_an_event_hidden_in_a_gap_convicts(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Far behind the latest blocks: it is never proved over, and found once the proof comes to it."""
    reader.hides = True
    reader.read_again()
    reader.mine(6)
    point = reader.point()
    monkeypatch.setattr(own_log, "AT_A_TIME", 3)
    for _ in range(point.number):
        said = reader.own.says(point)
        if said.same is not None:
            break
        assert reader.marked() < reader.hidden()
    assert said.same is False


def test_the_latest_blocks_are_looked_at_before_the_proof_comes_to_them(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader.hides = True
    point = reader.read_again()
    monkeypatch.setattr(own_log, "AT_A_TIME", point.number - reader.hidden() + 1)
    founding = reader.follower.history.foundation.record.block
    assert founding + own_log.AT_A_TIME <= reader.hidden(), "the first piece does not reach it"
    assert reader.own.says(point).same is False
    assert reader.marked() < reader.hidden()


def test_a_point_before_the_mark_is_proved_and_moves_it_not_back(reader: Reader) -> None:
    earlier = reader.point()
    reader.mine(2)
    later = reader.point()
    assert reader.own.says(later).same
    assert reader.own.says(earlier).same
    assert reader.marked() == later.number
    assert not reader.own.says(earlier._replace(hash=b"\x77" * 32)).same


@pytest.mark.parametrize("torn", [b"", b"\0" * 512, b'{"ledger":"', b"x" * 4096])
def test_a_torn_mark_is_none_and_is_written_again(reader: Reader, torn: bytes) -> None:
    point = reader.point()
    assert reader.own.says(point).same
    true, inode = json.loads(reader.mark.read_text()), reader.mark.stat().st_ino
    reader.mark.write_bytes(torn)
    assert reader.own.says(point).same
    assert json.loads(reader.mark.read_text()) == true
    assert reader.mark.stat().st_ino == inode, "nothing is put in its place: that would wait for the disk"


@pytest.mark.parametrize(
    "change", [{"head": "77" * 32}, {"events": 1}, {"ledger": "00"}, {"hash": "77" * 32}, {"x": 1}]
)
def test_a_mark_of_something_else_does_not_count(reader: Reader, change: dict[str, Any]) -> None:
    point = reader.point()
    assert reader.own.says(point).same
    true = json.loads(reader.mark.read_text())
    reader.mark.write_text(json.dumps(true | change))
    assert reader.own.says(point).same
    assert json.loads(reader.mark.read_text()) == true
