"""Evidence: what a party said, under its own signature, as a value and as a file (`evidence/1`, docs/spec/audit.md).

What the log has a party say is a `Said`; `ledger.chain.evidence` reads what the signed transaction says. No finding
names a party unless both are at hand and the same.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import msgspec

from ledger.errors import FedledgerError, Malformed
from ledger.formats.strict import Strict

MAX_SIZE = 64 << 20


class Unproven(FedledgerError):
    """The transaction of an event cannot be shown, or says something else than the event."""

    exit_code = 3


class BlockName(Strict, frozen=True):
    """The block of a transaction, on the word of the node that was asked; `hash` in hexadecimal with 0x."""

    number: int
    hash: str


class Inner(Strict, frozen=True):
    """The signature inside a relayed call: the EIP-712 digest that was signed, and 65 bytes r, s, v."""

    digest: str
    signature: str


class ShownOpening(Strict, frozen=True):
    """What a party committed to, in hexadecimal; its signed commitment is the hash of this."""

    weight: int
    root: str
    cid: str
    salt: str


class ShownClaim(Strict, frozen=True):
    """What an aggregate claims, in hexadecimal; the claim that was published, or that a member attested, is its hash.

    `opened` is the digest over the round's openings (docs/spec/commitments.md).
    """

    base: str
    opened: str
    root: str
    cid: str
    as_of: int
    anchor: str
    head: str
    receipts: str
    carried: str
    verdicts: str


class SignedStatement(Strict, frozen=True):
    """A signed statement. Everything but `block` follows from `raw`, and from what it is the hash of.

    `raw` is the transaction, in hexadecimal with 0x; `statement` the function it calls; `arguments` are what it says,
    by name in snake case, bytes in hexadecimal. `signer` is the key that says so: the transaction's, or that of `inner`
    where the call was relayed. `opening` is what a `commitUpdate` is the hash of, `claim` what the claim of a
    `publishAggregate` or an `attest` is, where that is known.
    """

    fedledger: Literal["evidence/1"]
    chain: int
    contract: str
    statement: str
    arguments: dict[str, Any]
    signer: str
    raw: str
    block: BlockName | None = None
    inner: Inner | None = None
    opening: ShownOpening | None = None
    claim: ShownClaim | None = None

    def encode(self) -> bytes:
        return msgspec.json.encode(self)


class Said(NamedTuple):
    """What the log has a party say: key, function, arguments as in `SignedStatement`, hash of the transaction.

    `opening` and `claim` are what the arguments are hashes of, as far as the log shows it. `after` is a transaction of
    the same key, where what follows from both hangs on their order: by their nonces this one came later.
    """

    signer: str
    statement: str
    arguments: dict[str, Any]
    tx: bytes
    opening: ShownOpening | None = None
    claim: ShownClaim | None = None
    after: bytes = b""


Witness = Callable[[Said], SignedStatement]
"""Shows the signed statement behind an event. Raises Unproven."""


def nobody(said: Said) -> SignedStatement:
    """The witness that has seen nothing."""
    raise Unproven("no transaction was shown", tx=said.tx.hex())


class _Kind(msgspec.Struct, frozen=True):
    fedledger: str


class _Lie(msgspec.Struct, frozen=True):
    evidence: SignedStatement


class _Lies(msgspec.Struct, frozen=True):
    list: list[_Lie]


class _Report(msgspec.Struct, frozen=True):
    """What is evidence in an audit's report."""

    fedledger: Literal["report/2"]
    lies: _Lies
    rests_on: list[SignedStatement]


def parse(data: bytes) -> list[SignedStatement]:
    """Read a file of evidence, or all that is in a report; whether it is true is another matter. Raises Malformed."""
    if len(data) > MAX_SIZE:
        raise Malformed("the evidence is too large", size=len(data), maximum=MAX_SIZE)
    if not data:
        raise Malformed("this is not a file of evidence: it is empty")
    try:
        kind = msgspec.json.decode(data, type=_Kind).fedledger
        if not kind.startswith("report/"):
            return [msgspec.json.decode(data, type=SignedStatement)]
        report = msgspec.json.decode(data, type=_Report)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"this is not a file of evidence: {error}") from error
    return [one.evidence for one in report.lies.list] + report.rests_on
