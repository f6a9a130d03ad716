"""Getting messages onto the ledger, each once: first the chain is read for whether a message still counts.

`Delivery.deliver` may be cut off anywhere. The next sender finishes the transaction that was on its way
(`ledger.chain.sender`); simulation then shows what is left to do: a vote that counts already is refused by the
contract, and found in its bitmaps.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from ledger.chain import simulation
from ledger.errors import Rejected, Unavailable
from ledger.events.records import Voted
from web.relay.contract import call_of, effect_event, events, may_still, took_effect
from web.relay.queue import Message, Queue

if TYPE_CHECKING:
    from ledger.chain.client import Client
    from ledger.chain.node import Block
    from ledger.chain.sender import Sender
    from ledger.chain.transactions import Receipt

BATCH = 32
DEEPEST = 256
"""So many of the last blocks are looked at again for what a reorganisation took away."""
Settled = Callable[[Message, str], None]


class OutOfMoney(Unavailable):
    """The relayer cannot pay for gas."""


class Delivery:
    """Delivers what waits in `queue`. `settled` is called with every message that is done or refused.

    To be made with a new sender, which has finished what was on its way.
    """

    def __init__(self, queue: Queue, client: "Client", sender: "Sender", settled: Settled) -> None:
        self._queue, self._client, self._sender, self._settled = queue, client, sender, settled
        self._head: Block | None = None

    def deliver(self) -> None:
        """Send what waits, in the order in which it came, votes on one proposal together; and queue messages again
        whose transaction a reorganisation took away. Raises Unavailable, OutOfMoney."""
        self._review()
        waiting = [entry.message for entry in self._queue.waiting()]
        for message in waiting:
            if message.kind == "proposal" and self._counts(message):
                self._send([message])
        votes = sorted((message for message in waiting if message.kind == "ballot"), key=lambda vote: vote.number)
        for _, together in groupby(votes, key=lambda vote: vote.proposal):
            self._send_votes(list(together))
        for message in waiting:
            if message.kind in {"close", "execute"} and self._counts(message):
                self._send([message])

    def _review(self) -> None:
        """Queue again what a reorganisation took away: of all that was done since the last time, and before it if the
        block of that time is gone."""
        head, last = self._client.latest(), self._head
        first = last.number + 1 if last is not None and self._holds(last, head) else head.number - DEEPEST
        for entry in self._queue.done(first):
            if self._client.rpc.call("eth_getTransactionReceipt", f"0x{entry.tx}") is None:
                words = "the chain was reorganised, and its transaction is gone"
                self._queue.mark([entry.message], "queued", "Reorganised", words)
        self._head = head

    def _holds(self, block: "Block", head: "Block") -> bool:
        """Whether a block is still on the chain; the common cases cost no request."""
        return block == head or head.parent == block.hash or self._client.block_hash(block.number) == block.hash

    def _send_votes(self, votes: Sequence[Message]) -> None:
        """All that the contract would count now, in as few transactions as possible."""
        counting = [vote for vote in votes if self._counts(vote)]
        for start in range(0, len(counting), BATCH):
            self._send(counting[start : start + BATCH])

    def _counts(self, message: Message) -> bool:
        """Whether the contract would take it now; if not, the queue says why."""
        from ledger.chain.calldata import call_data

        data = call_data("ballots", *call_of([message]))
        call = {"from": self._sender.address, "to": self._client.addresses["ballots"], "data": data}
        refusal = simulation.replay(self._client.rpc, call, "pending")
        if refusal is not None:
            self._judge(message, refusal)
        return refusal is None

    def _send(self, messages: Sequence[Message]) -> None:
        """One transaction for one message, or for several votes on one proposal."""
        self._queue.mark(messages, "sent")
        try:
            receipt = self._sender.send("ballots", *call_of(messages))
        except Rejected as error:
            self._rejected(messages, error)
        except Unavailable as error:
            raise self._unpaid(messages, error) from error
        else:
            self._arrived(messages, receipt)

    def _rejected(self, messages: Sequence[Message], error: Rejected) -> None:
        """Something else came first. The messages of a batch are judged one by one the next time."""
        if len(messages) > 1:
            self._queue.mark(messages, "queued", str(error.facts.get("error", "")), error.message)
        else:
            self._judge(messages[0], error)

    def _unpaid(self, messages: Sequence[Message], error: Unavailable) -> Unavailable:
        """The error to raise: OutOfMoney if the node says so, with which the messages wait."""
        text = error.message.lower()
        if not ("insufficient funds" in text or "exceeds account balance" in text):
            return error
        short = OutOfMoney(
            "the relayer cannot pay for gas",
            advice=f"send money to {self._sender.address}; messages that wait are then sent",
            relayer=self._sender.address,
        )
        self._queue.mark(messages, "queued", "OutOfMoney", short.message)
        return short

    def _arrived(self, messages: Sequence[Message], receipt: "Receipt") -> None:
        """A transaction took effect: of a batch, for those votes that left an event. The others are judged again."""
        counted = {message.member for message in messages}
        if len(messages) > 1:
            found = events(self._client, receipt.block, receipt.block)
            counted = {event.member for event in found if isinstance(event, Voted) and event.tx == receipt.tx}
        for message in messages:
            if message.member in counted:
                self._done(message, receipt.tx.hex(), receipt.block)
            elif self._counts(message):
                self._queue.mark([message], "queued")

    def _judge(self, message: Message, error: Rejected) -> None:
        """The contract refuses it: because it is done, because it is not time yet, or for good."""
        name, words = str(error.facts.get("error", "Reverted")), error.message
        reason = str(error.facts.get("reason", name))
        if name != "Ballots_UnknownProposal" and took_effect(self._client, message):
            entry = self._queue.entry(message.id)
            first = entry.block if entry else self._client.latest().number
            event = effect_event(self._client, message, first)
            self._done(message, event.tx.hex() if event else "", event.block if event else None)
        elif may_still(self._client, message, error):
            self._queue.mark([message], "queued", reason, words)
        else:
            self._refuse(message, reason, words)

    def _done(self, message: Message, tx: str, block: int | None) -> None:
        self._queue.mark([message], "done", tx=tx, block=block)
        self._settled(message, "done")

    def _refuse(self, message: Message, reason: str, words: str) -> None:
        self._queue.mark([message], "refused", reason, words)
        self._settled(message, "refused")
