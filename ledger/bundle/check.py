"""The project's own verdict on a bundle: by its folds, admission, one pass and claims (docs/spec/bundle.md)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import tee
from pathlib import Path

from ledger.bundle.broken import BrokenBundle
from ledger.bundle.calls import BundledCall, EntryOrder, is_signed, key_of, signatures_of
from ledger.bundle.convictions import ReplayedJobs, judge_convictions
from ledger.bundle.document import DocumentReading, read_document, terms_said
from ledger.bundle.file import BundleFile
from ledger.bundle.findings import COUNTED, BundleFindings, BundleVerdict, FindingPlace, found, verdict_of
from ledger.bundle.form import MAX_ENTRIES, BundleEntry, FoundingKey, Manifest, parse_manifest, parse_page
from ledger.bundle.replay.run import Replay
from ledger.bundle.rounds import BundledRounds, called_unavailable
from ledger.config import Network
from ledger.errors import Malformed
from ledger.events.members import Role
from ledger.formats.cid import RAW
from ledger.formats.signatures import worked_ahead
from ledger.history.state import JobState, Round
from ledger.jobs.document import Job
from ledger.rounds.facts import Place

Progress = Callable[[int], None]
_Taken = tuple[int, BundleEntry, BundledCall | None] | BrokenBundle
"""An entry in its place with its call, or the fault before it."""
_AHEAD = 64
NAMED, NAMED_EACH = 1 << 26, 64
"""Bytes that rounds may name in all: so many, and so many for each byte of the file."""


@dataclass
class BundleCheck:
    """How to check: what it is compared with, how many threads, and who hears of bytes read."""

    network: Network | None = None
    threads: int = 1
    progress: Progress = field(default=lambda _: None)


def check_bundle(path: Path, how: BundleCheck | None = None) -> BundleVerdict:
    """The verdict on a bundle's file. Raises Unavailable where the file cannot be read."""
    how = how or BundleCheck()
    try:
        with BundleFile(path, how.progress) as file:
            return _checked(file, how)
    except BrokenBundle as error:
        return _malformed(error, error.bundle.hex(), None)


def founders_of(path: Path) -> tuple[FoundingKey, ...]:
    """Whom a bundle names as founders: what all of it rests on. Nobody where its manifest cannot be read.

    Raises Unavailable where the file cannot be read.
    """
    try:
        with BundleFile(path) as file:
            return manifest_of(file).founders
    except BrokenBundle:
        return ()


def manifest_of(file: BundleFile) -> Manifest:
    """The manifest of a bundle. Raises BrokenBundle."""
    if file.first != file.bundle or file.codec != RAW:
        raise BrokenBundle("MANIFEST")
    try:
        manifest = parse_manifest(file.block(file.bundle))
    except Malformed as error:
        raise BrokenBundle("MANIFEST") from error
    return manifest


def _checked(file: BundleFile, how: BundleCheck) -> BundleVerdict:
    bundle, manifest = file.bundle.hex(), None
    try:
        manifest = manifest_of(file)
        return _Reading(file, manifest, how).verdict()
    except BrokenBundle as error:
        return _malformed(error, bundle, manifest)


def _malformed(error: BrokenBundle, bundle: str, manifest: Manifest | None) -> BundleVerdict:
    findings = BundleFindings()
    findings.add(found("BUNDLE", error.code, value=error.value))
    return _verdict(bundle, manifest, dict.fromkeys(COUNTED, 0), findings)


def _verdict(
    bundle: str, manifest: Manifest | None, checked: dict[str, int], findings: BundleFindings
) -> BundleVerdict:
    ordered = findings.in_order()
    return BundleVerdict(
        bundle=bundle,
        chain=str(manifest.chain) if manifest else "",
        ledger=manifest.addresses["ledger"] if manifest else "",
        founding=manifest.founding[1].hex() if manifest else "",
        scope=manifest.scope.text if manifest else "",
        verdict=verdict_of(ordered),
        checked=checked,
        findings=ordered,
    )


