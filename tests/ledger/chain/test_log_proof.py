"""Logs held against the receipts of their blocks, on a real chain: one test for each lie that a node may tell."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from support.consortia.statements import MODEL_TERMS, RoundOnChain

from demo.lying_node import lying
from ledger.chain import node, rlp
from ledger.chain.client import Client
from ledger.chain.proofs import log_proof
from ledger.chain.proofs.header_chain import BlockAt
from ledger.chain.proofs.log_proof import Held, LogProof, Refused, Unknown
from ledger.chain.proofs.trie import EMPTY
from ledger.chain.rpc import AnswerTooLarge
from ledger.events.event import Event
from ledger.formats.digest import keccak

VERDICTS = bytes(4)
BLOCKS, RECEIPTS, ONE_RECEIPT = "eth_getBlockByNumber", "eth_getBlockReceipts", "eth_getTransactionReceipt"

Edit = Callable[[list[Any]], list[Any]]


@pytest.fixture
def played(found: Any) -> Any:
    """A consortium whose first round is final."""
    made = found()
    made.open_job()
    RoundOnChain(made).finalise(MODEL_TERMS[0], VERDICTS)
    made.pass_time(1)
    return made


def places(consortium: Any) -> tuple[BlockAt, BlockAt]:
    """The block before the founding, and the latest."""
    founding, latest = consortium.network.founding.block, consortium.client.latest()
    return BlockAt(founding - 1, b""), BlockAt(latest.number, latest.hash)


def records(consortium: Any) -> list[Event]:
    before, last = places(consortium)
    return [event for piece in consortium.client.read(before.number + 1, last.number) for event in piece.events]


def held_at(consortium: Any, told: list[Event], **lies: Any) -> Held | Refused | Unknown:
    """What comes of these records at a node that tells such lies."""
    network = consortium.network
    with (
        lying(network.chain.rpc, list, **lies) as url,
        Client.connect(replace(network, chain=replace(network.chain, rpc=url))) as client,
    ):
        return LogProof(client).hold(*places(consortium), told)


def forged(method: str, edit: Callable[[Any], Any], when: Callable[[Any], bool] = bool) -> Callable[[Any, Any], Any]:
    """Answers a method otherwise, where `when` holds of what was asked."""

    def forge(asked: dict[str, Any], result: Any) -> Any:
        return edit(result) if asked["method"] == method and result and when(asked["params"]) else result

    return forge


def altered(told: list[Event]) -> list[Event]:
    """The last one says something else."""
    return [*told[:-1], replace(told[-1], leaf=keccak(told[-1].leaf))]


def moved(told: list[Event]) -> list[Event]:
    """The last one is in a later place of its block."""
    return [*told[:-1], replace(told[-1], log=told[-1].log + 1)]


def invented(told: list[Event]) -> list[Event]:
    """One more in the last block that has any."""
    return [*told, replace(told[-1], log=told[-1].log + 1)]


def invented_where_none_is(told: list[Event]) -> list[Event]:
    """One in a block whose bloom filter rules it out."""
    return [*told, replace(told[-1], block=told[-1].block + 1, log=0)]


def test_honest_logs_hold_with_and_without_receipts_by_block(played: Any) -> None:
    told = records(played)
    last = played.client.latest().number
    assert LogProof(played.client).hold(*places(played), told) == Held(last, len(told))
    assert held_at(played, told, refuse=(RECEIPTS,)) == Held(last, len(told))


@pytest.mark.parametrize(
    ("at_once", "gas", "requests"),
    [(log_proof.BLOCKS_AT_ONCE, log_proof.GAS_AT_ONCE, 3), (1, log_proof.GAS_AT_ONCE, 14), (16, 1, 14)],
    ids=["small blocks together", "one at a time", "large blocks alone"],
)
def test_small_blocks_with_logs_of_ours_are_asked_for_together(
    played: Any, monkeypatch: pytest.MonkeyPatch, at_once: int, gas: int, requests: int
) -> None:
    """And one request more for the headers of all blocks."""
    monkeypatch.setattr(log_proof, "BLOCKS_AT_ONCE", at_once)
    monkeypatch.setattr(log_proof, "GAS_AT_ONCE", gas)
    told, (before, last), asked = records(played), places(played), list[bytes]()
    exchange = played.client.rpc._exchange
    monkeypatch.setattr(played.client.rpc, "_exchange", lambda body: asked.append(body) or exchange(body))
    assert isinstance(LogProof(played.client).hold(before, last, told), Held)
    assert last.number - before.number <= 64
    assert len({one.block for one in told}) == 14
    assert len(asked) == 1 + requests


def test_where_several_blocks_are_too_much_each_is_asked_for(played: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told, batch = records(played), played.client.rpc.batch

    def few(calls: Any) -> Any:
        wanted = list(calls)
        if len(wanted) > 2:
            raise AnswerTooLarge("too much")
        return batch(wanted)

    monkeypatch.setattr(played.client.rpc, "batch", lambda calls: batch(calls) if _of_headers(calls) else few(calls))
    assert LogProof(played.client).hold(*places(played), told) == Held(played.client.latest().number, len(told))


def _of_headers(calls: Any) -> bool:
    return all(call[0] == "eth_getBlockByNumber" and call[2] is False for call in calls)


def test_a_range_is_proved_piece_by_piece_and_looks_at_nothing_else(played: Any) -> None:
    proof, told = LogProof(played.client), records(played)
    before, last = places(played)
    middle = played.client.block((before.number + last.number) // 2)
    place = BlockAt(middle.number, middle.hash)
    first, second = proof.hold(before, place, told), proof.hold(place, last, told)
    assert isinstance(first, Held) and isinstance(second, Held)
    assert (first.logs + second.logs, second.block) == (len(told), last.number)
    assert proof.hold(last, last, told) == Held(last.number, 0)


def test_headers_that_the_client_has_read_are_not_asked_for_again(played: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash has one header. Those without a gap up to the last count, and must lead to the block before, too."""
    told, (before, last) = records(played), places(played)
    middle, asked, batch_of = (before.number + last.number) // 2, list[str](), played.client.rpc.batch_of
    client = Client(played.network, played.client.rpc)

    def counted(method: str, calls: Any) -> Any:
        wanted = list(calls)
        asked.extend(call[0] for call in wanted if method == BLOCKS)
        return batch_of(method, wanted)

    monkeypatch.setattr(client.rpc, "batch_of", counted)
    client.blocks([before.number + 1])
    client.blocks(range(middle, last.number + 1))
    assert LogProof(client).hold(before, last, told) == Held(last.number, len(told))
    assert asked == [hex(number) for number in range(before.number + 1, middle)]
    asked.clear()
    client.blocks(range(before.number + 1, last.number + 1))
    assert LogProof(client).hold(before, last, told) == Held(last.number, len(told))
    assert isinstance(LogProof(client).hold(BlockAt(before.number, bytes(32)), last, told), Refused)
    assert isinstance(LogProof(client).hold(before, last, told[:-1]), Refused)
    assert asked == []


