"""What is sent takes effect once, even where a process dies on the way; a contract's refusal comes back by its name."""

import signal
import threading
import time
from pathlib import Path

import pytest
from support.consortia.statements import MODEL_TERMS
from support.crashing import children
from support.crashing import sender as crashing
from support.crashing.sender import GATEWAY

from demo.anvil import BINARY_VARIABLE, Anvil, find_binary
from ledger.chain import outbox, simulation, transactions
from ledger.chain.calldata import call_data
from ledger.chain.client import Client
from ledger.chain.rpc import RpcError
from ledger.chain.sender import Sender
from ledger.errors import Rejected, Unavailable, UsageError
from ledger.events.records import Announced

TERMS = (1, 1, 1, 1, 1, 1, 0, 0, 0, 0)


def announced(consortium, index=0):
    start_block = consortium.network.founding.block
    pieces = consortium.client.read(start_block, consortium.client.latest().number)
    return [e for piece in pieces for e in piece.events if isinstance(e, Announced) and e.index == index]


def mined_within(consortium, effects, seconds=60.0):
    """The node mines by itself, and answers before it has: a process killed after sending leaves that open."""
    end_ = time.monotonic() + seconds
    while len(announced(consortium)) < effects and time.monotonic() < end_:
        time.sleep(0.02)
    assert len(announced(consortium)) == effects


def waiting(member):
    return sorted(path.name for path in member.home.outbox.rglob("*.json"))


@pytest.fixture
def no_mining(consortium):
    """The chain seals no block by itself."""
    call = consortium.client.rpc.call
    call("evm_setAutomine", False)
    yield lambda: call("evm_mine")
    call("evm_setAutomine", True)
    call("evm_mine")


def test_a_receipt_says_where_it_took_effect(consortium):
    receipt = consortium.send(0, "consortium", "announce", GATEWAY)
    (event,) = announced(consortium)
    assert (receipt.tx, receipt.block) == (event.tx, event.block)
    assert 21_000 < receipt.gas_used < 40_000
    assert not waiting(consortium.members[0])


def test_members_need_no_money(consortium):
    balance = consortium.client.rpc.call("eth_getBalance", consortium.members[0].address, "latest")
    assert int(balance, 16) == 0


@pytest.mark.parametrize(
    ("index", "call", "facts"),
    [
        (0, ("ledger", "openRound", 9), {"error": "RoundLedger_UnknownJob", "job": 9}),
        (0, ("ledger", "commitUpdate", 1, 2, b"c" * 28), {"round": 2, "current": 0}),
        (
            0,
            ("ledger", "proposeJob", bytes(32), (1, 1, 1, 1, 1, 1, 0, 0, 0, 0), MODEL_TERMS),
            {"error": "RoundLedger_InvalidTerms"},
        ),
        (1, ("consortium", "announce", "x" * 257), {"length": 257, "maximum": 256}),
    ],
)
def test_a_refusal_has_the_contracts_name_and_arguments(consortium, index, call, facts):
    with pytest.raises(Rejected, match=r"the contract refused: [a-z]") as caught:
        consortium.send(index, *call)
    assert facts.items() <= dict(caught.value.facts).items()
    assert not waiting(consortium.members[index])


def test_a_refusal_by_phase_has_its_word(consortium):
    job = consortium.open_job()
    consortium.send(0, "ledger", "openRound", job)
    with pytest.raises(Rejected) as caught:
        consortium.send(1, "ledger", "openRound", job)
    assert dict(caught.value.facts) == {"error": "RoundLedger_WrongPhase", "job": job, "phase": "Collecting"}


def test_a_deadline_is_seen_though_no_block_was_sealed_since(consortium):
    job = consortium.open_job(terms=(1, 10, 10, 10, 10, 1))
    consortium.send(0, "ledger", "openRound", job)
    with pytest.raises(Rejected, match="deadline has not passed"):
        consortium.send(0, "ledger", "advance", job, 1)
    consortium.client.rpc.call("evm_increaseTime", 100)
    with pytest.raises(Rejected) as caught:
        consortium.send(0, "ledger", "commitUpdate", job, 1, b"c" * 28)
    assert caught.value.facts["error"] == "RoundLedger_DeadlinePassed"
    assert caught.value.facts["time"] > caught.value.facts["deadline"]
    consortium.send(0, "ledger", "advance", job, 1)


