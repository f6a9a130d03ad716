"""A node's numbers are bounded where they come in: none can end a process when a message shows it."""

import sys

import pytest

from ledger.chain.evidence.transaction import rebuild
from ledger.chain.node import number
from ledger.chain.quantities import quantity
from ledger.errors import FedledgerError, Malformed, Unavailable

HUGE = "0x" + "f" * 5000


@pytest.mark.parametrize("text", ["", "0x", "1", "-0x1", "0x1_0", " 0x1", "0x" + "1" * 65, HUGE, None, 7, "0x\uff11"])
def test_what_is_not_a_quantity_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        quantity(text)


def test_the_largest_word_is_one() -> None:
    assert quantity("0x" + "f" * 64) == 2**256 - 1
    assert quantity("0X0".lower()) == 0


def test_a_huge_number_of_a_node_is_an_error_that_can_be_shown() -> None:
    with pytest.raises(Unavailable) as caught:
        number(HUGE, "a block's number")
    assert "a block's number" in str(caught.value)
    with pytest.raises(Malformed) as shown:
        rebuild({"type": HUGE})
    assert "the whole transaction" in str(shown.value)


def test_an_error_with_a_huge_fact_can_be_shown() -> None:
    assert sys.get_int_max_str_digits() < 5000
    assert "thousands of digits" in str(FedledgerError("it", actual=16**5000))