def test_of_headers_the_latest_are_kept(played: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "KEPT", 2)
    client = Client(played.network, played.client.rpc)
    shown = [one for one in client.blocks(range(6)) if one is not None]
    assert [number for number, one in enumerate(shown) if client.header(one.hash) is not None] == [3, 4, 5]


@pytest.mark.parametrize("lie", [lambda told: told[:-1], lambda told: told[1:], altered, moved, invented])
def test_hidden_invented_altered_and_moved_logs_are_refused(played: Any, lie: Edit) -> None:
    found = LogProof(played.client).hold(*places(played), lie(records(played)))
    assert isinstance(found, Refused) and "log" in found.why


def test_a_log_in_a_block_whose_filter_rules_it_out_is_refused_without_receipts(played: Any) -> None:
    found = held_at(played, invented_where_none_is(records(played)), refuse=())
    assert isinstance(found, Refused) and "its receipts hold 0" in found.why


def with_other_data(receipt: Any) -> Any:
    return receipt | {"logs": [one | {"data": one["data"] + "00"} for one in receipt["logs"]]}


RECEIPT_LIES: dict[str, Callable[[list[Any]], list[Any]]] = {
    "a log left out": lambda shown: [one | {"logs": one["logs"][1:]} for one in shown],
    "other data": lambda shown: [with_other_data(one) for one in shown],
    "another status": lambda shown: [one | {"status": "0x0"} for one in shown],
    "another type": lambda shown: [one | {"type": "0x0"} for one in shown],
    "other gas": lambda shown: [one | {"cumulativeGasUsed": "0x7"} for one in shown],
    "another bloom": lambda shown: [one | {"logsBloom": "0x" + "00" * 256} for one in shown],
}


