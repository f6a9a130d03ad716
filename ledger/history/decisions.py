"""What members decided: proposals, releases, and the rules of votes. `ledger.history.ballots` fills it."""

from dataclasses import dataclass, field, replace

from ledger.events.ballots import Rules
from ledger.events.proposals import Proposal, Release, release_id


@dataclass(slots=True)
class Decisions:
    """Proposals by identifier, releases by identifier, and the current release of each name, where that may be used.

    `named` is the one that each name stands for in the contract, convicted or not.

    `nonces` count the proposals of each key that made any. `mandate` is the proposal just executed, whose effect is
    still to come.
    """

    rules: Rules | None = None
    proposals: dict[bytes, Proposal] = field(default_factory=dict)
    nonces: dict[str, int] = field(default_factory=dict)
    releases: dict[bytes, Release] = field(default_factory=dict)
    current: dict[str, Release] = field(default_factory=dict)
    named: dict[str, Release] = field(default_factory=dict)
    mandate: Proposal | None = None

    def proposal(self, number: int) -> Proposal | None:
        """The proposal with that number."""
        return next((made for made in self.proposals.values() if made.number == number), None)

    def next_nonce(self, key: str) -> int:
        """The nonce that the next proposal of a key has."""
        return self.nonces.get(key, 0) + 1

    def release(self, name: str, version: str) -> Release | None:
        """The release of that name and version."""
        try:
            return self.releases.get(release_id(name, version))
        except ValueError:
            return None

    def copy(self) -> "Decisions":
        """The same as of now, which what comes later does not change."""
        proposals = {
            name: replace(made, votes=dict(made.votes), voted_in=dict(made.voted_in))
            for name, made in self.proposals.items()
        }
        releases = {name: replace(made) for name, made in self.releases.items()}
        current = {name: releases[release.id] for name, release in self.current.items()}
        named = {name: releases[release.id] for name, release in self.named.items()}
        known = replace(self, proposals=proposals, nonces=dict(self.nonces), releases=releases)
        return replace(known, current=current, named=named)
