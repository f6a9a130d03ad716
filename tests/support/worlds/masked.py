"""A small consortium whose job is masked, in memory: members with all their secrets, honest or not, on one ledger.

Each step puts on record what the members say; what a test wants otherwise it gives to the step, or says itself.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
from support.masked import draws
from support.worlds.chain import BLOCK_SECONDS
from support.worlds.world import Sent, World, raw_cid

from ledger.events import records
from ledger.events.records import Terms
from ledger.formats.claims import Claimed, UpdateOpening, commitment, pack_openings
from ledger.formats.digest import sha256
from ledger.formats.merkle import root_of
from ledger.history.state import Phase
from ledger.history.state.masking import JobMasks, RoundMasks, SegmentState, bitmap_of
from ledger.jobs.document import Admission
from ledger.jobs.privacy import Masked
from ledger.masks.keys import point_of
from ledger.masks.reveals import HeldShares, cast_of, read_packet
from ledger.masks.secret import Secret
from ledger.masks.segment import Segment
from ledger.masks.setup import RoundSecrets, SetupFile, deal_setup, draw_rounds
from ledger.masks.sharing import draw_secret
from ledger.masks.sums import masked, masking
from ledger.rounds.facts import RoundFacts
from ledger.rounds.masking.answers import owed_in_shares, owed_in_unmask
from ledger.rounds.masking.convictions import MaskedJob
from ledger.rounds.masking.setups import cast_files, segment_of
from ledger.rounds.masking.summed import fixed_receipts
from ledger.rounds.receipts import certified, parse

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


class MaskedWorld(World):
    """Members, one masked job that is open, and their mask keys on record."""

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

    def open_job(self, digest: bytes | None = None, terms: Terms | None = None) -> "MaskedWorld":
        """Propose, configure and approve the job."""
        assert self.job.masked is not None
        terms = terms or self.job.terms
        proposed = {"digest": digest or self.job.digest, "proposer": self.keys[0], "terms": terms}
        self.emit(records.JobProposed, job=1, model=self.job.model_terms, **proposed)
        self.emit(records.MaskingConfigured, job=1, terms=self.job.masked.masking)
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
        return MaskedJob(self.place, self.state, self.job, self.masks, self.files.fetch, times)

    def receipts(self, without: Collection[int] = ()) -> bytes:
        """As `World.receipts`; those of the round's set once one is fixed."""
        digest = fixed_receipts(self.masks.rounds.get(self.round.number))
        return super().receipts(without) if digest is None else self.files.files[raw_cid(digest)]

    def pass_blocks(self, seconds: int) -> "MaskedWorld":
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

    def open_round(self, opener: int = 0) -> "MaskedWorld":
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
        said = {"digest": sha256(data), "cid": cid.digest}
        self.emit(records.SegmentSetUp, job=1, segment=number, member=self.keys[member], **said)

    def propose_cast(self, number: int, cast: Collection[int], proposer: int = 0) -> None:
        deadline = self.time + self.masks.terms.set_seconds
        said = {"cast": bitmap_of(cast), "deadline": deadline}
        self.emit(records.CastProposed, job=1, segment=number, aggregator=self.keys[proposer], **said)

    def agree_cast(self, number: int, members: Iterable[int] | None = None) -> None:
        """Members agree with the cast that is proposed, as many as fix it by default."""
        opened = self.masks.segments[number]
        proposal = opened.proposals[-1]
        for member in self._voters(proposal.proposer, opened.majority) if members is None else members:
            self.emit(records.CastAgreed, job=1, segment=number, member=self.keys[member])
            if len(proposal.agreeing) >= opened.majority:
                self.emit(records.CastFixed, job=1, segment=number, cast=bitmap_of(proposal.members))

    def cast(
        self, number: int = 1, cast: Collection[int] | None = None, files: Mapping[int, bytes] | None = None
    ) -> "MaskedWorld":
        """A segment opened, set up by these members, or all, with these files, or honest ones; and its cast fixed."""
        self.open_segment(number)
        members = range(len(self.keys)) if cast is None else sorted(cast)
        for member in sorted({*members, *(files or {})}):
            self.set_up(number, member, (files or {}).get(member))
        self.pass_blocks(self.masks.terms.set_up_seconds)
        self.propose_cast(number, members)
        self.agree_cast(number)
        return self

    def held(self, dealer: int, holder: int) -> HeldShares:
        """A holder's shares of a dealer's secrets of the current round, as it reads them from its packet."""
        opened = self.masks.segment_of(self.round.number)
        assert opened is not None
        setup = self.files_of_cast()[dealer]
        return read_packet(setup, holder, self.mask_keys[holder])[setup.segment.place(self.round.number)]

    def files_of_cast(self) -> dict[int, SetupFile]:
        """The set-up files of the current round's cast."""
        opened = self.masks.segment_of(self.round.number)
        assert opened is not None
        return cast_files(self.place, 1, self.masks, opened, self.files.fetch)

    def own(self, member: int) -> RoundSecrets:
        """A member's secrets of the current round."""
        number = self.round.number
        first = (self.masks.number_of(number) - 1) * self.masks.terms.segment + 1
        return self.secrets[self.masks.number_of(number), member][number - first]

    def words(self, member: int, values: np.ndarray, weight: int) -> np.ndarray:
        """An update under its member's masks."""
        own, pads = self.own(member), cast_of(self.files_of_cast(), self.round.number)
        return masked(values, weight, masking(pads, member, own.key, own.seed), 0)

    def mask(
        self,
        member: int,
        values: np.ndarray | None = None,
        *,
        weight: int = 10,
        words: np.ndarray | None = None,
        **how: Any,
    ) -> Sent:
        """Commit to a masked update, honest and random by default; `words` are what its file has instead."""
        if values is None:
            values = self.random.integers(-(1 << 16), 1 << 16, self.layout.values).astype("<i4")
        self.updates[self.round.number, member] = weight, values
        body = self.words(member, values, weight) if words is None else words
        data = self.layout.masked.header(self.binding(member)) + body.astype("<u8").tobytes()
        return self.submit(
            member, values, weight=weight, data=data, root=how.pop("root", root_of(body.astype("<u8"))), **how
        )

    def begin(self, members: Collection[int] | None = None, opener: int = 0) -> "MaskedWorld":
        """Open a round in which these members, or all, bring honest updates, all open."""
        self.open_round(opener)
        for member in range(len(self.keys)) if members is None else sorted(members):
            self.mask(member)
        self.open_pending()
        return self

    @property
    def said(self) -> RoundMasks:
        """What the board has of the current round."""
        return self.masks.rounds[self.round.number]

    def propose_set(
        self, set_: Collection[int] | None = None, *, without: Collection[int] = (), proposer: int | None = None
    ) -> None:
        """Propose a set, by default that of all that are open; the receipts certify all updates but those `without`."""
        self.open_pending()
        receipts = self.receipts(without)
        chosen = self.round.updates.keys() - set(without) if set_ is None else set_
        who = self.round.opener_index if proposer is None else proposer
        said = {
            "set": bitmap_of(chosen),
            "receipts": sha256(receipts),
            "deadline": self.time + self.masks.terms.set_seconds,
        }
        self.emit(records.SetProposed, **self.where, aggregator=self.keys[who], **said)

    def agree_set(self, members: Iterable[int] | None = None) -> None:
        """Members agree with the set that is proposed, as many as fix it by default."""
        proposal, terms = self.said.proposals[-1], self.masks.terms
        for member in self._voters(proposal.proposer, self.said.majority) if members is None else members:
            self.emit(records.SetAgreed, **self.where, member=self.keys[member])
            if len(proposal.agreeing) >= self.said.majority:
                unmask = self.time + terms.unmask_seconds
                times = {"unmask_deadline": unmask, "share_deadline": unmask + terms.share_seconds}
                self.emit(records.SetFixed, **self.where, set=bitmap_of(proposal.members), **times)

    def fix_set(self, set_: Collection[int] | None = None, **how: Any) -> "MaskedWorld":
        self.propose_set(set_, **how)
        self.agree_set()
        return self

    def unmask(self, member: int, seed: Secret | None = None, shares: Mapping[int, Secret] | None = None) -> None:
        """Show a self seed and shares, the true ones by default."""
        cast = self.masks.cast_of(self.round.number)
        owed = owed_in_unmask(self.said, cast) if shares is None else {}
        given = {dealer: self.held(dealer, member)[kind] for dealer, kind in owed.items()} if shares is None else shares
        shown = (seed or self.own(member).seed).reveal()
        self.emit(records.Unmasked, **self.where, member=self.keys[member], seed=shown, shares=packed(given))

    def give(self, member: int, shares: Mapping[int, Secret] | None = None) -> None:
        """Give shares of what is missing, the true ones by default."""
        if shares is None:
            owed = owed_in_shares(self.said, self.files_of_cast(), member)
            shares = {dealer: self.held(dealer, member)[kind] for dealer, kind in owed.items()}
        self.emit(records.SharesGiven, **self.where, member=self.keys[member], shares=packed(shares))

    def answer(self, silent: Collection[int] = ()) -> "MaskedWorld":
        """All of the set unmask but those `silent`; then as many give shares as are needed."""
        assert self.said.set is not None
        for member in sorted(self.said.set - set(silent)):
            self.unmask(member)
        if silent:
            self.pass_blocks(self.said.unmask_deadline - self.time + BLOCK_SECONDS)
            threshold = self.segment(self.masks.number_of(self.round.number)).threshold
            for member in sorted(set(range(len(self.keys))) - set(silent))[:threshold]:
                self.give(member)
        return self

    def end(self, aggregator: int = 0) -> "MaskedWorld":
        """Publish what is right, and have it agreed to by a majority."""
        self.publish(aggregator, without=self._uncertified())
        for member in [one for one in range(len(self.keys)) if one != aggregator][: len(self.keys) // 2]:
            self.attest(member)
        return self

    def honest_round(self, updates: Any = None, *, silent: Collection[int] = ()) -> "MaskedWorld":
        """A round of these members, or all, from its opening to its end; some of the set are silent."""
        return self.begin(updates).fix_set().answer(silent).end()

    def publish_unmade(self, aggregator: int, *, root: bytes, cid: bytes) -> None:
        """Publish a model of a round that nobody can compute."""
        point, verdicts = self.standpoint(self.receipts()), bytes(len(self.round.updates))
        self.publish_claim(aggregator, Claimed(self.facts.base.root, root, cid, *point, verdicts))

    def show(self, member: int, key: Secret | None = None, number: int | None = None) -> None:
        """A member opens its update of a void round, by default the current one."""
        said = {"job": 1, "round": number or self.round.number}
        shown = (key or self.own(member).key).reveal()
        self.emit(records.UpdateUnmasked, **said, member=self.keys[member], key=shown)

    def _uncertified(self) -> set[int]:
        return self.round.updates.keys() - self.certified

    @property
    def certified(self) -> set[int]:
        """Whose updates have a certificate in the receipts of the set that was proposed last."""
        data = self.files.files[raw_cid(self.said.proposals[-1].receipts)]
        return set(certified(parse(data), self.facts.roll))

    def _voters(self, proposer: int, majority: int) -> list[int]:
        """Who agrees with a proposal, so that a majority does."""
        return [one for one in range(len(self.keys)) if one != proposer][: majority - 1]


def packed(shares: Mapping[int, Secret]) -> bytes:
    """Shares as the contract takes them."""
    return b"".join(bytes([dealer]) + share.reveal() for dealer, share in sorted(shares.items()))