@pytest.mark.parametrize("name", RECEIPT_LIES)
def test_receipts_that_are_not_under_the_headers_root_are_refused(played: Any, name: str) -> None:
    found = held_at(played, records(played), forge=forged(RECEIPTS, RECEIPT_LIES[name]))
    assert isinstance(found, Refused) and "receipts shown are not the block's" in found.why


UNREADABLE: dict[str, Callable[[list[Any]], Any]] = {
    "none": lambda shown: [],
    "one too many": lambda shown: shown * 2,
    "not a list": lambda shown: {"receipts": shown},
    "null": lambda shown: [None for _ in shown],
    "an unknown type": lambda shown: [one | {"type": "0x7e"} for one in shown],
    "no status": lambda shown: [{name: one[name] for name in one if name != "status"} for one in shown],
    "a signed number": lambda shown: [one | {"cumulativeGasUsed": "-0x7"} for one in shown],
    "a number": lambda shown: [one | {"cumulativeGasUsed": 7} for one in shown],
    "half a byte": lambda shown: [one | {"logsBloom": one["logsBloom"] + "0"} for one in shown],
    "many topics": lambda shown: [
        one | {"logs": [x | {"topics": x["topics"] * 5} for x in one["logs"]]} for one in shown
    ],
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_receipts_that_cannot_be_read_are_nobodys_fault(played: Any, name: str) -> None:
    found = held_at(played, records(played), forge=forged(RECEIPTS, UNREADABLE[name]))
    assert isinstance(found, Unknown)


def test_a_node_without_receipts_leaves_it_open(played: Any) -> None:
    told = records(played)
    assert isinstance(held_at(played, told, refuse=(RECEIPTS, ONE_RECEIPT)), Unknown)
    pruned = held_at(played, told, refuse=(RECEIPTS,), forge=forged(ONE_RECEIPT, lambda shown: None))
    assert isinstance(pruned, Unknown)


def test_receipts_of_a_block_that_is_too_large_for_one_answer_are_asked_for_in_parts(
    played: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else who fills one block with logs would end the proof of all that follow."""
    two_in_a_block(played)
    told, rpc = records(played), played.client.rpc
    call, batch, batch_of, parts = rpc.call, rpc.batch, rpc.batch_of, []

    def refusing(method: str, *arguments: Any) -> Any:
        if method == RECEIPTS:
            raise AnswerTooLarge("too large")
        return call(method, *arguments)

    def refusing_any(calls: list[Any]) -> Any:
        if any(method == RECEIPTS for method, *_ in calls):
            raise AnswerTooLarge("too large")
        return batch(calls)

    def one_at_most(method: str, calls: list[Any]) -> Any:
        if method == ONE_RECEIPT and len(calls) > 1:
            raise AnswerTooLarge("too large")
        parts.append(method)
        return batch_of(method, calls)

    monkeypatch.setattr(rpc, "call", refusing)
    monkeypatch.setattr(rpc, "batch", refusing_any)
    monkeypatch.setattr(rpc, "batch_of", one_at_most)
    assert isinstance(LogProof(played.client).hold(*places(played), told), Held)
    assert parts.count(ONE_RECEIPT) > 1


def test_receipts_in_another_order_are_refused(played: Any) -> None:
    """Two transactions of one block."""
    sealed = two_in_a_block(played)
    assert len(sealed) == 2
    told = records(played)
    assert isinstance(held_at(played, told), Held)
    found = held_at(played, told, forge=forged(RECEIPTS, lambda shown: shown[::-1]))
    assert isinstance(found, Refused) and "receipts shown are not the block's" in found.why


def two_in_a_block(consortium: Any) -> list[str]:
    """Two members' transactions, sealed together; the hashes of the block's."""
    from threading import Thread

    rpc, digest = consortium.client.rpc, b"\x22" * 32
    arguments = ("ledger", "proposeJob", digest, (3, 600, 600, 600, 600, 2, 0, 0, 0, 0), tuple(MODEL_TERMS))
    rpc.call("evm_setAutomine", False)
    try:
        threads = [Thread(target=consortium.send, args=(index, *arguments)) for index in (0, 1)]
        for thread in threads:
            thread.start()
        while int(rpc.call("eth_getBlockTransactionCountByNumber", "pending"), 16) < len(threads):
            threads[0].join(0.05)
        rpc.call("evm_mine")
        for thread in threads:
            thread.join()
    finally:
        rpc.call("evm_setAutomine", True)
    return list(rpc.call(BLOCKS, "latest", False)["transactions"])


def test_transactions_under_another_root_are_refused_and_unknown_ones_left_open(played: Any) -> None:
    told = records(played)

    def shown(**other: str) -> Callable[[Any], Any]:
        return lambda block: block | {"transactions": [one | other for one in block["transactions"]]}

    false = held_at(played, told, forge=forged(BLOCKS, shown(gas="0x7"), lambda params: params[1] is True))
    assert isinstance(false, Refused) and "transactions shown are not the block's" in false.why
    exotic = held_at(played, told, forge=forged(BLOCKS, shown(type="0x7e"), lambda params: params[1] is True))
    assert isinstance(exotic, Unknown)
    none = held_at(played, told, forge=forged(BLOCKS, lambda block: block | {"transactions": None}, lambda p: p[1]))
    assert isinstance(none, Unknown)


def rehashed(block: Any, **other: str) -> Any:
    """The block as shown with other fields, and the hash that follows."""
    from ledger.chain.headers import FIRST, LATER, _field

    shown = block | other
    fields = [_field(name, shown[name]) for name in (*FIRST, *(name for name in LATER if name in shown))]
    return shown | {"hash": "0x" + keccak(rlp.encode(fields)).hex()}


def test_a_header_with_another_receipts_root_breaks_the_chain_of_parents(played: Any) -> None:
    """It hides the block's logs, and rules them out by its filter."""
    told = records(played)
    block = told[-1].block
    other = {"receiptsRoot": "0x" + EMPTY.hex(), "logsBloom": "0x" + "00" * 256}

    def at(params: Any) -> bool:
        return bool(params[0] == hex(block))

    hidden = [one for one in told if one.block != block]
    found = held_at(played, hidden, forge=forged(BLOCKS, lambda shown: rehashed(shown, **other), at))
    assert isinstance(found, Refused) and "do not follow one another" in found.why
    plain = held_at(played, hidden, forge=forged(BLOCKS, lambda shown: shown | other, at))
    assert isinstance(plain, Unknown) and f"block {block}" in plain.why


@pytest.mark.parametrize("answer", [lambda shown: None, lambda shown: 7, lambda shown: shown | {"number": "0x1"}])
def test_what_is_not_the_block_asked_for_is_not_proved(played: Any, answer: Any) -> None:
    told = records(played)
    found = held_at(played, told, forge=forged(BLOCKS, answer, lambda params: params[0] == hex(told[-1].block)))
    assert not isinstance(found, Held)


def test_another_last_block_is_a_reorganisation_and_nobodys_lie(played: Any) -> None:
    before, last = places(played)
    found = LogProof(played.client).hold(before, BlockAt(last.number, bytes(32)), records(played))
    assert isinstance(found, Unknown) and "reorganised" in found.why
    wrong = LogProof(played.client).hold(BlockAt(before.number, bytes(32)), last, records(played))
    assert isinstance(wrong, Refused)


def test_one_request_has_no_more_calls_than_nodes_take() -> None:
    assert 2 * log_proof.BLOCKS_AT_ONCE <= 100
    assert node.AT_ONCE + 1 <= 100