@pytest.mark.parametrize("call", [("noSuch",), ("openRound",), ("openRound", "one"), ("openRound", -1)])
def test_a_call_that_the_abi_does_not_have(consortium, call):
    with pytest.raises(UsageError, match="no such call"):
        consortium.send(0, "ledger", *call)


def test_a_transaction_that_fails_in_its_block_says_why(consortium, monkeypatch):
    job = consortium.open_job()
    consortium.send(0, "ledger", "openRound", job)
    update = ("ledger", "commitUpdate", job, 1, b"c" * 28)
    consortium.send(1, *update)
    monkeypatch.setattr(simulation, "gas_limit", lambda *_: 200_000)
    with pytest.raises(Rejected) as caught:
        consortium.send(1, *update)
    assert caught.value.facts["error"] == "RoundLedger_AlreadyCommitted"
    assert not waiting(consortium.members[1])


@pytest.mark.parametrize(
    ("point", "effects"),
    [("before persist", 0), ("after persist", 0), ("after send", 1), ("before removal", 1)],
)
def test_killed_at(consortium, point, effects):
    """Killed, then settled by the next process; then the same again where it has not taken effect: once in all."""
    member = consortium.members[0]
    assert crashing.run(member, point) == -signal.SIGKILL
    mined_within(consortium, effects)
    assert len(waiting(member)) == (point != "before persist")
    sender = consortium.sender(0)
    if not announced(consortium):
        sender.send("consortium", "announce", GATEWAY)
    assert len(announced(consortium)) == 1
    assert not waiting(member)


@pytest.mark.parametrize("point", ["after persist", "after send"])
def test_killed_before_a_block_the_same_call_is_the_same_transaction(consortium, no_mining, point):
    member, sender = consortium.members[0], consortium.sender(0)
    assert crashing.run(member, point) == -signal.SIGKILL
    (persisted,) = member.home.outbox.rglob("*.json")
    content = persisted.read_text()
    timer = threading.Timer(0.3, no_mining)
    timer.start()
    receipt = sender.send("consortium", "announce", GATEWAY)
    timer.join()
    assert receipt.tx.hex() in content
    assert len(announced(consortium)) == 1


def test_a_new_sender_waits_for_what_was_left(consortium, no_mining):
    member = consortium.members[0]
    assert crashing.run(member, "after send") == -signal.SIGKILL
    timer = threading.Timer(0.3, no_mining)
    timer.start()
    consortium.sender(0)
    assert len(announced(consortium)) == 1
    timer.join()


def test_no_block_in_time_is_unavailable_and_goes_on_later(consortium, no_mining):
    member = consortium.members[0]
    impatient = Sender(consortium.client, member.signer, member.home.outbox, timeout=0.2)
    with pytest.raises(Unavailable, match="no block included it") as caught:
        impatient.send("consortium", "announce", GATEWAY)
    assert "again" in caught.value.advice
    assert len(waiting(member)) == 1
    no_mining()
    impatient.settle()
    assert not waiting(member)
    assert len(announced(consortium)) == 1


def test_two_processes_with_one_key_share_its_nonces(consortium):
    member = consortium.members[0]
    started = [crashing.start(member, gateways=[f"{GATEWAY}/{n}"] * 8) for n in range(2)]
    assert [children.ended(child) for child in started] == [0, 0]
    gateways = [event.gateway for event in announced(consortium)]
    assert sorted(gateways) == [f"{GATEWAY}/0"] * 8 + [f"{GATEWAY}/1"] * 8
    assert not waiting(member)


