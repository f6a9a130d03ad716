"""What the board of masks says in a world in memory, as the contract would; bytes behind it there are none.

Each function gives the fields of one event; `BoardWorld` puts them on record.
"""

from collections.abc import Iterable
from typing import Any

from support.worlds.world import TERMS, World

from ledger.events import records as r
from ledger.history.state.masking import JobMasks, RoundMasks, SegmentState, bitmap_of

MASKING = r.Masking(2, 3, 0, set_up_seconds=20, set_seconds=16, unmask_seconds=20, share_seconds=10)
WORD, KEY = b"\x0a" * 32, b"\x09" * 32


class BoardWorld(World):
    """Members and one masked job, which is open; of its segments and rounds nothing.

    `beside`: job 1 is an open one, and the masked one, job 2, is only proposed.
    """

    def __init__(self, members: int = 5, terms: r.Masking = MASKING, *, beside: bool = False) -> None:
        super().__init__(members, terms=TERMS)
        self.masked = 1
        if beside:
            self.open_job()
            self.masked = 2
        proposed = {"digest": self.job.digest, "terms": self.job.terms, "model": self.job.model_terms}
        self.emit(r.JobProposed, job=self.masked, proposer=self.keys[0], **proposed)
        self.emit(r.MaskingConfigured, job=self.masked, terms=terms)
        if not beside:
            for count, key in enumerate(self.keys[: members // 2 + 1], 1):
                self.emit(r.JobApproved, job=1, member=key, approvals=count)
            self.emit(r.JobOpened, job=1, epoch=1)

    def implied(self, kind: type[r.Event], fields: dict[str, Any]) -> dict[str, Any]:
        """What is agreed with."""
        if kind is r.CastAgreed:
            return {"cast": bitmap_of(self.masks.segments[fields["segment"]].proposals[-1].members)}
        if kind is r.SetAgreed:
            return {"set": bitmap_of(self.masks.rounds[fields["round"]].proposals[-1].members)}
        return super().implied(kind, fields)

    @property
    def masks(self) -> JobMasks:
        return self.history.masks[self.masked]

    @property
    def segment(self) -> SegmentState:
        """The segment opened last."""
        return self.masks.segments[self.masks.latest]

    @property
    def round_masks(self) -> RoundMasks:
        """What the board says of the current round."""
        return self.masks.rounds[self.round.number]

    def register(self, *members: int) -> "BoardWorld":
        for member in members:
            self.emit(r.MaskKeyRegistered, member=self.keys[member], key=bytes([member + 1]) * 32)
        return self

    def open_segment(self, number: int = 1, aggregator: int = 0) -> "BoardWorld":
        self.emit(r.SegmentOpened, **opening(self, number, aggregator))
        return self

    def set_up(self, *members: int) -> "BoardWorld":
        for member in members:
            self.emit(r.SegmentSetUp, **setting_up(self, member))
        return self

    def propose_cast(self, cast: Iterable[int], aggregator: int = 0) -> "BoardWorld":
        self.emit(r.CastProposed, **casting(self, cast, aggregator))
        return self

    def agree_cast(self, *members: int) -> "BoardWorld":
        """Members agree; the last one that is needed fixes the cast."""
        for member in members:
            self.emit(r.CastAgreed, job=self.masked, segment=self.segment.number, member=self.keys[member])
        if len(self.segment.proposals[-1].agreeing) >= self.segment.majority:
            self.emit(r.CastFixed, **fixing_cast(self))
        return self

    def cast(self, number: int = 1, cast: Iterable[int] | None = None) -> "BoardWorld":
        """Everyone has a key and sets up the segment; its cast is fixed."""
        everyone = range(len(self.keys))
        self.register(*everyone).open_segment(number).set_up(*everyone)
        return self.propose_cast(everyone if cast is None else cast).agree_cast(*range(1, self.segment.majority))

    def bring(self, *members: int) -> "BoardWorld":
        """A round in which these members bring an update, all opened."""
        self.open_round()
        for member in members:
            self.submit(member)
        self.open_pending()
        return self

    def propose_set(self, set_: Iterable[int], aggregator: int = 0) -> "BoardWorld":
        self.emit(r.SetProposed, **proposing(self, set_, aggregator))
        return self

    def agree_set(self, *members: int) -> "BoardWorld":
        """Members agree; the last one that is needed fixes the set."""
        for member in members:
            self.emit(r.SetAgreed, **self.where, member=self.keys[member])
        if len(self.round_masks.proposals[-1].agreeing) >= self.round_masks.majority:
            self.emit(r.SetFixed, **fixing_set(self))
        return self

    def unmask(self, *members: int) -> "BoardWorld":
        for member in members:
            self.emit(r.Unmasked, **unmasking(self, member))
        return self

    def give(self, *members: int) -> "BoardWorld":
        for member in members:
            self.emit(r.SharesGiven, **giving(self, member))
        return self

    def show(self, *members: int) -> "BoardWorld":
        for member in members:
            self.emit(r.UpdateUnmasked, **self.where, member=self.keys[member], key=KEY)
        return self


def opening(world: BoardWorld, number: int = 1, by: int = 0, **lies: Any) -> dict[str, Any]:
    last = world.masks.segments.get(world.masks.latest)
    begun = last.quiet_until + world.masks.terms.set_seconds + 1 if last and last.cast is None else 500
    roster = {one.index for one in world.history.mask_keys if world.history.members[one.index].active}
    fields = {"roster": bitmap_of(roster), "deadline": begun + world.masks.terms.set_up_seconds}
    return {"job": world.masked, "segment": number, "aggregator": world.keys[by]} | fields | lies


def setting_up(world: BoardWorld, who: int, **lies: Any) -> dict[str, Any]:
    segment = world.masks.segments.get(world.masks.latest)
    fields = {"member": world.keys[who], "deadline": segment.deadline if segment else 0, "cid": bytes([who + 1]) * 32}
    return {"job": world.masked, "segment": world.masks.latest} | fields | lies


def casting(world: BoardWorld, cast: Iterable[int], by: int = 0, **lies: Any) -> dict[str, Any]:
    deadline = world.segment.quiet_until + 1 + world.masks.terms.set_seconds
    fields = {"aggregator": world.keys[by], "cast": bitmap_of(cast), "deadline": deadline}
    return {"job": world.masked, "segment": world.segment.number} | fields | lies


def fixing_cast(world: BoardWorld, **lies: Any) -> dict[str, Any]:
    cast = bitmap_of(world.segment.proposals[-1].members)
    return {"job": world.masked, "segment": world.segment.number, "cast": cast} | lies


def proposing(world: BoardWorld, set_: Iterable[int], by: int = 0, **lies: Any) -> dict[str, Any]:
    """As soon as it may be: with the beginning of Aggregating, or once the last proposal lapsed."""
    masks, set_seconds = world.masks.rounds.get(world.round.number), world.masks.terms.set_seconds
    since = world.round.deadline - 2 * world.state.terms.aggregate_seconds
    begun = masks.proposals[-1].deadline if masks else since
    said = {"set": bitmap_of(set_), "receipts": WORD, "deadline": begun + 1 + set_seconds}
    return {**world.where, "aggregator": world.keys[by]} | said | lies


def fixing_set(world: BoardWorld, **lies: Any) -> dict[str, Any]:
    masks, terms = world.round_masks, world.masks.terms
    unmask = masks.proposals[-1].deadline + terms.unmask_seconds
    times = {"unmask_deadline": unmask, "share_deadline": unmask + terms.share_seconds}
    return {**world.where, "set": bitmap_of(masks.proposals[-1].members)} | times | lies


def unmasking(world: BoardWorld, who: int, **lies: Any) -> dict[str, Any]:
    dropped = world.masks.cast_of(world.round.number) - (world.round_masks.set or frozenset())
    said = {"seed": bytes([who + 1]) * 32, "shares": shares_of(dropped)}
    return {**world.where, "member": world.keys[who]} | said | lies


def giving(world: BoardWorld, who: int, **lies: Any) -> dict[str, Any]:
    missing = world.masks.cast_of(world.round.number) - world.round_masks.answers.keys()
    return {**world.where, "member": world.keys[who], "shares": shares_of(missing)} | lies


def shares_of(dealers: Iterable[int]) -> bytes:
    """A share of each dealer's, as calls take them."""
    return b"".join(bytes([dealer]) + bytes([dealer + 1]) * 32 for dealer in sorted(dealers))
