"""A bundle written: evidence first, then documents, models and updates, block by block as they are read.

The same transactions and the same files make the same bytes. Memory grows with neither: pages wait in a temporary file,
blocks go through one at a time (docs/spec/bundle.md, "File").
"""

from collections.abc import Iterable, Iterator, Sequence
from tempfile import TemporaryFile
from typing import BinaryIO, NamedTuple

from ledger.bundle.broken import BrokenBundle
from ledger.bundle.calls import EntryOrder, key_of
from ledger.bundle.document import read_document
from ledger.bundle.entries import Keys, Mined, entries
from ledger.bundle.form import MAX_CONVICTIONS, MAX_ENTRIES, MAX_KEYS, BundleEntry, Manifest, paged, parse_page
from ledger.bundle.replay.run import Replay
from ledger.errors import FedledgerError, Malformed, Unavailable, UsageError
from ledger.formats.cid import CHUNK, RAW, Cid, of_file, raw
from ledger.formats.digest import keccak, sha256
from ledger.history.state import JobState, Round
from ledger.jobs.document import MAX_SIZE, Job
from ledger.rounds.admission import Verdict
from ledger.rounds.facts import base_of
from ledger.store import BlockSource, Buffer
from ledger.store.car import frame, header
from ledger.store.files import walk


class Lacking(NamedTuple):
    """A file that could not be had: what it is, in words, and its CID."""

    what: str
    cid: Cid


class WrittenBundle(NamedTuple):
    """What was written: the manifest, bytes in all, how many transactions, updates and gaps; what is not in it."""

    manifest: Manifest
    size: int
    transactions: int
    gaps: int
    updates: int
    lacking: tuple[Lacking, ...]


class BundledFile(NamedTuple):
    """A file that a bundle is to have."""

    what: str
    cid: Cid
    is_update: bool = False


class BundleWriter:
    """Writes one bundle: `pieces` are its bytes, `written` says what it has, once they have been taken.

    `draft` is its manifest without keys, pages and convictions. `mined` are the transactions that changed the ledger,
    in chain order; `convictions` the calldata of refutations.
    """

    def __init__(
        self, draft: Manifest, mined: Iterable[Mined], source: BlockSource, convictions: Sequence[bytes] = ()
    ) -> None:
        self._draft, self._mined, self._source, self._convictions = draft, mined, source, convictions
        self._seen: set[bytes] = set()
        self._lacking: list[Lacking] = []
        self.written: WrittenBundle | None = None

    def pieces(self) -> Iterator[Buffer]:
        """The file. Raises Unavailable where the transactions do not follow from each other, UsageError where a bundle
        has no room for all of them.
        """
        size = updates = 0
        with TemporaryFile() as spool:
            manifest, lengths = self._pages(spool)
            replayed = _Replayed(manifest)
            for piece in self._evidence(manifest, spool, lengths, replayed):
                size += len(piece)
                yield piece
        for wanted in self._files(replayed):
            for piece in self._file(wanted):
                size += len(piece)
                yield piece
            updates += wanted.is_update and not (self._lacking and self._lacking[-1].cid == wanted.cid)
        self.written = WrittenBundle(manifest, size, replayed.count, replayed.gaps, updates, tuple(self._lacking))

    def _pages(self, spool: BinaryIO) -> tuple[Manifest, list[int]]:
        """The pages into a temporary file; the manifest that names them, and their lengths."""
        keys, digests, lengths = Keys(), [], []
        for page in paged(_held(entries(self._mined, self._draft, keys), keys)):
            spool.write(page)
            digests.append(sha256(page))
            lengths.append(len(page))
        convictions = tuple(dict.fromkeys(map(sha256, self._convictions)))
        if len(convictions) > MAX_CONVICTIONS:
            advice = "write several bundles, each of some of them"
            raise UsageError("a bundle has no room for so many convictions", advice=advice, largest=MAX_CONVICTIONS)
        manifest = self._draft._replace(keys=keys.points, pages=tuple(digests), convictions=convictions)
        return manifest, lengths

    def _evidence(
        self, manifest: Manifest, spool: BinaryIO, lengths: Sequence[int], replayed: "_Replayed"
    ) -> Iterator[Buffer]:
        block = manifest.encode()
        if len(block) > CHUNK:
            raise Malformed("the manifest is too long", size=len(block), largest=CHUNK)
        yield header(raw(block))
        yield from self._block(raw(block), block)
        spool.seek(0)
        for length in lengths:
            page = spool.read(length)
            replayed.take(page)
            yield from self._block(raw(page), page)
        for conviction in self._convictions:
            yield from self._block(raw(conviction), conviction)

    def _files(self, replayed: "_Replayed") -> Iterator[BundledFile]:
        """Every file behind the evidence; of a job its document first."""
        for state in replayed.jobs():
            what, cid = f"the document of job {state.number}", Cid(RAW, state.digest)
            yield BundledFile(what, cid)
            job = self._job(cid) if replayed.scope.has_bytes else None
            if job is not None:
                yield from replayed.files(state, job)

    def _job(self, cid: Cid) -> Job | None:
        try:
            document = bytes(self._source.get(cid))
            return read_document(document).job if len(document) <= MAX_SIZE else None
        except FedledgerError:
            return None

    def _file(self, wanted: BundledFile) -> Iterator[Buffer]:
        """A file, depth first, as far as it can be had."""
        try:
            for part, node in walk(lambda part: self._source.get(part.cid), wanted.cid):
                if part.cid.digest not in self._seen:
                    yield from self._block(part.cid, self._source.get(part.cid) if node is None else node)
        except Malformed:
            return  # its author's doing: a reader finds the same blocks
        except FedledgerError:
            self._lacking.append(Lacking(wanted.what, wanted.cid))

    def _block(self, cid: Cid, block: Buffer) -> Iterator[Buffer]:
        if cid.digest not in self._seen:
            self._seen.add(cid.digest)
            yield frame(cid, len(block))
            yield block


