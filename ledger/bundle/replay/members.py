"""Calls of Consortium, and decisions that were carried out: contracts/Consortium.sol, contracts/Ballots.sol."""

from ledger.bundle.calls import BundledCall
from ledger.bundle.replay import ballots
from ledger.bundle.replay.state import MOST_MEMBERS, Ledger, require
from ledger.bundle.statements import COUNTED
from ledger.events import members as m
from ledger.events import rounds as r
from ledger.formats.digest import checksum_address
from ledger.formats.member_name import NameWords
from ledger.history.impossible import Impossible
from ledger.history.state import Member

_NOBODY = "0x" + "0" * 40
_ALL_ROLES = 7
ADMIT, REMOVE, CHANGE, CLOSE, REWIND = 1, 2, 3, 5, 10
"""Numbers of kinds that change members or jobs."""


def rotate(ledger: Ledger, call: BundledCall) -> None:
    """`rotateKey`: a member replaces its own key."""
    (new_key,) = call.arguments
    member = ledger.member(call.signer)
    _require_unused(ledger, new_key)
    _rotate(ledger, call, member, new_key)


def approve_rotation(ledger: Ledger, call: BundledCall) -> None:
    """`approveRotation`: a member agrees with another's new key; with a majority it is replaced."""
    index, new_key = call.arguments
    member = ledger.member(call.signer)
    found = _active(ledger, index)
    _require_unused(ledger, new_key)
    approved = ledger.members.approvals.get((index, found.recoveries, new_key), frozenset())
    standing = ledger.members.standing(approved | {member.index})
    said = {"index": index, "new_key": new_key, "member": member.index, "approvals": standing}
    ledger.write(call, m.RotationApproved, **said)
    if standing > ledger.members.count // 2:
        _rotate(ledger, call, found, new_key)


def execute(ledger: Ledger, call: BundledCall) -> None:
    """`execute`: what members decided, by votes that are counted, or at its word; no more than the call says."""
    _, _, kind, action = call.arguments
    words = [action[at : at + 32] for at in range(0, len(action), 32)]
    if kind <= COUNTED:
        proposal = ballots.executable(ledger, call)
        _change_members(ledger, call, kind, words)
        ballots.executed(ledger, call, proposal)
    elif kind == CLOSE:
        ledger.write(call, r.JobClosed, job=int.from_bytes(words[0]))
    elif kind == REWIND:
        job, convicted = map(int.from_bytes, words)
        ledger.write(call, r.JobRewound, job=job, round=convicted, latest=ledger.jobs.require(job).sound)


def _change_members(ledger: Ledger, call: BundledCall, kind: int, words: list[bytes]) -> None:
    """The effect of a decision on members; of new rules there is none."""
    epoch = ledger.members.epoch + 1
    if kind == ADMIT:
        key, roles = checksum_address(words[0][12:]), words[1][31]
        require(0 < roles <= _ALL_ROLES and len(ledger.members.by_index) < MOST_MEMBERS, "no such member")
        _require_unused(ledger, key)
        said = {"key": key, "roles": roles, "name": NameWords(words[2], words[3])}
        ledger.write(call, m.MemberAdmitted, index=len(ledger.members.by_index), epoch=epoch, **said)
    elif kind == REMOVE:
        member = _active(ledger, words[0][31])
        ledger.write(call, m.MemberRemoved, index=member.index, key=member.key, epoch=epoch)
    elif kind == CHANGE:
        ledger.write(call, m.RolesChanged, index=words[0][31], roles=words[1][31], epoch=epoch)


def _rotate(ledger: Ledger, call: BundledCall, member: Member, new_key: str) -> None:
    said = {"index": member.index, "old_key": member.key, "new_key": new_key, "epoch": ledger.members.epoch + 1}
    ledger.write(call, m.KeyRotated, **said)


def _active(ledger: Ledger, index: int) -> Member:
    found = ledger.members.by_index.get(index)
    if found is None or not found.active:
        raise Impossible(f"there is no member {index}")
    return found


def _require_unused(ledger: Ledger, key: str) -> None:
    require(key != _NOBODY and key not in ledger.members.owners, f"{key} was used before")
