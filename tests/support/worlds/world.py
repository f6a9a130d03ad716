"""A small consortium in memory: a content store and a ledger's events, honest or not, for tests of the core.

What a test wants on record it puts there, lies included, where the contract takes them.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
from support.kept import Kept
from support.worlds.chain import ADDRESSES, BLOCK_SECONDS, CHAIN, CONTRACT, Chain, block_hash
from support.worlds.signing import sign_digest

from ledger.audit import Audit, Observed, Question, scope_of
from ledger.audit.context import ShownBlock
from ledger.audit.observed import final_casts, final_claims, final_judgement
from ledger.audit.report import Check, HistoryRead, Lie, Open, Report
from ledger.chain.evidence.fetch import proof, require_after
from ledger.chain.evidence.statement import statements
from ledger.errors import Corrupt, FedledgerError, Unavailable
from ledger.events import records
from ledger.events.evidence import BlockName, Said, SignedStatement, Unproven
from ledger.events.haves import Have, content_of, digest_of
from ledger.formats.artifact import Buffer, Layout, Tensor
from ledger.formats.cid import RAW, Cid
from ledger.formats.claims import COMMITMENT, UpdateOpening
from ledger.formats.compressed.packed import packed
from ledger.formats.compressed.packing import Packing
from ledger.formats.digest import NOTHING, sha256
from ledger.formats.header import Binding
from ledger.formats.merkle import root_of
from ledger.formats.unixfs import cid_of
from ledger.history.fold import History
from ledger.history.state import Aggregate
from ledger.jobs.compression import Compression
from ledger.jobs.document import Admission, InitialModel, Job, JobTask
from ledger.jobs.hierarchy import Hierarchy
from ledger.jobs.members import ClientNoise
from ledger.jobs.noise import ExampleNoise
from ledger.jobs.permitted_use import PermittedUse
from ledger.jobs.plain import PLAIN
from ledger.jobs.preparation import Preparation
from ledger.jobs.privacy import OPEN, Privacy
from ledger.jobs.rules import Rule, WeightedMean
from ledger.jobs.schedule import ROUNDS, Schedule
from ledger.jobs.scores import NoScoring, Scoring
from ledger.jobs.server import NONE, Server
from ledger.rounds.facts import Place, RoundFacts, Standpoint, base_of, initial_binding, update_binding
from ledger.rounds.outcome import Outcome, recompute
from ledger.rounds.receipts import SignedHave, bitmap_of, certified, encode, marks, merged, parse

NAMES = ("north", "east", "south", "west", "centre", "coast", "valley")
TENSORS = (Tensor("layer.bias", (10,)), Tensor("layer.weight", (30, 20)))
TERMS = records.Terms(rounds=5, update_seconds=60, open_seconds=60, aggregate_seconds=60, attest_seconds=60, attempts=3)
LIMITS = Admission(min_updates=2, max_weight=1000, max_value=1 << 20, max_norm=1 << 28)

EVERYTHING = Question()
READ = HistoryRead(block=1, hash="0x" + "11" * 32, time=1_800_000_000, age=12, events=0, after=0)


class Files:
    """A content store in a dictionary, read as every store is read: what does not match its CID is never returned."""

    def __init__(self, piece: int = 1 << 20) -> None:
        self.files: dict[Cid, bytes] = {}
        self.piece = piece
        self.read: list[Cid] = []

    def put(self, data: bytes) -> Cid:
        cid = cid_of([data])[0]
        self.files[cid] = data
        return cid

    def keep_state(self, _stream: str, pieces: Iterator[Buffer]) -> Cid:
        """Keep the file of a stream of a server optimiser's state."""
        return self.put(b"".join(bytes(piece) for piece in pieces))

    def fetch(self, cid: Cid, start: int, stop: int | None) -> Iterator[bytes]:
        if cid not in self.files:
            raise Unavailable("nobody holds the file", cid=cid)
        data = self.files[cid]
        if cid_of([data])[0] != cid:
            raise Corrupt("the copy does not match its CID", cid=cid)
        self.read.append(cid)
        part = memoryview(data)[start:stop]
        for at in range(0, len(part), self.piece):
            yield part[at : at + self.piece]