class _Reading:
    """One bundle whose manifest is in order."""

    def __init__(self, file: BundleFile, manifest: Manifest, how: BundleCheck) -> None:
        self._file, self._manifest, self._how = file, manifest, how
        self._findings = BundleFindings()
        self._checked = dict.fromkeys(COUNTED, 0)
        self._documents: dict[bytes, DocumentReading | None] = {}
        self._by_value = set[int]()
        self._named, self._most = 0, NAMED + NAMED_EACH * file.size
        if how.network is not None and not _is_of(manifest, how.network):
            raise BrokenBundle("NETWORK")
        self._signers = list(_signers(manifest))

    def verdict(self) -> BundleVerdict:
        """Every pass, in the specification's order."""
        replay = self._replay()
        self._checked["REPLAY"] = replay.taken
        scope = self._manifest.scope
        for number, state in replay.ledger.jobs.by_number.items():
            if scope.has_job(number):
                self._judge(replay, state)
        judged = ReplayedJobs(replay.ledger, frozenset(self._by_value))
        self._checked["CONVICTION"] = judge_convictions(self._file, self._manifest, judged, self._findings)
        self._say_scope(replay)
        return _verdict(self._file.bundle.hex(), self._manifest, self._checked, self._findings)

    def _entries(self) -> Iterator[tuple[int, BundleEntry]]:
        """All entries of the pages, a page at a time."""
        count = 0
        for place, digest in enumerate(self._manifest.pages):
            if digest not in self._file:
                raise BrokenBundle("PAGE", place)
            block = self._file.block(digest)
            self._how.progress(len(block))
            try:
                page = parse_page(block, len(self._signers))
            except Malformed as error:
                raise BrokenBundle("PAGE", place) from error
            if count + len(page) > MAX_ENTRIES:
                raise BrokenBundle("PAGE", place)
            yield from enumerate(page, count)
            count += len(page)

    def _calls(self) -> Iterator[_Taken]:
        """All entries with their calls, up to the first fault, which is last."""
        order = EntryOrder(self._manifest)
        try:
            for place, entry in self._entries():
                yield place, entry, order.take(place, entry, self._signers)
        except BrokenBundle as error:
            yield error

    def _replay(self) -> Replay:
        """Pages, entries, signatures and rules in one pass: the first fault of the first entry that has one counts."""
        replay, keys = Replay(self._manifest, self._findings), frozenset(self._signers)

        def right(one: _Taken) -> bool:
            if isinstance(one, BrokenBundle):
                return True
            _, entry, call = one
            return call is None or is_signed(call, int.from_bytes(entry.y[:32]), keys)

        each, asked = tee(self._calls())
        for one, fits in zip(each, worked_ahead(right, asked, _AHEAD, self._how.threads), strict=True):
            if isinstance(one, BrokenBundle):
                raise one
            place, entry, call = one
            if not fits:
                raise BrokenBundle("SIGNATURE", place)
            self._checked["SIGNATURES"] += signatures_of(call) if call is not None else 0
            replay.take(place, entry, call)
        return replay

    def _judge(self, replay: Replay, state: JobState) -> None:
        """A job's document, then its rounds."""
        place = FindingPlace(state.number)
        if state.digest not in self._file:
            self._findings.add(found("JOB", "MISSING", place, 0, [state.proposer], actual=state.digest))
            return
        reading = self._document(state.digest)
        if reading is None:
            self._findings.add(found("JOB", "DOCUMENT", place, 0, [state.proposer]))
            return
        self._checked["JOB"] += 1
        said = terms_said(state.terms, state.model)
        differing = [place for place, pair in enumerate(zip(reading.terms, said, strict=True)) if len(set(pair)) == 2]
        for term in differing:
            expected, actual = reading.terms[term], said[term]
            self._findings.add(found("JOB", "TERMS", place, term, [state.proposer], expected, actual))
        if differing:
            return
        if reading.by_value:
            self._by_value.add(state.number)
        if reading.unsupported is not None:
            where, name = reading.unsupported
            self._findings.add(found("JOB", "UNSUPPORTED", place, where, actual=name))
        elif reading.job is not None:
            self._judge_rounds(replay, state, reading.job)

    def _document(self, digest: bytes) -> DocumentReading | None:
        """What a document says, read once however many jobs name it; None where it is none."""
        if digest not in self._documents:
            try:
                reading = read_document(self._file.block(digest))
                # A scope with bytes has one job; of many, what each document would need for rounds is let go.
                self._documents[digest] = reading if self._manifest.scope.has_bytes else reading._replace(job=None)
            except Malformed:
                self._documents[digest] = None
        return self._documents[digest]

    def _judge_rounds(self, replay: Replay, state: JobState, job: Job) -> None:
        on = Place(self._manifest.chain, self._manifest.addresses["ledger"])
        known = (self._file, on, replay.ledger, state, job, self._findings)
        rounds = BundledRounds(*known, self._how.threads, self._how.progress)
        for number, round_ in state.rounds.items():
            if self._manifest.scope.has_round(number) and round_.aggregates and self._may_read(round_, job):
                rounds.judge(round_)
        self._checked["ADMISSION"] += rounds.judged
        self._checked["AGGREGATE"] += rounds.compared

    def _may_read(self, round_: Round, job: Job) -> bool:
        """Whether what the round names is within what a file of this length may name; it is counted where it is."""
        times = len({called_unavailable(round_, one) for one in round_.aggregates})
        named = self._named + times * (len(round_.updates) + 1) * job.layout.size
        if named > self._most:
            place = FindingPlace(round_.job, round_.number)
            self._findings.add(found("AGGREGATE", "BYTES", place, expected=self._most, actual=named))
            return False
        self._named = named
        return True

    def _say_scope(self, replay: Replay) -> None:
        scope = self._manifest.scope
        states = [state for number, state in replay.ledger.jobs.by_number.items() if scope.has_job(number)]
        final = [number for state in states for number, one in state.rounds.items() if one.final is not None]
        if scope.kind == "evidence":
            self._findings.add(found("SCOPE", "BYTES", FindingPlace(scope.job)))
        in_scope = final if scope.kind == "evidence" else [number for number in final if scope.has_round(number)]
        whole = scope.last in in_scope if scope.kind == "release" else bool(in_scope)
        if scope.kind == "conviction":
            whole = bool(self._manifest.convictions)
        if not whole:
            self._findings.add(found("SCOPE", "EMPTY", FindingPlace(scope.job, scope.last)))


def _signers(manifest: Manifest) -> Iterator[str]:
    seen: set[bytes] = set()
    for place, point in enumerate(manifest.keys):
        try:
            key = key_of(point)
        except ValueError as error:
            raise BrokenBundle("KEY", place) from error
        if point in seen:
            raise BrokenBundle("KEY", place)
        seen.add(point)
        yield key


def _is_of(manifest: Manifest, network: Network) -> bool:
    """Whether it is of the network file's chain, contracts and founding."""
    contracts, founding = network.contracts, network.founding
    named = {name: getattr(contracts, name).address for name in manifest.addresses if hasattr(contracts, name)}
    founders = [(one.key, int(Role.named(one.roles))) for one in founding.members]
    return (
        manifest.chain == network.chain.id
        and all(manifest.addresses[name] == address for name, address in named.items())
        and manifest.founding == (founding.block, bytes.fromhex(founding.hash[2:]))
        and [tuple(one) for one in manifest.founders] == founders
    )
