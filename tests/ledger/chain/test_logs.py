"""Logs come in pieces the node serves, become the records the contracts meant, or are refused by name."""

from enum import IntEnum
from itertools import pairwise
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.consortia.statements import MODEL_TERMS, RoundOnChain
from support.worlds.logged import log_of, logged

from ledger.chain.build import SOLIDITY_NAMES, committed
from ledger.chain.consortium_file import DEFAULT_RULES
from ledger.chain.logs import FIRST_PIECE, MANY, LogReader, PieceSize, snake
from ledger.chain.node import SURELY_AT_ONCE
from ledger.chain.rpc import AnswerTooLarge, RpcError
from ledger.errors import Malformed, Unavailable
from ledger.events import records
from ledger.formats.claims import commitment, unpack_openings
from ledger.formats.digest import checksum_address
from ledger.formats.head import leaf
from ledger.formats.member_name import NameWords
from ledger.http.trouble import Cause, Trouble


class Limited:
    """A node that serves at most so many blocks at once, and none past its head."""

    def __init__(self, rpc, blocks, error=None):
        self.rpc, self.blocks, self.asked = rpc, blocks, []
        self.error = error or RpcError("eth_getLogs", -32005, "requested range exceeds maximum range limit")
        self.url = rpc.url

    def call(self, method, *params):
        if method == "eth_getLogs":
            first, last = int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16)
            assert last <= int(self.rpc.call("eth_blockNumber"), 16)
            self.asked.append((first, last))
            if last - first + 1 > self.blocks:
                raise self.error
        return self.rpc.call(method, *params)


class Forged:
    """A node that changes its last log before it hands it on."""

    def __init__(self, rpc, **changes):
        self.rpc, self.changes, self.url = rpc, changes, rpc.url

    def call(self, method, *params):
        logs = self.rpc.call(method, *params)
        logs[-1] = logs[-1] | {k: v(logs[-1][k]) if callable(v) else v for k, v in self.changes.items()}
        return logs


def events_of(consortium, rpc=None):
    client = consortium.client
    reader = LogReader(rpc or client.rpc, client.addresses)
    first = consortium.network.founding.block
    return [event for piece in reader.read(first, client.latest().number) for event in piece.events]


def test_every_event_of_a_life_becomes_its_record(consortium):
    job = consortium.open_job(terms=(3, 600, 600, 600, 600, 2), digest=b"\x22" * 32)
    members = consortium.members
    consortium.send(3, "consortium", "announce", "http://gateway.example:1")
    round_ = RoundOnChain(consortium, job).open()
    for index in range(4):
        round_.commit(index, weight=10 + index, root=bytes([index]) * 32)
    good = round_.show().publish(0, MODEL_TERMS[0], bytes([0, 0, 7, 0]))
    round_.agree(1, b"x" * 32, form=1)
    round_.agree(2, good)
    receipt = round_.agree(3, good)
    events = events_of(consortium)
    assert [type(event).__name__ for event in events] == (
        ["MemberAdmitted"] * 4
        + ["RulesChanged"]
        + ["JobProposed", "JobApproved", "JobApproved", "JobApproved", "JobOpened", "Announced", "RoundOpened"]
        + ["UpdateCommitted"] * 4
        + ["UpdatesOpened", "AggregatePublished", "Attested", "Attested", "Attested", "RoundFinalised"]
    )
    assert [event.key for event in events[:4]] == [member.address for member in members]
    assert events[4].rules == DEFAULT_RULES
    proposed = events[5]
    assert proposed.terms == records.Terms(3, 600, 600, 600, 600, 2)
    assert proposed.model == records.ModelTerms(*MODEL_TERMS)
    assert (proposed.digest, proposed.proposer) == (b"\x22" * 32, members[0].address)
    assert (events[10].index, events[10].gateway) == (3, "http://gateway.example:1")
    assert (events[14].party, events[14].commitment) == (
        members[2].address,
        commitment(round_.name, round_.openings[2]),
    )
    assert unpack_openings(events[16].openings) == round_.openings
    published = events[17]
    assert (published.aggregate, published.attempt) == (round_.said, 1)
    assert [event.form for event in events[18:21]] == [records.Form.OTHER, records.Form.AGREE, records.Form.AGREE]
    final = events[-1]
    assert (final.tx, final.block, final.root) == (receipt.tx, receipt.block, b"R" * 32)
    assert all((a.block, a.log) < (b.block, b.log) for a, b in pairwise(events))
    assert [logged(event, consortium.client.addresses) for event in events] == events


