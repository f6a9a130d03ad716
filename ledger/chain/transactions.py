"""Transactions with one key: each sent once, even where a process dies in between.

Lock, simulate, assign a nonce, sign, persist, send; then wait without the lock. A call that is on its way already is
adopted, not sent again; `settle` finishes what a process left that died. Where the market's fee has risen above what
one offers it is replaced by one with the same nonce, so that still only one takes effect.
"""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ledger.chain import simulation
from ledger.chain.outbox import Outbox, OutboxEntry
from ledger.chain.quantities import quantity
from ledger.chain.rpc import Rpc, RpcError
from ledger.chain.simulation import GasPrice
from ledger.errors import Rejected, Unavailable
from ledger.formats.digest import checksum_address, keccak

NONCE_ATTEMPTS = 5
RESEND_SECONDS = 2.0
STUCK_SECONDS = 20.0
"""After so many seconds a transaction that offers less than the base fee is replaced by one that offers more."""


class TransactionSigner(Protocol):
    """Signs transactions for one address (EIP-55)."""

    @property
    def address(self) -> str: ...

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """The raw signed transaction."""
        ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction that took effect. `contract` is the address it created, else empty."""

    tx: bytes
    block: int
    gas_used: int
    contract: str = ""


class Transactor:
    """Sends with one key on one chain. `timeout` in seconds bounds the wait for a block."""

    def __init__(
        self,
        rpc: Rpc,
        chain_id: int,
        signer: TransactionSigner,
        outbox: Path,
        *,
        gas_price: GasPrice = "zero",
        timeout: float = 60.0,
    ) -> None:
        self._rpc = rpc
        self._chain_id = chain_id
        self._signer = signer
        self._gas_price = gas_price
        self._timeout = timeout
        self._has_base_fee: bool | None = None
        genesis = rpc.call("eth_getBlockByNumber", "0x0", False)["hash"]
        # A restarted local chain has the old id; what was signed for the old one must not go to it.
        self._outbox = Outbox(outbox / f"{chain_id}-{genesis[2:10]}-{signer.address}")

    def settle(self) -> None:
        """Finish what an earlier process left: send again what was lost, wait until all took effect or was replaced.

        Raises Unavailable where no block comes in time.
        """
        with self._outbox.locked():
            unfinished = self._resume()
        for entry in unfinished:
            included = entry
            with contextlib.suppress(Rejected):
                included, _ = self._wait(entry)
            self._outbox.remove(included)

    def send(self, to: str, data: str) -> Receipt:
        """Send a call, or create a contract where `to` is empty, and wait until it is in a block.

        Raises Rejected where the contract refuses; Unavailable where the node cannot be reached or no block comes in
        time: the transaction then stays in the outbox, and the same call again adopts it.
        """
        with self._outbox.locked():
            entry = self._adopt(to, data)
            if entry is None:
                self._resume()
                entry = self._dispatch(to, data)
        entry, receipt = self._wait(entry)
        self._outbox.remove(entry)
        return self._judge(entry, receipt)

    def _adopt(self, to: str, data: str) -> OutboxEntry | None:
        """The same call, where it is on its way already."""
        for entry in self._outbox.entries():
            if (entry.to, entry.data) == (to, data):
                if self._is_alive(entry):
                    return entry
                self._outbox.remove(entry)
        return None

    def _resume(self) -> list[OutboxEntry]:
        """The entries that wait for a block; all others are dropped."""
        unfinished = []
        for entry in self._outbox.entries():
            if self._receipt(entry) is None and self._is_alive(entry):
                unfinished.append(entry)
            else:
                self._outbox.remove(entry)
        return unfinished

    def _is_alive(self, entry: OutboxEntry) -> bool:
        """Whether the node has it, or takes the very same bytes again; it does not where the nonce was used since."""
        return not self._is_stranded(entry) and (self._known(entry) or self._transmit(entry).accepted)

    def _is_stranded(self, entry: OutboxEntry) -> bool:
        """Whether a nonce below its own is free again: the chain lost blocks, and will not include it for now.

        The outbox first, then the chain: what leaves the one meanwhile is in the other.
        """
        held = {other.nonce for other in self._outbox.entries()}
        return any(nonce not in held for nonce in range(self._count("pending"), entry.nonce))

    def _dispatch(self, to: str, data: str) -> OutboxEntry:
        gas = simulation.gas_limit(self._rpc, self._call(to, data))
        for _ in range(NONCE_ATTEMPTS):
            entry = self._sign(to, data, gas, self._next_nonce(), self._fees())
            self._outbox.add(entry)
            outcome = self._transmit(entry)
            if outcome.accepted:
                return entry
            self._outbox.remove(entry)
            if not outcome.nonce_taken:
                raise Unavailable(f"the chain's node does not take the transaction: {outcome.text}", tx=entry.hash)
        raise Unavailable("the key is in use elsewhere: its nonces are always taken", address=self._signer.address)

    def _sign(self, to: str, data: str, gas: int, nonce: int, fees: Mapping[str, int]) -> OutboxEntry:
        transaction: dict[str, Any] = {
            "chainId": self._chain_id,
            "nonce": nonce,
            "value": 0,
            "data": data,
            "gas": gas,
            **fees,
        }
        if "gasPrice" not in fees:
            transaction["type"] = 2
        if to:
            transaction["to"] = to
        raw = self._signer.sign_transaction(transaction)
        return OutboxEntry(nonce=nonce, hash="0x" + keccak(raw).hex(), raw="0x" + raw.hex(), to=to, data=data)

    def _fees(self) -> dict[str, int]:
        """What a new transaction offers. A chain with a base fee keeps it, and one that gets it takes both kinds."""
        if self._has_base_fee is None:
            self._has_base_fee = simulation.has_base_fee(self._rpc)
        return simulation.fees(self._rpc, self._gas_price, base_fee=self._has_base_fee)

    def _next_nonce(self) -> int:
        """The lowest that neither the chain nor the outbox has."""
        taken = {entry.nonce for entry in self._outbox.entries()}
        nonce = self._count("pending")
        while nonce in taken:
            nonce += 1
        return nonce

    def _transmit(self, entry: OutboxEntry) -> "_Outcome":
        """Hand it to the node. A lost answer counts as accepted: `_wait` finds out, and sends again what was lost."""
        try:
            self._rpc.call("eth_sendRawTransaction", entry.raw)
        except RpcError as error:
            if self._known(entry):
                return _Outcome(True)
            text = error.text.lower()
            return _Outcome(False, "nonce" in text or "replacement" in text, error.text)
        except Unavailable:
            return _Outcome(True)
        return _Outcome(True)

    def _wait(self, entry: OutboxEntry) -> tuple[OutboxEntry, dict[str, Any]]:
        """Wait for the receipt of an entry, or of the one that replaced it; every other of both is forgotten."""
        started = time.monotonic()
        resend, stuck, sent = started + RESEND_SECONDS, started + STUCK_SECONDS, [entry]
        pause = 0.005
        while True:
            try:
                for known in sent:
                    if (receipt := self._receipt(known)) is not None:
                        self._forget(sent, known)
                        return known, receipt
                if time.monotonic() > resend:
                    resend += RESEND_SECONDS
                    self._resend(sent)
                if time.monotonic() > stuck:
                    stuck += STUCK_SECONDS
                    sent += self._outbid(sent[-1])
                trouble = None
            except Unavailable as error:
                trouble = error
            if time.monotonic() - started > self._timeout:
                raise self._overdue(entry, trouble)
            time.sleep(pause)
            pause = min(pause * 1.5, 0.5)

    def _forget(self, sent: list[OutboxEntry], but: OutboxEntry) -> None:
        for entry in sent:
            if entry != but:
                self._outbox.remove(entry)

    def _outbid(self, entry: OutboxEntry) -> list[OutboxEntry]:
        """A transaction in the place of one that the node keeps and no block includes, for it offers too little; none
        where that is not so.
        """
        shown = self._rpc.call("eth_getTransactionByHash", entry.hash)
        if self._gas_price != "market" or not isinstance(shown, dict) or shown.get("blockNumber"):
            return []
        with self._outbox.locked():
            fees = simulation.outbidding(self._rpc, shown)
            if fees is None:
                return []
            higher = self._sign(entry.to, entry.data, quantity(shown["gas"]), entry.nonce, fees)
            self._outbox.add(higher)
            if self._transmit(higher).accepted:
                return [higher]
            self._outbox.remove(higher)
            return []

    def _resend(self, sent: list[OutboxEntry]) -> None:
        """Send the latest of those with one nonce again, if the node has lost it. Raises Rejected where none can be."""
        entry = sent[-1]
        if self._is_stranded(entry):
            self._outbox.remove(entry)
            raise Rejected("the chain lost blocks that this transaction followed on", tx=entry.hash)
        if self._known(entry):
            return
        outcome = self._transmit(entry)
        if not outcome.accepted and not any(map(self._receipt, sent)):
            self._outbox.remove(entry)
            raise Rejected(f"the transaction fell out of the chain: {outcome.text}", tx=entry.hash)

    def _overdue(self, entry: OutboxEntry, trouble: Unavailable | None) -> Unavailable:
        reason = trouble.message if trouble else "no block included it"
        return Unavailable(
            f"no receipt for the transaction in {self._timeout:g} s: {reason}",
            advice="it stays in the outbox; make the same call again to wait longer",
            tx=entry.hash,
        )

    def _judge(self, entry: OutboxEntry, receipt: dict[str, Any]) -> Receipt:
        block, gas_used = quantity(receipt["blockNumber"]), quantity(receipt["gasUsed"])
        if quantity(receipt["status"]) == 1:
            created = receipt.get("contractAddress") or ""
            contract = checksum_address(bytes.fromhex(created[2:])) if created else ""
            return Receipt(bytes.fromhex(entry.hash[2:]), block, gas_used, contract)
        call = self._call(entry.to, entry.data)
        # The state after the block first: what refused a transaction is mostly what another one of the block did.
        for place in (block, block - 1):
            reason = simulation.replay(self._rpc, call, hex(place))
            if reason is not None:
                raise reason
        raise Rejected("the transaction failed on chain, and its reason is no longer available", tx=entry.hash)

    def _receipt(self, entry: OutboxEntry) -> dict[str, Any] | None:
        receipt = self._rpc.call("eth_getTransactionReceipt", entry.hash)
        return receipt if receipt and receipt.get("blockNumber") else None

    def _known(self, entry: OutboxEntry) -> bool:
        return self._rpc.call("eth_getTransactionByHash", entry.hash) is not None

    def _call(self, to: str, data: str) -> dict[str, str]:
        return {"from": self._signer.address, "data": data} | ({"to": to} if to else {})

    def _count(self, block: str) -> int:
        return quantity(self._rpc.call("eth_getTransactionCount", self._signer.address, block))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What the node made of a transaction."""

    accepted: bool
    nonce_taken: bool = False
    text: str = ""
