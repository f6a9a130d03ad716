"""A round of a bundle recomputed by the project's own functions, and what differs (docs/spec/bundle.md, "Rounds")."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from ledger.bundle.file import BundleFile
from ledger.bundle.findings import BundleFindings, FindingPlace, found
from ledger.bundle.replay.state import Ledger
from ledger.errors import FedledgerError, Malformed
from ledger.formats import unixfs
from ledger.formats.cid import RAW, Cid
from ledger.formats.digest import NOTHING
from ledger.formats.unixfs import Part
from ledger.history.state import Aggregate, JobState, Round, Update
from ledger.jobs.document import Job
from ledger.rounds.admission import Judged, Verdict
from ledger.rounds.facts import Place, RoundFacts, read_model
from ledger.rounds.one_pass import Pass
from ledger.rounds.outcome import Outcome, conclude, threads_for
from ledger.store import Pieces
from ledger.store.files import read

_UNAVAILABLE = int(Verdict.UNAVAILABLE)


class Recomputed(NamedTuple):
    """What a round comes to without the updates that are called unavailable. `outcome` is None where bytes of an update
    are missing, or the base model is not in order though it is needed; `verdicts` lack those that are missing.
    """

    verdicts: dict[int, int]
    outcome: Outcome | None
    lacks_base: bool = False


@dataclass
class BundledRounds:
    """The rounds of one plain job, ascending. `threads` recompute them; `progress` hears of bytes of updates."""

    file: BundleFile
    place: Place
    ledger: Ledger
    state: JobState
    job: Job
    findings: BundleFindings
    threads: int = 1
    progress: Callable[[int], None] = field(default=lambda _: None)
    judged: int = 0
    compared: int = 0
    _right: set[tuple[int, bytes, bytes]] = field(default_factory=set)
    _foreign: set[bytes] = field(default_factory=set)

    def judge(self, round_: Round) -> None:
        """Compare each aggregate of a round with what it should be."""
        facts = RoundFacts.of(self.place, self.state, self.job, round_)
        entries = {one.update.index: one for one in facts.entries}
        called = [called_unavailable(round_, aggregate) for aggregate in round_.aggregates]
        needed = entries.keys() - frozenset.intersection(*called)
        held = {i for i in needed if _is_weighed(self.job, entries[i].update)}
        missing = {i for i in held if self._lacks(entries[i].cid, self.job.size_of(i))}
        for index in sorted(missing):
            self._add("ADMISSION", "MISSING", round_, index, [entries[index].update.party], entries[index].update.cid)
        known: dict[frozenset[int], Recomputed] = {}
        lacks_base = False
        seen: set[int] = set()
        for aggregate, without in zip(round_.aggregates, called, strict=True):
            if without not in known:
                known[without] = self._recompute(facts, without, missing)
            made = known[without]
            seen |= made.verdicts.keys() - without
            lacks_base |= made.lacks_base
            self._compare(round_, aggregate, made, missing)
        self.judged += len(seen)
        if lacks_base:
            base = facts.base
            final = self.state.rounds[base.round].final if base.round else None
            owing = final.aggregator if final else self.state.proposer
            self._add("AGGREGATE", "BASE", round_, 0, [owing], base.cid.digest)

    def _recompute(self, facts: RoundFacts, without: frozenset[int], missing: Collection[int]) -> Recomputed:
        certified = {one.update.index for one in facts.entries} - without - set(missing)
        threads = threads_for(facts, 1) and self.threads  # from a file two read short updates no sooner than one
        reading = Pass(facts, self._fetch, certified, threads=threads, progress=self.progress)
        sound = not missing and self._has_base(facts)
        model = reading.model(certified, None) if sound else None
        reading.finish()
        decisions = {index: reading.decision(index) for index in certified}
        verdicts = {index: int(one.verdict) for index, one in decisions.items()} | dict.fromkeys(without, _UNAVAILABLE)
        if missing:
            return Recomputed(verdicts, None)
        admitted = sum(verdict == Verdict.ADMITTED for verdict in verdicts.values())
        if not sound and admitted >= self.job.admission.min_updates:
            return Recomputed(verdicts, None, lacks_base=True)
        judged = tuple(
            Judged(one.update, decisions[one.update.index]) for one in facts.entries if one.update.index in decisions
        )
        return Recomputed(verdicts, conclude(facts, judged, self._fetch, model, threads=threads))

    def _compare(self, round_: Round, aggregate: Aggregate, made: Recomputed, missing: Collection[int]) -> None:
        signers = [aggregate.aggregator, *(one.member for one in aggregate.attestations if one.agrees)]
        place = FindingPlace(round_.job, round_.number, aggregate.attempt)
        stands = self.ledger.stands(place)

        def lie(check: str, code: str, value: int, expected: object, actual: object) -> None:
            self.findings.add(found(check if stands else "CAUGHT", code, place, value, signers, expected, actual))

        for index, said in zip(sorted(round_.updates), aggregate.verdicts, strict=True):
            if said == _UNAVAILABLE:
                self.findings.add(found("ADMISSION", "UNAVAILABLE", place, index))
            elif index not in missing and made.verdicts[index] != said:
                lie("ADMISSION", "VERDICT", index, made.verdicts[index], said)
        if made.outcome is None:
            return
        self.compared += 1
        outcome = made.outcome
        if outcome.root != aggregate.root:
            lie("AGGREGATE", "ROOT", 0, outcome.root, aggregate.root)
        elif outcome.cid != aggregate.cid:
            lie("AGGREGATE", "CID", 0, outcome.cid, aggregate.cid)
        else:
            if outcome.cid != NOTHING:
                self._right.add((round_.number, outcome.cid, outcome.root))
            if aggregate.carried != NOTHING:
                lie("AGGREGATE", "CARRIED", 0, NOTHING, aggregate.carried)

    def _has_base(self, facts: RoundFacts) -> bool:
        """Whether the model that the round builds on is in the bundle, and in order: one that was recomputed is, as
        the model of its own round and of no other.
        """
        cid, known = facts.base.cid, (facts.base.round, facts.base.cid.digest, facts.base.root)
        if self._lacks(cid, facts.model_size):
            return False
        if known in self._right:
            return True
        try:
            for _ in read_model(self.place, self.state, self.job, facts.base, self._fetch):
                pass
        except FedledgerError:
            return False
        self._right.add(known)
        return True

    def _lacks(self, cid: Cid, size: int) -> bool:
        """Whether a block of a file is missing, and none of it is foreign: a node in another form, a leaf of another
        length.
        """
        if cid.digest not in self.file:
            return True
        if cid.codec == RAW:
            return False
        missing = False
        waiting = [Part(cid, 0, size, unixfs.height_of(size))]
        while waiting:
            part = waiting.pop()
            if part.cid.digest not in self.file:
                missing = True
                continue
            try:
                waiting += self._below(part)
            except Malformed:
                self._foreign.add(cid.digest)
                return False
        return missing

    def _below(self, part: Part) -> list[Part]:
        """The parts below a block that is in the bundle. Raises Malformed where it is foreign."""
        if part.height:
            return unixfs.parse(self.file.get(part.cid), part)
        if part.stop is not None and self.file.length(part.cid.digest) != part.stop - part.start:
            raise Malformed("a leaf of another length")
        return []

    def _fetch(self, cid: Cid, start: int, stop: int | None) -> Pieces:
        if cid.digest in self._foreign:
            raise Malformed("a block that is not in the form of the profile", cid=cid)
        return read(self.file, cid, start, stop)

    def _add(self, check: str, code: str, round_: Round, value: int, who: list[str], actual: bytes) -> None:
        place = FindingPlace(round_.job, round_.number)
        self.findings.add(found(check, code, place, value, who, actual=actual))


def called_unavailable(round_: Round, aggregate: Aggregate) -> frozenset[int]:
    """The members whose updates an aggregate calls unavailable."""
    said = zip(sorted(round_.updates), aggregate.verdicts, strict=True)
    return frozenset(index for index, verdict in said if verdict == _UNAVAILABLE)


def _is_weighed(job: Job, update: Update) -> bool:
    return 1 <= update.weight <= job.admission.cap(update.index)
