"""Votes on members in bundles: lives at random, in which the page takes every call that Python takes, and no other."""

import random
from pathlib import Path
from typing import Any

import coincurve
import pytest
from eth_abi.abi import encode
from support.bundles import CHAIN, Staged
from support.worlds.signing import _SECRETS, key

from ledger.bundle.check import check_bundle
from ledger.bundle.entries import Keys, Mined, entries, entry
from ledger.bundle.form import BundleEntry, BundleScope, paged
from ledger.errors import Malformed
from ledger.events.contents import digest_of_proposal, digest_of_vote, proposal_id
from ledger.formats.cid import raw
from ledger.formats.digest import keccak, sha256
from ledger.store.car import frame, header

LIVES, DECISIONS = 6, 24
CHOICES = ("", "For", "Against", "Abstain")
TYPES = {1: "(address,uint8,bytes32[2])", 2: "(uint8)", 3: "(uint8,uint8)", 4: "(uint16,uint32,uint32,uint32)"}
TYPES |= {5: "(uint32)", 8: "(bytes32,bytes32)"}
PROPOSING = {1: "proposeAdmission", 2: "proposeRemoval", 3: "proposeRoles", 5: "proposeClosing", 8: "proposeRollback"}


class Life:
    """Members of a consortium who propose, vote, relay and carry out, rightly or not, in calls that all are kept."""

    def __init__(self, seed: int) -> None:
        self.source, self.staged = random.Random(seed), Staged(4)
        self.ballots = self.staged.draft.addresses["ballots"]
        self.people = [key(index) for index in range(9)]
        self.staged.replay.take(0, BundleEntry(10, 5, hash=bytes(32)), None)
        self.made: list[tuple[str, int, int, bytes]] = []

    def live(self) -> None:
        """Decisions one after the other, each with something that goes wrong now and then."""
        for _ in range(DECISIONS):
            self.source.choice((self.propose, self.propose, self.propose_signed))()
            for act in (self.vote, self.vote, self.relay, self.relay, self.batch, self.close):
                for _ in range(self.source.choice((1, 1, 1, 2, 0))):
                    act()
            self.staged.time += self.source.choice((0, 601, 601, 700, 6_500, 20_000))
            self.execute()
            self.source.choice((self.execute, self.rotate, self.vote, self.close))()

    def send(self, sender: str, function: str, *arguments: Any, contract: str = "ballots") -> None:
        """Keep a call, whatever the contract would say of it."""
        made = self.staged.signed(sender, contract, function, *arguments)
        self.staged.block, self.staged.time = self.staged.block + 1, self.staged.time + 1
        self.staged.mined.append(Mined(self.staged.block, self.staged.time, made))
        bare = self.staged.order.read(0, BundleEntry(self.staged.block, self.staged.time, raw=made), [sender])
        one = entry(self.staged.mined[-1], Keys(), bare.statements)
        self.staged.replay.take(0, one, self.staged.order.read(0, one, [sender]))

    def nonce(self, proposer: str) -> int:
        """The next one of a proposer."""
        return self.staged.replay.ledger.decisions.next_nonce(proposer)

    def action(self, kind: int) -> tuple[Any, ...]:
        draw = self.source
        stranger = draw.choice(self.people[4:]) if draw.randrange(6) else self.people[0]
        roles = draw.choice((7, 7, 7, 3, 1, 0) if kind == 1 else (1, 3, 5, 6, 7, 8))
        rules = (draw.choice((5_000, 6_000, 6_666, 6_667)), draw.choice((3_000, 6_000)), draw.choice((0, 600)), 6_000)
        name = (b"member %d" % draw.randrange(9)).ljust(32, b"\0")
        admitted = (stranger, roles, (name, bytes(32)))
        words = {1: admitted, 2: (draw.randrange(6),), 3: (draw.randrange(6), roles), 4: rules}
        return {**words, 5: (1,), 8: (bytes(32), bytes(32))}[kind]

    def proposed(self, proposer: str, nonce: int, kind: int, words: tuple[Any, ...]) -> bytes:
        action = encode([TYPES[kind]], [words])
        self.made = [*self.made, (proposer, nonce, kind, action)][-4:]
        return action

    def propose(self) -> None:
        proposer, kind = self.source.choice(self.people[:5]), self.source.choice((1, 1, 2, 3, 3, 4, 5, 8))
        words, nonce = self.action(kind), self.nonce(proposer)
        if kind == 4:
            self.send(proposer, "proposeRules", words)
        else:
            self.send(proposer, PROPOSING[kind], *words)
        self.proposed(proposer, nonce, kind, words)

    def propose_signed(self) -> None:
        proposer, kind = self.source.choice(self.people[:5]), self.source.choice((1, 2, 3, 4, 5))
        nonce, words = self.nonce(proposer) + self.source.choice((0, 0, 0, 1)), self.action(kind)
        action, deadline = self.proposed(proposer, nonce, kind, words), self.deadline()
        digest = bytes(32)
        if kind < 5 and not (kind in (1, 3) and not 0 < words[1] <= 7):
            name = proposal_id(proposer, nonce, kind, action)
            digest = digest_of_proposal(CHAIN, self.ballots, kind, name, deadline)
        signature = self.signature(proposer, digest)
        self.send(self.people[0], "proposeBySignature", kind, action, (nonce, proposer, deadline, *signature))

    def deadline(self) -> int:
        return self.staged.time + self.source.choice((-5, 1, 10_000, 10_000, 10_000))

    def signature(self, member: str, digest: bytes) -> tuple[int, bytes, bytes]:
        """Of the member, or bent."""
        made = _SECRETS[member].sign_recoverable(digest, hasher=None)
        v, r, s = 27 + made[64], made[:32], made[32:64]
        match self.source.randrange(8):
            case 0 if self.source.randrange(2):
                r = sha256(r)
            case 1 if self.source.randrange(2):
                v = self.source.choice((0, 26, 29, 55 - v))
            case 2:
                s = (coincurve.utils.GROUP_ORDER_INT - int.from_bytes(s)).to_bytes(32, "big")
        return v, r, s

    def known(self) -> tuple[bytes, int, tuple[str, int, int, bytes]]:
        """The name of some proposal, and its kind."""
        if not self.made:
            return keccak(b"none"), 1, (self.people[0], 1, 1, encode([TYPES[1]], [self.action(1)]))
        one = self.made[-1] if self.source.randrange(8) else self.source.choice(self.made)
        try:
            return proposal_id(*one), one[2], one
        except Malformed:  # roles that there are not have no name
            return keccak(b"no name"), one[2], one

    def vote(self) -> None:
        self.send(
            self.source.choice(self.people[:5]),
            "vote",
            self.known()[0],
            self.source.choice((1, 1, 1, 1, 1, 2, 3, 0, 4)),
        )

    def ballot(self, name: bytes, kind: int) -> tuple[Any, ...]:
        member, choice, deadline = (
            self.source.choice(self.people[:6]),
            self.source.choice((1, 1, 1, 1, 2, 3, 4)),
            self.deadline(),
        )
        said = {"proposal": name, "member": member, "deadline": deadline, "choice": CHOICES[choice % 4]}
        digest = digest_of_vote(CHAIN, self.ballots, kind, said)
        return member, choice, deadline, *self.signature(member, digest)

    def relay(self) -> None:
        name, kind, _ = self.known()
        kind = min(kind, 4) if self.source.randrange(6) else self.source.randrange(1, 5)
        self.send(self.people[1], "voteBySignature", name, kind, self.ballot(name, kind))

    def batch(self) -> None:
        name, kind, _ = self.known()
        ballots = [self.ballot(name, min(kind, 4)) for _ in range(self.source.randrange(6))]
        self.send(self.people[1], "voteBatch", name, min(kind, 4), ballots)

    def close(self) -> None:
        self.send(self.people[2], "close", self.known()[0])

    def execute(self) -> None:
        self.send(self.people[3], "execute", *self.known()[2])

    def rotate(self) -> None:
        self.send(self.source.choice(self.people), "rotateKey", self.source.choice(self.people), contract="consortium")


