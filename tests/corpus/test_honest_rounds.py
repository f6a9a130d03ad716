"""Honest rounds at random: no reader blames anybody, however many there are.

`FEDLEDGER_HONEST=10000` in the environment sets how many rounds are lived; a few hundred without it.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from support.bundles import RULES as DECIDED
from support.corpus.scene import LIMITS, SHAPES, Draw
from support.corpus.voting import Motion, Voting, bent
from support.web.modules import NODE, Ask, answering
from support.worlds.signing import key

from ledger.bundle import verify_bundle
from ledger.bundle.check import check_bundle
from ledger.jobs.rules import Median, Rule, TrimmedMean, WeightedMean

ROUNDS = int(os.environ.get("FEDLEDGER_HONEST", "200"))
FIRST = int(os.environ.get("FEDLEDGER_HONEST_FROM", "0"))
EACH = 10
"""Rounds of one consortium."""
RULES: tuple[Rule, ...] = (WeightedMean(), Median(), TrimmedMean(1))


class HonestLife:
    """Members who do what they should, with values, weights, absences, delays, new keys and votes at random."""

    def __init__(self, seed: int) -> None:
        self.draw = Draw("honest", seed)
        rule, trim = RULES[seed % 3], seed % 3 == 2
        limits = msgspec.structs.replace(LIMITS, min_updates=3 if trim else 2)
        shape = SHAPES[self.draw.below(len(SHAPES))]
        self.scene = Voting(self.draw, 3 + self.draw.below(4), rule=rule, limits=limits, tensors=shape)
        self.fresh = 100

    def chance(self, of: int) -> bool:
        return self.draw.below(of) == 0

    def live(self) -> None:
        """One round, to its end."""
        scene, members = self.scene, list(range(len(self.scene.keys)))
        opener = self.draw.below(len(members))
        scene.time += 5_000  # who did not publish in its turn has to wait
        scene.open_round(opener)
        away = {members[self.draw.below(len(members))]} if len(members) > 3 and self.chance(4) else set()
        for member in members:
            if member not in away:
                scene.submit(member, self.values(), weight=1 + self.draw.below(1000))
        if away:
            scene.time += 601
        scene.open_updates(
            self.draw.below(len(members)), *([1, len(members) - len(away) - 1] if self.chance(3) else [])
        )
        aggregator = opener
        if self.chance(6):
            scene.time += 601
            aggregator = self.draw.below(len(members))
        scene.publish(aggregator)
        scene.settle(aggregator)
        if self.chance(3):
            silent = [one for one in members if one != aggregator][len(members) // 2 :]
            scene.attest(*silent[:1])
        if self.chance(5):
            self.rotate(self.draw.below(len(members)))
        if self.chance(4):
            self.decide(self.draw.below(len(members)))

    def values(self) -> np.ndarray:
        """Of an update: anything within the bounds, both of them, or next to nothing."""
        most = LIMITS.max_value
        low, high = ((-most, most + 1), (-2, 3), (most, most + 1), (-most, -most + 1))[self.draw.below(4)]
        return self.draw.integers(low, high, self.scene.layout.values).astype("<i4")

    def decide(self, by: int) -> None:
        """A decision about members, by calls and signatures, closed early or not; not all of them pass."""
        scene, members = self.scene, list(range(len(self.scene.keys)))
        if self.chance(3):
            scene.put(5, 1, by=by)
        self.fresh += 1
        admits = len(members) < 9 and self.chance(2)
        if admits:
            motion = scene.admission(key(self.fresh), by=by)
        else:
            other = self.draw.below(len(members))
            held = scene.replay.ledger.members.by_index[other].roles
            motion = scene.move(3, other, 3 if held == 7 else 7, by=by)
        passes = not self.chance(4)
        voters = [(by + step) % len(members) for step in range(len(members) // 2 + passes)]
        self.vote(motion, voters)
        if self.chance(2):
            scene.say(motion, (by + len(members) - 1) % len(members), choice=2 + self.draw.below(2))
        closed = passes and self.chance(2)
        if closed:
            scene.send(key(50), "ballots", "close", motion.name)
        scene.time += DECIDED.delay_seconds + (0 if closed else DECIDED.vote_seconds)
        if not passes:
            return
        scene.carry_out(motion, by=key(50))
        if admits:
            scene.keys.append(key(self.fresh))

    def vote(self, motion: Motion, voters: list[int]) -> None:
        """All of these are for it: by a call each, by signatures one by one, or in a batch with what does not count."""
        scene, way = self.scene, self.draw.below(3)
        if way == 0 or not voters:
            scene.say(motion, *voters)
            return
        votes = [scene.signed_vote(motion, member) for member in voters]
        if way == 1:
            for vote in votes:
                scene.relay(motion, vote, by=key(50))
        else:
            scene.relay(motion, bent(votes[0], 4, b"\7" * 32), *votes, votes[-1], by=key(50))

    def rotate(self, member: int) -> None:
        """A new key for a member, by itself or by the others."""
        self.fresh += 1
        new = key(self.fresh)
        if self.chance(2):
            self.scene.send(member, "consortium", "rotateKey", new)
        else:
            for other in range(len(self.scene.keys) // 2 + 1):
                by = (member + 1 + other) % len(self.scene.keys)
                self.scene.send(by, "consortium", "approveRotation", member, new)
        self.scene.keys[member] = new


@pytest.fixture(scope="module")
def modules() -> Iterator[Ask]:
    """The page's modules."""
    with answering() as ask:
        yield ask


@pytest.mark.skipif(NODE is None, reason="Node is not installed: the page's modules cannot be run")
@pytest.mark.timeout(0)
def test_nobody_is_blamed(modules: Ask, tmp_path: Path) -> None:
    path = tmp_path / "honest.car"
    for seed in range(FIRST // EACH, (FIRST + ROUNDS) // EACH):
        life = HonestLife(seed)
        for _ in range(EACH):
            life.live()
        assert not life.scene.liars | life.scene.signers
        said = check_bundle(life.scene.write(path)).encode()
        assert verify_bundle.verify(str(path)).encode() == said, seed
        assert modules("bundle", str(path)).encode() == said, seed
        verdict = json.loads(said)
        assert (verdict["verdict"], verdict["findings"]) == ("VERIFIED", []), seed
        assert verdict["checked"]["AGGREGATE"] == EACH, seed