def test_the_reason_of_an_abandoned_round_is_its_word(consortium):
    job = consortium.open_job(terms=(1, 10, 10, 10, 10, 1))
    consortium.send(0, "ledger", "openRound", job)
    consortium.pass_time(60)
    consortium.send(1, "ledger", "advance", job, 1)
    assert events_of(consortium)[-1].reason is records.Reason.TOO_FEW_UPDATES


class Empty:
    """A node with many blocks and no logs, which serves at most so many blocks at once."""

    url = "nowhere"

    def __init__(self, blocks):
        self.blocks, self.asked = blocks, []

    def call(self, _method, place):
        self.asked.append(int(place["toBlock"], 16) - int(place["fromBlock"], 16) + 1)
        if self.asked[-1] > self.blocks:
            raise RpcError("eth_getLogs", -32005, "query exceeds max block range 5000")
        return []


@pytest.mark.parametrize("limit", [1, 7])
@pytest.mark.parametrize("error", [None, AnswerTooLarge("too much")])
def test_pieces_shrink_to_what_the_node_serves(consortium, limit, error):
    consortium.client.rpc.call("anvil_mine", hex(50))
    consortium.send(0, "consortium", "announce", "here")
    rpc = Limited(consortium.client.rpc, limit, error)
    assert events_of(consortium, rpc) == events_of(consortium)
    served = [(first, last) for first, last in rpc.asked if last - first < limit]
    assert served[0][0] == consortium.network.founding.block
    assert all(after[0] == before[1] + 1 for before, after in pairwise(served))  # no gap, nothing twice
    assert len(rpc.asked) - len(served) <= 14  # it learns: refusals do not go on


def test_pieces_grow_where_the_node_serves_them():
    node = Empty(1 << 30)
    pieces = list(LogReader(node, {}).read(10, 1_000_000))
    assert node.asked[:4] == [2_000, 4_000, 8_000, 16_000]
    assert (pieces[0].first, pieces[-1].last) == (10, 1_000_000)


def test_pieces_come_to_rest_at_a_limit():
    """Besu's, of 5,000 blocks: found by one refusal, and tried again more and more seldom."""
    node = Empty(5_000)
    list(LogReader(node, {}).read(0, 999_999))
    refused = [place for place, size in enumerate(node.asked) if size > 5_000]
    assert [later - earlier for earlier, later in pairwise(refused)] == [5, 9, 17, 33, 65, 65]
    assert len(node.asked) < 260


@pytest.mark.parametrize("hiccups", [1, 3, 11])
def test_pieces_grow_again_after_a_node_refused_for_a_while(hiccups):
    class Hiccup(Empty):
        def call(self, method, place):
            if len(self.asked) < hiccups:
                self.asked.append(0)
                raise RpcError("eth_getLogs", -32000, "internal error")
            return super().call(method, place)

    node = Hiccup(1 << 30)
    reader = LogReader(node, {})
    while True:
        try:
            pieces = list(reader.read(0, 99_999))
            break
        except RpcError:  # at one block nothing is left to halve
            continue
    assert (pieces[0].first, pieces[-1].last) == (0, 99_999)
    assert len(node.asked) < 100
    assert max(node.asked) >= 2_000


def test_a_node_that_was_asked_too_often_is_not_asked_for_less():
    class Limits(Empty):
        def call(self, method, place):
            super().call(method, place)
            raise RpcError("eth_getLogs", -32005, "daily request count exceeded, request rate limited")

    node = Limits(1 << 30)
    reader = LogReader(node, {})
    for _ in range(3):
        with pytest.raises(RpcError, match="rate limited"):
            list(reader.read(0, 99_999))
    assert node.asked == [2_000] * 3


