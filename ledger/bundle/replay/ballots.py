"""Calls of Ballots: contracts/Ballots.sol and BallotBox.sol, for the kinds whose votes are in a bundle.

Those are AdmitMember, RemoveMember, ChangeRoles and ChangeRules; a proposal of another kind counts for its proposer's
nonce alone. What needs a clock is decided here; the rest the folds of `ledger.history` say.
"""

from ledger.bundle.calls import PROPOSING, BundledCall
from ledger.bundle.form import are_rules
from ledger.bundle.replay.state import Ledger, require
from ledger.bundle.statements import COUNTED
from ledger.errors import Malformed
from ledger.events import ballots as b
from ledger.events.actions import (
    AdmitMember,
    ChangeRoles,
    ChangeRules,
    RemoveMember,
    parse_action,
)
from ledger.events.ballots import Choice, Refusal
from ledger.events.contents import proposal_id
from ledger.events.proposals import Proposal, ProposalState
from ledger.formats.digest import checksum_address
from ledger.history.electorate import vote_refusal
from ledger.history.impossible import Impossible

_NOBODY = checksum_address(bytes(20))
_ALL_ROLES = 7
_TIMES = 1 << 40


def propose(ledger: Ledger, call: BundledCall) -> None:
    """`proposeAdmission` and those like it: the signer proposes."""
    _propose(ledger, call, call.signer, PROPOSING[call.function], call.action)


def propose_by_signature(ledger: Ledger, call: BundledCall) -> None:
    """`proposeBySignature`: a member that signed it proposes, by its next nonce and in time."""
    kind, action, (nonce, member, deadline, *_) = call.arguments
    require(nonce == ledger.decisions.next_nonce(member) and call.time <= deadline, "another nonce, or too late")
    require(kind > COUNTED or call.points[0], f"{member} did not sign it")
    _propose(ledger, call, member, kind, action)


def vote(ledger: Ledger, call: BundledCall) -> None:
    """`vote`: the signer votes."""
    proposal, choice = call.arguments
    _require_vote(ledger, _open(ledger, call), call.signer, choice)
    ledger.write(call, b.Voted, proposal=proposal, member=call.signer, choice=Choice(choice))


def vote_by_signature(ledger: Ledger, call: BundledCall) -> None:
    """`voteBySignature`: a member that signed its vote votes, in time."""
    proposal, _, (member, choice, deadline, *_) = call.arguments
    found = _open(ledger, call)
    require(call.points[0] and call.time <= deadline, f"{member} did not sign it, or it is too late")
    _require_vote(ledger, found, member, choice)
    ledger.write(call, b.Voted, proposal=proposal, member=member, choice=Choice(choice))


def vote_batch(ledger: Ledger, call: BundledCall) -> None:
    """`voteBatch`: those votes count that would alone; the others are passed over."""
    proposal, _, given = call.arguments
    found = _open(ledger, call)
    for point, (member, choice, deadline, *_) in zip(call.points, given, strict=True):
        try:
            require(point and call.time <= deadline, "not signed, or too late")
            _require_vote(ledger, found, member, choice)
        except Impossible:
            continue
        ledger.write(call, b.Voted, proposal=proposal, member=member, choice=Choice(choice))


def close(ledger: Ledger, call: BundledCall) -> None:
    """`close`: what passes need not wait for its deadline."""
    found = _open(ledger, call)
    require(found.passes and call.time < found.deadline, "the vote cannot be closed")
    ledger.write(call, b.VoteClosed, proposal=found.id, deadline=call.time)


def executable(ledger: Ledger, call: BundledCall) -> Proposal:
    """The proposal that `execute` carries out. Raises Impossible where it did not pass, or it is not the time."""
    proposer, nonce, kind, action = call.arguments
    found = _known(ledger, _name(proposer, nonce, kind, action))
    require(found.state(call.time) is ProposalState.EXECUTABLE, f"proposal {found.number} cannot be executed")
    return found


def executed(ledger: Ledger, call: BundledCall, proposal: Proposal) -> None:
    """That it was carried out; the rules in force from now on, where it is those that it changes."""
    ledger.write(call, b.Executed, proposal=proposal.id)
    if isinstance(proposal.action, ChangeRules):
        ledger.write(call, b.RulesChanged, rules=proposal.action.rules)


def _propose(ledger: Ledger, call: BundledCall, proposer: str, kind: int, action: bytes) -> None:
    ledger.member(proposer)
    decisions = ledger.decisions
    nonce = decisions.next_nonce(proposer)
    if kind > COUNTED:
        decisions.nonces[proposer] = nonce
        return
    rules = decisions.rules
    require(rules is not None and _changes(ledger, kind, action), "it would change nothing, or nothing that can be")
    said = {"proposer": proposer, "nonce": nonce, "kind": kind, "action": action}
    deadline = (call.time + (rules.vote_seconds if rules else 0)) % _TIMES
    number, epoch = len(decisions.proposals) + 1, ledger.members.epoch
    named = _name(proposer, nonce, kind, action)
    ledger.write(call, b.Proposed, proposal=named, number=number, **said, epoch=epoch, deadline=deadline)


def _changes(ledger: Ledger, kind: int, encoded: bytes) -> bool:
    """Whether the contract lets a member propose it now: it could be carried out, and would change something."""
    try:
        action = parse_action(kind, encoded)
    except Malformed:
        return False
    members = ledger.members.by_index
    match action:
        case AdmitMember(key=key, roles=roles):
            return key != _NOBODY and 0 < roles <= _ALL_ROLES
        case RemoveMember(index=index):
            return index in members and members[index].active
        case ChangeRoles(index=index, roles=roles):
            known = index in members and members[index].active
            return known and 0 < roles <= _ALL_ROLES and members[index].roles != roles
        case ChangeRules(rules=rules):
            return are_rules(rules) and rules != ledger.decisions.rules
        case _:
            return False


def _name(proposer: str, nonce: int, kind: int, action: bytes) -> bytes:
    try:
        return proposal_id(proposer, nonce, kind, action)
    except Malformed as error:
        raise Impossible(error.message) from error


def _known(ledger: Ledger, proposal: bytes) -> Proposal:
    found = ledger.decisions.proposals.get(proposal)
    if found is None:
        raise Impossible(f"proposal {proposal.hex()} was never made")
    return found


def _open(ledger: Ledger, call: BundledCall) -> Proposal:
    """The proposal of a call, which is voted on. Raises Impossible."""
    found = _known(ledger, call.arguments[0])
    require(found.state(call.time) is ProposalState.VOTING, f"proposal {found.number} is not voted on")
    return found


def _require_vote(ledger: Ledger, proposal: Proposal, key: str, choice: int) -> None:
    """Raises Impossible where a vote of the key would not count."""
    owner = ledger.members.owner(key)
    member = owner if owner is not None and owner.key == key else None
    require(0 < choice <= len(Choice), f"there is no choice {choice}")
    refusal = vote_refusal(proposal, member)
    require(refusal is Refusal.NONE, f"the vote of {key} does not count: {refusal.name}")