class _Replayed:
    """What the pages lead to, and so which files belong to them."""

    def __init__(self, manifest: Manifest) -> None:
        self.scope, self._keys = manifest.scope, [key_of(point) for point in manifest.keys]
        self._order, self._replay = EntryOrder(manifest), Replay(manifest)
        self.count = self.gaps = 0

    def take(self, page: bytes) -> None:
        """The entries of a page. Raises Unavailable where the rules refuse one: no chain with this ledger has it so."""
        for entry in parse_page(page, len(self._keys)):
            place = self.count + self.gaps
            try:
                self._replay.take(place, entry, self._order.take(place, entry, self._keys))
            except BrokenBundle as error:
                raise Unavailable(
                    "the chain node's transactions do not follow from each other by the contracts' rules",
                    advice="read the ledger from another node: --rpc URL",
                    block=entry.block,
                    code=error.code,
                    transaction="0x" + keccak(entry.raw).hex(),
                ) from error
            self.gaps += bool(entry.hash)
            self.count += not entry.hash

    def jobs(self) -> list[JobState]:
        """The scope's jobs."""
        return [state for number, state in self._replay.ledger.jobs.by_number.items() if self.scope.has_job(number)]

    def files(self, state: JobState, job: Job) -> Iterator[BundledFile]:
        """Models and updates of the scope's rounds."""
        rounds = [one for number, one in state.rounds.items() if self.scope.has_round(number) and one.aggregates]
        if rounds:
            base = base_of(state, job, rounds[0].number)
            yield BundledFile(f"the model before round {rounds[0].number}", base.cid)
        for round_ in rounds:
            for update in round_.sorted_updates():
                if _is_called(round_, update.index):
                    what = f"the update of member {update.index} in round {round_.number}"
                    yield BundledFile(what, job.file_of(update.index, update.cid), is_update=True)
            if round_.final is not None:
                cid = of_file(round_.final.cid, job.layout.size)
                yield BundledFile(f"the model of round {round_.number}", cid)


def _held(made: Iterable[BundleEntry], keys: Keys) -> Iterator[BundleEntry]:
    """The entries, as long as a bundle has room for them and the keys in them. Raises UsageError where it has not."""
    for count, one in enumerate(made, 1):
        for what, actual, largest in (("transactions", count, MAX_ENTRIES), ("keys", keys.count, MAX_KEYS)):
            if actual > largest:
                advice = f"let it end before block {one.block}: --until {one.block - 1}"
                raise UsageError(f"a bundle has no room for more {what}", advice=advice, largest=largest)
        yield one


def _is_called(round_: Round, index: int) -> bool:
    """Whether some aggregate says anything else of an update than that it is unavailable."""
    place = sorted(round_.updates).index(index)
    return any(one.verdicts[place] != Verdict.UNAVAILABLE for one in round_.aggregates)