@pytest.mark.parametrize(
    ("code", "text", "is_of_rate"),
    [
        (429, "Your app has exceeded its compute units per second capacity.", True),
        (-32005, "daily request count exceeded, request rate limited", True),
        (-32005, "project ID request rate exceeded", True),
        (-32016, "rate limit exceeded", True),
        (-32000, "Too many requests, reason: call rate limit exhausted, retry in 10s", True),
        (-32007, "50/second request limit reached - reduce calls per second", True),
        (-32005, "limit exceeded", True),
        (-32005, "query returned more than 10000 results", False),
        (-32005, "requested range exceeds maximum range limit", False),
        (-32602, "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range", False),
        (-32000, "exceed maximum block range: 5000", False),
        (-32614, "eth_getLogs is limited to a 10,000 range", False),
        (-32600, "Block range limit exceeded. See more details at our docs", False),
        (-32000, "query timeout exceeded", False),
        (-32602, "block range is too wide", False),
        (-32000, "backend response too large", False),
        (3, "execution reverted", False),
        (-32000, "nonce too low", False),
    ],
)
def test_refusals_of_rate_are_told_from_those_of_size(code, text, is_of_rate):
    assert RpcError("eth_getLogs", code, text).is_of_rate == is_of_rate


def test_a_node_that_serves_no_block_is_unavailable(consortium):
    with pytest.raises(Unavailable, match="maximum range"):
        events_of(consortium, Limited(consortium.client.rpc, 0))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"topics": ["0x" + "ab" * 32]}, "no such event"),
        ({"topics": []}, "no such event"),
        ({"topics": lambda topics: topics[:-1]}, "topics"),
        ({"topics": lambda topics: [topics[0], "0x" + "ff" * 32, *topics[2:]]}, "more than 8 bits"),
        ({"topics": lambda topics: [topics[0], "0xzz"]}, "hex"),
        ({"address": "0x" + "12" * 20}, "another contract"),
        ({"removed": True}, "removed"),
        ({"data": lambda data: data[:-64]}, "data"),
        ({"data": "0x"}, "data"),
        ({"blockNumber": "0x0"}, "asked for were"),
        ({"transactionHash": "0x12"}, "not 32 bytes"),
        ({"blockHash": "0x12"}, "not 32 bytes"),
        ({"blockHash": "0xno"}, "hex"),
        ({"blockNumber": "-0x1"}, "impossible (block|log)"),
        ({"logIndex": hex(1 << 63)}, "(place in the block|not a quantity)"),
        ({"logIndex": "-0x1"}, "(place in the block|not a quantity)"),
    ],
)
def test_a_log_that_cannot_be_is_named(consortium, changes, words):
    consortium.send(0, "consortium", "announce", "here")
    with pytest.raises(Malformed, match=words) as caught:
        events_of(consortium, Forged(consortium.client.rpc, **changes))
    assert set(caught.value.facts) == {"transaction", "log_index"}


def test_a_piece_of_many_logs_is_not_followed_by_a_longer_one():
    size = PieceSize()
    size.serve(size.blocks, MANY)
    assert size.blocks == FIRST_PIECE
    size.serve(size.blocks, MANY - 1)
    assert size.blocks == 2 * FIRST_PIECE


def test_blocks_are_read_by_their_hashes_as_by_their_numbers(consortium):
    consortium.send(0, "consortium", "announce", "here")
    consortium.send(1, "consortium", "announce", "there")
    client, last = consortium.client, consortium.client.latest().number
    blocks = [(one.number, one.hash) for one in client.blocks(range(last - 1, last + 1))]
    (by_number,) = client.read(last - 1, last)
    assert client.read_blocks(blocks) == by_number
    assert client.read_blocks(blocks[1:]).events == by_number.events[1:]
    assert client.read_blocks([(last, b"\x07" * 32)]) is None, "no such block"


@pytest.fixture
def between(consortium):
    """A client, a block, and the latest one: three blocks later, of which the second has no log of ours."""
    client = consortium.client
    consortium.send(0, "consortium", "announce", "here")
    tip = client.latest()
    consortium.send(1, "consortium", "announce", "there")
    consortium.pass_time(1)
    consortium.send(2, "consortium", "announce", "everywhere")
    head = client.latest()
    assert head.number > tip.number + 2
    return client, (tip.number, tip.hash), head


