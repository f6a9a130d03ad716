"""Round keys and pair seeds: two members come to the same seed, and to another in any other round."""

import pytest
from support.masked import Members

from ledger.errors import Malformed
from ledger.formats.claims import RoundName
from ledger.masks.keys import check_point, pair_seed, point_of
from ledger.masks.secret import Secret
from ledger.masks.sharing import PRIME

LOW_ORDER = {
    "zero": 0,
    "one": 1,
    "of order 8": 325606250916557431795983626356110631294008115727848805560023387167927233504,
    "another of order 8": 39382357235489614581723060781553021112529911719440698176882885853963445705823,
    "minus one": PRIME - 1,
}
SECOND_FORMS = {"the prime": PRIME, "the prime and 1": PRIME + 1, "9 with the top bit": 9 + (1 << 255)}
ONE, OTHER = Secret(bytes(range(32))), Secret(bytes(range(32, 64)))
NAME = RoundName(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3", 1, 2)


def bytes_of(number: int) -> bytes:
    return number.to_bytes(32, "little")


def test_two_members_come_to_the_same_seed_from_either_side() -> None:
    assert pair_seed(NAME, 3, ONE, 7, point_of(OTHER)) == pair_seed(NAME, 7, OTHER, 3, point_of(ONE))


def test_the_seed_is_bound_to_all_that_names_the_round_and_the_pair() -> None:
    others = [
        NAME._replace(chain=1),
        NAME._replace(ledger="0x" + "11" * 20),
        NAME._replace(job=2),
        NAME._replace(round=3),
    ]
    seeds = {pair_seed(name, 3, ONE, 7, point_of(OTHER)) for name in (NAME, *others)}
    seeds |= {pair_seed(NAME, low, ONE, high, point_of(OTHER)) for low, high in ((3, 8), (2, 7))}
    assert len(seeds) == 7


@pytest.mark.parametrize("number", LOW_ORDER.values(), ids=LOW_ORDER)
def test_a_point_of_low_order_is_refused_by_name(number: int) -> None:
    with pytest.raises(Malformed, match="the key of round 4 is a point of low order"):
        check_point(bytes_of(number), "the key of round 4")
    with pytest.raises(Malformed, match="the round key of member 7 is a point of low order"):
        pair_seed(NAME, 3, ONE, 7, bytes_of(number))


@pytest.mark.parametrize("number", SECOND_FORMS.values(), ids=SECOND_FORMS)
def test_a_second_form_of_a_point_is_refused(number: int) -> None:
    with pytest.raises(Malformed, match="not a point in its one form"):
        check_point(bytes_of(number), "it")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_point_has_32_bytes(size: int) -> None:
    with pytest.raises(Malformed, match="not a point"):
        check_point(bytes(size), "it")


def test_the_seeds_of_a_cast_pair_up() -> None:
    members = Members([0, 2, 3, 9])
    cast = members.cast()
    higher, lower = zip(*(cast.signed_seeds(m, members.at(m).key) for m in members.segment.members), strict=True)
    assert [len(seeds) for seeds in higher] == [3, 2, 1, 0]
    assert {seed for seeds in higher for seed in seeds} == {seed for seeds in lower for seed in seeds}
    assert len({seed for seeds in higher for seed in seeds}) == 6
    assert [cast.fits(m, members.at(2).key) for m in members.segment.members] == [False, True, False, False]
