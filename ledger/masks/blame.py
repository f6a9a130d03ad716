"""What a member can be shown to have done wrong under masks, by what it put on the ledger itself."""

from enum import StrEnum

from ledger.errors import Refuted


class Fault(StrEnum):
    """Which of its statements convicts a member (docs/spec/masks.md, "Blame")."""

    SETUP = "set-up"
    REUSE = "round key"
    SEED = "self seed"
    SHARE = "share"
    DEALING = "dealing"
    OPENING = "opening"
    VALUES = "values"


class Guilty(Refuted):
    """A member's own statements contradict each other, or the job: `member` is its index, `fault` says which.

    `what` is the message without the member.
    """

    def __init__(self, member: int, fault: Fault, message: str, **facts: object) -> None:
        super().__init__(f"member {member}: {message}", advice="", **facts)
        self.member, self.fault, self.what = member, fault, message
