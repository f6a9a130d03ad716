"""What an audit of a live chain can prove of its history beyond what members signed: by seals, and by receipts."""

from typing import NamedTuple

from ledger.audit.context import CHAIN_NODE, Context
from ledger.audit.report import Check
from ledger.chain.proofs.header_chain import BlockAt
from ledger.chain.proofs.log_proof import Held, LogProof, Refused, Unknown
from ledger.chain.seals.follow import Sealed, SealedChain
from ledger.formats.text import plural
from ledger.party.connection import Connection
from ledger.party.nodes.own_log import AT_A_TIME

ELSEWHERE = "ask another endpoint"


class Proof(NamedTuple):
    """What the report says, how many blocks or logs it covers, and why it is false, or could not be made."""

    said: str
    held: int = 0
    false: str | None = None
    missing: str | None = None

    @property
    def made(self) -> bool:
        """Whether all that it covers holds."""
        return self.said.startswith(("checked", "proved"))


def seals(connection: Connection) -> Proof:
    """Whether the chain's validators sealed the history's blocks, as far as one audit follows them."""
    if connection.network.chain.seals == "none":
        return Proof("not pinned in the network file")
    chain = SealedChain(connection.client.rpc, connection.network, connection.folder / "seals.json")
    tip = BlockAt(*connection.follower.tip)
    match chain.check(tip):
        case Sealed() as found:
            return Proof(_sealed(found, tip.number), found.checked)
        case Refused(why):
            return Proof(f"false: {why}", false=why)
        case Unknown(why):
            return Proof(f"could not check: {why}", missing=why)


def receipts(connection: Connection) -> Proof:
    """Whether the events after the last signed head are those in the receipts of their blocks."""
    tip = BlockAt(*connection.follower.tip)
    ranges = _unsigned(connection, tip)
    start = ranges[0][0].number
    if tip.number - start > AT_A_TIME:
        return Proof(f"could not check: {tip.number - start} blocks lie after block {start}, too many for one audit")
    proof, told, logs = LogProof(connection.client), connection.follower.events_after(start), 0
    for before, last in ranges:
        match proof.hold(before, last, told):
            case Held(_, some):
                logs += some
            case Refused(why):
                return Proof(f"false: {why}", false=why)
            case Unknown(why):
                return Proof(f"could not check: {why}", missing=why)
    return Proof(f"proved to block {tip.number}", logs)


def tell(audit: Context, sealed: Proof, shown: Proof) -> bool:
    """Put into the report what was proved, and what was not; whether it makes sense to look any further.

    Blocks that validators did not seal are another history. Events that are not in the receipts make every claim
    unknown; what parties signed stays theirs.
    """
    for check, proof in ((Check.SEALS, sealed), (Check.RECEIPTS, shown)):
        if proof.made:
            audit.found.verify(check, proof.held)
    if sealed.missing is not None:
        audit.leave_open(Check.SEALS, "the seals of the chain's blocks", f"they could not be checked: {sealed.missing}")
    if shown.false is not None:
        why = f"{shown.false}; this node's log is not that of its chain: {ELSEWHERE}"
        audit.leave_open(Check.RECEIPTS, "the end of the history", why, fault=CHAIN_NODE)
        audit.found.doubted.add(None)
    if sealed.false is not None:
        why = (
            f"this node's history is not the one that the chain's validators sealed: {sealed.false}; nothing else "
            f"was checked and nobody is blamed: {ELSEWHERE}"
        )
        audit.leave_open(Check.SEALS, "the history", why, fault=CHAIN_NODE)
        audit.found.doubted.add(None)
    return sealed.false is None


def _unsigned(connection: Connection, tip: BlockAt) -> list[tuple[BlockAt, BlockAt]]:
    """The blocks after the last head that members of a final round signed; all from the founding where there is none.

    Each range is between the hashes of its ends.
    """
    finals = [
        round_.final
        for state in connection.history.jobs.values()
        for round_ in state.rounds.values()
        if round_.final is not None
    ]
    if finals:
        last = max(finals, key=lambda final: final.as_of)
        return [(BlockAt(last.as_of, last.anchor), tip)]
    pinned = connection.network.founding
    founding = BlockAt(pinned.block, bytes.fromhex(pinned.hash.removeprefix("0x")))
    return [(BlockAt(founding.number - 1, b""), founding), (founding, tip)]


def _sealed(found: Sealed, tip: int) -> str:
    validators = plural(len(found.state.validators), "validator")
    said = f"checked to block {found.block}: {found.state.kind}, {validators}"
    if found.block < tip:
        return f"{said}; the next audit goes on from there to block {tip}"
    if found.settled < found.block:
        return f"{said}; a majority has sealed block {found.settled}, and any block may still be replaced"
    return said
