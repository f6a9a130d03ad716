"""A small consortium whose job is masked, in memory: members with all their secrets, honest or not, on one ledger.

Each step puts on record what the members say; what a test wants otherwise it gives to the step, or says itself.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Self

import numpy as np
from support.masked import draws
from support.worlds.chain import BLOCK_SECONDS, block_hash
from support.worlds.world import World, raw_cid

from ledger.events import records
from ledger.events.records import Terms
from ledger.formats.claims import UpdateOpening, commitment, pack_openings
from ledger.history.state import Phase
from ledger.history.state.masking import JobMasks, SegmentState, bitmap_of
from ledger.jobs.document import Admission
from ledger.jobs.privacy import Masked
from ledger.masks.keys import point_of
from ledger.masks.secret import Secret
from ledger.masks.segment import Segment
from ledger.masks.setup import RoundSecrets, SetupFile, deal_setup, draw_rounds
from ledger.masks.sharing import draw_secret
from ledger.rounds.facts import RoundFacts
from ledger.rounds.masking.convictions import MaskedJob
from ledger.rounds.masking.setups import segment_of
from ledger.rounds.masking.summed import fixed_receipts

MASKED = Masked(
    segment=3,
    smallest=3,
    threshold=0,
    set_up_seconds=120,
    set_seconds=240,
    unmask_seconds=240,
    share_seconds=240,
    weights="public",
    on_bad_sum="open",
)
TERMS = Terms(rounds=9, update_seconds=240, open_seconds=240, aggregate_seconds=6000, attest_seconds=600, attempts=3)
BOUNDS = Admission(min_updates=3, max_weight=1000, max_value=1 << 20, max_norm=1 << 28)


class SegmentsWorld(World):
    """Members, one masked job that is open, their mask keys on record, and segments of the job."""

    def __init__(
        self,
        members: int = 5,
        *,
        privacy: Masked = MASKED,
        limits: Admission = BOUNDS,
        terms: Terms = TERMS,
        seed: int = 1,
        **options: Any,
    ) -> None:
        super().__init__(members, limits=limits, terms=terms, privacy=privacy, seed=seed, **options)
        self.draw = draws(seed)
        self.mask_keys = {member: draw_secret(self.draw) for member in range(members)}
        self.secrets: dict[tuple[int, int], tuple[RoundSecrets, ...]] = {}
        self.updates: dict[tuple[int, int], tuple[int, np.ndarray]] = {}
        """Weight and values of what members put under masks, by round and member."""

    def open_job(self, digest: bytes | None = None, terms: Terms | None = None) -> Self:
        """Propose, configure and approve the job."""
        assert self.job.masked is not None
        terms = terms or self.job.terms
        proposed = {"digest": digest or self.job.digest, "proposer": self.keys[0], "terms": terms}
        self.emit(records.JobProposed, job=1, model=self.job.model_terms, **proposed)
        self.emit(records.MaskingConfigured, job=1, terms=self.job.masked.masking)
        if self.job.dp is not None:
            self.emit(records.SpendingConfigured, job=1, terms=self.job.dp.spending)
        for index in range(len(self.keys) // 2 + 1):
            self.emit(records.JobApproved, job=1, member=self.keys[index], approvals=index + 1)
        self.emit(records.JobOpened, job=1, epoch=1)
        for member in range(len(self.keys)):
            self.register(member)
        return self

    @property
    def masks(self) -> JobMasks:
        return self.history.masks[1]

    @property
    def time(self) -> int:
        """That of the next block, in seconds."""
        return BLOCK_SECONDS * (self.block + 1)

    @property
    def facts(self) -> RoundFacts:
        self.open_pending()
        return RoundFacts.of(self.place, self.state, self.job, self.round, self.masks)

    @property
    def judge(self) -> MaskedJob:
        """Who judges the job, as members and auditors do."""
        times = lambda block: BLOCK_SECONDS * block  # noqa: E731
        return MaskedJob(self.place, self.state, self.job, self.masks, self.files.fetch, times, hash_of=block_hash)

    def receipts(self, without: Collection[int] = ()) -> bytes:
        """As `World.receipts`; those of the round's set once one is fixed."""
        digest = fixed_receipts(self.masks.rounds.get(self.round.number))
        return super().receipts(without) if digest is None else self.files.files[raw_cid(digest)]

    def pass_blocks(self, seconds: int) -> Self:
        """Let time pass: members announce themselves meanwhile."""
        for _ in range(-(-seconds // BLOCK_SECONDS)):
            self.emit(records.Announced, index=0, gateway="")
        return self

    def register(self, member: int, key: Secret | None = None, point: bytes | None = None) -> None:
        """Name a mask key, or a point that may be none."""
        self.mask_keys[member] = key or self.mask_keys[member]
        self.emit(records.MaskKeyRegistered, member=self.keys[member], key=point or point_of(self.mask_keys[member]))

    def start_round(self, opener: int = 0) -> None:
        """As `Chain.start_round`, with a deadline by the time of blocks: sets have theirs by it."""
        opened = {"opener": self.keys[opener], "epoch": self.history.epoch}
        deadline = self.time + self.state.terms.update_seconds
        self.emit(records.RoundOpened, job=1, round=len(self.state.rounds) + 1, deadline=deadline, **opened)

    def commit_update(self, opening: UpdateOpening) -> None:
        """As `Chain.commit_update`, by the time of blocks."""
        round_ = self.round
        full = len(round_.commitments) + 1 == round_.participants
        deadline = self.time + self.state.terms.open_seconds if full else round_.deadline
        said = {"commitment": commitment(self.name, opening), "deadline": deadline}
        self.emit(records.UpdateCommitted, **self.where, party=opening.party, **said)

    def open_updates(self, openings: Iterable[UpdateOpening]) -> None:
        """As `Chain.open_updates` of all that was committed to, by the time of blocks."""
        if self.round.phase is Phase.COLLECTING:
            self.pass_blocks(self.round.deadline - self.time + BLOCK_SECONDS)
        deadline = self.time + 2 * self.state.terms.aggregate_seconds
        self.emit(records.UpdatesOpened, **self.where, deadline=deadline, openings=pack_openings(list(openings)))

    def open_round(self, opener: int = 0) -> Self:
        super().open_round(opener)
        return self

    def open_segment(self, number: int = 1, opener: int = 0) -> SegmentState:
        keyed = {one.index for one in self.history.mask_keys}
        roster = bitmap_of(index for index, one in self.history.members.items() if one.active and index in keyed)
        deadline = self.time + self.masks.terms.set_up_seconds
        opened = {"aggregator": self.keys[opener], "roster": roster, "deadline": deadline}
        self.emit(records.SegmentOpened, job=1, segment=number, **opened)
        return self.masks.segments[number]

    def segment(self, number: int) -> Segment:
        """A segment, as everyone reads it."""
        return segment_of(self.place, 1, self.masks, self.masks.segments[number])

    def dealt(self, number: int, member: int) -> SetupFile:
        """A member's honest set-up file."""
        segment, place = self.segment(number), (number, member)
        if place not in self.secrets:
            self.secrets[place] = draw_rounds(segment, self.draw)
        return deal_setup(segment, member, self.secrets[place], self.draw)

    def set_up(self, number: int, member: int, data: bytes | None = None, *, stored: bool = True) -> None:
        """Publish a set-up file, an honest one by default."""
        data = self.dealt(number, member).encode() if data is None else data
        cid = self.files.put(data)
        if not stored:
            del self.files.files[cid]
        said = {"deadline": self.masks.segments[number].deadline, "cid": cid.digest}
        self.emit(records.SegmentSetUp, job=1, segment=number, member=self.keys[member], **said)

    def propose_cast(self, number: int, cast: Collection[int], proposer: int = 0) -> None:
        deadline = self.time + self.masks.terms.set_seconds
        said = {"cast": bitmap_of(cast), "deadline": deadline}
        self.emit(records.CastProposed, job=1, segment=number, aggregator=self.keys[proposer], **said)

    def agree_cast(self, number: int, members: Iterable[int] | None = None) -> None:
        """Members agree with the cast that is proposed, as many as fix it by default."""
        opened = self.masks.segments[number]
        proposal = opened.proposals[-1]
        for member in self.voters(proposal.proposer, opened.majority) if members is None else members:
            self.emit(records.CastAgreed, job=1, segment=number, member=self.keys[member])
            if len(proposal.agreeing) >= opened.majority:
                self.emit(records.CastFixed, job=1, segment=number, cast=bitmap_of(proposal.members))

    def cast(
        self, number: int = 1, cast: Collection[int] | None = None, files: Mapping[int, bytes] | None = None
    ) -> Self:
        """A segment opened, set up by these members, or all, with these files, or honest ones; and its cast fixed."""
        self.open_segment(number)
        members = range(len(self.keys)) if cast is None else sorted(cast)
        for member in sorted({*members, *(files or {})}):
            self.set_up(number, member, (files or {}).get(member))
        self.pass_blocks(self.masks.terms.set_up_seconds)
        self.propose_cast(number, members)
        self.agree_cast(number)
        return self

    def voters(self, proposer: int, majority: int) -> list[int]:
        """Who agrees with a proposal, so that a majority does."""
        return [one for one in range(len(self.keys)) if one != proposer][: majority - 1]
