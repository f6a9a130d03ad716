"""A consortium whose members sign transactions that follow the contracts' rules, and the bundles of it, in memory.

No chain runs: the replay of `ledger.bundle` says what each call leads to, so that what a test sends is what a chain
would have taken. `Staged` sends calls, honest or not; `bundle` writes what there is.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from eth_abi.abi import encode
from support.kept import Kept
from support.worlds.signing import _SECRETS, key, transaction
from support.worlds.world import LIMITS, TENSORS, Files, artifact

from ledger.bundle.calls import EntryOrder
from ledger.bundle.entries import Keys, Mined, entries, entry
from ledger.bundle.form import CONTRACTS, BundleEntry, BundleScope, FoundingKey, Manifest, paged, parse_manifest
from ledger.bundle.replay.run import Replay
from ledger.bundle.write import BundleWriter, WrittenBundle
from ledger.chain.build import committed
from ledger.chain.codec import signature
from ledger.events.records import Form, Rules, Terms
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.cid import RAW, Cid
from ledger.formats.claims import Claimed, RoundName, UpdateOpening, claim_of, commitment, pack_openings
from ledger.formats.digest import NOTHING, checksum_address, keccak, sha256
from ledger.formats.merkle import root_of
from ledger.formats.unixfs import TreeBuilder, chunks
from ledger.history.state import JobState, Round
from ledger.jobs.document import Admission, InitialModel, Job, JobTask
from ledger.jobs.plain import PLAIN
from ledger.jobs.privacy import OPEN
from ledger.jobs.rules import Rule, WeightedMean
from ledger.jobs.scores import NoScoring
from ledger.jobs.server import NONE
from ledger.rounds.facts import Place, RoundFacts, initial_binding, update_binding
from ledger.rounds.outcome import Outcome, recompute
from ledger.store import Blocks, Buffer, car

CHAIN = 31337
ADDRESSES = tuple(checksum_address(keccak(b"contract of bundles " + name.encode())[-20:]) for name in CONTRACTS)
SECONDS = 600
RULES = Rules(5_000, 10 * SECONDS, SECONDS, 10 * SECONDS)
TERMS = Terms(100, SECONDS, SECONDS, SECONDS, SECONDS, 3)
WHOLE = BundleScope("rounds", 1, 1)


class BlockFiles(Files, Blocks):
    """Files as blocks, for a writer of bundles."""

    name = "test"

    def __init__(self) -> None:
        super().__init__()
        self.blocks: dict[bytes, bytes] = {}

    def put(self, data: bytes) -> Cid:
        """Keep a file and its blocks."""
        tree = TreeBuilder()
        for chunk in chunks([data]):
            self.blocks[sha256(chunk)] = bytes(chunk)
            tree.add(Cid(RAW, sha256(chunk)), len(chunk))
        root, nodes = tree.finish()
        self.blocks |= {cid.digest: node for cid, node in nodes}
        self.files[root] = data
        return root

    def copy(self, cid: Cid) -> Buffer:
        """A block."""
        from ledger.errors import Unavailable

        if cid.digest not in self.blocks:
            raise Unavailable("nobody holds the block", block=cid)
        return self.blocks[cid.digest]


class Staged:
    """`members` of all roles, and one job that is open; each call is in a block of its own."""

    def __init__(
        self,
        members: int = 4,
        *,
        rule: Rule | None = None,
        limits: Admission = LIMITS,
        tensors: Sequence[Tensor] = TENSORS,
        terms: Terms = TERMS,
        seed: int = 1,
        document: bytes | None = None,
        opened: bool = True,
        random: Any = None,
        initial: np.ndarray | None = None,
        rules: Rules = RULES,
    ) -> None:
        self.files = BlockFiles()
        self.random = random or np.random.default_rng(seed)
        self.keys = [key(index) for index in range(members)]
        self.mined: list[Mined] = []
        self.nonces: dict[str, int] = {}
        self.block, self.time = 10, 1_000_000
        founders = tuple(FoundingKey(one, 7) for one in self.keys)
        self.draft = Manifest(
            CHAIN, ADDRESSES, (10, keccak(b"founding")), founders, rules, WHOLE, (10, NOTHING), (), ()
        )
        whole = self.draft._replace(scope=BundleScope("evidence"), until=(1 << 40, NOTHING))
        self.order, self.replay = EntryOrder(whole), Replay(whole)
        self.layout = Layout(tuple(tensors))
        drawn = self.random.integers(-(1 << 24), 1 << 24, self.layout.values)
        self.initial = (drawn if initial is None else initial).astype("<i4")
        model = self.files.put(artifact(self.layout, initial_binding(), self.initial))
        self.job = Job(
            fedledger="job/2",
            name="bundled",
            task=JobTask(name="tabular", version="1", code="00" * 32, settings={}),
            tensors=tuple(tensors),
            initial_model=InitialModel(cid=str(model), root=root_of(self.initial.tobytes()).hex(), seed=1),
            aggregation=rule or WeightedMean(),
            admission=limits,
            terms=terms,
            scoring=NoScoring(),
            hold_out=20,
            privacy=OPEN,
            **PLAIN,
            server=NONE,
        )
        self.place = Place(CHAIN, self.draft.addresses["ledger"])
        if opened:
            self.propose(document)

    def propose(self, document: bytes | None = None) -> None:
        """Propose the job, under another document where one is given, and let a majority approve it."""
        data = self.job.encode() if document is None else document
        self.files.put(data)
        terms, model = (
            tuple(getattr(one, name) for name in one.__struct_fields__)
            for one in (self.job.terms, self.job.model_terms)
        )
        self.send(0, "ledger", "proposeJob", sha256(data), terms, model)
        for member in range(1, len(self.keys) // 2 + 1):
            self.send(member, "ledger", "approveJob", 1, sha256(data))

    def send(self, member: int | str, contract: str, function: str, *arguments: Any, kept: bool = True) -> bytes:
        """Send a call, in a block of its own; the raw transaction. Refused ones raise as a replay does.

        With `kept` False it is on no record: what a test offers as evidence though it failed.
        """
        raw = self.signed(member, contract, function, *arguments)
        if kept:
            self.take(raw, member)
        return raw

    def take(self, raw: bytes, member: int | str) -> None:
        """A transaction that the member signed, in a block of its own. One that the rules refuse raises."""
        self.block, self.time = self.block + 1, self.time + 12
        self.mined.append(Mined(self.block, self.time, raw))
        signer = member if isinstance(member, str) else self.keys[member]
        place = len(self.mined) - 1
        bare = self.order.read(place, BundleEntry(self.block, self.time, raw=raw), [signer])
        made = entry(self.mined[-1], Keys(), bare.statements)
        self.replay.take(place, made, self.order.read(place, made, [signer]))

    def proposal(self, member: int, job: Job, under: Job | None = None) -> bytes:
        """A job's proposal, signed and not sent, its document stored; under its terms, or those of another job."""
        self.files.put(job.encode())
        said = under or job
        both = (msgspec.structs.astuple(said.terms), msgspec.structs.astuple(said.model_terms))
        return self.signed(member, "ledger", "proposeJob", job.digest, *both)

    def signed(self, member: int | str, contract: str, function: str, *arguments: Any) -> bytes:
        """The raw transaction of a call."""
        signer = member if isinstance(member, str) else self.keys[member]
        data = calldata(contract, function, *arguments)
        nonce = self.nonces[signer] = self.nonces.get(signer, -1) + 1
        return transaction(_SECRETS[signer], self.draft.addresses[contract], data, CHAIN, nonce)

    @property
    def state(self) -> JobState:
        """The job."""
        return self.replay.ledger.jobs.by_number[1]

    @property
    def round(self) -> Round:
        """Its current round."""
        current = self.state.current
        assert current is not None
        return current

    @property
    def facts(self) -> RoundFacts:
        """Those of the current round."""
        return RoundFacts.of(self.place, self.state, self.job, self.round)

    def open_round(self, opener: int = 0) -> None:
        """Open the next round."""
        self.send(opener, "ledger", "openRound", 1)
        self.pending: list[UpdateOpening] = []

    def submit(
        self,
        member: int,
        values: np.ndarray | None = None,
        *,
        weight: int = 10,
        root: bytes | None = None,
        data: bytes | None = None,
    ) -> None:
        """Commit to an update; any part may be another than the honest one."""
        if values is None:
            values = self.random.integers(-(1 << 16), 1 << 16, self.layout.values).astype("<i4")
        binding = update_binding(self.place, self.round, self.keys[member], self.facts.base).on(
            10, bytes([member]) * 32
        )
        file = artifact(self.layout, binding, values) if data is None else data
        cid = self.files.put(file)
        salt = keccak(b"salt %d %d" % (member, self.round.number))[:16]
        opening = UpdateOpening(self.keys[member], weight, root or root_of(values.tobytes()), cid.digest, salt)
        self.pending.append(opening)
        name = RoundName(CHAIN, self.place.contract, 1, self.round.number)
        self.send(member, "ledger", "commitUpdate", 1, self.round.number, commitment(name, opening))

    def open_updates(self, sender: int = 0, *sizes: int) -> None:
        """Open what is pending, in calls of so many updates, or in one."""
        for size in sizes or (len(self.pending),):
            part, self.pending = self.pending[:size], self.pending[size:]
            self.send(sender, "ledger", "openUpdates", 1, self.round.number, pack_openings(part))

    def outcome(self, without: Collection[int] = ()) -> Outcome:
        """What an honest party computes, its model stored."""
        kept = Kept()
        facts = self.facts
        outcome = recompute(facts, self.files.fetch, facts.round.updates.keys() - set(without), keep=kept)
        if outcome.root != NOTHING:
            self.files.put(kept.data)
        return outcome

    def publish(self, member: int = 0, without: Collection[int] = (), **lies: Any) -> None:
        """Publish an aggregate, by default the honest one."""
        point = (self.block, keccak(b"%d" % self.block), keccak(b"head %d" % self.block), keccak(b"receipts"))
        outcome = self.outcome(without)
        said = Claimed(outcome.base, outcome.root, outcome.cid, *point, NOTHING, outcome.verdicts)._replace(**lies)
        self.publish_said(said, member)

    def publish_said(self, said: Claimed, member: int = 0) -> None:
        """Publish this aggregate, and what it claims of the round's openings."""
        name = RoundName(CHAIN, self.place.contract, 1, self.round.number)
        claim = claim_of(name, self.round.opened, said)
        self.send(member, "ledger", "publishAggregate", 1, self.round.number, tuple(said), claim)

    def publish_another_value(self, place: int = 5, member: int = 0) -> None:
        """Publish the honest model but for one value, stored: what the court convicts."""
        kept = Kept()
        honest = recompute(self.facts, self.files.fetch, self.round.updates.keys(), keep=kept)
        values = np.frombuffer(kept.data[self.layout.header_size :], "<i4").copy()
        values[place] += 1
        file = artifact(self.layout, self.facts.binding, values)
        cid = self.files.put(file).digest
        self.publish(member, root=root_of(values.tobytes()), cid=cid, verdicts=honest.verdicts)

    def attest(self, *members: int, form: Form = Form.AGREE) -> None:
        """Members agree with the published claim, or say something else."""
        for member in members:
            aggregate = self.round.aggregates[-1]
            claim = keccak(b"another") if form is Form.OTHER else aggregate.claim
            said = (1, self.round.number, aggregate.attempt, int(form), claim, keccak(b"detail"))
            self.send(member, "ledger", "attest", *said)

    def honest_round(self) -> "Staged":
        """Open a round, submit, publish and attest until it is final."""
        self.open_round()
        for member in range(len(self.keys)):
            self.submit(member)
        self.open_updates()
        self.publish()
        self.attest(*range(1, len(self.keys) // 2 + 1))
        return self

    def manifest(self, scope: BundleScope = WHOLE) -> Manifest:
        """The draft of a manifest."""
        return self.draft._replace(scope=scope, until=(self.block, keccak(b"%d" % self.block)))

    def bundle(self, scope: BundleScope = WHOLE, convictions: Sequence[bytes] = ()) -> bytes:
        """The bundle of a scope."""
        writer = BundleWriter(self.manifest(scope), self.mined, self.files, convictions)
        data = b"".join(bytes(piece) for piece in writer.pieces())
        assert writer.written is not None
        self.written: WrittenBundle = writer.written
        return data

    def with_refused(self, data: bytes, refused: Mined) -> bytes:
        """A bundle with a transaction behind its last one that the rules refuse, which no writer would make."""
        blocks, at = [], car.HEADER
        while at < len(data):
            cid, used, length = car.parse_frame(data[at:], "the bundle", at)
            blocks.append((cid, data[at + used : at + used + length]))
            at += used + length
        manifest, keys = parse_manifest(blocks[0][1]), Keys()
        manifest = manifest._replace(until=(refused.block, bytes(32)))
        pages = list(paged(entries([*self.mined, refused], manifest, keys)))
        root = manifest._replace(keys=keys.points, pages=tuple(map(sha256, pages))).encode()
        made = [(Cid(RAW, sha256(block)), block) for block in (root, *pages)]
        rest = blocks[1 + len(manifest.pages) :]
        frames = b"".join(car.frame(cid, len(block)) + block for cid, block in (*made, *rest))
        return car.header(made[0][0]) + frames

    def write(self, path: Path, scope: BundleScope = WHOLE) -> Path:
        """The same, as a file."""
        path.write_bytes(self.bundle(scope))
        return path


def calldata(contract: Any, function: str, *arguments: Any) -> bytes:
    """The data of a call."""
    abi = next(one for one in committed(contract).abi if one.get("name") == function and one["type"] == "function")
    types = signature(abi)[len(function) + 1 : -1]
    return keccak(signature(abi).encode())[:4] + encode([f"({types})"], [arguments])[_dynamic(abi) :]


def _dynamic(abi: dict[str, Any]) -> int:
    """Bytes before the arguments in the encoding of all of them as one tuple: the offset of a dynamic one."""
    from ledger.chain.codec import _part

    return 32 if any(_part(field)[2] is not None for field in abi["inputs"]) else 0


def lying() -> Staged:
    """As `lie`, of a ledger of its own."""
    return lie(Staged())


def lie(staged: Staged) -> Staged:
    """A round of four whose aggregate has a false root, which a majority agreed with."""
    staged.open_round()
    for member in range(4):
        staged.submit(member)
    staged.open_updates()
    staged.publish(root=b"\1" * 32)
    staged.attest(1, 2)
    return staged