def artifact(layout: Layout, binding: Binding, values: np.ndarray) -> bytes:
    """The file of an artifact: the one header and the integers."""
    return layout.header(binding) + body(layout, values)


def body(layout: Layout, values: np.ndarray) -> bytes:
    """The integers as the file has them."""
    return bytes(packed(layout, values)) if isinstance(layout, Packing) else values.astype("<i4").tobytes()


@dataclass
class Sent:
    """What a test's participant registered."""

    values: np.ndarray
    root: bytes
    cid: Cid


class World(Chain):
    """Members, one job with its document, and rounds whose files are in `files`."""

    def __init__(
        self,
        members: int = 4,
        *,
        rule: Rule | None = None,
        tensors: tuple[Tensor, ...] = TENSORS,
        limits: Admission = LIMITS,
        terms: records.Terms = TERMS,
        files: Files | None = None,
        seed: int = 1,
        initial: Sequence[int] = (),
        scoring: Scoring | None = None,
        privacy: Privacy = OPEN,
        dp: ExampleNoise | ClientNoise | None = None,
        server: Server = NONE,
        schedule: Schedule = ROUNDS,
        compression: Compression | None = None,
        hierarchy: Hierarchy | None = None,
        preparation: Preparation | None = None,
        permitted_use: PermittedUse | None = None,
    ) -> None:
        super().__init__(members)
        self.files = files or Files()
        self.pending: list[UpdateOpening] = []
        self.random = np.random.default_rng(seed)
        self.place = Place(CHAIN, CONTRACT)
        layout = Layout(tensors)
        drawn = self.random.integers(-(1 << 24), 1 << 24, layout.values)
        self.initial = np.asarray(initial or drawn).astype("<i4")
        model = artifact(layout, initial_binding(), self.initial)
        self.job = Job(
            fedledger="job/2",
            name="test",
            task=JobTask(name="tabular", version="1", code="00" * 32, settings={"epochs": 1}),
            tensors=tensors,
            initial_model=InitialModel(cid=str(self.files.put(model)), root=root_of(self.initial).hex(), seed=1),
            aggregation=rule or WeightedMean(),
            admission=limits,
            terms=terms,
            scoring=scoring or NoScoring(),
            hold_out=20,
            privacy=privacy,
            dp=dp,
            **(PLAIN | {"schedule": schedule}),
            server=server,
            compression=compression,
            hierarchy=hierarchy,
            preparation=preparation,
            permitted_use=permitted_use,
        )
        self.layout = self.job.layout
        self.files.put(self.job.encode())

    def open_job(
        self,
        digest: bytes | None = None,
        terms: records.Terms | None = None,
        costs: records.Spending | None = None,
    ) -> "World":
        """Approve the job; `costs` are told in place of its own."""
        masking = self.job.masked.masking if self.job.masked else None
        told = costs or (self.job.dp.spending if self.job.dp else None)
        self.approve(digest or self.job.digest, terms or self.job.terms, self.job.model_terms, masking, told)
        return self

    @property
    def facts(self) -> RoundFacts:
        """Those of the current round, all its updates open."""
        self.open_pending()
        return RoundFacts.of(self.place, self.state, self.job, self.round)

    def open_round(self, opener: int = 0) -> "World":
        self.start_round(opener)
        self.pending = []
        return self

    def binding(self, member: int) -> Binding:
        """What an honest update of a member says in the current round."""
        base = base_of(self.state, self.job, self.round.number)
        return update_binding(self.place, self.round, self.keys[member], base, self.job.update_kind).on(
            10, bytes([member]) * 32
        )

    def submit(
        self,
        member: int,
        values: np.ndarray | None = None,
        *,
        weight: int = 10,
        binding: Binding | None = None,
        data: bytes | None = None,
        root: bytes | None = None,
        stored: bool = True,
    ) -> Sent:
        """Commit to an update, for `open_pending`. Any part of it can be given; the rest is honest and random."""
        if values is None:
            values = self.drawn()
        layout = self.job.packing or self.layout
        if data is None:
            data = artifact(layout, binding or self.binding(member), values)
        cid = self.files.put(data)
        if not stored:
            del self.files.files[cid]
        sent = Sent(values, root or root_of(body(layout, values)), cid)
        opening = self.opening(member, weight, sent.root, cid.digest)
        self.commit_update(opening)
        self.pending.append(opening)
        return sent

    def drawn(self) -> np.ndarray:
        """An honest update, at random: one that a compressed file says, where the job has these."""
        packing = self.job.packing
        if packing is None:
            return self.random.integers(-(1 << 16), 1 << 16, self.layout.values).astype("<i4")
        shift = np.int32(17 - packing.bits)
        return self.random.integers(-packing.most, packing.most + 1, self.layout.values).astype("<i4") << shift

    def open_pending(self) -> "World":
        """Open what was submitted in the current round and is not open."""
        if self.pending:
            self.open_updates(self.pending)
            self.pending = []
        return self

    def outcome(self, without: Collection[int] = (), **options: Any) -> Outcome:
        """What an honest party computes for the current round; `without` have no certificate."""
        facts = self.facts
        return recompute(facts, self.files.fetch, facts.round.updates.keys() - set(without), **options)

    def receipts(self, without: Collection[int] = ()) -> bytes:
        """A receipts file in which every member signed for all updates but these, stored."""
        updates = bitmap_of(self.round.updates.keys() - set(without))
        haves = [self.have(member, updates) for member in range(len(self.keys))] if updates else []
        data = encode(merged(haves))
        self.files.put(data)
        return data

    def have(self, member: int, updates: int) -> SignedHave:
        """What a member signs of the updates in a bitmap, as of the latest block."""
        held = {index: self.round.updates[index].cid for index in marks(updates)}
        said = Have(1, self.round.number, updates, content_of(held), self.block)
        signature = sign_digest(self.keys[member], digest_of(CHAIN, CONTRACT, said))
        return SignedHave(member, updates, said.block, signature)

    def standpoint(self, receipts: bytes, as_of: int | None = None) -> Standpoint:
        """Where an honest party stands as of a block, the latest by default, with that receipts file."""
        block = self.block if as_of is None else as_of
        return Standpoint(block, block_hash(block), self.history.head_at(block), sha256(receipts))

    def publish(
        self, member: int, outcome: Outcome | None = None, *, without: Collection[int] = (), **lies: Any
    ) -> Aggregate:
        """Publish an aggregate, by default the honest one, stored; `lies` replace any part of what it claims.

        The members have signed for all updates but those of `without`.
        """
        if outcome is None:
            outcome = self.outcome(without, keep=(made := Kept()), keep_state=self.files.keep_state)
            self.files.put(made.data)
            if not outcome.carried.empty:
                self.files.put(outcome.carried.encode())
        honest = outcome.claimed(self.standpoint(self.receipts(without)))
        return self.publish_claim(member, honest._replace(**lies))

    def recomputed(self, aggregate: Aggregate | None = None) -> tuple[Outcome, bytes]:
        """What an honest member computes under an aggregate's receipts, by default the latest's, and its claim."""
        aggregate = aggregate or self.aggregate
        data = self.files.files[raw_cid(aggregate.receipts)]
        facts = self.facts
        outcome = recompute(facts, self.files.fetch, certified(parse(data), facts.roll))
        return outcome, outcome.claim(self.standpoint(data, aggregate.as_of))

    def attest(self, member: int, claim: bytes | None = None, detail: bytes | None = None) -> None:
        """Attest a claim, by default the one that recomputes under the aggregate's receipts; settle the round.

        `detail` is by default what an honest member says: its witness where it agrees, else its receipts.
        """
        published = self.aggregate
        if claim is None or (claim == published.claim and detail is None):
            outcome, own = self.recomputed()
            claim = claim or own
            detail = detail or outcome.witness(self.keys[member], claim)
        agrees = claim == published.claim
        if agrees:
            self.say(member, records.Form.AGREE, claim, detail or NOTHING)
        else:
            self.say(member, records.Form.OTHER, claim, published.receipts)

    def honest_round(self, updates: Sequence[int] | None = None) -> "World":
        """Open a round, submit, publish and attest until it is final."""
        self.open_round()
        for member in range(len(self.keys)) if updates is None else updates:
            self.submit(member)
        self.publish(0)
        for member in range(1, len(self.keys) // 2 + 1):
            self.attest(member)
        return self

    def observed(self) -> Observed:
        """What an honest chain says."""
        rounds = self.state.rounds.items()
        models = {(1, number): round_.final.root if round_.final else bytes(32) for number, round_ in rounds}
        claims = {(1, before): claim for before, claim in final_claims(self.state).items()}
        code = {"Consortium": ("0x11", "0x11"), "RoundLedger": ("0x22", "0x22")}
        commitments = {
            (1, key): (bytes(COMMITMENT), 0) for member in self.history.members.values() for key in member.keys
        }
        for number, round_ in rounds:
            commitments |= {(1, one.party): (one.digest, number) for one in round_.commitments.values()}
        strikes = {(1, index): self.state.strikes.get(index, 0) for index in self.history.members}
        casts = {(1, number): cast for number, cast in final_casts(self.history.masks.get(1)).items()}
        return Observed(code, None, models, claims, {}, commitments, strikes, casts, {1: final_judgement(self.state)})

    def block_at(self, number: int) -> ShownBlock | None:
        """A block as an honest node shows it."""
        if not 0 <= number <= self.block:
            return None
        return ShownBlock(block_hash(number), BLOCK_SECONDS * number, proved=True, parent=block_hash(number - 1))

    def witness(self, said: Said) -> SignedStatement:
        """What an honest node shows of a transaction."""
        if said.tx not in self.transactions:
            raise Unproven("the node has no such transaction", tx=said.tx.hex())
        raw, block = self.transactions[said.tx]
        try:
            found = proof(raw, said, CHAIN, ADDRESSES)
            if said.after:
                require_after(found, statements(self.transactions[said.after][0], ADDRESSES, CHAIN)[0])
        except FedledgerError as error:
            raise Unproven(error.message, tx=said.tx.hex()) from error
        return msgspec.structs.replace(found, block=BlockName(number=block, hash="0x" + block_hash(block).hex()))

    def audit(
        self,
        observed: Observed | None = None,
        question: Question = EVERYTHING,
        history: History | None = None,
        **options: Any,
    ) -> Report:
        """Audit everything, or what is asked."""
        history = history or self.history
        options = {"witness": self.witness, "blocks": self.block_at} | options
        audit = Audit(history, self.place, self.files.fetch, lambda i: NAMES[i], **options)
        audit.run(observed or self.observed(), scope_of(history, question))
        return audit.report(question, READ, "test", "0x00")


def honest_report() -> Report:
    """The report of an audit that found nothing."""
    return World().open_job().honest_round().audit()


def culprit(lie: Lie) -> str:
    """Who a lie names, and under which key."""
    return f"{lie.who} ({lie.key})"


def open_matters(report: Report) -> list[Open]:
    """What is open, but for the sources, which no test of the core compiles, and events after the last signed head."""
    left_out = {(Check.SOURCE, "the contracts' sources"), (Check.SIGNED, "the end of the history")}
    return [one for one in report.open.list if (one.check, one.what) not in left_out]


def altered(values: np.ndarray, at: int, by: int = 1) -> np.ndarray:
    """A copy that differs in one value."""
    copy = values.copy()
    copy[at] += by
    return copy


def seen(observed: Observed, **changes: Any) -> Observed:
    """An observation with some parts replaced."""
    return replace(observed, **changes)


def raw_cid(digest: bytes) -> Cid:
    """The CID of a file of one block with this digest."""
    return Cid(RAW, digest)
