"""Consortia at random, honest and not: whatever their members do, both readers replay the same and find the same."""

import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from eth_abi.abi import encode
from support.bundles import TERMS, Staged
from support.worlds.signing import key

from ledger.bundle.broken import BrokenBundle
from ledger.bundle.check import check_bundle
from ledger.bundle.form import BundleScope
from ledger.court.calldata import refute_call
from ledger.court.refutation import Point
from ledger.court.search import accused_of
from ledger.errors import FedledgerError
from ledger.events.court import Ground
from ledger.events.records import Form
from ledger.formats.claims import COMMITMENT
from ledger.formats.digest import NOTHING
from ledger.history.state import Phase
from ledger.jobs.document import Admission

ROUNDS = 4
FALSE = b"\x07" * 32


class Life:
    """Members who act at random: most calls are right, some come too late or from the wrong one and are refused."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        terms = msgspec.structs.replace(TERMS, attempts=self.chance.choice([1, 2, 3]), buffer=0)
        limits = Admission(self.chance.choice([2, 3]), 1000, 1 << 20, 1 << 28)
        self.staged = Staged(self.chance.choice([4, 5, 6]), limits=limits, terms=terms, seed=seed)
        self.fresh = len(self.staged.keys)
        self.refused = 0

    def run(self, rounds: int) -> None:
        for _ in range(rounds):
            self.wander(self.open_round)
            for member in self.chance.sample(range(len(self.staged.keys)), len(self.staged.keys)):
                if self.chance.random() < 0.9:
                    self.wander(lambda member=member: self.submit(member))
            current = self.staged.state.current
            if current is not None and current.phase is Phase.COLLECTING:
                self.staged.time += 601
            while getattr(self.staged, "pending", []) and self.chance.random() < 0.9:
                self.wander(self.open_updates)
            for _ in range(self.chance.choice([1, 2, 4])):
                self.wander(self.publish)
                for member in self.chance.sample(range(len(self.staged.keys)), len(self.staged.keys)):
                    self.wander(lambda member=member: self.attest(member))
            self.wander(self.advance)

    def wander(self, step: Callable[[], None]) -> None:
        """A step, and now and then another before it."""
        others = [
            self.refute,
            self.wait,
            self.advance,
            self.rotate,
            self.recover,
            self.change,
            self.publish,
            self.open_updates,
        ]
        if self.chance.random() < 0.08:
            self.take(self.chance.choice(others))
        self.take(step)

    def take(self, step: Callable[[], None]) -> None:
        """A step; of a call that is refused there is no record."""
        before = len(self.staged.mined)
        try:
            step()
        except (FedledgerError, AttributeError, IndexError, KeyError, AssertionError):
            self.refused += 1
            del self.staged.mined[max(before, len(self.staged.mined) - 1) :]

    def member(self) -> int:
        return self.chance.randrange(len(self.staged.keys))

    def wait(self) -> None:
        self.staged.time += self.chance.choice([1, 300, 599, 700, 2000])

    def open_round(self) -> None:
        self.staged.open_round(self.member())

    def submit(self, member: int) -> None:
        lies = self.chance.choice(
            [*[{}] * 20, {"weight": 2000}, {"root": FALSE}, {"data": b"x" * self.chance.randrange(9)}]
        )
        if self.chance.random() < 0.1:
            lies = {"values": np.full(self.staged.layout.values, 1 << 21, "<i4")}
        self.staged.submit(member, **lies)

    def open_updates(self) -> None:
        pending = list(getattr(self.staged, "pending", []))
        try:
            self.staged.open_updates(self.member(), self.chance.randrange(1, 5))
        except BrokenBundle:
            self.staged.pending = pending
            raise

    def publish(self) -> None:
        lies = self.chance.choice([*[{}] * 9, {"root": FALSE}, {"cid": FALSE}, {"carried": FALSE}, {"base": FALSE}])
        if self.chance.random() < 0.1:
            lies = {"root": NOTHING, "cid": NOTHING}
        updates = sorted(self.staged.round.updates)
        without = [one for one in updates if self.chance.random() < 0.05]
        if self.chance.random() < 0.1:
            lies = {"verdicts": bytes(self.chance.choice([0, 6, 7, 9]) for _ in updates)}
        opener = self.staged.round.opener_index if self.chance.random() < 0.8 else self.member()
        self.staged.publish(opener, without, **lies)

    def attest(self, member: int) -> None:
        form = self.chance.choice([*[Form.AGREE] * 6, Form.OTHER, Form.MISSING])
        self.staged.attest(member, form=form)

    def refute(self) -> None:
        """The court's transaction, at its word: of the last attempt of some round, mostly."""
        facts, current = self.staged.facts, self.staged.round
        accused = accused_of(facts, current.aggregates[-1])
        if self.chance.random() < 0.3:
            accused = accused._replace(before=self.chance.randrange(4))
        self.staged.send(self.member(), "court", "refute", *refute_call(accused, Point(Ground.VALUE)).arguments)

    def advance(self) -> None:
        if self.chance.random() < 0.5:
            self.staged.time += 1300
        self.staged.send(self.member(), "ledger", "advance", 1, self.staged.round.number)

    def rotate(self) -> None:
        member, new = self.member(), key(self.fresh)
        self.staged.send(member, "consortium", "rotateKey", new)
        self.took(member, new)

    def recover(self) -> None:
        member, new = self.member(), key(self.fresh)
        for other in range(len(self.staged.keys) // 2 + 1):
            self.staged.send((member + 1 + other) % len(self.staged.keys), "consortium", "approveRotation", member, new)
        self.took(member, new)

    def took(self, member: int, new: str) -> None:
        self.staged.keys[member] = new
        self.fresh += 1

    def change(self) -> None:
        """A decision of the members, at its word."""
        kind = self.chance.choice([2, 3, 5, 7, 10])
        action = {
            2: encode(["uint8"], [self.member()]),
            3: encode(["uint8", "uint8"], [self.member(), self.chance.choice([1, 3, 7])]),
            5: encode(["uint32"], [1]),
            7: b"",
            10: encode(["uint32"], [1]),
        }[kind]
        self.staged.send(0, "ballots", "execute", self.staged.keys[0], 1, kind, action)


@pytest.mark.parametrize("seed", range(40))
def test_both_readers_replay_the_same_and_find_the_same(seed: int, tmp_path: Path) -> None:
    life = Life(seed)
    life.run(ROUNDS)
    for place, scope in enumerate((BundleScope("rounds", 1, 1), BundleScope("evidence"), BundleScope("rounds", 1, 2))):
        path = life.staged.write(tmp_path / f"{place}.car", scope)
        assert check_bundle(path).verdict != "MALFORMED"  # and conftest.py compares it with the verifier's


@pytest.mark.parametrize("function", ["commitUpdate", "openUpdates", "publishAggregate", "attest", "advance"])
@pytest.mark.parametrize("round_", [0, 1, 3])
def test_a_call_of_another_round_than_the_one_under_way_is_refused(round_: int, function: str, tmp_path: Path) -> None:
    """Of none, of one that is over, which takes what it took before another began, and of one to come."""
    staged = Staged(3).honest_round()
    said = staged.round.aggregates[-1]
    arguments: dict[str, list[object]] = {
        "commitUpdate": [FALSE[:COMMITMENT]],
        "openUpdates": [bytes(118)],
        "publishAggregate": [(*[FALSE] * 3, 1, *[FALSE] * 4, bytes([1])), FALSE],
        "attest": [said.attempt, int(Form.AGREE), said.claim, FALSE],
    }
    staged.open_round()
    with pytest.raises(BrokenBundle):
        staged.send(2, "ledger", function, 1, round_, *arguments.get(function, []))
    refused, path = staged.mined.pop(), tmp_path / "it.car"
    path.write_bytes(staged.with_refused(staged.bundle(), refused))
    assert [one.code for one in check_bundle(path).findings] == ["REFUSED"]
