"""A segment's members with all their secrets, as no party has them together, and rounds that are masked by them."""

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ledger.formats.artifact import Layout, Tensor
from ledger.formats.cid import Cid
from ledger.formats.header import Binding
from ledger.formats.unixfs import cid_of
from ledger.jobs.document import Admission
from ledger.jobs.rules import WeightedMean
from ledger.masks.keys import Cast, point_of
from ledger.masks.reveals import cast_of
from ledger.masks.secret import Secret
from ledger.masks.segment import Segment
from ledger.masks.setup import RoundSecrets, SecretKind, SetupFile, deal_setup, draw_rounds
from ledger.masks.sharing import Draw, deal, draw_secret, rebuild
from ledger.masks.sums import masked_file, masking, unmasking
from ledger.rounds.inputs import Inputs
from ledger.rounds.masking.inputs import MaskedInputs, whole
from ledger.rounds.model import Model, make_model
from ledger.rounds.rules.arithmetic import Ints

CHAIN, LEDGER, JOB = 31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3", 1
LIMITS = Admission(min_updates=2, max_weight=(1 << 24) - 1, max_value=(1 << 31) - 1, max_norm=1 << 62)
"""Which every sum is within."""
PARTY = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def draws(seed: int) -> Draw:
    """Bytes that are random and always the same."""
    return random.Random(seed).randbytes


class Members:
    """The members of a segment; what they deal is made when it is asked for."""

    def __init__(
        self, indices: Collection[int], threshold: int = 0, *, rounds: int = 1, number: int = 1, seed: int = 0
    ) -> None:
        self.draw = draws(seed)
        self.mask_keys = {member: draw_secret(self.draw) for member in sorted(indices)}
        keys = {member: point_of(key) for member, key in self.mask_keys.items()}
        threshold = threshold or 2 * len(keys) // 3 + 1
        self.segment = Segment(CHAIN, LEDGER, JOB, number, rounds, threshold, keys)
        self.secrets = {member: draw_rounds(self.segment, self.draw) for member in keys}

    @cached_property
    def setups(self) -> dict[int, SetupFile]:
        """The set-up file of each member."""
        return {m: deal_setup(self.segment, m, self.secrets[m], self.draw) for m in self.segment.members}

    def cast(self, place: int = 0) -> Cast:
        """The cast of one round, of the keys alone: without files."""
        points = {member: point_of(self.at(member, place).key) for member in self.segment.members}
        return Cast(self.segment.name(place), points)

    def at(self, member: int, place: int = 0) -> RoundSecrets:
        return self.secrets[member][place]

    def shares(self, dealer: int, kind: SecretKind, holders: Collection[int], place: int = 0) -> dict[int, Secret]:
        """Shares of one secret, dealt again: those of one call fit together."""
        secret = self.at(dealer, place).key if kind is SecretKind.KEY else self.at(dealer, place).seed
        return deal(secret, self.segment.threshold, holders, self.draw)


