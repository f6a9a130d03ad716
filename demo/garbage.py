"""A hospital that masks an update beyond the job's bounds, for the demo: the product has no way to do this."""

from ledger.config import LOCAL_CHAIN
from ledger.errors import UsageError
from ledger.formats.artifact import Layout
from ledger.formats.header import Binding
from ledger.kernel.pure import Ints
from participant.integers.artifacts import UpdateFile
from participant.node.masking.masked import OwnMasks
from participant.node.masking.worker import MaskWorker

PLACE, VALUE = 7, 1 << 28
"""Which value of the update is replaced, and by what: far beyond a bound of 2 at 24 fraction bits."""


class Garbage(OwnMasks):
    """Puts an update under its masks that is honest but for one value. Raises UsageError on any chain but the local."""

    def mask(self, layout: Layout, binding: Binding, values: Ints, weight: int) -> UpdateFile:
        """See `OwnMasks.mask`."""
        if binding.chain != LOCAL_CHAIN:
            raise UsageError("a liar runs on a local chain only", expected=LOCAL_CHAIN, actual=binding.chain)
        wrong = values.copy()
        wrong[PLACE] = VALUE
        return super().mask(layout, binding, wrong, weight)


def lie() -> None:
    """Make the node of this process the liar's."""
    MaskWorker.masking_class = Garbage
