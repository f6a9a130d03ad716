"""Whom the ledger convicts in a masked job, and whom the next cast leaves out (docs/spec/masks.md, "Blame")."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from ledger.errors import Refuted, Unavailable
from ledger.history.state import JobState, Round
from ledger.history.state.masking import JobMasks, RoundMasks, SegmentState
from ledger.jobs.document import Job
from ledger.masks.blame import Fault, Guilty
from ledger.masks.groups import Groups, groups_of, in_play
from ledger.masks.noise import NoiseLaw
from ledger.masks.segment import sound_keys
from ledger.masks.setup import SecretKind, SetupFile
from ledger.rounds.facts import Place, RoundFacts
from ledger.rounds.inputs import Fetch
from ledger.rounds.masking.answers import Blame, RoundSecretsShown, first_shares, kind_of, secrets_of, shares_of
from ledger.rounds.masking.noise import law_of
from ledger.rounds.masking.openings import BadSum, Opened, bad_sums, convicts, judged_openings
from ledger.rounds.masking.setups import cast_files
from ledger.rounds.masking.summed import MaskedSum, masked_sum, needed_files
from ledger.rounds.receipts import signers_needed

BlockTime = Callable[[int], int]
"""The time of a block, in seconds since 1970. Raises Unavailable where it is not known."""
BlockHash = Callable[[int], bytes]
"""The hash of a block, from which members' noise follows. Raises Unavailable where it is not known."""

CONVICTING = frozenset({Fault.SEED, Fault.DEALING, Fault.OPENING, Fault.VALUES})
"""What keeps a member out of sets and casts."""


def _unknown(block: int) -> bytes:
    raise Unavailable("the hash of a block is not known here", block=block)


@dataclass(frozen=True, slots=True)
class VoidRound:
    """A round that ended without a model since a sum of it is out of bounds: the members of that sum are asked to open.

    `sums` are those, and say which bound. `opened` are the updates that are open, `false` who showed another key than
    its own, and `silent` who showed none until `deadline` (seconds since 1970), of those whose update is not open.
    Nobody is silent before a block after that deadline; the contract takes openings, and no other set, until then.
    """

    sums: tuple[BadSum, ...]
    deadline: int
    opened: dict[int, Opened]
    false: tuple[Blame, ...]
    silent: frozenset[int]

    @property
    def asked(self) -> frozenset[int]:
        """Who is asked to open: the members of sums that are out of bounds, and nobody else."""
        return frozenset(member for one in self.sums for member in one.group.members)