def test_blocks_are_read_with_their_headers_as_by_their_numbers(between):
    client, tip, head = between
    (by_number,) = client.read(tip[0] + 1, head.number)
    found = client.read_between(tip, head)
    assert found == by_number
    assert len(found.events) == 2


def answering(client, monkeypatch, change):
    """The node's answer to several calls is changed before it is heard."""
    batch, asked = client.rpc.batch, []

    def changed(calls):
        asked.append(wanted := list(calls))
        return change(batch(wanted))

    monkeypatch.setattr(client.rpc, "batch", changed)
    return asked


UNLED = {
    "a log left out": lambda said: [*said[:-1], said[-1][1:]],
    "no logs": lambda said: [*said[:-1], []],
    "a log of another block of that number": lambda said: [
        *said[:-1],
        [said[-1][0] | {"blockHash": "0x" + "12" * 32}, *said[-1][1:]],
    ],
    "a log of a block that was not asked for": lambda said: [
        *said[:-1],
        [said[-1][0] | {"blockNumber": "0x0"}, *said[-1][1:]],
    ],
    "no logs by numbers": lambda said: [*said[:-1], RpcError("eth_getLogs", -32601, "no such method")],
    "a block that is not there": lambda said: [None, *said[1:]],
    "blocks in another order": lambda said: [said[1], said[0], *said[2:]],
    "a header that was changed": lambda said: [said[0] | {"logsBloom": "0x" + "00" * 256}, *said[1:]],
}


@pytest.mark.parametrize("name", UNLED)
def test_what_does_not_lead_to_the_head_or_may_not_be_all_is_not_taken(between, monkeypatch, name):
    """As where the chain was reorganised between headers and logs: these are then asked for by their blocks' hashes."""
    client, tip, head = between
    answering(client, monkeypatch, UNLED[name])
    assert client.read_between(tip, head) is None


def test_what_leads_from_another_block_is_not_taken(between):
    client, tip, head = between
    assert client.read_between((tip[0], b"\x07" * 32), head) is None
    assert client.read_between(tip, head._replace(hash=b"\x07" * 32)) is None


def test_impossible_logs_between_two_blocks_are_named(between, monkeypatch):
    client, tip, head = between
    answering(client, monkeypatch, lambda said: [*said[:-1], [said[-1][0] | {"blockNumber": "five"}]])
    with pytest.raises(Malformed, match="name no blocks"):
        client.read_between(tip, head)


TOO_OFTEN = {
    "in JSON-RPC": RpcError("eth_getLogs", 429, "too many requests"),
    "by HTTP": Trouble(Cause.BUSY, "the chain's node was asked too often: status 429"),
}
"""What comes of a node that was asked too often, once it was waited for."""


@pytest.mark.parametrize("refusal", TOO_OFTEN.values(), ids=TOO_OFTEN)
def test_a_node_that_was_asked_too_often_is_not_asked_in_another_way_at_once(between, monkeypatch, refusal):
    client, tip, head = between
    asked = []

    def refuse(*wanted):
        asked.append(wanted)
        raise refusal

    monkeypatch.setattr(client.rpc, "batch", refuse)
    monkeypatch.setattr(client.rpc, "call", refuse)
    ways = [
        lambda: client.read_between(tip, head),
        lambda: client.read_blocks([tip]),
        lambda: client.read_blocks([tip, (head.number, head.hash)]),
        lambda: client.blocks(range(tip[0], head.number)),
    ]
    for way in ways:
        with pytest.raises(type(refusal)):
            way()
    assert len(asked) == len(ways)


@pytest.mark.parametrize("refusal", TOO_OFTEN.values(), ids=TOO_OFTEN)
def test_a_node_that_counts_calls_is_asked_for_fewer_blocks_at_a_time(between, monkeypatch, refusal):
    client, tip, _ = between
    for _ in range(SURELY_AT_ONCE):
        client.rpc.call("evm_mine")
    head = client.latest()

    def refuse(said):
        raise refusal

    asked = answering(client, monkeypatch, refuse)
    assert [client.read_between(tip, head) for _ in range(3)] == [None] * 3
    assert len(asked) == 1


