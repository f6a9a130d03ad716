"""The checks of what members attested of one aggregate: each claim, and that who agrees has computed it."""

from collections.abc import Iterable
from typing import Any

from ledger.audit.certificates import Certificates, ReceiptsFiles
from ledger.audit.claims import attempt_claim, round_place, state_of_attestation, touched
from ledger.audit.context import Context
from ledger.audit.remade import Remade
from ledger.audit.report import Check, LieState
from ledger.audit.said import agreed, attested, foundation
from ledger.audit.views import AttemptView
from ledger.errors import Unavailable
from ledger.events.evidence import Said
from ledger.events.rounds import Form
from ledger.formats.cid import RAW, Cid
from ledger.history.state import Aggregate, Attestation
from ledger.rounds.admission import Verdict
from ledger.rounds.facts import RoundFacts
from ledger.rounds.outcome import Outcome
from ledger.rounds.receipts import RECEIPTS_BIT, marks


class AttestationsAudit:
    """ATTESTATION: what each member said of an aggregate, of which `outcome` is what recomputes under `receipts`."""

    def __init__(
        self,
        audit: Context,
        facts: RoundFacts,
        files: ReceiptsFiles,
        remade: Remade,
        aggregate: Aggregate,
        outcome: Outcome,
        view: AttemptView,
        receipts: bytes,
    ) -> None:
        self.audit, self.facts, self.files, self.remade = audit, facts, files, remade
        self.aggregate, self.outcome, self.view = aggregate, outcome, view
        self.round = facts.round
        self.right = view.claim(outcome, receipts)

    def run(self) -> None:
        """Judge all of them."""
        for attestation in self.aggregate.attestations:
            match attestation.form:
                case Form.AGREE:
                    self._agrees(attestation)
                case Form.OTHER:
                    self._opposes(attestation)
                case Form.MISSING:
                    self._lacks(attestation)

    def _agrees(self, said: Attestation) -> None:
        """A member that agrees has signed all that the aggregate claims, and shows that it computed it."""
        if said.claim != self.right:
            self._false(said)
        elif said.detail != (witness := self.outcome.witness(said.member, said.claim)):
            why = "it agreed without computing: its witness is not the one that computing yields"
            copied = [one.member for one in self.aggregate.attestations if one.detail == said.detail]
            if copied[0] != said.member:
                why += f", but a copy of that of {self.audit.describe(copied[0])}"
            told = {"expected": witness.hex(), "actual": said.detail.hex()}
            self._convict(said, "caught", why, **told)
        else:
            self.audit.found.verify(Check.ATTESTATION)

    def _opposes(self, said: Attestation) -> None:
        """Another claim is no lie if it recomputes, under the aggregate's receipts or the member's own."""
        if said.claim == self.right:
            self.audit.found.verify(Check.ATTESTATION)
        elif said.detail != self.aggregate.receipts:
            self._under_its_own(said)
        else:
            self._false_against(said)

    def _under_its_own(self, said: Attestation) -> None:
        member = self.audit.describe(said.member)
        what = f"the attestation of {member} for {attempt_claim(self.round, self.aggregate)}"
        try:
            own = self.files.read(said.detail)
        except Unavailable as error:
            cid, why = str(Cid(RAW, said.detail)), f"its receipts file could not be had, so it was not judged: {error}"
            self._blame([attested(self.round, self.aggregate, said)], what, why, party=member, cid=cid)
            return
        outcome = self.remade.outcome(own.certified, {})
        if isinstance(outcome, str):
            self._open(what, f"it could not be recomputed under its own receipts: {outcome}", party=member)
        elif said.claim == self.view.claim(outcome, said.detail):
            self.audit.found.verify(Check.ATTESTATION)
            self._left_out(said, own)
        else:
            self._false_against(said)

    def _false_against(self, said: Attestation) -> None:
        """Its claim hides the head in it: where members did not sign the history, that may be the true one."""
        if self.view.certain:
            self._false(said)
            return
        member = self.audit.describe(said.member)
        what = f"the attestation of {member} for {attempt_claim(self.round, self.aggregate)}"
        told = {"expected": self.right.hex(), "actual": said.claim.hex(), "tx": said.tx.hex()}
        why = "it is another than what recomputes from the log that was read, which too few members have signed so far"
        self._open(what, why, party=member, **told)

    def _left_out(self, said: Attestation, own: Certificates) -> None:
        """Two honest views; but who published and agreed owed the update that had an old enough certificate."""
        old = self.files.in_time(own, self.aggregate)
        for update, byte in zip(self.round.sorted_updates(), self.aggregate.verdicts, strict=True):
            if byte != Verdict.UNAVAILABLE or update.index not in (own.certified if old is None else old):
                continue
            party, witness = self.audit.describe(update.party), self.audit.describe(said.member)
            signers = tuple(self.audit.describe(self.round.keys[index]) for index in own.signers(update.index))
            what = f"the update of {party} in {round_place(self.round)}"
            told = {"party": party, "signed_for": signers, "cid": str(Cid(RAW, said.detail))}
            if old is None:
                why = f"it was left out, and {witness} has a certificate: its age is on the node's word"
                self._open(what, why, **told)
                continue
            why = f"it was left out in spite of a certificate that was signed in time; {witness} has it"
            self._blame(agreed(self.round, self.aggregate), what, why, **told)

    def _lacks(self, said: Attestation) -> None:
        """Bytes may be there for one and not for another: this convicts nobody."""
        self.audit.found.verify(Check.ATTESTATION)
        lacking = marks(int.from_bytes(said.detail))
        of = self.audit.names(index for index in lacking if index in self.round.updates)
        files = "the receipts file" if RECEIPTS_BIT in lacking else f"the updates of {of}"
        member = self.audit.describe(said.member)
        self._open(f"bytes that {member} lacked", f"it could not have {files}", party=member, tx=said.tx.hex())

    def _false(self, said: Attestation) -> None:
        """What a member attested is false. It touches what it agreed to, or the failure that it brought about."""
        right = self.aggregate.claim == self.right
        state = state_of_attestation(said, self.aggregate, self.round, self.facts.state, right=right)
        touches: tuple[str, ...] = (touched(self.aggregate, self.round),) if said.agrees else ()
        if state == "standing" and not said.agrees:
            touches = (f"failure of {attempt_claim(self.round, self.aggregate)}",)
        numbers = {"expected": self.right.hex(), "actual": said.claim.hex()}
        self._convict(said, state, "a member attested something other than what recomputes", touches=touches, **numbers)

    def _convict(self, said: Attestation, state: LieState, why: str, **detail: Any) -> None:
        basis = foundation(self.facts.state, self.round, self.facts.base.round)
        what = f"attestation of {attempt_claim(self.round, self.aggregate)}"
        made = attested(self.round, self.aggregate, said)
        self.audit.convict(made, what, state, Check.ATTESTATION, basis, why=why, **self._where, **detail)

    def _blame(self, basis: Iterable[Said], what: str, why: str, **detail: Any) -> None:
        self.audit.blame(basis, Check.ATTESTATION, what, why, **self._where, **detail)

    def _open(self, what: str, why: str, **detail: Any) -> None:
        self.audit.leave_open(Check.ATTESTATION, what, why, **self._where, **detail)

    @property
    def _where(self) -> dict[str, int]:
        return {"job": self.round.job, "round": self.round.number, "attempt": self.aggregate.attempt}
