"""Which release a name means, why one must not be used, and what a reason's word says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.worlds.releases import propose, releasable, release, revoke, roll_back, vote
from support.worlds.world import World

from ledger.errors import UsageError
from ledger.events.records import Choice
from ledger.formats.digest import sha256
from ledger.history.names import (
    NotReleased,
    RevokedRelease,
    UnknownRelease,
    find,
    proposal_for,
    reason_text,
    reason_word,
    require_usable,
)


@pytest.fixture
def world() -> World:
    return World().open_job().honest_round()


def test_a_name_means_its_current_release(world: World) -> None:
    decisions = world.history.decisions
    first, second = release(world, version="1"), release(world, version="2")
    assert find(decisions, "cardio") is second
    assert find(decisions, "cardio@1") is first
    roll_back(world, first)
    assert find(decisions, "cardio") is first
    revoke(world, first, reason_word("wrong"))
    with pytest.raises(RevokedRelease, match="no current release") as caught:
        find(decisions, "cardio")
    assert caught.value.advice == "name a version: cardio@2"
    assert find(decisions, "cardio@1") is first
    with pytest.raises(RevokedRelease) as caught:
        require_usable(first)
    assert caught.value.facts["reason"] == "wrong"
    require_usable(second)


@pytest.mark.parametrize("title", ["cardio", "cardio@1.0"])
def test_what_is_only_proposed_names_its_latest_proposal(world: World, title: str) -> None:
    decisions = world.history.decisions
    vote(world, propose(world, releasable(world)), Choice.AGAINST)
    propose(world, releasable(world))
    with pytest.raises(NotReleased) as caught:
        find(decisions, title)
    assert caught.value.facts["proposal"] == 2
    with pytest.raises(UnknownRelease):
        find(decisions, "cardio@2")


@pytest.mark.parametrize("title", ["", "@", "x", "Cardio", "cardio@", "@1", "a" * 100, "a@b@c", "\u0661", "a\0"])
def test_a_name_that_was_never_given_is_unknown(world: World, title: str) -> None:
    release(world)
    with pytest.raises(UnknownRelease):
        find(world.history.decisions, title)


def test_a_release_knows_the_proposal_it_came_of(world: World) -> None:
    decisions = world.history.decisions
    propose(world, releasable(world))
    made = release(world)
    propose(world, releasable(world))
    found = proposal_for(decisions, made)
    assert found is not None
    assert found.number == 2


@pytest.mark.parametrize("reason", ["x", "wrong units", "~" * 32, "a b"])
def test_a_short_plain_reason_stands_on_the_chain(reason: str) -> None:
    assert reason_word(reason) == reason.encode().ljust(32, b"\0")


@pytest.mark.parametrize("reason", ["~" * 33, "Söhne", "two\nlines", "tab\t", "nul\0", "\u202e"])
def test_any_other_reason_stands_there_as_its_digest(reason: str) -> None:
    assert reason_word(reason) == sha256(reason.encode())
    assert reason_text(reason_word(reason)) is None


@pytest.mark.parametrize("reason", ["", " ", "\n", "x" * ((1 << 20) + 1), "\udcff"])
def test_what_is_no_reason(reason: str) -> None:
    with pytest.raises(UsageError):
        reason_word(reason)


@given(word=st.binary(min_size=32, max_size=32))
def test_any_word_is_text_or_a_digest(word: bytes) -> None:
    text = reason_text(word)
    assert text is None or (text.isascii() and text.encode().ljust(32, b"\0") == word)
    assert reason_text(bytes(32)) == ""
