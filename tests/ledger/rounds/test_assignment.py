"""Who keeps which update: enough members for each, as evenly as can be, alike for everyone."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.formats.replication import Replication
from ledger.rounds.assignment import assigned, copies_owed, copies_wanted, kept_by, ranked
from ledger.rounds.receipts import signers_needed


@st.composite
def rounds(draw: st.DrawFn) -> Any:
    """A round of any members, of which some committed to an update: of a round only what the rule may read."""
    members = draw(st.sets(st.integers(0, 254), min_size=1, max_size=60))
    authors = draw(st.sets(st.sampled_from(sorted(members))))
    keys = {index: f"key {index}" for index in draw(st.permutations(sorted(members)))}
    number = draw(st.integers(1, 1 << 24))
    return SimpleNamespace(number=number, keys=keys, members=len(keys), commitments=dict.fromkeys(authors))


replications = st.builds(Replication, copies=st.integers(1, 255), all_up_to=st.integers(0, 255))


@given(rounds(), replications)
def test_each_update_has_enough_keepers_and_its_author(round_: Any, asked: Replication) -> None:
    wanted = copies_wanted(round_.members, asked)
    for author in round_.commitments:
        those = assigned(round_, author, asked)
        assert author in those <= round_.keys.keys()
        assert wanted <= len(those) <= wanted + 1
        assert len(those) >= signers_needed(round_.members), "or it could have no certificate"


@given(rounds(), replications)
def test_both_ways_of_asking_answer_the_same(round_: Any, asked: Replication) -> None:
    for member in round_.keys:
        kept = kept_by(member, round_, asked)
        assert kept == {author for author in round_.commitments if member in assigned(round_, author, asked)}


@given(rounds(), replications)
def test_what_is_dealt_is_even_within_one(round_: Any, asked: Replication) -> None:
    members, copies = sorted(round_.keys), copies_wanted(round_.members, asked)
    dealt = Counter(dict.fromkeys(members, 0))
    for place in range(len(round_.commitments)):
        dealt.update(ranked(round_.number, place, members, copies)[:copies])
    assert max(dealt.values()) - min(dealt.values()) <= 1


@given(st.integers(1, 1 << 24), st.integers(0, 254), st.sets(st.integers(0, 254), min_size=1), st.integers(1, 255))
def test_everyone_has_a_rank(number: int, place: int, members: set[int], copies: int) -> None:
    assert sorted(ranked(number, place, sorted(members), copies)) == sorted(members)


def test_how_many_copies_there_are() -> None:
    default = Replication()
    assert [copies_wanted(members, default) for members in (3, 8, 9, 10, 11, 40, 100)] == [3, 8, 5, 5, 6, 20, 50]
    assert [copies_wanted(members, Replication(copies=30, all_up_to=0)) for members in (3, 20, 40, 100)] == [
        3,
        20,
        30,
        50,
    ]


def test_how_many_copies_an_audit_expects() -> None:
    assert [copies_owed(members, Replication()) for members in (3, 8, 9, 40)] == [2, 4, 5, 20]


def test_the_first_seat_moves_from_round_to_round() -> None:
    members = list(range(10))
    assert [ranked(number, 0, members, 5)[0] for number in (1, 2, 11)] == [1, 2, 1]
    assert ranked(1, 1, members, 5)[:5] == [6, 7, 8, 9, 0]
