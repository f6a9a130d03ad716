"""An update's bytes, judged as everyone judges them."""

from collections.abc import Iterator

from ledger.formats.artifact import Layout
from ledger.formats.header import Binding
from ledger.kernel.pure import Buffer
from ledger.rounds.admission import Admission, Decision, UpdateReading


def judge_bytes(pieces: Iterator[Buffer], layout: Layout, binding: Binding, root: bytes, limits: Admission) -> Decision:
    """What the bytes earn, which arrive in pieces. Raises as the pieces."""
    return UpdateReading(layout, binding, root, limits, lambda _: pieces).judge()
