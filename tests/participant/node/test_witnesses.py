"""A member that asks several chain nodes: whichever of them lies, it signs and shows nothing false."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from msgspec.structs import replace

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia import aggregators
from support.consortia.synthetic import SECONDS, Trial
from support.consortia.trainers import drive, node, notes, train_on

from demo.lying_node import Log, lying
from ledger.chain.build import committed as build_of
from ledger.chain.codec import signature
from ledger.config import HomeSettings, save
from ledger.errors import Unavailable
from ledger.formats.digest import keccak
from ledger.history.state import Phase
from ledger.party.nodes.own_log import OwnLog
from participant.node.status import status_of

pytestmark = pytest.mark.node
DEAD = "http://127.0.0.1:9"
Make = Callable[..., Trial]
ANNOUNCED = "0x" + next(
    keccak(signature(entry).encode()).hex()
    for entry in build_of("consortium").abi
    if entry["type"] == "event" and entry["name"] == "Announced"
)


class Lie:
    """A node that hides an event of the ledger, member 3's announcement, and is `height` blocks high at most."""

    def __init__(self, *, hides: bool = True) -> None:
        self._hides, self.height = hides, 1 << 40

    def edit(self, logs: list[Log]) -> list[Log]:
        """Without the announcement; what else the member said stays."""
        hidden = [log for log in logs if log["topics"][0] == ANNOUNCED and int(log["topics"][1], 16) == 3]
        return [log for log in logs if not self._hides or log not in hidden]

    def forge(self, asked: dict[str, Any], result: Any) -> Any:
        """No block above the height, though it knows of them."""
        if asked["method"] != "eth_getBlockByNumber" or not asked["params"][0].startswith("0x"):
            return result
        return None if int(asked["params"][0], 16) > self.height else result


@pytest.fixture
def make(found: Callable[..., Any], anvil: Any) -> Iterator[Make]:
    """Makes trials of four members with an open round, in which member 0 asks the chain nodes given."""
    with ExitStack() as stack:

        def trial(*urls: str, consortium: Any = None) -> Trial:
            made = consortium or found(4)
            save(made.members[0].home.settings_file, HomeSettings(rpc=urls))
            t = train_on(stack.enter_context(Trial(made, propose=False)), rounds=1)
            settings = made.members[0].home.settings()
            save(made.members[0].home.settings_file, replace(settings, rpc=urls))
            t.parties[1].sender.send("ledger", "openRound", t.number)
            return t

        yield trial


def committed(t: Trial) -> list[Any]:
    """All have committed to an update, and looked once more; their nodes."""
    nodes = [node(party) for party in t.parties]
    drive(*nodes)
    assert sorted(t.round.commitments) == [0, 1, 2, 3]
    return nodes


def is_shown(t: Trial, index: int = 0) -> bool:
    party = t.parties[index]
    return any(
        party.openings.is_shown(party.facts.name, one)
        for one in party.openings.find(party.facts.name)
        if one.party == party.sender.address
    )


def attested(t: Trial, nodes: list[Any], without: tuple[int, ...] = (0,)) -> list[int]:
    """The members that attest the honest aggregate of member 1, which is made without these updates."""
    t.open_updates(1)
    drive(*nodes[1:])
    t.parties[1].publish(without=without)
    drive(*nodes)
    return sorted(one.index for one in t.round.aggregates[0].attestations)


@pytest.mark.parametrize("own", [True, False], ids=["the own node", "the other node"])
def test_one_of_two_nodes_lies(found: Callable[..., Any], make: Make, anvil: Any, own: bool) -> None:
    """Which of them it is nobody can tell: nothing is signed, and it is told off by name."""
    consortium = found(4)
    lie = Lie()
    with lying(anvil.url, lie.edit) as url:
        t = make(*((url, anvil.url) if own else (anvil.url, url)), consortium=consortium)
        nodes = committed(t)
        assert [is_shown(t, index) for index in range(4)] == [False, True, True, True]
        assert 0 not in attested(t, nodes)
        home = t.parties[0].member.home
        told = notes(home, "disagreed")
        assert told
        assert all(("its log up to block" in note["text"]) and "nothing is signed" in note["text"] for note in told)
        (said,) = status_of(home)["witnesses"]
        assert said["same"] is False
        assert not notes(home, "attested", "refuted", "missed")


