"""Councils at random: members propose, vote, sign, relay and execute, in time and not: all readers count the same."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from support.bundles import ADDRESSES, CHAIN, SECONDS, Staged
from support.worlds.signing import key, sign_digest

from ledger.bundle.check import check_bundle
from ledger.bundle.form import CONTRACTS, BundleScope
from ledger.errors import FedledgerError
from ledger.events.contents import digest_of_proposal, digest_of_vote, proposal_id
from ledger.formats.digest import checksum_address

BALLOTS = dict(zip(CONTRACTS, ADDRESSES, strict=True))["ballots"]
DECISIONS, LATER = 6, 1 << 40
CALLS = {
    1: ("proposeAdmission", ["address", "uint8", "bytes32[2]"]),
    2: ("proposeRemoval", ["uint8"]),
    3: ("proposeRoles", ["uint8", "uint8"]),
    4: ("proposeRules", ["(uint16,uint32,uint32,uint32)"]),
    5: ("proposeClosing", ["uint32"]),
    8: ("proposeRollback", ["bytes32", "bytes32"]),
}
NAMES = (b"Z\xc3\xbcrich".ljust(32, b"\0"), bytes(32))


class Council:
    """Members who decide at random; what the rules refuse is on no record."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.staged = Staged(self.chance.choice([3, 4, 5]), seed=seed)
        self.fresh = len(self.staged.keys)
        self.made: list[tuple[str, int, int, bytes, bytes]] = []
        self.executed = 0

    def live(self) -> None:
        """Decisions, most of them in the order that leads to one, and anything in between."""
        for _ in range(DECISIONS):
            votes = [self.chance.choice([self.vote, self.relay]) for _ in range(2 * len(self.staged.keys))]
            for step in (self.propose, *votes, self.close, self.wait, self.execute):
                self.take(step)
                if self.chance.random() < 0.1:
                    self.take(self.chance.choice([self.propose, self.close, self.execute, self.wait, self.rotate]))

    def take(self, step: Callable[[], None]) -> None:
        before = len(self.staged.mined)
        try:
            step()
        except FedledgerError:
            del self.staged.mined[max(before, len(self.staged.mined) - 1) :]

    def member(self) -> str:
        return self.chance.choice([*self.staged.keys, *self.staged.keys, key(self.fresh)])

    def wait(self) -> None:
        self.staged.time += self.chance.choice([1, SECONDS - 12, SECONDS, SECONDS + 1, SECONDS + 1, 12 * SECONDS])

    def action(self, kind: int) -> list[Any]:
        """The arguments of a proposal of this kind, mostly right."""
        roles, index = self.chance.choice([0, 1, 2, 3, 5, 6, 7, 7, 8]), self.chance.randrange(len(self.staged.keys))
        rules = (
            self.chance.choice([4_999, 5_000, 6_000, 6_666]),
            5 * SECONDS,
            self.chance.choice([0, 60]),
            6 * SECONDS,
        )
        choices = {1: [key(self.fresh + index), roles, NAMES], 2: [index], 3: [index, roles], 4: [rules], 5: [1]}
        return choices.get(kind, [b"a" * 32, b"b" * 32])

    def propose(self) -> None:
        kind, member = self.chance.choice([1, 1, 2, 3, 3, 4, 5, 8]), self.member()
        said = self.action(kind)
        name, types = CALLS[kind]
        nonce, data = self.staged.replay.ledger.decisions.next_nonce(member), encode(types, said)
        if self.chance.random() < 0.5:
            self.staged.send(member, "ballots", name, *said)
        else:
            nonce = max(1, nonce + self.chance.choice([0, 0, 0, 0, 1, -1]))
            signed = self.signed_proposal(member, nonce, kind, data)
            self.staged.send(self.member(), "ballots", "proposeBySignature", kind, data, signed)
        self.made.append((member, nonce, kind, data, proposal_id(member, nonce, kind, data)))

    def signed_proposal(self, member: str, nonce: int, kind: int, data: bytes) -> tuple[Any, ...]:
        deadline = self.chance.choice([LATER, LATER, self.staged.time + 12, self.staged.time + 11])
        try:
            name = proposal_id(member, nonce, kind, data)
        except FedledgerError:
            name = bytes(32)
        digest = digest_of_proposal(CHAIN, BALLOTS, kind, name, deadline)
        return nonce, member, deadline, *self.signature(member, digest)

    def signature(self, member: str, digest: bytes) -> tuple[int, bytes, bytes]:
        """A member's, or another's, or one that is bent."""
        made = sign_digest(self.member() if self.chance.random() < 0.1 else member, digest)
        bent = self.chance.random()
        s = made[32:64] if bent > 0.1 else bytes(31) + b"\1"
        return made[64] if bent < 0.9 else self.chance.choice([26, 27, 28, 29]), made[:32], s

    def ballot(self) -> tuple[str, int, int, bytes, bytes]:
        return self.chance.choice(
            self.made[-1:] * 5 + self.made[-3:] or [(key(0), 1, 2, encode(["uint8"], [1]), bytes(32))]
        )

    def choice(self) -> int:
        return self.chance.choice([1] * 12 + [2, 3, 0, 4])

    def vote(self) -> None:
        self.staged.send(self.member(), "ballots", "vote", self.ballot()[4], self.choice())

    def signed_vote(self, kind: int, name: bytes) -> tuple[Any, ...]:
        member, choice = self.member(), self.choice()
        deadline = self.chance.choice([LATER, LATER, LATER, self.staged.time + 12, self.staged.time + 11])
        said = {"proposal": name, "member": member, "deadline": deadline}
        words = {1: "For", 2: "Against", 3: "Abstain"}
        digest = digest_of_vote(CHAIN, BALLOTS, kind, said | {"choice": words.get(choice, "For")})
        return member, choice, deadline, *self.signature(member, digest)

    def relay(self) -> None:
        *_, kind, _, name = self.ballot()
        kind = kind if self.chance.random() < 0.9 else self.chance.randrange(1, 5)
        votes = [self.signed_vote(kind, name) for _ in range(self.chance.choice([0, 1, 3, 6]))]
        if self.chance.random() < 0.5:
            self.staged.send(self.member(), "ballots", "voteBatch", name, kind, votes)
        elif votes:
            self.staged.send(self.member(), "ballots", "voteBySignature", name, kind, votes[0])

    def close(self) -> None:
        self.staged.send(self.member(), "ballots", "close", self.ballot()[4])

    def execute(self) -> None:
        proposer, nonce, kind, data, _ = self.ballot()
        self.staged.send(self.member(), "ballots", "execute", proposer, nonce, kind, data)
        self.executed += kind < 5
        if kind == 1:
            self.staged.keys.append(checksum_address(data[12:32]))
            self.fresh += 10

    def rotate(self) -> None:
        member = self.chance.randrange(len(self.staged.keys))
        new = key(self.fresh)
        self.staged.send(self.staged.keys[member], "consortium", "rotateKey", new)
        self.staged.keys[member], self.fresh = new, self.fresh + 10


@pytest.mark.parametrize("seed", range(20))
def test_all_readers_count_the_same_votes(seed: int, tmp_path: Path) -> None:
    executed = 0
    for council in (Council(3 * seed + number) for number in range(3)):
        council.live()
        assert check_bundle(council.staged.write(tmp_path / "it.car", BundleScope("evidence"))).verdict != "MALFORMED"
        executed += council.executed
    assert executed