def test_threads_with_one_sender(consortium):
    sender = consortium.sender(0)
    threads = [
        threading.Thread(target=sender.send, args=("consortium", "announce", f"{GATEWAY}/{n}")) for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({event.gateway for event in announced(consortium)}) == 6


def test_a_key_used_elsewhere_gets_the_next_nonce(consortium, monkeypatch):
    member = consortium.members[0]
    consortium.send(0, "consortium", "announce", GATEWAY)
    real, old = transactions.Transactor._next_nonce, [0]
    monkeypatch.setattr(transactions.Transactor, "_next_nonce", lambda self: old.pop() if old else real(self))
    consortium.send(0, "consortium", "announce", GATEWAY + "/2")
    assert not old
    assert len(announced(consortium)) == 2
    assert not waiting(member)


def test_a_transaction_whose_nonce_was_used_by_another_is_dropped(consortium, no_mining, tmp_path):
    member = consortium.members[0]
    here = Sender(consortium.client, member.signer, member.home.outbox, timeout=0.1)
    with pytest.raises(Unavailable):
        here.send("consortium", "announce", GATEWAY)
    consortium.client.rpc.call("anvil_dropAllTransactions")
    elsewhere = Sender(consortium.client, member.signer, tmp_path / "elsewhere", timeout=0.1)
    with pytest.raises(Unavailable):
        elsewhere.send("consortium", "announce", GATEWAY + "/elsewhere")
    no_mining()
    here.settle()
    assert not waiting(member)
    assert [event.gateway for event in announced(consortium)] == [GATEWAY + "/elsewhere"]


@pytest.fixture
def forgetful(consortium, no_mining):
    """Go back to before the latest block: the chain has lost it, and what waited for a block with it."""
    call = consortium.client.rpc.call
    before = call("evm_snapshot")
    consortium.client.rpc.call("evm_setAutomine", True)
    consortium.send(0, "consortium", "announce", GATEWAY)
    call("evm_setAutomine", False)

    def forget():
        assert call("evm_revert", before)
        call("anvil_dropAllTransactions")
        call("evm_setAutomine", True)

    return forget


def test_what_followed_on_a_lost_block_holds_nothing_up(consortium, forgetful):
    """Its nonce is one too high for the chain as it is now: nothing could include it before something else was sent."""
    member = consortium.members[0]
    impatient = Sender(consortium.client, member.signer, member.home.outbox, timeout=0.2)
    with pytest.raises(Unavailable):
        impatient.send("consortium", "announce", GATEWAY + "/2")
    forgetful()
    assert len(waiting(member)) == 1
    consortium.sender(0).send("consortium", "announce", GATEWAY + "/2")
    assert [event.gateway for event in announced(consortium)] == [GATEWAY + "/2"]
    assert not waiting(member)


def test_a_wait_ends_with_the_reason_when_the_chain_loses_a_block(consortium, forgetful, monkeypatch):
    monkeypatch.setattr(transactions, "RESEND_SECONDS", 0.1)
    sender = consortium.sender(0)
    timer = threading.Timer(0.3, forgetful)
    timer.start()
    with pytest.raises(Rejected, match="lost blocks"):
        sender.send("consortium", "announce", GATEWAY + "/2")
    timer.join()
    assert not waiting(consortium.members[0])
    sender.send("consortium", "announce", GATEWAY + "/2")
    assert [event.gateway for event in announced(consortium)] == [GATEWAY + "/2"]


class Flaky:
    """A connection that loses the answer to a transaction, or the transaction itself."""

    def __init__(self, rpc, arrives):
        self.rpc, self.arrives, self.lost = rpc, arrives, 0

    def call(self, method, *params):
        if method == "eth_sendRawTransaction" and not self.lost:
            self.lost += 1
            if self.arrives:
                self.rpc.call(method, *params)
            raise Unavailable("the connection was lost")
        return self.rpc.call(method, *params)


@pytest.mark.parametrize("arrives", [True, False])
def test_a_connection_lost_while_sending(consortium, monkeypatch, tmp_path, arrives):
    monkeypatch.setattr(transactions, "RESEND_SECONDS", 0.1)
    flaky = Flaky(consortium.client.rpc, arrives)
    transactor = transactions.Transactor(flaky, 31337, consortium.members[0].signer, tmp_path / "outbox")
    client = consortium.client
    data = call_data("consortium", "announce", GATEWAY)
    transactor.send(client.addresses["consortium"], data)
    assert flaky.lost == 1
    assert len(announced(consortium)) == 1


def test_a_node_that_does_not_take_it_is_unavailable(consortium, monkeypatch, tmp_path):
    class Full:
        def call(self, method, *params):
            if method == "eth_sendRawTransaction":
                raise RpcError(method, -32000, "txpool is full")
            return consortium.client.rpc.call(method, *params)

    transactor = transactions.Transactor(Full(), 31337, consortium.members[0].signer, tmp_path / "outbox")
    data = call_data("consortium", "announce", GATEWAY)
    with pytest.raises(Unavailable, match="txpool is full"):
        transactor.send(consortium.client.addresses["consortium"], data)
    assert not list((tmp_path / "outbox").rglob("*.json"))


def test_a_damaged_outbox_sends_nothing(consortium):
    consortium.send(0, "consortium", "announce", GATEWAY)
    (lock,) = consortium.members[0].home.outbox.rglob("lock")
    (lock.parent / "7.json").write_text("{")
    with pytest.raises(Unavailable, match="outbox is damaged"):
        consortium.send(0, "consortium", "announce", GATEWAY)
    assert len(announced(consortium)) == 1


def test_a_lock_that_cannot_be_opened_now_is_unavailable_and_sends_later(consortium, monkeypatch):
    sender = consortium.sender(0)
    with monkeypatch.context() as patch:
        patch.setattr("os.open", lambda *_a, **_k: (_ for _ in ()).throw(OSError(24, "Too many open files")))
        with pytest.raises(Unavailable, match="the outbox cannot be locked"):
            sender.send("consortium", "announce", GATEWAY)
    sender.send("consortium", "announce", GATEWAY)
    assert len(announced(consortium)) == 1


def test_an_entry_that_another_process_removes_while_it_is_read_is_gone(consortium):
    consortium.send(0, "consortium", "announce", GATEWAY)
    (lock,) = consortium.members[0].home.outbox.rglob("lock")
    (lock.parent / "7.json").symlink_to("removed")  # listed, and not there when it is opened
    consortium.send(0, "consortium", "announce", GATEWAY)
    assert len(announced(consortium)) == 2


def test_to_remove_an_entry_leaves_another_of_the_same_nonce(consortium, tmp_path):
    """A chain that lost blocks has the nonce again, and another process has used it."""
    here = outbox.Outbox(tmp_path)
    lost, fresh = (outbox.OutboxEntry(nonce=3, hash="0x" + digit * 64, raw="0x", to="", data="0x") for digit in "ab")
    with here.locked():
        here.add(lost)
        here.add(fresh)
        here.remove(lost)
        assert here.entries() == [fresh]


def test_what_was_signed_for_an_old_local_chain_does_not_go_to_a_new_one(fresh_anvil, found, consortium):
    there = found(url=fresh_anvil.url)
    home = consortium.members[0].home
    one = Sender(consortium.client, consortium.members[0].signer, home.outbox)
    two = Sender(there.client, consortium.members[0].signer, home.outbox)
    one.send("consortium", "announce", GATEWAY)
    two.send("consortium", "announce", GATEWAY)
    assert len(list(home.outbox.iterdir())) == 2


def test_market_fees_follow_the_base_fee(fresh_anvil, found):
    consortium = found(url=fresh_anvil.url)
    member, call = consortium.members[0], consortium.client.rpc.call
    call("anvil_setBalance", member.address, hex(10**18))
    call("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    call("evm_mine")
    transactor = transactions.Transactor(
        consortium.client.rpc, 31337, member.signer, Path(member.home.outbox), gas_price="market"
    )
    data = call_data("consortium", "announce", GATEWAY)
    receipt = transactor.send(consortium.client.addresses["consortium"], data)
    sent = call("eth_getTransactionByHash", "0x" + receipt.tx.hex())
    assert int(sent["maxFeePerGas"], 16) >= 2 * 10**9 * 7 // 8


class Keeping:
    """A node that keeps and shows what it was sent, whatever that offers. anvil forgets it with the next block."""

    def __init__(self, node):
        self.node, self.kept = node, {}

    def call(self, method, *params):
        if method == "eth_getTransactionByHash":
            return self.node.call(method, *params) or self.kept.get(params[0])
        answer = self.node.call(method, *params)
        if method == "eth_sendRawTransaction":
            self.kept[answer] = self.node.call("eth_getTransactionByHash", answer)
        return answer


@pytest.fixture
def market(fresh_anvil, found, monkeypatch):
    """A chain with a base fee that seals no block by itself, its node, and a way to make transactors of its member."""
    consortium = found(url=fresh_anvil.url)
    member, call = consortium.members[0], consortium.client.rpc.call
    call("anvil_setBalance", member.address, hex(10**18))
    call("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    call("evm_mine")
    call("evm_setAutomine", False)
    monkeypatch.setattr(transactions, "STUCK_SECONDS", 0.2)
    node = Keeping(consortium.client.rpc)

    def make(seconds):
        return transactions.Transactor(
            node, 31337, member.signer, member.home.outbox, gas_price="market", timeout=seconds
        )

    return consortium, node, make


def seal(call, base_fee):
    call("anvil_setNextBlockBaseFeePerGas", hex(base_fee))
    call("evm_mine")


@pytest.mark.parametrize("dies", [False, True])
def test_a_transaction_that_offers_too_little_is_outbid_and_takes_effect_once(market, monkeypatch, dies):
    """The base fee rises twentyfold after it was signed, so no block includes it. A process may die with both sent."""
    consortium, node, transactor = market
    member, call, outbid = consortium.members[0], node.call, transactions.Transactor._outbid
    sent = []

    def risen(self, entry):
        if not sent:
            seal(call, 20 * 10**9)
        higher = outbid(self, entry)
        sent.extend([entry, *higher])
        if not dies:
            seal(call, 20 * 10**9)
        return higher

    monkeypatch.setattr(transactions.Transactor, "_outbid", risen)
    data = call_data("consortium", "announce", GATEWAY)
    to = consortium.client.addresses["consortium"]
    if dies:
        with pytest.raises(Unavailable, match="no block included it"):
            transactor(0.4).send(to, data)
        assert len(waiting(member)) == 2
        node.kept.pop(sent[0].hash)  # a node keeps one for each nonce
        call("evm_mine")
        transactor(20).settle()
    else:
        receipt = transactor(20).send(to, data)
        assert "0x" + receipt.tx.hex() == sent[1].hash
    assert sent[0].nonce == sent[1].nonce
    assert len(announced(consortium)) == 1
    assert not waiting(member)


def test_a_transaction_that_offers_enough_is_not_outbid(market):
    consortium, node, transactor = market
    data = call_data("consortium", "announce", GATEWAY)
    with pytest.raises(Unavailable, match="no block included it"):
        transactor(1).send(consortium.client.addresses["consortium"], data)
    assert len(node.kept) == 1


def test_the_chain_id_is_part_of_what_is_signed(consortium):
    member = consortium.members[0]
    signed = []

    class Watching:
        address = member.address

        def sign_transaction(self, transaction):
            signed.append(dict(transaction))
            return member.signer.sign_transaction(transaction)

    with Client.connect(consortium.network) as client:
        Sender(client, Watching(), member.home.outbox).send("consortium", "announce", GATEWAY)
    assert signed[0]["chainId"] == 31337
    assert (signed[0]["maxFeePerGas"], signed[0]["maxPriorityFeePerGas"]) == (0, 0)


@pytest.fixture
def old_rules(found, tmp_path, monkeypatch):
    """A consortium on a chain of the rules of Berlin: without a base fee, and without transactions that name one."""
    program = tmp_path / "anvil"
    program.write_text(f'#!/bin/bash\nexec {find_binary()} "${{@/london/berlin}}"\n')
    program.chmod(0o755)
    monkeypatch.setenv(BINARY_VARIABLE, str(program))
    with Anvil.start() as node:
        yield found(url=node.url)


def test_a_chain_without_a_base_fee_is_sent_transactions_with_one_price(old_rules):
    call = old_rules.client.rpc.call
    assert "baseFeePerGas" not in call("eth_getBlockByNumber", "latest", False)
    receipt = old_rules.send(0, "consortium", "announce", GATEWAY)
    shown = call("eth_getTransactionByHash", "0x" + receipt.tx.hex())
    assert (shown["type"], shown["gasPrice"]) == ("0x0", "0x0")
    (event,) = announced(old_rules)
    assert event.tx == receipt.tx


@pytest.mark.parametrize(("offered", "higher"), [(99, 112), (10, 100), (100, None), (101, None)])
def test_one_price_is_outbid_once_the_market_asks_more(offered, higher):
    class PricedNode:
        def call(self, method, *_):
            return {"eth_gasPrice": hex(100)}[method]

    found = simulation.outbidding(PricedNode(), {"gasPrice": hex(offered)})
    assert found == (None if higher is None else {"gasPrice": higher})
