"""Getting messages onto the ledger, each once: the chain is asked first whether a message still counts.

`Delivery.look` may be cut off anywhere. Whoever makes the next sender finishes the transaction that was on its way
(`ledger.chain.sender`), and simulation then tells what is left to do: a vote that counts already is refused by the
contract, and found in its bitmaps.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ledger.chain import simulation
from ledger.errors import Rejected, Unavailable
from ledger.events import records as r
from ledger.events.proposals import ProposalState
from web.documents.signatures import parse_signature
from web.relay.queue import Message, Queue

if TYPE_CHECKING:
    from ledger.chain.client import Client
    from ledger.chain.node import Block
    from ledger.chain.sender import Sender
    from ledger.chain.transactions import Receipt

BATCH = 32
DEEPEST = 256
"""So many of the last blocks are looked at again for what a reorganisation took away."""
PASSED = (ProposalState.WAITING, ProposalState.EXECUTABLE, ProposalState.EXECUTED)
Call = tuple[Any, ...]
Settled = Callable[[Message, str], None]


class OutOfMoney(Unavailable):
    """The relayer cannot pay for gas."""


class Delivery:
    """Delivers what waits in `queue`. `settled` hears of every message that is done or refused.

    To be made with a new sender, which has finished what was on its way.
    """

    def __init__(self, queue: Queue, client: "Client", sender: "Sender", settled: Settled) -> None:
        self._queue, self._client, self._sender, self._settled = queue, client, sender, settled
        self._head: Block | None = None

    def look(self) -> None:
        """Send what waits, in the order in which it came, votes on one proposal together; and have those wait again
        whose transaction a reorganisation took away. Raises Unavailable, OutOfMoney."""
        self._review()
        waiting = self._queue.waiting()
        for entry in waiting:
            if entry.message.kind == "proposal":
                self._deliver([entry.message])
        votes = sorted((e.message for e in waiting if e.message.kind == "ballot"), key=lambda vote: vote.number)
        for _, together in groupby(votes, key=lambda vote: vote.proposal):
            self._votes(list(together))
        for entry in waiting:
            if entry.message.kind in {"close", "execute"}:
                self._deliver([entry.message])

    def _review(self) -> None:
        """Have wait again what a reorganisation took away: of all that was done since the last look, and before it
        where the block of that look is gone."""
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

    def _votes(self, votes: list[Message]) -> None:
        """All that the contract would count now, in as few transactions as may be."""
        counting = [vote for vote in votes if self._counts(vote)]
        for start in range(0, len(counting), BATCH):
            self._deliver(counting[start : start + BATCH], counted=True)

    def _deliver(self, messages: Sequence[Message], *, counted: bool = False) -> None:
        if not counted and not self._counts(messages[0]):
            return
        self._queue.mark(messages, "sent")
        try:
            receipt = self._sender.send("ballots", *_call(messages))
        except Rejected as error:
            self._rejected(messages, error)
        except Unavailable as error:
            raise self._unpaid(messages, error) from error
        else:
            self._arrived(messages, receipt)

    def _counts(self, message: Message) -> bool:
        """Whether the contract would take it now; if not, the queue says why."""
        data = self._client.contracts.encode("ballots", *_call([message]))
        call = {"from": self._sender.address, "to": self._client.addresses["ballots"], "data": data}
        refusal = simulation.replay(self._client.rpc, call, "pending")
        if refusal is not None:
            self._judge(message, refusal)
        return refusal is None

    def _rejected(self, messages: Sequence[Message], error: Rejected) -> None:
        """Something came first. A batch is looked at one by one the next time."""
        if len(messages) > 1:
            self._queue.mark(messages, "queued", str(error.facts.get("error", "")), error.message)
        else:
            self._judge(messages[0], error)

    def _unpaid(self, messages: Sequence[Message], error: Unavailable) -> Unavailable:
        text = error.message.lower()
        if not ("insufficient funds" in text or "exceeds account balance" in text):
            return error
        short = OutOfMoney(
            "the relayer cannot pay for gas",
            advice=f"send money to {self._sender.address}; it is tried again by itself",
            relayer=self._sender.address,
        )
        self._queue.mark(messages, "queued", "OutOfMoney", short.message)
        return short

    def _arrived(self, messages: Sequence[Message], receipt: "Receipt") -> None:
        """A transaction took effect: of a batch, for all but those that its events say were skipped."""
        skipped: dict[str, r.Refusal] = {}
        if len(messages) > 1:
            events = self._events(receipt.block, receipt.block)
            skipped = {e.member: e.reason for e in events if isinstance(e, r.VoteSkipped) and e.tx == receipt.tx}
        for message in messages:
            if message.member in skipped:
                reason = skipped[message.member].name
                self._refuse(message, reason, "the vote does not count")
            else:
                self._done(message, receipt.tx.hex(), receipt.block)

    def _judge(self, message: Message, error: Rejected) -> None:
        """The contract says no: because it is done, because it is not time yet, or for good."""
        name, words = str(error.facts.get("error", "Reverted")), error.message
        reason = str(error.facts.get("reason", name))
        if name != "Ballots_UnknownProposal" and self._took_effect(message):
            event = self._find(message)
            self._done(message, event.tx.hex() if event else "", event.block if event else None)
        elif self._may_still(message, error):
            self._queue.mark([message], "queued", reason, words)
        else:
            self._refuse(message, reason, words)

    def _took_effect(self, message: Message) -> bool:
        proposal = bytes.fromhex(message.proposal)
        if message.kind == "ballot":
            said = self._client.view("ballots", "bitmapsOf", proposal)[message.choice - 1]
            return bool(said >> message.index & 1)
        try:
            proposer, *_, state = self._client.view("ballots", "proposalOf", proposal)[0]
        except Rejected:
            return False
        if message.kind == "proposal":
            return bool(proposer == message.member)
        expected = PASSED if message.kind == "close" else (ProposalState.EXECUTED,)
        return list(ProposalState)[state] in expected

    def _may_still(self, message: Message, error: Rejected) -> bool:
        name, facts = error.facts.get("error"), error.facts
        if name is None and "tx" in facts:  # its transaction fell out of the chain
            return True
        if name == "Ballots_UnknownProposal":  # a reorganisation took it away, and it may come back
            return self._client.time() <= message.deadline
        if facts.get("reason") == r.Refusal.ALREADY_VOTED.name:  # in a block that is still to come
            return not any(bits >> message.index & 1 for bits in self._bitmaps(message))
        early = (ProposalState.VOTING.value, ProposalState.WAITING.value)
        return message.kind == "execute" and name == "Ballots_WrongState" and facts.get("state") in early

    def _bitmaps(self, message: Message) -> list[int]:
        return self._client.view("ballots", "bitmapsOf", bytes.fromhex(message.proposal))

    def _find(self, message: Message) -> r.Event | None:
        """The event by which a message took effect, where it did since the queue has it."""
        entry = self._queue.entry(message.id)
        first = entry.block if entry else self._client.latest().number
        proposal = bytes.fromhex(message.proposal)
        for event in self._events(first, self._client.latest().number):
            mine = message.kind != "ballot" or getattr(event, "member", "") == message.member
            if mine and type(event) is _EFFECTS[message.kind] and getattr(event, "proposal", b"") == proposal:
                return event
        return None

    def _events(self, first: int, last: int) -> Iterable[r.Event]:
        for logs in self._client.read(first, last):
            yield from logs.events

    def _done(self, message: Message, tx: str, block: int | None) -> None:
        self._queue.mark([message], "done", tx=tx, block=block)
        self._settled(message, "done")

    def _refuse(self, message: Message, reason: str, words: str) -> None:
        self._queue.mark([message], "refused", reason, words)
        self._settled(message, "refused")


_EFFECTS: dict[str, type[r.Event]] = {
    "ballot": r.Voted,
    "proposal": r.Proposed,
    "close": r.VoteClosed,
    "execute": r.Executed,
}


def _call(messages: Sequence[Message]) -> Call:
    """The function of `Ballots`, and its arguments, for one message or several votes on one proposal."""
    message = messages[0]
    proposal, action = bytes.fromhex(message.proposal), bytes.fromhex(message.action)
    if len(messages) > 1:
        return "voteBatch", proposal, [_vote(vote) for vote in messages]
    if message.kind == "ballot":
        return "voteBySignature", proposal, _vote(message)
    if message.kind == "close":
        return "close", proposal
    if message.kind == "execute":
        return "execute", message.number, message.action_kind, action
    signed = (message.number, message.member, message.deadline, *parse_signature(message.signature))
    return "proposeBySignature", message.action_kind, action, signed


def _vote(message: Message) -> tuple[Any, ...]:
    return message.member, message.choice, message.deadline, *parse_signature(message.signature)
