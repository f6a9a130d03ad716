"""Rounds of a small consortium whose job is masked, in memory, honest or not: see `masked_segments`.

Each step puts on record what the members say; what a test wants otherwise it gives to the step, or says itself.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Self

import numpy as np
from support.worlds.chain import BLOCK_SECONDS
from support.worlds.masked_segments import SegmentsWorld
from support.worlds.world import Sent, raw_cid

from ledger.events import records
from ledger.formats.claims import Claimed
from ledger.formats.digest import NOTHING, sha256
from ledger.formats.merkle import root_of
from ledger.history.state.masking import RoundMasks, bitmap_of
from ledger.masks.groups import Groups
from ledger.masks.noise import NoiseLaw
from ledger.masks.reveals import HeldShares, cast_of, read_packet
from ledger.masks.secret import Secret
from ledger.masks.setup import RoundSecrets, SetupFile
from ledger.masks.sums import masked, masking
from ledger.rounds.masking.answers import owed_in_shares, owed_in_unmask
from ledger.rounds.masking.sets import due_set
from ledger.rounds.masking.setups import cast_files
from ledger.rounds.masking.summed import asked_files, group_files
from ledger.rounds.receipts import certified, parse
from participant.privacy.clipping import clipped


class MaskedWorld(SegmentsWorld):
    """Rounds of a masked job."""

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

    @property
    def groups(self) -> Groups:
        """The groups of the current round's cast."""
        opened = self.masks.segment_of(self.round.number)
        assert opened is not None
        return self.judge.groups(opened)

    def own(self, member: int) -> RoundSecrets:
        """A member's secrets of the current round."""
        number = self.round.number
        first = (self.masks.number_of(number) - 1) * self.masks.terms.segment + 1
        return self.secrets[self.masks.number_of(number), member][number - first]

    def words(self, member: int, values: np.ndarray, weight: int, law: NoiseLaw | None = None) -> np.ndarray:
        """An update under its member's masks, with noise by a law."""
        own, pads = self.own(member), cast_of(group_files(self.job, self.files_of_cast(), member), self.round.number)
        return masked(values, weight, masking(pads, member, own.key, own.seed, law), 0)

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
        law = self.judge.law(self.round.number)
        if law is not None:
            self.spend(member)
        if values is None:
            values = self.random.integers(-(1 << 16), 1 << 16, self.layout.values).astype("<i4")
            if self.job.member_noise is not None:
                values = clipped(values, self.job.member_noise, self.job.admission)
        weight = 1 if law else weight
        self.updates[self.round.number, member] = weight, values
        body = self.words(member, values, weight, law) if words is None else words
        data = self.layout.masked.header(self.binding(member)) + body.astype("<u8").tobytes()
        return self.submit(
            member, values, weight=weight, data=data, root=how.pop("root", root_of(body.astype("<u8"))), **how
        )

    def begin(self, members: Collection[int] | None = None, opener: int = 0) -> Self:
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
        """Propose a set, by default that of all that are open, or what is due of them in a job with groups; the
        receipts certify all updates but those `without`.
        """
        self.open_pending()
        if (until := self.judge.opened_until(self.round.number)) >= self.time:
            self.pass_blocks(until - self.time + BLOCK_SECONDS)
        receipts = self.receipts(without)
        chosen = self.due(without) if set_ is None else set_
        who = self.round.opener_index if proposer is None else proposer
        said = {
            "set": bitmap_of(chosen),
            "receipts": sha256(receipts),
            "deadline": self.time + self.masks.terms.set_seconds,
        }
        self.emit(records.SetProposed, **self.where, aggregator=self.keys[who], **said)

    def due(self, without: Collection[int] = ()) -> frozenset[int]:
        """All that are open but some; in a job with groups, the set that is due of them."""
        self.open_pending()
        certified = frozenset(self.round.updates.keys() - set(without))
        if not self.job.masked or not self.job.masked.groups:
            return certified
        convicted = self.judge.convicted(self.round.block)
        return due_set(self.facts, self.files.fetch, certified, convicted, self.groups)

    def agree_set(self, members: Iterable[int] | None = None) -> None:
        """Members agree with the set that is proposed, as many as fix it by default."""
        proposal, terms = self.said.proposals[-1], self.masks.terms
        for member in self.voters(proposal.proposer, self.said.majority) if members is None else members:
            self.emit(records.SetAgreed, **self.where, member=self.keys[member])
            if len(proposal.agreeing) >= self.said.majority:
                unmask = self.time + terms.unmask_seconds
                times = {"unmask_deadline": unmask, "share_deadline": unmask + terms.share_seconds}
                self.emit(records.SetFixed, **self.where, set=bitmap_of(proposal.members), **times)

    def fix_set(self, set_: Collection[int] | None = None, **how: Any) -> Self:
        self.propose_set(set_, **how)
        self.agree_set()
        return self

    def unmask(self, member: int, seed: Secret | None = None, shares: Mapping[int, Secret] | None = None) -> None:
        """Show a self seed and shares, the true ones by default."""
        asked = asked_files(self.job, self.said, self.files_of_cast())
        owed = owed_in_unmask(self.said, asked) if shares is None else {}
        given = {dealer: self.held(dealer, member)[kind] for dealer, kind in owed.items()} if shares is None else shares
        shown = (seed or self.own(member).seed).reveal()
        self.emit(records.Unmasked, **self.where, member=self.keys[member], seed=shown, shares=packed(given))

    def give(self, member: int, shares: Mapping[int, Secret] | None = None) -> None:
        """Give shares of what is missing, the true ones by default."""
        if shares is None:
            asked = asked_files(self.job, self.said, self.files_of_cast())
            owed = owed_in_shares(self.said, asked, member)
            shares = {dealer: self.held(dealer, member)[kind] for dealer, kind in owed.items()}
        self.emit(records.SharesGiven, **self.where, member=self.keys[member], shares=packed(shares))

    def answer(self, silent: Collection[int] = ()) -> Self:
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

    def end(self, aggregator: int = 0) -> Self:
        """Publish what is right, and have it agreed to by a majority."""
        self.publish(aggregator, without=self._uncertified())
        for member in [one for one in range(len(self.keys)) if one != aggregator][: len(self.keys) // 2]:
            self.attest(member)
        return self

    def honest_round(self, updates: Any = None, *, silent: Collection[int] = ()) -> Self:
        """A round of these members, or all, from its opening to its end; some of the set are silent."""
        return self.begin(updates).fix_set().answer(silent).end()

    def publish_unmade(self, aggregator: int, *, root: bytes, cid: bytes) -> None:
        """Publish a model of a round that nobody can compute."""
        point, verdicts = self.standpoint(self.receipts()), bytes(len(self.round.updates))
        self.publish_claim(aggregator, Claimed(self.facts.base.root, root, cid, *point, NOTHING, verdicts))

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


def packed(shares: Mapping[int, Secret]) -> bytes:
    """Shares as the contract takes them."""
    return b"".join(bytes([dealer]) + share.reveal() for dealer, share in sorted(shares.items()))
