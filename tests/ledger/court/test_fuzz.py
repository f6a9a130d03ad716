"""Whatever bytes a conviction file has, reading it ends, soon, in the file or in Malformed.

`FEDLEDGER_FUZZ=1000000` in the environment sets how many inputs are tried; a few thousand without it.
"""

import os
from contextlib import suppress

import pytest
from support.court import NAME, convicted
from support.mutations import Mutations
from support.worlds import lies

from ledger.chain import rlp
from ledger.court.calldata import read_calls
from ledger.court.conviction import check, parse
from ledger.errors import Malformed

INPUTS = int(os.environ.get("FEDLEDGER_FUZZ", "3000"))
CHECKED = 20
"""Of so many inputs one is checked to the end, signatures and all."""


@pytest.mark.timeout(max(300, INPUTS // 300))
def test_no_input_crashes_the_readers_of_a_file_or_of_its_calls() -> None:
    file = convicted(lies.wrong_value_members_agree())
    whole, call = file.encode(), file.calls[0]
    files, calls = Mutations(whole, 1), Mutations(call, 2)
    taken = 0
    for number in range(INPUTS // 2):
        data, bent = next(files), next(calls)
        with suppress(Malformed):
            found = parse(data)
            taken += 1
            assert found.encode() == data, "one encoding"
            if number % CHECKED == 0:
                check(found)
        with suppress(Malformed):
            read_calls([bent], NAME.chain, NAME.ledger, 610)
    assert taken, "some inputs get past the form"


def deep(levels: int) -> rlp.Item:
    return [deep(levels - 1)] if levels else []


@pytest.mark.parametrize(
    "data",
    [
        b"\xfb\xff\xff\xff\xff",
        b"\xbb\xff\xff\xff\xff",
        b"\xc1" * (1 << 20),
        b"\xf8" * 100,
        rlp.encode([b"conviction/1", [], deep(3), [], [], []]),
    ],
    ids=["a long list", "a long text", "a deep nest", "lengths of lengths", "lists in lists"],
)
def test_a_file_that_claims_much_costs_nothing(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse(data)
