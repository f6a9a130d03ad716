"""What the checks of an audit share."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec

from ledger.audit.report import Finding, Report
from ledger.events.evidence import Said, SignedStatement, Unproven, Witness, nobody
from ledger.history.fold import History
from ledger.rounds.admission import Progress
from ledger.rounds.facts import Place
from ledger.rounds.inputs import Fetch


@dataclass
class Context:
    """One audit's history, way to bytes, and report.

    `name` turns a member's index into its name; `progress` is called with the number of bytes read. `witness` shows the
    signed statement behind an event: without one nobody is named.
    """

    history: History
    place: Place
    report: Report
    fetch: Fetch
    name: Callable[[int], str]
    threads: int = 1
    progress: Progress = field(default=lambda _: None)
    witness: Witness = nobody
    _shown: dict[bytes, SignedStatement | Unproven] = field(default_factory=dict)

    def describe(self, key: str) -> str:
        """A party as findings name it: the member's name and the key that signed."""
        member = self.history.member_of(key)
        return f"{self.name(member.index)} ({key})" if member else key

    def convict(self, finding: Finding, said: Said, basis: Iterable[Said] = ()) -> bool:
        """Add a refuted finding under the name of its signer, with the evidence; whether that could be done.

        `basis` is what others said that the recomputation rests on: their evidence goes into the report, too. Where one
        of these statements cannot be shown, the server's log is not to be believed: UNKNOWN, and nobody is named.
        """
        try:
            evidence = self._show(said)
            rests_on = [self._show(one) for one in basis]
        except Unproven as error:
            self.report.add(_unproven(finding, said, error))
            return False
        self.report.rest_on(rests_on)
        culprit = self.describe(said.signer)
        self.report.add(msgspec.structs.replace(finding, culprit=culprit, tx=said.tx.hex(), evidence=evidence))
        return True

    def _show(self, said: Said) -> SignedStatement:
        """The evidence, asked for once. Raises Unproven."""
        key = msgspec.json.encode(said)
        if key not in self._shown:
            try:
                self._shown[key] = self.witness(said)
            except Unproven as error:
                self._shown[key] = error
        shown = self._shown[key]
        if isinstance(shown, Unproven):
            raise shown
        return shown


def _unproven(finding: Finding, said: Said, error: Unproven) -> Finding:
    """What is left of a finding whose signer cannot be shown."""
    message = (
        "the server shows an event whose transaction it cannot show, or that says something else: "
        f"{error.message}; read the log from another endpoint"
    )
    return Finding(
        check=finding.check,
        status="unknown",
        message=message,
        job=finding.job,
        round=finding.round,
        attempt=finding.attempt,
        tx=str(error.facts.get("tx", said.tx.hex())).removeprefix("0x"),
    )
