"""What the checks of an audit share."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ledger.audit.report import Report
from ledger.history.fold import History
from ledger.rounds.admission import Progress
from ledger.rounds.facts import Place
from ledger.rounds.inputs import Fetch


@dataclass
class Context:
    """One audit's history, way to bytes, and report.

    `name` turns a member's index into its name; `progress` is called with the number of bytes read.
    """

    history: History
    place: Place
    report: Report
    fetch: Fetch
    name: Callable[[int], str]
    threads: int = 1
    progress: Progress = field(default=lambda _: None)

    def describe(self, key: str) -> str:
        """A party as findings name it: the member's name and the key that signed."""
        member = self.history.member_of(key)
        return f"{self.name(member.index)} ({key})" if member else key
