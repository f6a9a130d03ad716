"""What the corpus is made with: a staged consortium whose numbers follow from a text alone, and who in it lies.

Nothing here has a chance or a clock: the same class and seed give the same bytes on every machine.
"""

from collections.abc import Callable, Collection, Sequence
from fractions import Fraction
from hashlib import shake_256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
import numpy as np
from support.bundles import TERMS, WHOLE, Mined, Staged, calldata
from support.worlds.signing import _SECRETS
from support.worlds.world import artifact

from ledger.bundle.entries import Keys, entries
from ledger.bundle.form import BundleEntry, BundleScope, Manifest, paged
from ledger.chain import rlp
from ledger.config import Chain, Contract, Contracts, Founding, FoundingMember, Network, RoleWord, save
from ledger.court.calldata import refute_call
from ledger.court.search import accused_of, find_point
from ledger.events.records import Form
from ledger.formats.artifact import Tensor
from ledger.formats.cid import raw
from ledger.formats.digest import keccak, sha256
from ledger.formats.merkle import root_of
from ledger.jobs.document import Admission
from ledger.jobs.rules import Median, Rule, TrimmedMean, WeightedMean
from ledger.store.car import frame, header

SEEDS = 5
LIMITS = Admission(2, 1000, 1 << 20, 1 << 28)
THREE = msgspec.structs.replace(LIMITS, min_updates=3)
FALSE = b"\x07" * 32
CONVICTIONS = BundleScope("conviction", 1)
SHAPES = (
    (Tensor("a", (3,)), Tensor("b", (2, 4))),
    (Tensor("only", (1,)),),
    (Tensor("bias", (2,)), Tensor("weight", (2, 3))),
    (Tensor("a", (16,)),),
    (Tensor("a", (4,)), Tensor("b.c", (260,))),
)
"""Of one value, of few, and of two leaves of a tree."""
RULES: tuple[Rule, ...] = (WeightedMean(), Median(), TrimmedMean(1), WeightedMean(), Median())
"""By seed."""


class Draw:
    """Numbers that follow from a text: SHAKE-256 in place of a generator whose stream a library may change."""

    def __init__(self, name: str, seed: int) -> None:
        self.seed, self._text, self._count = seed, f"{name}/{seed}", 0

    def integers(self, low: int, high: int, count: int) -> np.ndarray:
        """So many from `low` to `high` - 1."""
        self._count += 1
        data = shake_256(f"{self._text}/{self._count}".encode()).digest(8 * count)
        words = [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)]
        return np.array([low + word % (high - low) for word in words], dtype=np.int64)

    def below(self, most: int) -> int:
        """One from 0 to `most` - 1."""
        return int(self.integers(0, most, 1)[0])


class Case(NamedTuple):
    """A file of the corpus: its bytes, the keys of those who signed something false, a network file to compare with.

    `signers` are those of the liars who signed a false aggregate, agreed with one, or proposed or approved false terms.
    """

    data: bytes
    liars: frozenset[str] = frozenset()
    network: bytes = b""
    signers: frozenset[str] = frozenset()