def test_a_log_that_comes_twice_is_named(between, monkeypatch):
    client, tip, head = between
    answering(client, monkeypatch, lambda said: [*said[:-1], [*said[-1], said[-1][0]]])
    with pytest.raises(Malformed, match="two logs for one place"):
        client.read_between(tip, head)


def test_a_chain_whose_headers_are_not_known_here_is_asked_once(between, monkeypatch):
    """Its headers have a field of a later fork, so nothing says that their filters are the blocks'."""
    client, tip, head = between
    later = {"ofALaterFork": "0x01"}
    asked = answering(
        client,
        monkeypatch,
        lambda said: [*[one | later | {"mixHash": "0x" + "12" * 32} for one in said[:-1]], said[-1]],
    )
    assert [client.read_between(tip, head) for _ in range(3)] == [None] * 3
    assert len(asked) == 1


def test_a_node_without_batches_is_asked_one_by_one(between, monkeypatch):
    client, tip, head = between

    def refuse(said):
        raise Unavailable("no batches")

    answering(client, monkeypatch, refuse)
    assert client.read_between(tip, head) is None
    assert [one.number for one in client.blocks(range(tip[0] + 1, head.number + 1))][-1] == head.number


def test_a_node_that_passes_over_block_hashes_is_asked_by_numbers(consortium):
    """It answers with its latest block's logs, whichever block was asked for: nothing of that is believed."""
    consortium.send(0, "consortium", "announce", "here")
    consortium.send(0, "consortium", "announce", "there")
    client, asked = consortium.client, []
    last = client.latest().number

    class Careless:
        url = client.rpc.url

        def batch_of(self, method, calls):
            asked.append(method)
            return [client.rpc.call(method, {"fromBlock": "latest", "address": place["address"]}) for (place,) in calls]

        def call(self, method, place):
            return client.rpc.call(method, place)

    reader = LogReader(Careless(), client.addresses)
    blocks = [(one.number, one.hash) for one in client.blocks(range(last - 1, last + 1))]
    assert [reader.read_blocks(blocks) for _ in range(3)] == [None] * 3
    assert asked == ["eth_getLogs"]
    assert list(reader.read(last - 1, last)) == list(client.read(last - 1, last))


def test_a_log_of_another_block_than_was_asked_for_is_not_taken(consortium):
    consortium.send(0, "consortium", "announce", "here")
    head = consortium.client.latest()
    for changes in ({"blockHash": "0x" + "12" * 32}, {"blockNumber": "0x0"}):
        reader = LogReader(Forged(consortium.client.rpc, **changes), consortium.client.addresses)
        assert reader.read_blocks([(head.number, head.hash)]) is None
    for changes in ({"blockHash": "0xno"}, {"blockNumber": "five"}):
        reader = LogReader(Forged(consortium.client.rpc, **changes), consortium.client.addresses)
        with pytest.raises(Malformed, match="impossible log"):
            reader.read_blocks([(head.number, head.hash)])


def test_a_node_that_knows_no_block_hashes_is_asked_for_them_once(consortium):
    asked = []

    class Older:
        def call(self, method, place):
            asked.append(place)
            raise RpcError(method, -32602, "invalid params: unknown field blockHash")

    reader = LogReader(Older(), consortium.client.addresses)
    assert [reader.read_blocks([(5, b"\x05" * 32)]) for _ in range(3)] == [None] * 3
    assert len(asked) == 1


def test_what_is_not_a_log_is_malformed(consortium):
    with pytest.raises(Malformed, match="not logs"):
        events_of(consortium, Forged(consortium.client.rpc, data=None))


def test_a_member_cannot_make_the_ledger_unreadable(consortium):
    """The contract takes any bytes for a gateway's address; bytes that are not UTF-8 must not stop a reader."""
    receipt = consortium.send(1, "consortium", "announce", "http://caf\u00e9")
    data = consortium.client.rpc.call("eth_getTransactionByHash", "0x" + receipt.tx.hex())["input"]
    sender = consortium.sender(1)
    sender._transactor.send(consortium.network.contracts.consortium.address, data.replace("c3a9", "ffff"))
    assert [event.gateway for event in events_of(consortium)[-2:]] == ["http://café", "http://caf\ufffd\ufffd"]


