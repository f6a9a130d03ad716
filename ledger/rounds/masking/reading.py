"""The bytes of one masked update, read once and held to what they must be (docs/spec/round.md, "Masked rounds")."""

from ledger.formats.artifact import Layout
from ledger.masks.streams import WORD
from ledger.rounds.admission import Decision, UpdateReading, Verdict
from ledger.rounds.rules.arithmetic import Ints


class MaskedReading(UpdateReading):
    """As `UpdateReading`, of words that say nothing of the values: header and length (HEADER), and root (ROOT).

    It iterates over the words in the bands of the job's layout, so that they add up with the others'.
    """

    width, dtype = WORD, "<u8"

    def _measure(self, values: Ints) -> None:
        """Words have no bounds."""

    def _within(self) -> Decision:
        return Decision(Verdict.ADMITTED)

    @staticmethod
    def _file(layout: Layout) -> Layout:
        return layout.masked
