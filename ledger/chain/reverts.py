"""A contract's refusals in words: custom errors, decoded by the ABI."""

from functools import cache
from typing import Any

from ledger.chain.advice import advice_on
from ledger.chain.build import SOLIDITY_NAMES, committed
from ledger.chain.codec import decoder, signature
from ledger.chain.logs import snake
from ledger.errors import Rejected
from ledger.events.actions import KINDS, kind_name
from ledger.events.ballots import Refusal
from ledger.events.proposals import ProposalState
from ledger.formats.digest import keccak
from ledger.history.state import Phase, ScoringPhase

PHASES = ("None", *(phase.value for phase in Phase))
WORDS = {
    "enum IRoundLedger.Phase": PHASES,
    "enum IScoreBoard.Phase": tuple(phase.value for phase in ScoringPhase),
    "enum IBallots.State": tuple(state.value for state in ProposalState),
    "enum IBallots.Kind": ("None", *map(kind_name, KINDS)),
    "enum IBallots.Refusal": tuple(refusal.name for refusal in Refusal),
}
"""What the contracts' enumerations are called."""

MESSAGES = {
    "Consortium_TooFewMembers": "a consortium needs more members",
    "Consortium_TooManyMembers": "a consortium cannot have so many members",
    "Consortium_RolesMissing": "there must be one set of roles for each key",
    "Consortium_NamesMissing": "a member has no name",
    "Consortium_InvalidRoles": "these roles are not valid",
    "Consortium_NotBallots": "only what the members decided by a vote may do that",
    "Consortium_NotOrigin": "a member speaks in a transaction of its own key",
    "Consortium_NotMember": "this key does not belong to a member",
    "Consortium_UnknownIndex": "there is no member with this number",
    "Consortium_KeyUsed": "this key was used in the consortium before",
    "Consortium_ZeroKey": "the zero address cannot be a member's key",
    "Consortium_AlreadyApproved": "this member approved this rotation already",
    "Consortium_GatewayTooLong": "the gateway's address is too long",
    "RoundLedger_InvalidTerms": "the job's terms are not valid: digest, rounds, attempts and times must be set",
    "RoundLedger_InvalidModel": "the job's model needs an initial root and a number of values",
    "RoundLedger_UnknownJob": "there is no such job",
    "RoundLedger_JobNotOpen": "the job is not approved by a majority yet",
    "RoundLedger_JobClosed": "the members closed the job",
    "RoundLedger_NotBallots": "only what the members decided by a vote may do that",
    "RoundLedger_NotCourt": "only the court convicts",
    "RoundLedger_Convicted": "the model of this round is convicted: no round opens, nor is another one convicted",
    "RoundLedger_NotConvicted": "no model of the job is convicted, so there is nothing to rewind",
    "RoundLedger_WrongConviction": "the model of another round stands convicted than the one to rewind for",
    "RoundLedger_JobComplete": "all rounds of the job were finalised already",
    "RoundLedger_NotOrigin": "a plain account calls, in a transaction of its own",
    "RoundLedger_WrongDigest": "the job with this number has another document",
    "RoundLedger_AlreadyApproved": "this member approved the job already",
    "RoundLedger_RoleMissing": "this member does not have the role for that",
    "RoundLedger_NotInElectorate": "this key or role came after the round was opened",
    "RoundLedger_WrongPhase": "the round is in another phase",
    "RoundLedger_WrongRound": "another round is the current one",
    "RoundLedger_WrongAttempt": "another attempt at the aggregate is the current one",
    "RoundLedger_DeadlinePassed": "the deadline has passed",
    "RoundLedger_DeadlineNotPassed": "the deadline has not passed yet",
    "RoundLedger_StrikesToWaitFor": "this aggregator has strikes: it may open the next round later",
    "RoundLedger_AlreadyCommitted": "this party committed to an update for the round already",
    "RoundLedger_NotCommitted": "this party committed to nothing in the round",
    "RoundLedger_NotWhatWasCommitted": "this is not the update that the party committed to",
    "RoundLedger_ZeroWeight": "an update must have a weight of at least one sample",
    "RoundLedger_InvalidOpenings": "openings are 104 bytes each, at least one",
    "RoundLedger_NotYourTurn": "until that time only the round's opener may publish",
    "RoundLedger_AggregatorFailed": "an attempt of this aggregator failed in the round",
    "RoundLedger_InvalidAggregate": "root and CID must both be given, or neither",
    "RoundLedger_NothingOpened": "no update of the round was opened",
    "RoundLedger_WrongBase": "the round builds on another model",
    "RoundLedger_WrongVerdicts": "there must be one verdict for each open update",
    "RoundLedger_WrongBlock": "the block named is not one of the last 256 with every opening in it or before it",
    "RoundLedger_WrongAnchor": "the block named has another hash on this chain, or is too old",
    "RoundLedger_WrongClaim": "all name the ledger's claim, but for a member that computed another",
    "RoundLedger_AlreadyAttested": "this member attested the aggregate already",
    "ScoreBoard_NoScores": "the job makes no scores",
    "ScoreBoard_RoleMissing": "this member is not a scorer",
    "ScoreBoard_NotInElectorate": "this key or its role came after the scoring was opened",
    "ScoreBoard_NotOrigin": "a plain account calls, in a transaction of its own",
    "ScoreBoard_StillOpen": "another scoring of the job has not ended",
    "ScoreBoard_RoundPassed": "this round, or a later one, was scored already",
    "ScoreBoard_NoneLeft": "no round was finalised after the one scored last",
    "ScoreBoard_WrongClaim": "this is not the finalised aggregate that is scored next",
    "ScoreBoard_NothingAdmitted": "the round admitted no update",
    "ScoreBoard_TooFewScorers": "there are fewer scorers than must reveal",
    "ScoreBoard_WrongRound": "another round's scoring is the current one",
    "ScoreBoard_WrongPhase": "the scoring is in another phase",
    "ScoreBoard_AlreadyCommitted": "this scorer committed already",
    "ScoreBoard_NotCommitted": "this key committed to nothing",
    "ScoreBoard_AlreadyRevealed": "this scorer revealed already",
    "ScoreBoard_NotWhatWasCommitted": "this is not what the key committed to",
    "ScoreBoard_WrongLength": "there must be one score of four bytes for each admitted update",
    "ScoreBoard_ScoreOutOfRange": "a score is larger than 1,000,000,000 in magnitude",
    "ScoreBoard_BelowQuorum": "too few scorers revealed",
    "ScoreBoard_QuorumReached": "enough scorers revealed: the scoring can be settled for a while yet",
    "ScoreBoard_WrongRange": "scores are settled in order, in whole chunks of 32 or to the last",
    "ScoreBoard_NotWhatWasRevealed": "this is not what the scorers revealed",
    "ScoreBoard_WrongMedian": "this is not the median of what was revealed",
    "MaskBoard_InvalidTerms": "the masks' terms are out of bounds: 1 to 256 rounds a segment, sets of 3 or more, times",
    "MaskBoard_NotProposer": "only its proposer makes a job masked",
    "MaskBoard_JobOpen": "the job is open: it stays as it is",
    "MaskBoard_AlreadyConfigured": "the job's masks were set already",
    "MaskBoard_NotMasked": "the job is not masked",
    "MaskBoard_NotOrigin": "a member speaks in a transaction of its own key",
    "MaskBoard_RoleMissing": "this member does not have the role for that",
    "MaskBoard_NotInElectorate": "this key or role came after the round or segment was opened",
    "MaskBoard_ZeroKey": "a key must not be zero",
    "MaskBoard_ZeroDigest": "a digest must not be zero",
    "MaskBoard_WrongSegment": "another segment is the current one",
    "MaskBoard_SegmentOpen": "another segment is being set up: until that time no other is opened",
    "MaskBoard_TooFew": "there must be more members",
    "MaskBoard_NotInRoster": "members of a cast are in the segment's roster",
    "MaskBoard_NoCast": "the round's segment has no cast",
    "MaskBoard_NotInCast": "members of a set are in the segment's cast",
    "MaskBoard_NotOpened": "members of a set have opened their updates",
    "MaskBoard_WrongRound": "another round is the current one",
    "MaskBoard_WrongPhase": "the round is in another phase",
    "MaskBoard_NotYourTurn": "until that time only the round's opener may propose",
    "MaskBoard_ProposalLapsed": "a proposal of this aggregator lapsed already",
    "MaskBoard_NothingProposed": "nothing is proposed yet",
    "MaskBoard_AlreadyFixed": "a majority agreed already: what is fixed stays",
    "MaskBoard_AlreadyAgreed": "this member agreed already",
    "MaskBoard_WrongMembers": "other members are proposed",
    "MaskBoard_SetNotFixed": "the round has no set",
    "MaskBoard_NotInSet": "this member is not in the round's set",
    "MaskBoard_AlreadyUnmasked": "this member unmasked already",
    "MaskBoard_AlreadyGave": "this member gave its shares of the round already",
    "MaskBoard_InvalidShares": "shares are 33 bytes each, and at least one is given",
    "MaskBoard_WrongShare": "shares are of those who are missing, by ascending index",
    "MaskBoard_DeadlinePassed": "the deadline has passed",
    "MaskBoard_DeadlineNotPassed": "the deadline has not passed yet",
    "MaskBoard_HasModel": "the round has a model: nobody opens an update of it",
    "BudgetBoard_InvalidTerms": "a round costs something, in a scope, and its budget is at least that",
    "BudgetBoard_NotOrigin": "a member speaks in a transaction of its own key",
    "BudgetBoard_NotProposer": "only its proposer says what a job's rounds cost",
    "BudgetBoard_JobOpen": "the job is open: it stays as it is",
    "BudgetBoard_AlreadyConfigured": "what the job's rounds cost was said already",
    "BudgetBoard_BudgetRaised": "the scope has a smaller budget, which nobody raises",
    "BudgetBoard_CostsNothing": "the job's rounds cost nothing",
    "BudgetBoard_WrongRound": "another round is the current one",
    "BudgetBoard_WrongPhase": "the round collects no updates now",
    "BudgetBoard_DeadlinePassed": "the deadline has passed",
    "BudgetBoard_RoleMissing": "this member does not have the role for that",
    "BudgetBoard_NotInElectorate": "this key came after the round was opened",
    "BudgetBoard_AlreadySpent": "this member spent the round's cost already",
    "BudgetBoard_Overspent": "the member's privacy budget in this scope is used up",
    "BudgetBoard_WrongDigest": "the job's document is another one",
    "BudgetBoard_NotMember": "this key does not speak for a member",
    "BudgetBoard_NoStatement": "data are withdrawn by a statement",
    "BudgetBoard_AlreadyWithdrawn": "this member withdrew its data from the job already",
    "AggregateCourt_NotNamed": "the ledger names another court",
    "AggregateCourt_NotByValue": "the court cannot judge this job: its values follow from more than their place",
    "AggregateCourt_InvalidUpdates": "these are not the round's openings: 65 bytes each, call by call",
    "AggregateCourt_InvalidPoint": "a ground is shown by what it needs, and nothing else",
    "AggregateCourt_NoModel": "the aggregate says that there is no model",
    "AggregateCourt_UnknownValue": "the model has fewer values",
    "AggregateCourt_WrongLength": "a record for each artifact is shown, all of one length",
    "AggregateCourt_WrongProof": "a record does not lead to its tensor root",
    "AggregateCourt_NotAdmitted": "this member has no admitted update in the aggregate",
    "AggregateCourt_NotShown": "other updates were shown before than these",
    "AggregateCourt_WrongBounds": "these are not the lowest and the highest of the values that count",
    "AggregateCourt_NothingLeft": "the rule leaves no value of so few updates",
    "AggregateCourt_NotOrigin": "a plain account calls, in a transaction of its own",
    "AggregateCourt_Holds": "nothing is false there: what was claimed is what recomputes",
    "ReleaseBoard_NotBallots": "only what the members decided by a vote may do that",
    "ReleaseBoard_InvalidName": "a name or version is 1 to 32 of a-z, 0-9, '.' and '-', first a letter or digit",
    "ReleaseBoard_NotFinalised": "this is not the model that the round finalised",
    "ReleaseBoard_Convicted": "the model of this round is convicted, or stands on a convicted one",
    "ReleaseBoard_WrongScores": "these are not the scores that the round got",
    "ReleaseBoard_OtherLedger": "the scores belong to another ledger",
    "ReleaseBoard_AlreadyReleased": "this name and version were released already",
    "ReleaseBoard_UnknownRelease": "there is no such release",
    "ReleaseBoard_AlreadyRevoked": "the release is revoked",
    "ReleaseBoard_AlreadyCurrent": "the release is the current one already",
    "Ballots_NotNamed": "the consortium names other ballots",
    "Ballots_OtherConsortium": "the contract belongs to another consortium",
    "Ballots_InvalidRules": "the rules are out of bounds",
    "Ballots_InvalidRoles": "these roles are not valid",
    "Ballots_InvalidAction": "the action is not encoded as that kind of proposal wants",
    "Ballots_ZeroAddress": "an address must not be zero",
    "Ballots_ChangesNothing": "the proposal would change nothing",
    "Ballots_NotOrigin": "a plain account calls, in a transaction of its own",
    "Ballots_WrongNonce": "the proposal was signed with another nonce than the member's next one",
    "Ballots_ProposalRefused": "the signed proposal is not its member's, or is not usable any more",
    "Ballots_UnknownProposal": "there is no such proposal",
    "Ballots_WrongState": "the proposal is in another state",
    "Ballots_VoteRefused": "the vote does not count",
    "Ballots_NotDecided": "too few are for it yet",
    "Ballots_NotProposer": "only its proposer may cancel a proposal",
    "Ballots_VotesCast": "the proposal was voted on already",
}