@dataclass
class MaskedJob:
    """A masked job, and what its rounds showed of its members; what was worked out is kept while the ledger grows.

    All that a round of it is judged by, for members and auditors alike. `state` and `masks` are the history's own; for
    one thread at a time. What it asks of files raises Unavailable where they are not at hand.
    """

    place: Place
    state: JobState
    job: Job
    masks: JobMasks
    fetch: Fetch
    time_of: BlockTime
    threads: int = 1
    hash_of: BlockHash = _unknown
    _sums: dict[object, tuple[BadSum, ...]] = field(default_factory=dict)
    _openings: dict[object, tuple[dict[int, Opened], tuple[Blame, ...]]] = field(default_factory=dict)
    _secrets: dict[object, RoundSecretsShown] = field(default_factory=dict)
    _files: tuple[object, dict[int, SetupFile]] = (None, {})
    _ends: dict[object, frozenset[int]] = field(default_factory=dict)
    _groups: dict[object, Groups] = field(default_factory=dict)

    def facts(self, number: int) -> RoundFacts:
        """Those of a round."""
        return RoundFacts.of(self.place, self.state, self.job, self.state.rounds[number], self.masks)

    def convicted(self, before: int) -> dict[int, Blame]:
        """Who was convicted by what blocks before `before` show, by member index, with what each did first.

        A round opened in a block has none of those that were convicted before that block in its set; nor has a segment
        in its cast.
        """
        found = dict[int, Blame]()
        for number in sorted(self.masks.rounds):
            for one in self._convictions(number, before):
                found.setdefault(one.guilty.member, one)
        return dict(sorted(found.items()))

    def left_out(self, opened: SegmentState) -> frozenset[int]:
        """Members that the cast of a segment leaves out: convicted before it was opened, `unreadable`, or without data
        since a block before its own.
        """
        return frozenset(self.convicted(opened.block)) | self.unreadable(opened) | self.state.withdrawn_by(opened.block)

    def unreadable(self, opened: SegmentState) -> frozenset[int]:
        """Dealers whose packets in the last segment below this one, that has a cast, do not open (`unreadable`)."""
        last = last_before(self.masks, opened.number)
        return unreadable(self.masks, last, self.groups(last), opened.block) if last is not None else frozenset()

    def groups(self, opened: SegmentState) -> Groups:
        """The groups of a segment's cast; none without one, or with one that is not to be agreed with."""
        masked = self.job.masked
        if opened.cast is None or masked is None or not masked.groups:
            return (opened.cast,) if opened.cast else ()
        key = (opened.number, opened.tx, opened.cast)
        if key not in self._groups:
            files = self.files(opened)
            self._groups[key] = groups_of(files, masked.groups, masked.smallest) if files is not None else ()
        return self._groups[key]

    def secrets(self, number: int) -> RoundSecretsShown | None:
        """What is known of a round's secrets; None without a set, or with a cast that was not one to be agreed with."""
        opened, said = self.masks.segment_of(number), self.masks.rounds.get(number)
        if opened is None or said is None or said.set is None:
            return None
        answers = [*said.answers.values(), *said.given.values()]
        key = (number, opened.tx, opened.cast, said.set, tuple(one.tx for one in answers))
        if key not in self._secrets:
            files = self.files(opened)
            if files is None:
                return None
            self._secrets[key] = secrets_of(said, needed_files(files, self.groups(opened), said.set), opened.setups)
        return self._secrets[key]

    def files(self, opened: SegmentState) -> dict[int, SetupFile] | None:
        """The set-up files of a segment's cast; those of one segment are kept. None where one of them is refused."""
        key = (opened.number, opened.tx, opened.cast)
        if self._files[0] != key:
            try:
                files = cast_files(self.place, self.state.number, self.masks, opened, self.fetch)
            except Refuted:
                return None
            self._files = (key, files)
        return self._files[1]

    def void(self, number: int, before: int | None = None, time: int | None = None) -> VoidRound | None:
        """Whether members of a round's set are asked to open, and what came of it in blocks before `before`, at `time`.

        `time` is in seconds since 1970, by default that of the last block before; nobody is silent where neither is
        given.

        None where the round is under way or has a model, its secrets are not all known, or its sums are within their
        bounds. Where one of the members of a sum is convicted by the block of the round's end, none of them opens.
        """
        round_, said = self.state.rounds[number], self.masks.rounds.get(number)
        shown = self.secrets(number) if round_.phase.terminal and round_.final is None else None
        if said is None or shown is None or not shown.complete or shown.known_in > round_.ended_in:
            return None
        facts = self.facts(number)
        bad = self._bad_sums(facts, said)
        bad = tuple(one for one in bad if one.group.members.isdisjoint(self._by_its_end(round_)))
        return self._opened(facts, said, bad, before, time) if bad else None

    def law(self, number: int) -> NoiseLaw | None:
        """By what the members of a round's cast add noise; None where they add none.

        Raises Unavailable where there is no cast yet, or the hash of the block that fixed it is not known.
        """
        opened = self.masks.segment_of(number)
        if self.job.member_noise is None:
            return None
        if opened is None or opened.cast is None:
            raise Unavailable(f"round {number} has no cast yet, and no noise", job=self.state.number)
        return law_of(self.job, self.hash_of(opened.fixed_in))

    def opened_until(self, number: int) -> int:
        """The last second in which the contract takes no set of this round: the last round before it with a set ended
        without a model, and may be opened for `unmask_seconds` after that, or after those that followed it and have no
        set. 0 where there is none.
        """
        before = max((one for one in self.masks.rounds if one < number), default=0)
        if not before or self.masks.rounds[before].set is None or self.state.latest == before:
            return 0
        return self.time_of(self.state.rounds[number - 1].ended_in) + self.masks.terms.unmask_seconds

    def summed(self, facts: RoundFacts) -> MaskedSum | None:
        """What makes a round's sum. Raises as `masked_sum`."""
        opened = self.masks.segment_of(facts.round.number)
        files = self.files(opened) if opened is not None and opened.cast is not None else None
        return masked_sum(facts, self.fetch, files)

    def _bad_sums(self, facts: RoundFacts, said: RoundMasks) -> tuple[BadSum, ...]:
        """The sums of a round that are out of bounds."""
        key = self._key(facts, said)
        if key not in self._sums:
            summed = self.summed(facts)
            self._sums[key] = bad_sums(facts, summed, self.fetch, self.threads) if summed is not None else ()
        return self._sums[key]

    def _key(self, facts: RoundFacts, said: RoundMasks) -> object:
        """What a round's sum depends on; on another fork of the chain it may be another."""
        opened = self.masks.segment_of(facts.round.number)
        segment = (opened.tx, opened.cast) if opened else None
        return facts.round.number, segment, said.set, tuple(update.cid for update in facts.round.sorted_updates())

    def _by_its_end(self, round_: Round) -> frozenset[int]:
        """Who was convicted by a round's end, by what is not an opening of this round.

        What blocks up to then show stays. It is worked out once: it rests on the same of every void round before.
        """
        key = (round_.number, round_.ended_in)
        if key not in self._ends:
            self._ends[key] = self._found_by_its_end(round_)
        return self._ends[key]

    def _found_by_its_end(self, round_: Round) -> frozenset[int]:
        earlier = {
            one.guilty.member
            for number in sorted(self.masks.rounds)
            if number < round_.number
            for one in self._convictions(number, round_.ended_in + 1)
        }
        own = {one.guilty.member for one in self._of_secrets(round_.number, round_.ended_in + 1)}
        return frozenset(earlier | own)

    def _opened(
        self, facts: RoundFacts, said: RoundMasks, bad: tuple[BadSum, ...], before: int | None, time: int | None
    ) -> VoidRound:
        asked = tuple(one.group.number for one in bad)
        key = (self._key(facts, said), asked, tuple(one.tx for one in said.shown.values()))
        summed = self.summed(facts) if key not in self._openings else None
        if summed is not None:
            groups, law = [one.group for one in bad], self.law(facts.round.number)
            found, wrong = judged_openings(facts, summed, groups, self.fetch, self.threads, law)
            self._openings[key] = found, tuple(Blame(guilty, shown.tx, shown.block) for guilty, shown in wrong)
        opened, false = self._openings[key]
        if before is not None:
            opened = {member: one for member, one in opened.items() if one.block < before}
            false = tuple(one for one in false if one.block < before)
        deadline = self.time_of(facts.round.ended_in) + self.masks.terms.unmask_seconds
        if time is None and before is not None:
            time = self.time_of(before - 1)
        void = VoidRound(bad, deadline, opened, false, frozenset())
        if time is None or time <= deadline:
            return void
        in_time = {member for member, one in said.shown.items() if self.time_of(one.block) <= deadline}
        return replace(void, silent=void.asked - in_time - opened.keys())

    def _convictions(self, number: int, before: int) -> Iterator[Blame]:
        """Whom a round's statements in blocks before `before` convict, in the ledger's order."""
        found = list(self._of_secrets(number, before))
        round_ = self.state.rounds[number]
        void = self.void(number, before) if 0 < round_.ended_in < before else None
        if void is not None:
            found += void.false
            for member, one in void.opened.items():
                guilty = convicts(member, one, number)
                if guilty is not None:
                    found.append(Blame(guilty, round_.updates[member].tx, one.block))
            for member in sorted(void.silent):
                guilty = Guilty(member, Fault.OPENING, f"it did not open its update of round {number}", round=number)
                found.append(Blame(guilty, round_.updates[member].tx, before - 1))
        yield from sorted(found, key=lambda one: (one.block, one.guilty.member, one.guilty.fault))

    def _of_secrets(self, number: int, before: int) -> Iterator[Blame]:
        shown = self.secrets(number)
        for one in shown.blame if shown else ():
            if one.guilty.fault in CONVICTING and one.block < before:
                yield one