def test_no_aggregate_is_published_on_the_word_of_a_node_that_lies(
    found: Callable[..., Any], make: Make, anvil: Any
) -> None:
    consortium = found(4)
    lie = Lie()
    with lying(anvil.url, lie.edit) as url:
        t = make(url, anvil.url, consortium=consortium)
        nodes = committed(t)
        t.open_updates(1)
        drive(*nodes)
        t.until(t.round.deadline - SECONDS // 4)
        service = aggregators.service(t.parties[0])
        drive(service, *nodes[1:])
        assert not t.round.aggregates
        assert aggregators.actions(t.parties[0].member.home, "disagreed")


def test_a_node_that_is_down_is_told_and_another_that_agrees_is_enough(make: Make, anvil: Any) -> None:
    t = make(anvil.url, DEAD, anvil.url + "/")
    nodes = committed(t)
    assert is_shown(t)
    assert 0 in attested(t, nodes, without=())
    assert "cannot be reached" in notes(t.parties[0].member.home, "unheard")[0]["text"]


def test_without_any_that_agrees_nothing_is_signed(make: Make, anvil: Any) -> None:
    t = make(anvil.url, DEAD)
    nodes = committed(t)
    assert not is_shown(t)
    assert 0 not in attested(t, nodes)
    waiting = [note["text"] for note in notes(t.parties[0].member.home, "waiting")]
    assert any("no other node confirms block" in text and DEAD in text for text in waiting)


def test_a_node_that_is_behind_is_waited_for(found: Callable[..., Any], make: Make, anvil: Any) -> None:
    consortium = found(4)
    lie = Lie(hides=False)
    with lying(anvil.url, lie.edit, forge=lie.forge) as url:
        t = make(anvil.url, url, consortium=consortium)
        nodes = committed(t)
        assert is_shown(t)
        t.open_updates(1)
        drive(*nodes)
        lie.height = 0
        t.parties[1].publish()
        drive(*nodes)
        assert 0 not in [one.index for one in t.round.aggregates[0].attestations]
        assert "has not come so far" in notes(t.parties[0].member.home, "unheard")[0]["text"]
        lie.height = 1 << 40
        for asked in t.parties[0].connection.witnesses._asked.values():
            for question in asked:
                question.again = 0.0
        drive(*nodes)
        assert 0 in [one.index for one in t.round.aggregates[0].attestations]
        assert t.round.phase is Phase.FINALISED


def test_a_node_that_hangs_holds_up_no_look(make: Make, anvil: Any) -> None:
    """It is asked in a thread of its own, and what else there is to do is done."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        t = make(anvil.url, url)
        first, *others = [node(party) for party in t.parties]
        drive(*others)

        def look() -> None:
            while len(t.round.commitments) < 4:
                first.look()
                time.sleep(0.05)
            for _ in range(4):
                first.look()

        looking = threading.Thread(target=look, daemon=True)
        looking.start()
        looking.join(60)
        assert not looking.is_alive()
        assert sorted(t.round.commitments) == [0, 1, 2, 3]
        assert not is_shown(t)
        witnesses = t.parties[0].connection.witnesses
        assert witnesses.busy
        assert any(
            "asks" in note["text"] and url in note["text"] for note in notes(t.parties[0].member.home, "waiting")
        )


def test_the_only_node_leaves_out_an_event(make: Make, anvil: Any) -> None:
    """The receipts of its blocks convict it: nothing is shown, published or signed."""
    lie = Lie()
    with lying(anvil.url, lie.edit) as url:
        t = make(url)
        nodes = committed(t)
        assert [is_shown(t, index) for index in range(4)] == [False, True, True, True]
        assert 0 not in attested(t, nodes)
        home = t.parties[0].member.home
        (note,) = notes(home, "disproved")
        assert "is not that of its blocks" in note["text"]
        assert status_of(home)["log"]["same"] is False


def test_a_node_whose_blocks_cannot_be_proved_is_believed_and_told(make: Make, anvil: Any) -> None:
    def bare(asked: dict[str, Any], result: Any) -> Any:
        told = asked["method"] == "eth_getBlockByNumber" and result
        return {name: value for name, value in result.items() if name != "stateRoot"} if told else result

    with lying(anvil.url, lambda logs: logs, forge=bare) as url:
        t = make(url)
        nodes = committed(t)
        assert is_shown(t)
        assert 0 in attested(t, nodes, without=())
        (note,) = notes(t.parties[0].member.home, "unproved")
        assert "taken on its word" in note["text"]


class Hasty:
    """A node that shows each block under its hash, but with a time after the deadline once it `lies`; without
    `stateRoot` where it hides that its headers do not hash to their hashes.
    """

    def __init__(self, *, bare: bool) -> None:
        self._bare, self.lies = bare, 0

    def forge(self, asked: dict[str, Any], result: Any) -> Any:
        if asked["method"] != "eth_getBlockByNumber" or not result or not self.lies:
            return result
        false = result | {"timestamp": hex(self.lies)}
        return {name: value for name, value in false.items() if not (self._bare and name == "stateRoot")}


@pytest.mark.parametrize(
    ("bare", "lonely", "said"),
    [(False, True, ""), (True, False, "another time"), (True, True, "ahead of this machine's clock")],
    ids=["by the hash", "by the other node", "by the own clock"],
)
def test_a_node_that_shows_false_times_has_nothing_shown_early(
    make: Make, anvil: Any, monkeypatch: pytest.MonkeyPatch, bare: bool, lonely: bool, said: str
) -> None:
    lie = Hasty(bare=bare)
    with lying(anvil.url, lambda logs: logs, forge=lie.forge) as url:
        t = make(*((url,) if lonely else (url, anvil.url)))
        nodes = [node(party) for party in t.parties]
        drive(*nodes[:2])
        lie.lies = t.round.update_deadline + 1
        own = lie.lies - (60.0 if lonely else 0.0)  # where another node is asked, this machine's clock is as far ahead
        monkeypatch.setattr(t.parties[0].connection._clock, "_wall", lambda: own)
        t.consortium.client.rpc.call("evm_mine")
        for _ in range(3):
            look(nodes[0], refused=not bare)
        lie.lies = 0
        assert not is_shown(t)
        told = notes(t.parties[0].member.home, "disagreed", "failed")
        assert not bare or any(said in note["text"] for note in told)
        drive(*nodes)
        assert is_shown(t)


def look(one: Any, *, refused: bool) -> None:
    """A look and what it began; `refused` where what the node shows ends it."""
    if refused:
        with pytest.raises(Unavailable, match="does not hash to its hash"):
            one.look()
    else:
        one.look()
        one.settle(60)


def test_only_what_is_new_is_proved(make: Make, anvil: Any) -> None:
    """From where the last proof ended, also after a start; from further back where that block is gone."""
    t = make(anvil.url)
    first = t.parties[0].connection
    first.refresh()
    proof, asked = first.witnesses._own, []
    assert isinstance(proof, OwnLog)
    call = proof._client.rpc.batch_of
    proof._client.rpc.batch_of = lambda *arguments: asked.append(arguments) or call(*arguments)
    assert proof.says(first.point(*first.follower.tip)).same
    assert asked
    asked.clear()
    assert proof.says(first.point(*first.follower.tip)).same
    assert not asked
    t.pass_time(1)
    first.refresh()
    tip = first.follower.tip
    assert proof.says(first.point(*tip)).same
    assert not asked, "its header was read as it came"
    t.pass_time(1)
    t.pass_time(1)
    first.refresh()
    tip = first.follower.tip
    proof._client._headers.clear()  # as after a start
    assert proof.says(first.point(*tip)).same
    ((_, names),) = asked
    assert names == [(hex(tip.number - 1), False)], "the last one's was read when its hash was asked for"
    mark = json.loads((first.folder / "proved.json").read_text())
    (first.folder / "proved.json").write_text(json.dumps(mark | {"hash": "77" * 32, "number": tip.number - 1}))
    asked.clear()
    assert proof.says(first.point(*tip)).same
    assert len(asked[0][1]) > 1
