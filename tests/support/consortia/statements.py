"""What parties say of a round on a real chain, without any bytes behind it: for tests that are about the contracts."""

from typing import Any

from ledger.formats.claims import (
    Claimed,
    OpenedEntry,
    RoundName,
    UpdateOpening,
    claim_of,
    commitment,
    opened_digest,
    pack_openings,
)
from ledger.formats.digest import NOTHING
from ledger.history.state import Phase

ROOT, CID, SALT, WORD = b"R" * 32, b"C" * 32, b"S" * 16, b"W" * 32

MOST_AT_ONCE = 60
"""Openings in one call: more might not fit into a block's gas."""
MODEL_TERMS = (b"\x33" * 32, 610, 0, 0, 2, 1000, 1 << 20, 1 << 28, True)
"""Of a job's models, where a test is not about them: struct Model of IRoundLedger."""


class RoundOnChain:
    """The current round of a job of a consortium (the fixture), and what its members say."""

    def __init__(self, consortium: Any, job: int = 1) -> None:
        self.consortium, self.job = consortium, job
        self.openings: list[UpdateOpening] = []
        self.said: Claimed | None = None

    @property
    def number(self) -> int:
        view = self.consortium.client.round(self.job)
        return view.round if view else 0

    @property
    def name(self) -> RoundName:
        network = self.consortium.network
        return RoundName(network.chain.id, network.contracts.ledger.address, self.job, self.number)

    def open(self, opener: int = 0) -> "RoundOnChain":
        self.consortium.send(opener, "ledger", "openRound", self.job)
        self.openings = []
        return self

    def commitment(self, member: int, weight: int = 1, root: bytes = ROOT, cid: bytes = CID) -> bytes:
        """The commitment to an update, whose opening is kept."""
        opening = UpdateOpening(self.consortium.members[member].address, weight, root, cid, SALT)
        self.openings.append(opening)
        return commitment(self.name, opening)

    def commit(self, *members: int, **parts: Any) -> "RoundOnChain":
        for member in members:
            said = self.commitment(member, **parts)
            self.consortium.send(member, "ledger", "commitUpdate", self.job, self.number, said)
        return self

    def show(self, sender: int = 0) -> "RoundOnChain":
        """Open all updates, after collecting has ended, by time where it must."""
        view, client = self.consortium.client.round(self.job), self.consortium.client
        if view.phase is Phase.COLLECTING:
            self.consortium.pass_time(max(view.deadline + 1 - client.latest().time, 0))
        for start in range(0, len(self.openings), MOST_AT_ONCE):
            packed = pack_openings(self.openings[start : start + MOST_AT_ONCE])
            self.consortium.send(sender, "ledger", "openUpdates", self.job, self.number, packed)
        return self

    def claimed(self, base: bytes, verdicts: bytes, root: bytes = ROOT, cid: bytes = CID) -> Claimed:
        """What an aggregate says, as of the latest block."""
        latest = self.consortium.client.latest()
        return Claimed(base, root, cid, latest.number, latest.hash, WORD, WORD, NOTHING, verdicts)

    def publish(self, member: int, base: bytes, verdicts: bytes, *, opened: bytes | None = None, **parts: Any) -> bytes:
        """Publish an aggregate; its claim. `opened` is the digest where openings were sent otherwise than by `show`."""
        self.said = self.claimed(base, verdicts, **parts)
        claim = claim_of(self.name, self.opened if opened is None else opened, self.said)
        self.consortium.send(member, "ledger", "publishAggregate", self.job, self.number, tuple(self.said), claim)
        return claim

    @property
    def opened(self) -> bytes:
        """The digest over the openings as `show` sent them, from that of the job's document on."""
        indices = {member.address: index for index, member in enumerate(self.consortium.members)}
        name = self.name
        entries = [
            OpenedEntry(indices[one.party], one.weight, one.root, commitment(name, one)) for one in self.openings
        ]
        calls = (entries[start : start + MOST_AT_ONCE] for start in range(0, len(entries), MOST_AT_ONCE))
        return opened_digest(self.consortium.client.view("ledger", "jobOf", self.job)[0], calls)

    def finalise(self, base: bytes, verdicts: bytes) -> "RoundOnChain":
        """All members commit; member 0 publishes; a majority agrees: the round is final."""
        members = len(self.consortium.members)
        self.open().commit(*range(members)).show()
        claim = self.publish(0, base, verdicts)
        for member in range(1, members // 2 + 1):
            self.agree(member, claim)
        return self

    def agree(self, member: int, claim: bytes, form: int = 0, attempt: int = 1) -> Any:
        """Say that a claim was computed, or in another form."""
        where = (self.job, self.number, attempt)
        return self.consortium.send(member, "ledger", "attest", *where, form, claim, WORD)
