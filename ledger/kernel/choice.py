"""Which functions the process uses."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ledger.kernel import pure
from ledger.kernel.pure import Buffer, Ints, Sums


class Kernel(NamedTuple):
    """The functions in use, and their name (`ledger.kernel` documents each)."""

    name: str
    leaf_hashes: Callable[[Buffer, int], bytes]
    digests: Callable[[Sequence[Buffer]], list[bytes]]
    digests_and_leaves: Callable[[Sequence[Buffer], int, Sequence[int] | None], tuple[list[bytes], list[bytes]]]
    grow: Callable[[bytearray, int, Buffer], int]
    survey: Callable[[Ints], tuple[int, int]]
    add_weighted: Callable[[Sums, Ints, int], None]


def choose() -> Kernel:
    """The functions of this process."""
    return pure_kernel("no native kernel yet")


def pure_kernel(why: str) -> Kernel:
    """The pure functions, and why they are in use."""
    return Kernel(
        f"pure Python: {why}",
        pure.leaf_hashes,
        pure.digests,
        pure.digests_and_leaves,
        pure.grow,
        pure.survey,
        pure.add_weighted,
    )