def written(staged: Staged, path: Path, keys: Keys, made: list[BundleEntry]) -> Path:
    pages = list(paged(made))
    scope = BundleScope("evidence")
    manifest = staged.manifest(scope)._replace(keys=keys.points, pages=tuple(map(sha256, pages))).encode()
    blocks = b"".join(frame(raw(one), len(one)) + one for one in (manifest, *pages, staged.job.encode()))
    path.write_bytes(header(raw(manifest)) + blocks)
    return path


def same(modules: Any, path: Path) -> Any:
    verdict = check_bundle(path)
    assert modules("bundle", str(path)) == verdict.encode().decode()
    return verdict


def test_after_a_gap_each_call_is_taken_or_passed_over_alike(modules: Any, tmp_path: Path) -> None:
    decided, rules = 0, set()
    for seed in range(LIVES):
        life, keys = Life(seed), Keys()
        life.live()
        made = list(entries(life.staged.mined, life.staged.manifest(BundleScope("evidence")), keys))
        gap = BundleEntry(10, 5, hash=sha256(b"gap"))
        verdict = same(modules, written(life.staged, tmp_path / "b.car", keys, [gap, *made]))
        assert verdict.verdict == "UNKNOWN", verdict.findings
        assert verdict.checked["SIGNATURES"] > len(made), "of transactions, and in them"
        ledger = life.staged.replay.ledger
        decided += ledger.members.epoch - 1
        rules.add(ledger.decisions.rules)
    assert decided > LIVES
    assert len(rules) > 1


@pytest.mark.parametrize("seed", range(LIVES))
def test_points_of_statements_are_held_to_their_signatures_alike(modules: Any, tmp_path: Path, seed: int) -> None:
    life, keys = Life(seed), Keys()
    life.live()
    made = list(entries(life.staged.mined, life.staged.manifest(BundleScope("evidence")), keys))
    signed = [at for at, one in enumerate(made) if len(one.y) > 32]
    codes = set()
    for at in life.source.sample(signed, 8):
        y = bytearray(made[at].y)
        place = 32 + 32 * life.source.randrange(len(y) // 32 - 1)
        match life.source.randrange(3):
            case 0:
                y[place + 31] ^= 1
            case 1:
                y[place : place + 32] = bytes(32)
            case 2:
                y += bytes(32)
        bent = [*made[:at], made[at]._replace(y=bytes(y)), *made[at + 1 :]]
        gap = BundleEntry(10, 5, hash=sha256(b"gap"))
        verdict = same(modules, written(life.staged, tmp_path / "b.car", keys, [gap, *bent]))
        codes |= {one.code for one in verdict.findings if one.check == "BUNDLE"} or {"taken"}
    assert "SIGNATURE" in codes or "CALL" in codes
