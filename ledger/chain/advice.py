"""What to do when a contract refuses: a sentence for each custom error that has a way out."""

from collections.abc import Mapping

_OWN_KEY = "send it with a plain key, a member's where it speaks for one: no contract, and no key with delegated code"
_BY_ERROR = {
    "Consortium_NotMember": "use the key of a member; the members may admit this one: fedledger proposal propose admit",
    "Ballots_WrongNonce": "the member has proposed something else since, or this before: ask it to sign again",
    "Ballots_NotOrigin": _OWN_KEY,
    "RoundLedger_NotOrigin": _OWN_KEY,
    "Consortium_NotOrigin": _OWN_KEY,
    "MaskBoard_NotOrigin": _OWN_KEY,
    "ScoreBoard_NotOrigin": _OWN_KEY,
    "AggregateCourt_NotOrigin": _OWN_KEY,
    "BudgetBoard_NotOrigin": _OWN_KEY,
    "BudgetBoard_WrongDigest": "the chain was reorganised: look at the job again: fedledger job show",
    "BudgetBoard_BudgetRaised": "name that budget, or another scope, in the draft",
    "RoundLedger_WrongAnchor": "the chain was reorganised, or the block is old: name a later one",
    "RoundLedger_WrongDigest": "the chain was reorganised: read the job again, then approve it",
    "Ballots_UnknownProposal": "fedledger proposal list",
    "Ballots_NotDecided": "wait for more votes; fedledger proposal show lists who has not voted",
    "Ballots_NotProposer": "vote against it: fedledger proposal vote",
    "Ballots_VotesCast": "vote against it: fedledger proposal vote",
    "Ballots_InvalidRules": "docs/spec/ballot.md has the bounds",
    "Ballots_InvalidRoles": "name at least one of participant, aggregator, scorer",
    "ReleaseBoard_InvalidName": "choose a name like cardio, a version like 1.0.0",
    "ReleaseBoard_NotFinalised": "name a finalised model: fedledger trace lists them",
    "ReleaseBoard_AlreadyReleased": "choose another version: the record of a release never changes",
    "ReleaseBoard_AlreadyRevoked": "a revoked release never returns; release the model under another version",
    "ReleaseBoard_Convicted": "name a model that stands on no convicted one: fedledger trace lists them",
    "RoundLedger_Convicted": "the members rewind the job or close it: fedledger proposal propose rewind or close-job",
    "RoundLedger_NotConvicted": "look at the job: fedledger status",
    "RoundLedger_WrongConviction": "propose it of the conviction that stands: fedledger proposal propose rewind",
    "RoundLedger_WrongClaim": "read the round again: its openings or its claim changed since",
    "AggregateCourt_NotByValue": "say that the aggregate is another, by vote: fedledger node run",
    "AggregateCourt_Holds": "look for another value: fedledger refute does",
    "ReleaseBoard_WrongScores": "release it without scores, or with the root that the round's scores were settled on",
    "ReleaseBoard_UnknownRelease": "fedledger release list",
    "ReleaseBoard_AlreadyCurrent": "fedledger release list",
    "Ballots_ChangesNothing": "look at what is in force: fedledger status, fedledger proposal list",
    "Consortium_TooFewMembers": "three members remain, always: admit another first",
}
_BY_STATE = {
    "Voting": "wait until the vote has ended; as soon as enough are for it anyone may end it: fedledger proposal close",
    "Rejected": "it did not pass; it may be proposed again",
    "Waiting": "wait for the delay to end; fedledger proposal show says when",
    "Executable": "it passed; carry it out: fedledger proposal execute",
    "Executed": "it has been carried out; nothing is left to do",
    "Cancelled": "its proposer withdrew it; it may be proposed again",
    "Expired": "nobody carried it out in time; it may be proposed again",
}
_BY_REASON = {
    "INVALID_CHOICE": "say for, against or abstain",
    "NOT_MEMBER": "sign with the key that speaks for the member now",
    "NOT_IN_ELECTORATE": "this key came after the proposal; it votes on later ones",
    "ALREADY_VOTED": "a vote is final: fedledger proposal show lists it",
    "SIGNATURE_EXPIRED": "ask the member to sign again",
    "SIGNATURE_NOT_CANONICAL": "ask the member to sign again, with a tool that makes canonical signatures",
    "WRONG_SIGNER": "the file was changed, or is not this member's; ask it to sign again",
}


def advice_on(error: str, arguments: Mapping[str, object]) -> str:
    """What to do about a refusal; empty where there is nothing to say."""
    if error == "Ballots_WrongState":
        return _BY_STATE.get(str(arguments.get("state")), "")
    if error in ("Ballots_VoteRefused", "Ballots_ProposalRefused"):
        return advice_on_vote(str(arguments.get("reason")))
    return _BY_ERROR.get(error, "")


def advice_on_vote(reason: str) -> str:
    """What to do about a signed vote or proposal that does not count; `reason` is the Refusal's name."""
    return _BY_REASON.get(reason, "")
