"""Whatever members send, in whatever order: the page replays it to the same state, and refuses at the same place.

Steps are mostly the next sensible one, else any; a call that the rules refuse is mostly left out, as a chain would, and
else ends the bundle, which is then none.
"""

import random
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from support.bundles import WHOLE, Staged
from support.worlds.signing import key

from ledger.bundle import verify_bundle
from ledger.bundle.check import check_bundle
from ledger.bundle.form import BundleScope
from ledger.errors import FedledgerError
from ledger.events.records import Form, Terms
from ledger.history.impossible import Impossible
from ledger.history.state import Phase

SCOPES = (WHOLE, WHOLE, WHOLE, BundleScope("evidence"))
LIES: tuple[dict[str, bytes], ...] = ({}, {}, {}, {"root": b"\1" * 32, "cid": b"\2" * 32}, {"carried": b"\3" * 32})
FORMS = (Form.AGREE, Form.AGREE, Form.AGREE, Form.OTHER, Form.MISSING)
KINDS = {1: ("address", "uint8", "bytes32", "bytes32"), 2: ("uint8",), 3: ("uint8", "uint8"), 5: ("uint32",)}
KINDS[4] = ("uint16", "uint32", "uint32", "uint32")
RULES = (6_000, 600, 600, 600)


class Walk:
    """A random walk of a consortium's members over their ledger."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        choose = self.random.choice
        terms = Terms(choose([2, 100]), 600, 600, 600, 600, choose([1, 2, 3]), 0, 0, 0, choose([0, 0, 2]))
        self.staged = Staged(choose([3, 4, 5]), terms=terms, seed=seed)
        self.staged.pending = []
        self.spare = [key(10 + place) for place in range(3)]
        self.refused: Any = None

    def go(self, steps: int) -> None:
        mined = self.staged.mined
        for _ in range(steps):
            before = len(mined)
            try:
                self.step()
            except (Impossible, FedledgerError, ValueError, IndexError):
                if len(mined) > before and self.random.random() < 0.1:
                    self.refused = mined.pop()
                    return
                del mined[before:]

    def step(self) -> None:
        member = self.random.randrange(len(self.staged.keys))
        if self.random.random() < 0.07:
            self.staged.time += self.random.choice([100, 601, 1300, 2500])
        state = self.staged.state
        phase = state.current.phase if state.current and self.random.random() < 0.85 else None
        acts = {
            Phase.COLLECTING: self.submit,
            Phase.OPENING: self.open,
            Phase.AGGREGATING: self.publish,
            Phase.ATTESTING: self.attest,
        }
        if phase is None and state.current is not None:
            self.random.choice([*acts.values(), self.advance, self.rotate, self.execute])(member)
        else:
            acts.get(phase, self.open_round)(member)  # type: ignore[arg-type]

    def open_round(self, member: int) -> None:
        self.staged.open_round(member)

    def submit(self, member: int) -> None:
        made = self.staged.round.commitments
        left = [one for one in range(len(self.staged.keys)) if one not in made]
        self.staged.submit(self.random.choice(left or [member]), weight=self.random.choice([1, 10, 10**6]))

    def open(self, member: int) -> None:
        count = len(self.staged.pending)
        self.staged.open_updates(member, *([self.random.randrange(1, count + 1)] if count else []))

    def publish(self, member: int) -> None:
        opener = self.staged.round.opener_index
        self.staged.publish(self.random.choice([opener, opener, member]), **self.random.choice(LIES))

    def attest(self, member: int) -> None:
        self.staged.attest(member, form=self.random.choice(FORMS))

    def advance(self, member: int) -> None:
        self.staged.send(member, "ledger", "advance", 1, self.staged.round.number)

    def rotate(self, member: int) -> None:
        other = self.random.randrange(len(self.staged.keys))
        if self.random.random() < 0.5:
            self.staged.send(member, "consortium", "rotateKey", self.random.choice(self.spare))
        else:
            self.staged.send(member, "consortium", "approveRotation", other, self.spare[0])

    def execute(self, member: int) -> None:
        kind = self.random.choice([1, 2, 3, 5, 4])
        small = [self.random.randrange(6) for _ in range(2)]
        values = {
            1: (self.random.choice(self.spare), 1 + small[0], b"a", b""),
            2: small[:1],
            3: small,
            4: RULES,
            5: (1,),
        }
        words = [one.ljust(32, b"\0") if isinstance(one, bytes) else one for one in values[kind]]
        action = encode(KINDS[kind], words)
        self.staged.send(member, "ballots", "execute", self.staged.keys[0], 1, kind, action)

    def write(self, path: Path) -> Path:
        data = self.staged.bundle(self.random.choice(SCOPES))
        path.write_bytes(data if self.refused is None else self.staged.with_refused(data, self.refused))
        return path


@pytest.mark.parametrize("seed", range(60))
def test_any_walk_is_replayed_to_the_same_verdict(modules: Any, tmp_path: Path, seed: int) -> None:
    walk = Walk(seed)
    walk.go(walk.random.randrange(10, 60))
    path = walk.write(tmp_path / "walk.car")
    verdict = check_bundle(path)
    assert modules("bundle", str(path)) == verdict.encode().decode()
    assert verify_bundle.verify(str(path)).encode() == verdict.encode()
    if walk.refused is not None:
        assert [one.code for one in verdict.findings] == ["REFUSED"]