def test_every_event_of_the_abi_has_a_record_and_the_other_way_round():
    names = {e["name"] for name in SOLIDITY_NAMES for e in committed(name).abi if e["type"] == "event"}
    assert names == {kind.__name__ for kind in records.EVENTS}


ADDRESSES = {name: checksum_address(bytes([place]) * 20) for place, name in enumerate(SOLIDITY_NAMES)}


WORDS = {
    "uint8": st.integers(0, (1 << 8) - 1),
    "uint16": st.integers(0, (1 << 16) - 1),
    "uint32": st.integers(0, (1 << 32) - 1),
    "uint40": st.integers(0, (1 << 40) - 1),
    "uint64": st.integers(0, (1 << 64) - 1),
    "uint256": st.integers(0, (1 << 256) - 1),
    "int32": st.integers(-(1 << 31), (1 << 31) - 1),
    "int256": st.integers(-(1 << 255), (1 << 255) - 1),
    "bool": st.booleans(),
    "bytes32": st.binary(min_size=32, max_size=32),
    "bytes28": st.binary(min_size=28, max_size=28),
    "bytes32[2]": st.tuples(*[st.binary(min_size=32, max_size=32)] * 2).map(lambda words: NameWords(*words)),
    "address": st.binary(min_size=20, max_size=20).map(checksum_address),
    "bytes": st.binary(max_size=100),
    "string": st.text(max_size=40),
}


def strategy(field, kind):
    """Any value of an event's field."""
    if isinstance(kind, type) and issubclass(kind, IntEnum):
        return st.sampled_from(kind)
    if field["type"] == "tuple":
        types = {part.name: part.type for part in msgspec.structs.fields(kind)}
        parts = [strategy(part, types[snake(part["name"])]) for part in field["components"]]
        return st.tuples(*parts).map(lambda made: kind(*made))
    return WORDS[field["type"]]


@st.composite
def any_event(draw):
    contract = draw(st.sampled_from(list(SOLIDITY_NAMES)))
    entries = [entry for entry in committed(contract).abi if entry["type"] == "event"]
    entry = draw(st.sampled_from(entries))
    kind = getattr(records, entry["name"])
    types = {field.name: field.type for field in msgspec.structs.fields(kind)}
    fields = {snake(f["name"]): draw(strategy(f, types[snake(f["name"])])) for f in entry["inputs"]}
    place = {"block": draw(st.integers(0, 1 << 40)), "log": draw(st.integers(0, 999)), "tx": draw(WORDS["bytes32"])}
    return logged(kind(**place, leaf=b"", **fields), ADDRESSES)


@given(any_event())
def test_an_event_is_read_from_its_log_with_its_leaf(event):
    log = log_of(event, ADDRESSES)
    raw = {
        "address": "0x" + log.contract.hex(),
        "topics": ["0x" + topic.hex() for topic in log.topics],
        "data": "0x" + log.data.hex(),
        "blockNumber": hex(event.block),
        "blockHash": "0x" + "00" * 32,
        "transactionHash": "0x" + event.tx.hex(),
        "logIndex": hex(event.log),
    }
    node = SimpleNamespace(url="memory", call=lambda *_: [raw])
    (piece,) = LogReader(node, ADDRESSES).read(event.block, event.block)
    assert piece.events == [event]
    assert event.leaf == leaf(log)


def test_a_node_that_counts_fewer_calls_than_any_is_read_in_halves(between, monkeypatch):
    """Ten calls a second, say: to ask again for sixteen together would be refused for as long as no block is made."""
    client, tip, head = between
    together = client.rpc._batch

    def counted(calls):
        if len(calls) > 1:
            raise TOO_OFTEN["by HTTP"]
        return together(calls)

    monkeypatch.setattr(client.rpc, "_batch", counted)
    monkeypatch.setattr(client.rpc, "_patience", 0.0)
    with pytest.raises(Trouble):
        client.read_between(tip, head)
    assert len(client.read_between(tip, head).events) == 2