@dataclass(frozen=True)
class MaskedRound:
    """Updates of some members, each under its masks, and the files that they are."""

    layout: Layout
    base: Ints
    updates: Mapping[int, tuple[int, Ints]]
    """Weight and values by member."""
    cast: Cast

    @cached_property
    def files(self) -> dict[str, bytes]:
        """All files, by CID."""
        return {}

    def put(self, data: bytes) -> Cid:
        cid = cid_of([data])[0]
        self.files[str(cid)] = data
        return cid

    def fetch(self, cid: Cid, start: int, stop: int | None) -> Iterator[bytes]:
        data = self.files[str(cid)][start:stop]
        yield from (data[at : at + 700_000] for at in range(0, len(data), 700_000))

    @cached_property
    def base_cid(self) -> Cid:
        return self.put(self.layout.header(Binding(kind="initial")) + self.base.tobytes())

    def bound(self, kind: str) -> Binding:
        name = self.cast.round
        about = {"chain": name.chain, "contract": name.ledger, "job": name.job, "round": name.round, "base": bytes(32)}
        if kind == "model":
            return Binding(kind="model", **about)
        return Binding(kind=kind, party=PARTY, rows=1, data=bytes(32), **about)  # type: ignore[arg-type]

    def mask(self, member: int, secrets: RoundSecrets) -> Cid:
        """A member's masked update."""
        weight, values = self.updates[member]
        masks = masking(self.cast, member, secrets.key, secrets.seed)
        return self.put(b"".join(masked_file(self.layout, self.bound("masked"), values, weight, masks)))

    def open_model(self, chosen: Sequence[int]) -> Model:
        """The model of the open round of members `chosen`."""
        head = self.layout.header(self.bound("update"))
        cids = [self.put(head + self.updates[member][1].tobytes()) for member in chosen]
        inputs = Inputs(self.layout, WeightedMean(), self.base_cid, cids, self.weights(chosen), self.fetch)
        return make_model(inputs, self.bound("model"), 1, None)

    def weights(self, chosen: Sequence[int]) -> list[int]:
        return [self.updates[member][0] for member in chosen]

    def masked_inputs(
        self, cids: Mapping[int, Cid], chosen: Sequence[int], seeds: Mapping[int, Secret], keys: Mapping[int, Secret]
    ) -> MaskedInputs:
        masks = unmasking(self.cast, chosen, seeds, keys)
        chosen_cids = [cids[member] for member in chosen]
        parts, weights = whole(masks, len(chosen)), self.weights(chosen)
        return MaskedInputs(self.layout, self.base_cid, chosen_cids, weights, self.fetch, parts, LIMITS)


def layout_of(values: int) -> Layout:
    return Layout((Tensor("w", (values,)),))


def random_round(
    cast: Cast, random_: random.Random, *, values: int = 5, largest: int = (1 << 31) - 1, heaviest: int = (1 << 24) - 1
) -> MaskedRound:
    """A round of all of the cast; some values and weights are as extreme as they may be."""
    updates, drawn = {}, np.random.default_rng(random_.getrandbits(64))
    for member in cast.points:
        weight = random_.choice([1, heaviest, random_.randint(1, heaviest)])
        extremes = drawn.choice(np.array([largest, -largest, 0], "<i4"), values)
        inner = drawn.integers(-largest, largest, values, "<i4", endpoint=True)
        updates[member] = weight, np.where(drawn.random(values) < 0.5, extremes, inner).astype("<i4")
    return MaskedRound(layout_of(values), np.zeros(values, "<i4"), updates, cast)


def play(members: Members, random_: random.Random, *, values: int = 5) -> tuple[Model, Model]:
    """A round in which some members bring nothing, and others are silent after the set: its model, and the open one.

    As many drop out, before and after, as the threshold lets.
    """
    everyone, threshold = list(members.segment.members), members.segment.threshold
    chosen = sorted(random_.sample(everyone, random_.randint(threshold, len(everyone))))
    answering = set(random_.sample(chosen, random_.randint(threshold, len(chosen))))
    round_ = random_round(members.cast(), random_, values=values)
    cids = {member: round_.mask(member, members.at(member)) for member in chosen}
    seeds, keys = {member: members.at(member).seed for member in answering}, {}
    for member in everyone:
        if member not in answering:
            kind = SecretKind.SEED if member in chosen else SecretKind.KEY
            secret = rebuild(members.shares(member, kind, random_.sample(sorted(answering), threshold)))
            (seeds if member in chosen else keys)[member] = secret
    inputs = round_.masked_inputs(cids, chosen, seeds, keys)
    return make_model(inputs, round_.bound("model"), 1, None), round_.open_model(chosen)


def cast_of_files(members: Members, place: int = 0) -> Cast:
    """The cast of one round, as anyone reads it from the set-up files."""
    return cast_of(members.setups, members.segment.first + place)
