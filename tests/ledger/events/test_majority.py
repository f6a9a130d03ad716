"""The rule by which members decide, over every multiset of votes of 3 to 7 members: more than a part of all is For."""

from collections.abc import Iterator
from itertools import product

import pytest

from ledger.events.actions import RemoveMember, encode_action
from ledger.events.ballots import Choice, Rules
from ledger.events.proposals import WHOLE, Proposal, votes_needed

LEAST, LARGEST = 5_000, 6_666
SIZES, MAJORITIES = range(3, 8), (LEAST, LARGEST)
CASES = pytest.mark.parametrize(("members", "majority"), [(size, part) for size in SIZES for part in MAJORITIES])
Votes = tuple[int, int, int]


def voted(members: int, majority: int, said: list[Choice]) -> Proposal:
    """A proposal on which the first members said that, in this order."""
    kind, encoded = encode_action(RemoveMember(0))
    rules = Rules(majority, 100, 0, 100)
    made = Proposal(b"", 1, "", 1, kind, encoded, RemoveMember(0), 1, members, rules, 1_000, b"")
    made.votes |= dict(enumerate(said))
    return made


def multisets(members: int) -> Iterator[Votes]:
    """How many are for, against and abstain, in every way; the others are silent."""
    for in_favour in range(members + 1):
        for against in range(members - in_favour + 1):
            for abstaining in range(members - in_favour - against + 1):
                yield in_favour, against, abstaining


def passes(members: int, majority: int, votes: Votes) -> bool:
    in_favour, against, abstaining = votes
    said = [Choice.FOR] * in_favour + [Choice.AGAINST] * against + [Choice.ABSTAIN] * abstaining
    return voted(members, majority, said).passes


@CASES
def test_more_than_the_part_of_all_members_must_be_for_it(members: int, majority: int) -> None:
    for votes in multisets(members):
        assert passes(members, majority, votes) == (votes[0] * WHOLE > members * majority), votes


@CASES
def test_a_vote_against_or_an_abstention_turns_nothing(members: int, majority: int) -> None:
    """Neither one more of them, nor one that a server hides."""
    for in_favour, against, abstaining in multisets(members):
        if in_favour + against + abstaining == members:
            continue
        before = passes(members, majority, (in_favour, against, abstaining))
        assert passes(members, majority, (in_favour, against + 1, abstaining)) == before
        assert passes(members, majority, (in_favour, against, abstaining + 1)) == before


@CASES
def test_the_outcome_changes_at_most_once_and_never_back(members: int, majority: int) -> None:
    for said in product(Choice, repeat=members):
        outcomes = [voted(members, majority, list(said[:count])).passes for count in range(members + 1)]
        assert outcomes == sorted(outcomes), said


@CASES
def test_all_but_one_member_always_suffice(members: int, majority: int) -> None:
    assert passes(members, majority, (members - 1, 0, 0))
    assert passes(members, majority, (members - 1, 1, 0))


def test_all_but_one_suffice_in_every_consortium() -> None:
    for majority in (LEAST, LARGEST):
        assert all(votes_needed(members, majority) <= members - 1 for members in range(3, 256))
    assert votes_needed(3, LARGEST + 1) == 3, "the bound is the largest that leaves three members able to decide"


def test_the_least_votes_for_it_are_those_of_the_specification() -> None:
    assert [votes_needed(members, LEAST) for members in SIZES] == [2, 3, 3, 4, 4]
    assert [votes_needed(members, LARGEST) for members in SIZES] == [2, 3, 4, 4, 5]
