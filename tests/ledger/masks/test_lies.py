"""Lies under masks that what members publish can show: each is caught, and its author named."""

import itertools
from dataclasses import replace

import pytest
from support.masked import Members, draws

from ledger.masks.blame import Fault, Guilty
from ledger.masks.keys import point_of
from ledger.masks.packets import seal
from ledger.masks.reveals import (
    TooFewShares,
    cast_of,
    check_opening,
    check_seed,
    is_listed,
    read_packet,
    rebuilt,
    sound_shares,
)
from ledger.masks.secret import Secret
from ledger.masks.setup import SecretKind, SetupFile, deal_setup, digest_of, head_of, read_setup
from ledger.masks.sharing import deal, draw_secret, rebuild

MEMBERS = Members([0, 1, 2, 3, 4], threshold=3, rounds=2)
SETUP = MEMBERS.setups[4]
"""Member 4's, whose secrets the others rebuild."""
KINDS = pytest.mark.parametrize("kind", SecretKind)


def held(setup: SetupFile, kind: SecretKind, place: int) -> dict[int, Secret]:
    """Each member's share, as it reads it from its packet."""
    return {holder: read_packet(setup, holder, key)[place][kind] for holder, key in MEMBERS.mask_keys.items()}


def secret_of(kind: SecretKind, place: int) -> Secret:
    one = MEMBERS.at(4, place)
    return one.key if kind is SecretKind.KEY else one.seed


@KINDS
@pytest.mark.parametrize("place", [0, 1])
def test_any_threshold_of_members_rebuilds_either_secret(kind: SecretKind, place: int) -> None:
    shares = held(SETUP, kind, place)
    for holders in itertools.combinations(shares, 3):
        found = rebuilt(SETUP, kind, 1 + place, {holder: shares[holder] for holder in holders})
        assert found == secret_of(kind, place)


def test_a_false_self_seed_is_the_members() -> None:
    check_seed(SETUP, 1, MEMBERS.at(4, 0).seed)
    for false in (MEMBERS.at(4, 1).seed, MEMBERS.at(3, 0).seed, Secret(bytes(32))):
        with pytest.raises(Guilty, match="member 4: the self seed is not the one of its set-up file") as caught:
            check_seed(SETUP, 1, false)
        assert (caught.value.member, caught.value.fault, caught.value.facts["round"]) == (4, Fault.SEED, 1)


def test_the_round_goes_on_without_the_true_seed_by_its_shares() -> None:
    shares = held(SETUP, SecretKind.SEED, 0)
    assert rebuilt(SETUP, SecretKind.SEED, 1, shares) == MEMBERS.at(4, 0).seed


@KINDS
def test_a_false_share_is_the_givers_and_the_others_suffice(kind: SecretKind) -> None:
    shares = held(SETUP, kind, 0) | {1: Secret(bytes(32)), 2: held(SETUP, kind, 1)[2]}
    sound, guilty = sound_shares(SETUP, kind, 1, shares)
    assert list(sound) == [0, 3, 4]
    assert [(one.member, one.fault) for one in guilty] == [(1, Fault.SHARE), (2, Fault.SHARE)]
    assert "its share of a secret of member 4 is not the one that was dealt" in str(guilty[0])
    assert rebuilt(SETUP, kind, 1, shares) == secret_of(kind, 0)


def test_a_share_of_the_other_secret_round_or_holder_is_false() -> None:
    shares = held(SETUP, SecretKind.KEY, 0)
    assert is_listed(SETUP, SecretKind.KEY, 1, 0, shares[0])
    assert not is_listed(SETUP, SecretKind.SEED, 1, 0, shares[0])
    assert not is_listed(SETUP, SecretKind.KEY, 2, 0, shares[0])
    assert not is_listed(SETUP, SecretKind.KEY, 1, 1, shares[0])
    assert not is_listed(SETUP, SecretKind.KEY, 1, 9, shares[0])


