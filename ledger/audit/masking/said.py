"""What the history has parties say of masks, as their signed calls must say it."""

from typing import Any

from ledger.events.evidence import Said
from ledger.history.state.masking import KeyShown, MaskAnswer, MaskProposal, SegmentState, SetUp, bitmap_of


def set_up(job: int, segment: SegmentState, said: SetUp) -> Said:
    """A member's set-up of a segment."""
    about = {"job": job, "segment": segment.number, "deadline": segment.deadline, "cid": said.cid.hex()}
    return Said(said.signer, "setUp", about, said.tx)


def for_cast(job: int, segment: SegmentState, proposal: MaskProposal) -> list[Said]:
    """All that members said for a cast, its proposer's first."""
    about = {"job": job, "segment": segment.number, "cast": _bits(proposal)}
    return _agreed(proposal, "proposeCast", about, "agreeCast", about)


def for_set(job: int, round_: int, proposal: MaskProposal) -> list[Said]:
    """All that members said for a set, its proposer's first."""
    about = {"job": job, "round": round_, "set": _bits(proposal)}
    return _agreed(proposal, "proposeSet", about | {"receipts": proposal.receipts.hex()}, "agreeSet", about)


def answered(job: int, round_: int, answer: MaskAnswer) -> Said:
    """What a member showed of a round's secrets."""
    shares = b"".join(bytes([dealer]) + share for dealer, share in answer.shares.items())
    about: dict[str, Any] = {"job": job, "round": round_}
    if answer.seed is None:
        return Said(answer.signer, "giveShares", about | {"shares": shares.hex()}, answer.tx)
    return Said(answer.signer, "unmask", about | {"seed": answer.seed.hex(), "shares": shares.hex()}, answer.tx)


def opened(job: int, round_: int, shown: KeyShown) -> Said:
    """A member's opening of its update."""
    return Said(shown.signer, "open", {"job": job, "round": round_, "key": shown.key.hex()}, shown.tx)


def _bits(proposal: MaskProposal) -> str:
    return str(bitmap_of(proposal.members))


def _agreed(
    proposal: MaskProposal, proposed: str, about: dict[str, Any], agreed: str, agreeing: dict[str, Any]
) -> list[Said]:
    others = [(index, one) for index, one in sorted(proposal.agreeing.items()) if index != proposal.proposer]
    made = Said(proposal.signer, proposed, about, proposal.tx)
    return [made, *(Said(one.signer, agreed, agreeing, one.tx) for _, one in others)]