def last_before(masks: JobMasks, segment: int) -> SegmentState | None:
    """The last segment below a number that has a cast."""
    earlier = [number for number, one in masks.segments.items() if number < segment and one.cast]
    return masks.segments[max(earlier)] if earlier else None


def unreadable(masks: JobMasks, last: SegmentState, groups: Groups, before: int) -> frozenset[int]:
    """Dealers that so many holders left out of what they showed in a segment, in blocks before `before`, that one of
    these is honest: the packets in their set-up files do not open. `groups` are those of the segment's cast.
    """
    sound = sound_keys((one.index, one.key) for one in last.keys).keys() & last.roster
    threshold, silent = masks.threshold(len(sound)), dict[int, set[int]]()
    for number, said in masks.rounds.items():
        if masks.number_of(number) == last.number and said.set is not None:
            for dealer in in_play(groups, said.set):
                silent.setdefault(dealer, set()).update(_leaving_out(said, dealer, before, threshold))
    needed = signers_needed(last.members)
    return frozenset(dealer for dealer, holders in silent.items() if len(holders) >= needed)


def _leaving_out(said: RoundMasks, dealer: int, before: int, threshold: int) -> Iterator[int]:
    """Who showed what it was asked for in a round, but no share of this dealer's, which was asked for, too: in
    `giveShares` as long as fewer than the threshold had shown one.
    """
    asked = kind_of(said, dealer) is SecretKind.KEY
    for holder, answer in said.answers.items():
        if asked and holder != dealer and answer.block < before and dealer not in shares_of(said, holder, before):
            yield holder
    blocks, silent = sorted(first_shares(said, dealer).values()), dealer not in said.answers
    for holder, given in said.given.items():
        early = given.block < before and bisect_left(blocks, given.block) < threshold
        if silent and holder != dealer and early and dealer not in shares_of(said, holder, before):
            yield holder