class Scene(Staged):
    """A staged consortium that notes who signs what is false."""

    def __init__(
        self,
        draw: Draw,
        members: int = 3,
        *,
        rule: Rule | None = None,
        limits: Admission = LIMITS,
        attempts: int = 3,
        types: Sequence[int] = (2,),
        **more: Any,
    ) -> None:
        terms = msgspec.structs.replace(TERMS, attempts=attempts)
        more = {"tensors": SHAPES[draw.seed % len(SHAPES)], "terms": terms, "random": draw} | more
        self.draw, self.liars, self.signers = draw, set[str](), set[str]()
        self._false: set[tuple[int, int]] = set()
        self._types, self._sent = types, 0
        super().__init__(members, rule=rule, limits=limits, **more)

    def signed(self, member: int | str, contract: str, function: str, *arguments: Any) -> bytes:
        """The raw transaction of a call, of the next of the scene's types."""
        of_two = super().signed(member, contract, function, *arguments)
        kind = self._types[self._sent % len(self._types)]
        self._sent += 1
        signer = member if isinstance(member, str) else self.keys[member]
        return of_two if kind == 2 else of_type(of_two, kind, signer)

    def collect(self, opener: int = 0, **lies: dict[str, Any]) -> "Scene":
        """A round until its updates are open; `member2` says how the update of member 2 is another."""
        self.open_round(opener)
        for member in range(len(self.keys)):
            self.submit(member, **lies.get(f"member{member}", {}))
        for name in lies:
            self.liars.add(self.keys[int(name.removeprefix("member"))])
        self.open_updates()
        return self

    def publish(self, member: int = 0, without: Collection[int] = (), **lies: Any) -> None:
        """Publish an aggregate; one that is not the honest one makes its aggregator a liar."""
        super().publish(member, without, **lies)
        if without or lies:
            self._false.add((self.round.number, self.round.aggregates[-1].attempt))
            self.signers.add(self.keys[member])

    def publish_values(self, values: Sequence[int], verdicts: bytes, member: int = 0) -> None:
        """Publish a model of these values, stored, with these verdicts: a lie."""
        made = np.array(values, "<i4")
        cid = self.files.put(artifact(self.layout, self.facts.binding, made)).digest
        self.publish(member, root=root_of(made.tobytes()), cid=cid, verdicts=verdicts)

    def attest(self, *members: int, form: Form = Form.AGREE) -> None:
        """Speak on the last attempt: who agrees with a false one lies, and who denies a true one."""
        false = (self.round.number, self.round.aggregates[-1].attempt) in self._false
        if false == (form is Form.AGREE):
            (self.signers if false else self.liars).update(self.keys[member] for member in members)
        super().attest(*members, form=form)

    def settle(self, aggregator: int = 0) -> "Scene":
        """Let a majority agree with the attempt: all that is needed beside its aggregator."""
        others = [one for one in range(len(self.keys)) if one != aggregator]
        self.attest(*others[: len(self.keys) // 2])
        return self

    def deny(self, aggregator: int = 0) -> "Scene":
        """Let so many deny the attempt that it fails."""
        others = [one for one in range(len(self.keys)) if one != aggregator]
        self.attest(*others[: len(self.keys) - len(self.keys) // 2], form=Form.OTHER)
        return self

    def honest(self, opener: int = 0) -> "Scene":
        """An honest round."""
        self.collect(opener).publish(opener)
        return self.settle(opener)

    def updates(self) -> list[list[int]]:
        """The integers of the round's updates, in the order of their members, from their files."""
        size = self.layout.header_size
        files = {cid.digest: data for cid, data in self.files.files.items()}
        return [np.frombuffer(files[one.cid][size:], "<i4").tolist() for _, one in sorted(self.round.updates.items())]

    def refutation(self) -> bytes:
        """The calldata by which the court convicts the last attempt."""
        aggregate = self.round.aggregates[-1]
        point = find_point(self.facts, aggregate, self.files.fetch)
        assert point is not None
        return calldata("court", "refute", *refute_call(accused_of(self.facts, aggregate), point).arguments)

    def refute(self, member: int) -> None:
        """Send the court's transaction about the last attempt."""
        aggregate = self.round.aggregates[-1]
        point = find_point(self.facts, aggregate, self.files.fetch)
        assert point is not None
        self.send(member, "court", "refute", *refute_call(accused_of(self.facts, aggregate), point).arguments)

    def execute(self, kind: int, action: bytes) -> None:
        """A decision of the members, carried out."""
        self.send(0, "ballots", "execute", self.keys[0], 1, kind, action)

    def case(self, scope: BundleScope = WHOLE, convictions: Sequence[bytes] = ()) -> Case:
        """The bundle of a scope, as a file of the corpus."""
        signers = frozenset(self.signers)
        return Case(self.bundle(scope, convictions), signers | self.liars, signers=signers)

    def refused(self, member: int | str, contract: str, function: str, *arguments: Any, after: int = 12) -> Case:
        """The bundle with one more call, which no contract takes, so many seconds later."""
        raw = self.send(member, contract, function, *arguments, kept=False)
        self.block, self.time = self.block + 1, self.time + after
        self.mined.append(Mined(self.block, self.time, raw))
        return Case(self.of_entries(self.entries()))

    def entries(self) -> list[BundleEntry]:
        """The entries of all transactions."""
        return list(entries(self.mined, self.manifest(), Keys()))

    def of_entries(self, made: Sequence[BundleEntry], files: Sequence[bytes] = (), **changes: Any) -> bytes:
        """A bundle of these entries, right or not, with these blocks behind them, and a manifest with changes."""
        pages = list(paged(made))
        manifest: Manifest = self.manifest()._replace(keys=tuple(self.points()), pages=tuple(map(sha256, pages)))
        return car(manifest._replace(**changes).encode(), *pages, *files)

    def network(self) -> bytes:
        """The network file of the scene."""
        contracts = {name: Contract(address, "0x" + "00" * 32) for name, address in self.draft.addresses.items()}
        roles: tuple[RoleWord, ...] = ("participant", "aggregator", "scorer")
        named = enumerate(self.draft.founders)
        members = tuple(FoundingMember(f"member {place}", one.key, roles) for place, one in named)
        founding = Founding(self.draft.founding[0], "0x" + self.draft.founding[1].hex(), members)
        chain = Chain(self.draft.chain, "http://127.0.0.1:8545")
        with TemporaryDirectory() as folder:
            path = Path(folder) / "network.toml"
            save(path, Network("network/1", "corpus", chain, founding, Contracts(**contracts)))
            return path.read_bytes()

    def points(self) -> list[bytes]:
        """The public keys of all signers, in the order of their first use."""
        keys = Keys()
        list(entries(self.mined, self.manifest(), keys))
        return list(keys.points)

    def blocks(self) -> list[bytes]:
        """Every block of every file."""
        return [bytes(block) for block in self.files.blocks.values()]


def under_others(draw: Draw, *, gap: bool) -> bytes:
    """An honest aggregate under other openings than it was signed of: of other values, another weight, or in two calls;
    with a gap before it or without.
    """
    honest, forged = (Scene(Draw("world", draw.seed), 4) for _ in range(2))
    for scene in (honest, forged):
        scene.open_round()
        for member in range(3):
            scene.submit(member)
    honest.submit(3)
    others = draw.integers(-9, 9, honest.layout.values).astype("<i4") if draw.seed == 0 else None
    forged.submit(3, others, weight=11 if draw.seed == 1 else 10)
    honest.open_updates(1)
    forged.open_updates(1, *((2,) if draw.seed == 2 else ()))
    if forged.pending:  # in a second call of the same block
        forged.block, forged.time = forged.block - 1, forged.time - 12
        forged.open_updates(1)
    honest.publish()
    forged.block, forged.time = honest.block, honest.time
    forged.mined.append(honest.mined[-1])
    made = forged.entries()
    if gap:
        made.insert(0, BundleEntry(made[0].block, made[0].time, hash=FALSE))
    blocks = forged.files.blocks | honest.files.blocks
    return forged.of_entries(made, [bytes(one) for one in blocks.values()])


def car(*blocks: bytes) -> bytes:
    """An archive of raw blocks, the first of which is its root."""
    each = {raw(one): one for one in blocks}
    return header(raw(blocks[0])) + b"".join(frame(cid, len(one)) + one for cid, one in each.items())


def of_type(raw_: bytes, kind: int, signer: str) -> bytes:
    """The same call as a transaction of type 0 or 1, of the second with an access list; -1 is type 0 for any chain."""
    chain, nonce, _, price, gas, to, value, data, *_ = rlp.decode(raw_[1:])
    fields: list[Any]
    if kind < 0:
        fields = [nonce, price, gas, to, value, data]
        digest, base, prefix = keccak(rlp.encode(fields)), 27, b""
    elif kind == 0:
        fields = [nonce, price, gas, to, value, data]
        digest = keccak(rlp.encode([*fields, chain, b"", b""]))
        base, prefix = 35 + 2 * int.from_bytes(chain), b""  # type: ignore[arg-type]
    else:
        fields = [chain, nonce, price, gas, to, value, data, [[to, [bytes(32), FALSE]]]]
        base, prefix = 0, b"\x01"
        digest = keccak(prefix + rlp.encode(fields))
    made = _SECRETS[signer].sign_recoverable(digest, hasher=None)
    numbers = (base + made[64], int.from_bytes(made[:32]), int.from_bytes(made[32:64]))
    return prefix + rlp.encode([*fields, *map(rlp.number, numbers)])


def weighted(base: Sequence[int], updates: Sequence[Sequence[int]], round_: Callable[[Fraction], int]) -> list[int]:
    """Base plus the mean of updates of one weight, by fractions, under any way to round them."""
    columns = zip(*updates, strict=True)
    return [b + round_(Fraction(sum(column), len(updates))) for b, column in zip(base, columns, strict=True)]


def half_away(value: Fraction) -> int:
    """The integer next to a fraction, halves away from zero."""
    whole = int(abs(value) + Fraction(1, 2))
    return whole if value >= 0 else -whole