@KINDS
def test_a_dealer_whose_shares_are_as_listed_and_make_another_secret_is_named(kind: SecretKind) -> None:
    """Its polynomial goes through other points than it says: nobody else could have done that."""
    other = deal(draw_secret(draws(9)), 3, MEMBERS.segment.members, draws(9))
    name = MEMBERS.segment.name(0)
    listed = {holder: digest_of(kind, name, 4, holder, share) for holder, share in other.items()}
    first = replace(SETUP.rounds[0], shares={**SETUP.rounds[0].shares, kind: listed})
    lying = replace(SETUP, rounds=(first, SETUP.rounds[1]))
    assert sound_shares(lying, kind, 1, other)[1] == []
    with pytest.raises(Guilty, match="member 4: the shares that it dealt make another secret") as caught:
        rebuilt(lying, kind, 1, other)
    assert (caught.value.member, caught.value.fault) == (4, Fault.DEALING)


@KINDS
def test_a_dealer_whose_share_is_not_below_the_prime_is_named_and_not_its_giver(kind: SecretKind) -> None:
    """It listed and sealed such a number; the holder that shows it shows what it was dealt."""
    name, number = MEMBERS.segment.name(0), Secret(b"\xff" * 32)
    shares = held(SETUP, kind, 0) | {0: number}
    listed = {**SETUP.rounds[0].shares[kind], 0: digest_of(kind, name, 4, 0, number)}
    first = replace(SETUP.rounds[0], shares={**SETUP.rounds[0].shares, kind: listed})
    read = read_packet(SETUP, 0, MEMBERS.mask_keys[0])
    read[0] = {**read[0], kind: number}
    sealed = [share for pair in read for share in pair.values()]
    packet = seal(sealed, MEMBERS.segment.keys[0], head_of(MEMBERS.segment, 4), 0)
    lying = replace(SETUP, rounds=(first, SETUP.rounds[1]), packets={**SETUP.packets, 0: packet})
    assert sound_shares(lying, kind, 1, shares)[1] == []
    for convicts, fault in [
        (lambda: rebuilt(lying, kind, 1, shares), Fault.DEALING),
        (lambda: read_packet(lying, 0, MEMBERS.mask_keys[0]), Fault.SETUP),
    ]:
        with pytest.raises(Guilty, match="member 4") as caught:
            convicts()
        assert (caught.value.member, caught.value.fault) == (4, fault)


@KINDS
def test_one_share_less_than_the_threshold_makes_nothing(kind: SecretKind) -> None:
    """By the way that is there, and by all ways around it that are at hand."""
    shares = held(SETUP, kind, 0)
    for holders in itertools.combinations(shares, 2):
        few = {holder: shares[holder] for holder in holders}
        with pytest.raises(TooFewShares, match="too few shares"):
            rebuilt(SETUP, kind, 1, few)
        tried = [rebuild(few)]
        tried += [rebuild(few | {9: guess}) for guess in (*few.values(), Secret(bytes(32)))]
        tried += [rebuild(few | {holder: share}) for holder, share in held(SETUP, kind, 1).items() if holder not in few]
        assert secret_of(kind, 0) not in tried


def test_a_false_share_does_not_count_towards_the_threshold() -> None:
    shares = held(SETUP, SecretKind.KEY, 0)
    with pytest.raises(TooFewShares):
        rebuilt(SETUP, SecretKind.KEY, 1, {0: shares[0], 1: shares[1], 2: Secret(bytes(32))})


def test_a_round_key_rebuilt_opens_no_other_round() -> None:
    key = rebuilt(SETUP, SecretKind.KEY, 1, held(SETUP, SecretKind.KEY, 0))
    first, second = cast_of(MEMBERS.setups, 1), cast_of(MEMBERS.setups, 2)
    assert first.fits(4, key)
    assert not second.fits(4, key)
    assert point_of(key) not in second.points.values()


def test_an_opening_that_is_false_or_of_another_round_is_the_members() -> None:
    check_opening(SETUP, 1, MEMBERS.at(4, 0).key)
    for false in (MEMBERS.at(4, 1).key, MEMBERS.at(3, 0).key, Secret(bytes(32))):
        with pytest.raises(Guilty, match="member 4: the key that opens is not that of the round") as caught:
            check_opening(SETUP, 1, false)
        assert (caught.value.member, caught.value.fault) == (4, Fault.OPENING)


def test_a_round_key_in_two_rounds_is_refused_when_the_file_is_read() -> None:
    twice = deal_setup(MEMBERS.segment, 4, [MEMBERS.at(4, 0), MEMBERS.at(4, 0)])
    with pytest.raises(Guilty, match=r"member 4: .* the key of round 2 is that of an earlier round"):
        read_setup(twice.encode(), MEMBERS.segment, 4)