def rejected(data: object) -> Rejected:
    """The error for a revert; `data` is the node's hexadecimal text, where it gave one.

    Its facts are `error` (the custom error's name) and the error's arguments in snake case.
    """
    payload = _bytes(data)
    name, arguments = _decode(payload)
    if not name:
        return Rejected("the contract refused without a reason that is known here", data="0x" + payload.hex())
    message = f"the contract refused: {MESSAGES.get(name, name)}"
    return Rejected(message, advice=advice_on(name, arguments), error=name, **arguments)


def _bytes(data: object) -> bytes:
    if isinstance(data, dict):  # some nodes wrap it
        data = data.get("data") or data.get("result")
    if not isinstance(data, str):
        return b""
    try:
        return bytes.fromhex(data[data.find("0x") + 2 :])
    except ValueError:
        return b""


def _decode(payload: bytes) -> tuple[str, dict[str, Any]]:
    entry = _errors().get(payload[:4])
    if entry is None:
        return "", {}
    try:
        values = decoder(entry["inputs"])(payload[4:])
    except ValueError:
        return "", {}
    named = zip(entry["inputs"], values, strict=True)
    return entry["name"], {snake(field["name"]): _plain(field, value) for field, value in named}


def _plain(field: dict[str, Any], value: Any) -> Any:
    words = WORDS.get(field.get("internalType", ""), ())
    return words[value] if words and value < len(words) else value


@cache
def _errors() -> dict[bytes, dict[str, Any]]:
    entries = [entry for contract in SOLIDITY_NAMES for entry in committed(contract).abi if entry["type"] == "error"]
    return {keccak(signature(entry).encode())[:4]: entry for entry in entries}
