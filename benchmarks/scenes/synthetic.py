"""A consortium made up for measuring: a job, its updates in an embedded store, and the history that registers them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import coincurve
import numpy as np

from ledger.config import FoundingMember
from ledger.events import records as r
from ledger.events.haves import Have, content_of, digest_of
from ledger.formats import merkle
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.cid import RAW, Cid
from ledger.formats.claims import SALT, RoundName, UpdateOpening, commitment, pack_openings
from ledger.formats.digest import checksum_address, keccak, sha256
from ledger.formats.head import FoundingRecord
from ledger.formats.header import Binding
from ledger.formats.member_name import name_words, plain_name
from ledger.history.fold import History
from ledger.history.foundation import Foundation
from ledger.jobs.document import Admission, InitialModel, Job, JobTask, parse
from ledger.jobs.plain import PLAIN
from ledger.jobs.privacy import OPEN
from ledger.jobs.rules import WeightedMean
from ledger.jobs.scores import NoScoring
from ledger.jobs.server import NONE
from ledger.rounds.facts import Place, RoundFacts, Standpoint, initial_binding
from ledger.rounds.outcome import Outcome, recompute
from ledger.rounds.receipts import SignedHave, bitmap_of, encode, merged
from ledger.store.embedded import Embedded
from ledger.store.files import read
from ledger.store.holders import Holders

if TYPE_CHECKING:
    from ledger.audit.context import ShownBlock

PLACE = Place(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3")
TERMS = r.Terms(rounds=1, update_seconds=60, open_seconds=60, aggregate_seconds=60, attest_seconds=60, attempts=1)
BLOCK = 1 << 18
BOTH = r.Role.PARTICIPANT | r.Role.AGGREGATOR


def foundation(keys: Sequence[str], roles: r.Role) -> Foundation:
    """The founding by members with these keys, all with the same roles."""
    contracts = [PLACE.contract if number == 2 else f"0x{number:040x}" for number in range(1, 9)]
    members = tuple(FoundingMember(name=plain_name(at), key=key, roles=roles.words) for at, key in enumerate(keys))
    return Foundation(FoundingRecord(PLACE.chain, 0, bytes(32), *contracts), members)


@dataclass
class Consortium:
    """One job and one round, in which every member has an update."""

    store: Embedded
    job: Job
    history: History
    updates: int

    @property
    def update_bytes(self) -> int:
        return self.job.layout.size * self.updates

    def fetch(self, cid: Cid, start: int = 0, stop: int | None = None) -> Iterator[bytes | bytearray | memoryview]:
        """As a party reads: its own store first, a block at a time."""
        return self._holders.read(cid, start, stop)

    @cached_property
    def _holders(self) -> Holders:
        return Holders(self.store)

    @property
    def facts(self) -> RoundFacts:
        state = self.history.jobs[1]
        return RoundFacts.of(PLACE, state, self.job, state.rounds[1])

    def outcome(self, **options: object) -> Outcome:
        """What the round comes to: the aggregator's computation, every update certified."""
        return recompute(self.facts, self.fetch, range(self.updates), **options)  # type: ignore[arg-type]

    def apply(self, event: type[r.Event], **fields: object) -> None:
        """Add one event to the history."""
        number = self.history.applied + 1
        word = number.to_bytes(32, "big")
        self.history.apply(event(block=number, log=0, tx=word, leaf=word, **fields))

    def publish(self, outcome: Outcome) -> None:
        """Add the events of an aggregate that everyone attests."""
        where, block = {"job": 1, "round": 1, "attempt": 1}, self.history.applied
        receipts = self.receipts(block)
        self.store.put([receipts], "receipts", replace=True)
        point = Standpoint(block, block.to_bytes(32, "big"), self.history.head_at(block), sha256(receipts))
        said = {"aggregate": outcome.claimed(point), "deadline": 0}
        self.apply(r.AggregatePublished, **where, aggregator=_key(0), **said)
        claim = outcome.claim(point)
        for member in range(1, self.updates // 2 + 1):
            witness = outcome.witness(_key(member), claim)
            agreed = {"form": r.Form.AGREE, "claim": claim, "detail": witness}
            self.apply(r.Attested, **where, member=_key(member), **agreed)
        self.apply(r.RoundFinalised, **where, root=outcome.root)
        for member in range(self.updates // 2 + 1, self.updates):
            agreed = {"form": r.Form.AGREE, "claim": claim, "detail": outcome.witness(_key(member), claim)}
            self.apply(r.Attested, **where, member=_key(member), **agreed)

    def receipts(self, block: int) -> bytes:
        """The file in which every member signed for all updates, as of a block."""
        roll = self.facts.roll
        said = Have(1, 1, bitmap_of(roll.opened), content_of(roll.opened), block)
        digest = digest_of(PLACE.chain, PLACE.contract, said)
        signatures = [_secret(index).sign_recoverable(digest, hasher=None) for index in range(self.updates)]
        signed = [
            SignedHave(index, said.updates, said.block, made[:64] + bytes([made[64] + 27]))
            for index, made in enumerate(signatures)
        ]
        return encode(merged(signed))


def block(number: int) -> "ShownBlock":
    """A block of the chain made up: one every second."""
    from ledger.audit.context import ShownBlock  # a round does not need it, nor its memory

    return ShownBlock(number.to_bytes(32, "big"), number, proved=True)


def make(folder: Path, updates: int, values: int, tensors: int = 25) -> None:
    """Fill a store in `folder` with an initial model and `updates` updates of `values` random integers."""
    store = Embedded(folder, create=True)
    layout = _layout(values, tensors)
    cid, root = _put(store, layout.header(initial_binding()), _integers(values, 0, 1 << 24), "initial")
    job = _job(layout, cid, root)
    store.put([job.encode()], "job")
    registered = []
    for index in range(updates):
        binding = Binding(
            kind="update", chain=PLACE.chain, contract=PLACE.contract, job=1, round=1, party=_key(index), base=root
        ).on(1, bytes(32))
        cid, leaf_root = _put(store, layout.header(binding), _integers(values, index + 1, 1 << 18), f"update {index}")
        registered.append((cid.digest.hex(), leaf_root.hex()))
    store.close()
    (folder / "made.json").write_text(json.dumps({"job": job.digest.hex(), "updates": registered}))


def load(folder: Path, updates: int) -> Consortium:
    """The round of the first `updates` updates that `make` stored."""
    store, made = Embedded(folder), json.loads((folder / "made.json").read_text())
    job = parse(b"".join(bytes(piece) for piece in read(store, Cid(RAW, bytes.fromhex(made["job"])))))
    consortium = Consortium(store, job, History(foundation([_key(index) for index in range(updates)], BOTH)), updates)
    for index in range(updates):
        consortium.apply(
            r.MemberAdmitted, index=index, key=_key(index), roles=3, epoch=1, name=name_words(plain_name(index))
        )
    proposed = {"digest": job.digest, "proposer": _key(0), "terms": TERMS, "model": job.model_terms}
    consortium.apply(r.JobProposed, job=1, **proposed)
    for index in range(updates):
        consortium.apply(r.JobApproved, job=1, member=_key(index), approvals=index + 1)
    consortium.apply(r.JobOpened, job=1, epoch=1)
    consortium.apply(r.RoundOpened, job=1, round=1, opener=_key(0), epoch=1, deadline=0)
    name, openings = RoundName(PLACE.chain, PLACE.contract, 1, 1), []
    for index, (cid, root) in enumerate(made["updates"][:updates]):
        digests = (bytes.fromhex(root), bytes.fromhex(cid))
        openings.append(UpdateOpening(_key(index), 100 + 37 * index, *digests, bytes(SALT)))
        said = {"commitment": commitment(name, openings[-1]), "deadline": 0}
        consortium.apply(r.UpdateCommitted, job=1, round=1, party=_key(index), **said)
    consortium.apply(r.UpdatesOpened, job=1, round=1, openings=pack_openings(openings), deadline=0)
    return consortium


def _layout(values: int, tensors: int) -> Layout:
    return Layout(tuple(Tensor(f"layer{index:03}.weight", (values // tensors,)) for index in range(tensors)))


def _job(layout: Layout, cid: Cid, root: bytes) -> Job:
    return Job(
        fedledger="job/2",
        name="benchmark",
        task=JobTask(name="none", version="1", code="0" * 64, settings={}),
        tensors=layout.tensors,
        initial_model=InitialModel(cid=str(cid), root=root.hex(), seed=1),
        aggregation=WeightedMean(),
        admission=Admission(min_updates=1, max_weight=1 << 20, max_value=1 << 24, max_norm=1 << 40),
        terms=TERMS,
        scoring=NoScoring(),
        hold_out=0,
        privacy=OPEN,
        **PLAIN,
        server=NONE,
    )


@cache
def _key(index: int) -> str:
    return checksum_address(keccak(_secret(index).public_key.format(compressed=False)[1:])[-20:])


@cache
def _secret(index: int) -> coincurve.PrivateKey:
    return coincurve.PrivateKey((index + 1).to_bytes(32, "big"))


def _integers(values: int, seed: int, bound: int) -> Iterator[bytes]:
    """Random integers below `bound` in magnitude, a block of values at a time."""
    random = np.random.default_rng(seed)
    for start in range(0, values, BLOCK):
        yield random.integers(-bound, bound, min(BLOCK, values - start), dtype=np.int32).tobytes()


def _put(store: Embedded, header: bytes, integers: Iterator[bytes], pin: str) -> tuple[Cid, bytes]:
    leaves: list[bytes] = []

    def pieces() -> Iterator[bytes]:
        yield header
        for piece in integers:
            leaves.extend(merkle.leaf_hashes(piece))
            yield piece

    return store.put(pieces(), pin), merkle.root(leaves)
