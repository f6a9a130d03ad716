"""SIGNED: whether the history is the one that members signed, up to the last final round.

What an aggregate claims contains the head over all events up to a block, and that block's hash. So the members that
made a round final signed the history up to there. Where heads, blocks or signatures are others, the server is not to
be believed in anything: nothing else is checked, and nobody is blamed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ledger.audit.context import CHAIN_NODE, Context
from ledger.audit.keys import said_of_keys
from ledger.audit.report import Check, Signed
from ledger.audit.said import agreed
from ledger.audit.signed_heads import Checkpoint, HeadStatement, SignedHistory, TwoHeads, check_history, two_heads
from ledger.events.evidence import Said, Unproven
from ledger.formats.text import plural
from ledger.history.fold import History
from ledger.history.state import Aggregate, Round


@dataclass(frozen=True, slots=True)
class SignedTo:
    """How far a history is signed: the last checkpoint, None without any; `after` counts the events after it.

    `unproven` are those of them that are not the act of signing it: they are the node's word alone.
    """

    checkpoint: Checkpoint | None
    after: int
    unproven: int

    @property
    def signed(self) -> Signed | None:
        """As the report says it."""
        if self.checkpoint is None:
            return None
        made = self.checkpoint
        return Signed(as_of=made.block, anchor="0x" + made.anchor.hex(), members=made.signers, of=made.members)


def signing(history: History) -> Iterator[bytes]:
    """The transactions that `check_signed` asks for, in its order."""
    for round_ in _rounds(history):
        if round_.final is not None:
            yield round_.final.tx
            yield from (one.tx for one in round_.final.attestations if one.agrees)


def check_signed(audit: Context) -> SignedTo | None:
    """How far members signed the history; None where it is not theirs, which one finding says, with one advice."""
    rounds = _rounds(audit.history)
    found = check_history(audit.history, rounds, lambda block: shown.hash if (shown := audit.blocks(block)) else None)
    if found.difference is not None:
        made = found.difference.checkpoint
        _distrust(audit, made, found.difference.what, **found.difference.told)
        return None
    if not all(_is_proven(audit, round_, round_.final) for round_ in rounds if round_.final is not None):
        return None
    if found.checkpoint is not None:
        if not _are_members(audit, found.checkpoint):
            return None
        audit.signed_to = found.checkpoint.block
    _convict_of_two_heads(audit, rounds)
    return _signed_to(audit, found)


def _signed_to(audit: Context, found: SignedHistory) -> SignedTo:
    """With the tail, where there is one, left open."""
    made = found.checkpoint
    final = audit.history.jobs[made.job].rounds[made.round].final if made else None
    acts = final.agreeing + 1 if final else 0  # who stands by it, and that it is final
    unproven = found.events_after - acts
    if made is not None and unproven:
        why = f"{plural(unproven, 'event')} after block {made.block} are under no signed head"
        audit.leave_open(Check.SIGNED, "the end of the history", why)
    return SignedTo(made, found.events_after, unproven)


def _is_proven(audit: Context, round_: Round, final: Aggregate) -> bool:
    """Whether everyone who made the round final is shown to have signed so."""
    for said in agreed(round_, final):
        try:
            audit.show(said)
        except Unproven as error:
            signers = tuple(sorted({final.index, *(one.index for one in final.attestations if one.agrees)}))
            made = Checkpoint(round_.job, round_.number, final.as_of, final.anchor, signers, round_.members)
            what = f"{audit.describe(said.signer)} did not sign what it shows: {error.message}"
            _distrust(audit, made, what, tx=said.tx.hex())
            return False
        audit.found.verify(Check.SIGNED)
    return True


def _are_members(audit: Context, made: Checkpoint) -> bool:
    """Whether the keys that signed are the members': each change of keys, roles and rules since the founding."""
    for said in said_of_keys(audit.history, made.block):
        try:
            audit.show(said)
        except Unproven as error:
            what = f"{said.signer} did not sign the {said.statement} that it shows: {error.message}"
            _distrust(audit, made, what, tx=said.tx.hex())
            return False
        audit.found.verify(Check.SIGNED)
    return True


def _distrust(audit: Context, made: Checkpoint, what: str, **told: str) -> None:
    members = plural(made.members, "member")
    why = (
        f"this node's history is not the one that {len(made.signers)} of {members} signed: {what}; nothing else was "
        "checked and nobody is blamed; read the log from another endpoint"
    )
    where = {"job": made.job, "round": made.round}
    audit.leave_open(Check.SIGNED, "the history", why, fault=CHAIN_NODE, **where, **told)
    audit.found.doubted.add(None)


def _convict_of_two_heads(audit: Context, rounds: list[Round]) -> None:
    """One block has one head: a member that signed two lied once, whatever the server shows."""
    for two in two_heads(rounds):
        first, second = _said(audit.history, two.first), _said(audit.history, two.second)
        heads = {"expected": two.first.head.hex(), "actual": two.second.head.hex()}
        where = {"job": two.second.job, "round": two.second.round, "attempt": two.second.attempt}
        detail = {"why": f"it signed two heads for one block: {_both(two)}", **where, **heads}
        audit.convict(second, f"two heads for block {two.second.as_of}", "standing", Check.SIGNED, (first,), **detail)


def _both(two: TwoHeads) -> str:
    return " and ".join(f"{one.job}/{one.round}, attempt {one.attempt}" for one in (two.first, two.second))


def _said(history: History, made: HeadStatement) -> Said:
    round_ = history.jobs[made.job].rounds[made.round]
    return next(one for one in agreed(round_, round_.aggregates[made.attempt - 1]) if one.tx == made.tx)


def _rounds(history: History) -> list[Round]:
    return [round_ for state in history.jobs.values() for round_ in state.rounds.values()]
