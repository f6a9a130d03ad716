"""How many rounds hostile members can spoil: every choice they have, searched to closure.

A model of the contract's rules and of what honest members do (docs/spec/round.md, "Liveness"). State is each hostile
aggregator's strikes: an honest one never has any, which the model asserts. A round is lost where it ends without a
model. Bytes that one honest member has reach all others, because a certificate contains an honest signer.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import inf

import pytest

FINALISED = 20
CAP = 8
Strikes = tuple[int, ...]
Ends = set[tuple[bool, Strikes]]
HONEST = None


@dataclass(frozen=True)
class Game:
    """`members`, of which `hostile` do what they like and `up` honest ones are present; `attempts` by the job."""

    members: int
    hostile: int
    attempts: int
    passes_on: bool = True
    down: int = 0

    @property
    def up(self) -> int:
        return self.members - self.hostile - self.down

    @property
    def majority(self) -> int:
        return self.members // 2 + 1

    def votes(self, kind: str, author_is_hostile: bool) -> set[tuple[bool, bool]]:
        """How an attempt may end, over all votes of the hostile: (finalised, its author struck)."""
        hostile, honest = self.hostile - author_is_hostile, self.up - (not author_is_hostile)
        agreeing = {"good": [honest], "false": [0], "some": range(honest + 1)}[kind]
        found = set()
        for yes in agreeing:
            for a in range(hostile + 1):
                for b in range(hostile - a + 1):
                    for_, against = 1 + yes + a, honest - yes + b
                    failed = against > self.members - self.majority
                    spoke = for_ + against >= self.majority
                    found.add((True, False) if for_ >= self.majority else (False, failed or spoke))
        return found

    def attempt(
        self, author: int | None, number: int, failed: frozenset[int], tried: int, strikes: Strikes
    ) -> Iterator[tuple[bool, Strikes]]:
        """The round's ends, from the attempt that `author` publishes; `tried` honest aggregators failed before."""
        hostile = author is not None
        kinds = ["good", "false"] if hostile else ["good"]
        for kind in kinds if self.passes_on else [*kinds, "some"]:
            for final, struck in self.votes(kind, hostile):
                after = list(strikes)
                if author is not None:
                    after[author] = max(after[author] - 1, 0) if final else min(after[author] + struck, CAP)
                elif self.passes_on and not self.down:
                    assert final, "an honest aggregate failed"
                if final:
                    yield True, tuple(after)
                elif number == self.attempts:
                    yield False, tuple(after)
                else:
                    gone = failed if author is None else failed | {author}
                    yield from self.again(number + 1, gone, tried + (not hostile), tuple(after))

    def again(self, number: int, failed: frozenset[int], tried: int, strikes: Strikes) -> Ends:
        """The ends after a failed attempt: any aggregator that has not failed in the round may be first."""
        return self._again(number, failed, tried, strikes)

    @cached_property
    def _again(self) -> Callable[[int, frozenset[int], int, Strikes], Ends]:
        @lru_cache(None)
        def ends(number: int, failed: frozenset[int], tried: int, strikes: Strikes) -> Ends:
            free: list[int | None] = [j for j in range(self.hostile) if j not in failed]
            if tried < self.up:
                free.append(HONEST)
            found = {end for who in free for end in self.attempt(who, number, failed, tried, strikes)}
            return found or {(False, strikes)}

        return ends

    @cached_property
    def ends(self) -> Callable[[Strikes], Ends]:
        """The ends of a round that begins with these strikes."""

        @lru_cache(None)
        def ends(strikes: Strikes) -> Ends:
            found = set(self.attempt(HONEST, 1, frozenset(), 0, strikes))
            for j in (j for j in range(self.hostile) if strikes[j] == 0):  # only without strikes can it be first
                found |= set(self.attempt(j, 1, frozenset(), 0, strikes))
                left = (*strikes[:j], 1, *strikes[j + 1 :])
                for who in [HONEST, *(k for k in range(self.hostile) if k != j)]:
                    found |= set(self.attempt(who, 1, frozenset(), 0, left))
            return {(final, tuple(sorted(after))) for final, after in found}

        return ends

    def lost(self) -> float:
        """The most rounds without a model before FINALISED have one."""

        @lru_cache(None)
        def most(strikes: Strikes, left: int, depth: int) -> float:
            if left == 0:
                return 0
            if depth > 50:
                return inf
            worst = 0.0
            for final, after in self.ends(strikes):
                if final:
                    worst = max(worst, most(after, left - 1, 0))
                else:
                    worst = max(worst, inf if after == strikes else 1 + most(after, left, depth + 1))
            return worst

        return most((0,) * self.hostile, FINALISED, 0)


@pytest.mark.parametrize(
    ("members", "hostile", "attempts", "lost"),
    [
        *[(3, 1, 1, 1), (3, 1, 2, 0), (4, 1, 1, 1), (4, 1, 2, 0), (5, 1, 1, 1), (5, 1, 2, 0)],
        *[(5, 2, 1, 2), (5, 2, 2, 1), (5, 2, 3, 0), (10, 3, 2, 2), (10, 3, 4, 0), (10, 4, 3, 2)],
    ],
)
def test_hostile_members_spoil_no_more_rounds_than_this_in_a_whole_job(
    members: int, hostile: int, attempts: int, lost: int
) -> None:
    """At most hostile - attempts + 1, however many rounds follow; none with an attempt more than hostile members."""
    assert Game(members, hostile, attempts).lost() == lost


def test_without_bytes_passed_on_there_is_no_bound() -> None:
    """What certificates are for: one member that serves some and not others would spoil rounds without end."""
    assert Game(5, 2, 3, passes_on=False).lost() == inf


def test_one_honest_member_that_is_down_beside_one_liar_costs_nothing_at_five() -> None:
    assert Game(5, 1, 2, down=1).lost() == 0


def test_two_liars_and_one_that_is_down_leave_no_majority_at_five() -> None:
    assert Game(5, 2, 3, down=1).lost() == inf
