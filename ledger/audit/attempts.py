"""The checks of one aggregate: its receipts, each verdict, the model, and the head that it names."""

from typing import Any

from ledger.audit.attestations import AttestationsAudit
from ledger.audit.certificates import Certificates, ReceiptsFiles
from ledger.audit.claims import attempt_claim, round_place, state_of_aggregate, touched
from ledger.audit.context import CHAIN_NODE, Context
from ledger.audit.difference import locate_carried, locate_difference, locate_scalar
from ledger.audit.remade import Remade, failed, taken_over
from ledger.audit.report import Check
from ledger.audit.said import foundation, published
from ledger.audit.views import AttemptView
from ledger.errors import Unavailable
from ledger.formats.cid import RAW, Cid, of_file
from ledger.formats.digest import NOTHING
from ledger.history.state import Aggregate, Update
from ledger.rounds.admission import Judged, Verdict
from ledger.rounds.facts import RoundFacts
from ledger.rounds.masking.summed import fixed_receipts
from ledger.rounds.outcome import Outcome


class AttemptAudit:
    """Audits one aggregate with its attestations."""

    def __init__(
        self, audit: Context, facts: RoundFacts, files: ReceiptsFiles, remade: Remade, aggregate: Aggregate
    ) -> None:
        self.audit, self.facts, self.files, self.remade, self.aggregate = audit, facts, files, remade, aggregate
        self.round = facts.round
        self.given: Certificates | None = None
        masks = facts.masks.rounds.get(facts.round.number) if facts.masks is not None else None
        self.receipts = fixed_receipts(masks) or aggregate.receipts
        """The SHA-256 of the receipts file that it is judged by: in a masked round that of its set."""

    def read_receipts(self) -> None:
        """BYTES: the receipts file that the aggregate names. Who published it, and who agreed, owes it."""
        aggregate = self.aggregate
        try:
            self.given = self.files.read(self.receipts)
        except Unavailable as error:
            agreeing = [one.member for one in aggregate.attestations if one.agrees]
            who = ", ".join(map(self.audit.describe, [aggregate.aggregator, *agreeing]))
            what = f"the receipts file of {attempt_claim(self.round, aggregate)}"
            detail = {"fault": who, "cid": str(Cid(RAW, self.receipts)), "touches": self._touches()}
            self._open(Check.BYTES, what, f"it could not be had: {error}", **detail)
        else:
            self.audit.found.verify(Check.BYTES)

    def uses(self, index: int) -> bool:
        """Whether the attempt is made from the bytes of a member's update, as far as that is known."""
        return self.given is None or index in self.given.certified

    def signers(self, index: int) -> tuple[int, ...]:
        """Who signed, in the attempt's receipts, to hold the update of a member."""
        return self.given.signers(index) if self.given else ()

    def run(self) -> None:
        """Recompute everything that the aggregate says, then what members said of it."""
        if self.given is None:
            self._unmade("its receipts could not be had")
            return
        view = AttemptView.of(self.audit, self.round, self.aggregate)
        if not self._is_seen(view):
            return
        if self.receipts != self.aggregate.receipts:
            told = {"expected": self.receipts.hex(), "actual": self.aggregate.receipts.hex()}
            self._refute(Check.MASKS, "it names other receipts than the round's set was agreed with", **told)
        if not self.remade.unmade:
            self._verdicts(self.given)
        outcome = self.remade.outcome(self.given.certified, taken_over(self.round, self.aggregate))
        if isinstance(outcome, str):
            self._not_made(outcome, view)
            return
        self._model(outcome)
        parts = (self.audit, self.facts, self.files, self.remade, self.aggregate, outcome, view)
        AttestationsAudit(*parts, self.receipts).run()

    def _not_made(self, why: str, view: AttemptView) -> None:
        """It could not be made again. Where the ledger will never show what would make it, nobody could compute it."""
        if self.remade.unshown and self.round.phase.terminal and view.certain:
            self._refute(Check.MASKS, f"nobody can have computed it: {why}")
        else:
            self._unmade(why)

    def _unmade(self, why: str) -> None:
        """The aggregate could not be made again. One that failed keeps nothing open but its own name."""
        over = failed(self.aggregate)
        maker = {"party": self.audit.describe(self.aggregate.aggregator)} if over else {}
        what = attempt_claim(self.round, self.aggregate) + (", which failed" if over else "")
        self._open(Check.AGGREGATE, what, f"it could not be recomputed: {why}", touches=self._touches(), **maker)

    def _touches(self) -> tuple[str, ...]:
        return () if failed(self.aggregate) else (touched(self.aggregate, self.round),)

    def _is_seen(self, view: AttemptView) -> bool:
        """SIGNED: whether the history that the aggregate was made from is the one that was read, so far as to judge it.

        Where it is certain, another head is the aggregator's lie. Where it is not, one of two histories is false, and
        who agreed to either is not judged.
        """
        what, said = attempt_claim(self.round, self.aggregate), self.aggregate
        if view.foreign:
            shown = self.audit.blocks(said.as_of)
            told = {"expected": said.anchor.hex(), "actual": shown.hash.hex() if shown else "no such block"}
            why = f"its block {said.as_of} is another on this node's chain; read the log from another endpoint"
            self._open(Check.SIGNED, what, why, fault=CHAIN_NODE, **told)
            self.audit.found.doubted.add(self.round.job)
            return False
        told = {"expected": view.head.hex(), "actual": said.head.hex()}
        if view.differs and view.certain:
            why = f"the head at block {said.as_of} is not that of the ledger's events"
            self._refute(Check.SIGNED, why, **told)
        elif view.differs:
            why = (
                f"its head at block {said.as_of} is another than that of the log that was read, and no majority has "
                "signed either: nothing in it was judged; ask another endpoint"
            )
            self._open(Check.SIGNED, what, why, touches=self._touches(), **told)
        return view.certain or not view.differs

    def _verdicts(self, given: Certificates) -> None:
        """ADMISSION: UNAVAILABLE exactly without a certificate; else the verdict that the bytes lead to."""
        for update, byte in zip(self.round.sorted_updates(), self.aggregate.verdicts, strict=True):
            known = self.remade.judged.get(update.index)
            if update.index not in given.certified:
                self._uncertified(update, byte, given, known)
            elif known is not None:
                self._verdict(update, byte, known.decision.verdict)
            elif byte == Verdict.UNAVAILABLE:
                self._false_verdict(update, byte, "another: members signed that they hold its bytes", given)

    def _verdict(self, update: Update, byte: int, right: Verdict) -> None:
        if byte == right:
            self.audit.found.verify(Check.ADMISSION)
        else:
            self._false_verdict(update, byte, f"{right.value} ({right.meaning})")

    def _uncertified(self, update: Update, byte: int, given: Certificates, known: Judged | None) -> None:
        """An update without a certificate is left out, whatever its bytes; who signed for it is told."""
        away = Verdict.UNAVAILABLE
        if byte != away:
            self._false_verdict(update, byte, f"{away.value} ({away.meaning})", given)
            return
        self.audit.found.verify(Check.ADMISSION)
        if known is not None and not failed(self.aggregate):
            signers, audit = given.signers(update.index), self.audit
            others = self.round.keys.keys() - set(signers)
            what = f"the update of {audit.describe(update.party)} in {round_place(self.round)}"
            why = (
                f"it was left out without a certificate: {len(signers)} of {self.facts.roll.needed} needed signed"
                f" to hold it; not {audit.names(others)}; its bytes can be had now"
            )
            detail = {"signed_for": tuple(audit.describe(self.round.keys[index]) for index in signers)}
            self._open(Check.ADMISSION, what, why, **self._of(update), **detail)

    def _false_verdict(self, update: Update, byte: int, expected: str, given: Certificates | None = None) -> None:
        why = "the aggregator's verdict on an update is not the one that the job's rules lead to"
        if given is not None:
            signers = len(given.signers(update.index))
            why += f": {signers} members signed to hold it, {self.facts.roll.needed} are needed"
        self._refute(Check.ADMISSION, why, **self._of(update), expected=expected, actual=_verdict(byte))

    def _model(self, outcome: Outcome) -> None:
        """AGGREGATE: root, CID and what is carried are those that recompute; else where the first value differs."""
        aggregate = self.aggregate
        same = (aggregate.root, aggregate.cid) == (outcome.root, outcome.cid)
        if same and aggregate.carried == outcome.carried.digest:
            self.audit.found.verify(Check.AGGREGATE)
            return
        if same:
            self._carried(locate_carried(self.facts, aggregate, outcome, self.audit.fetch, self.audit.threads))
            return
        if not outcome.carried.empty and (scalar := locate_scalar(self.facts, aggregate, outcome, self.audit.fetch)):
            self._carried(scalar)
            return
        if NOTHING in (aggregate.root, outcome.root):
            says = "no model can be made, but one can" if aggregate.empty else f"a model, but {outcome.why}"
            message = f"the aggregate claims {says}"
            evidence = {"why": message, "expected": outcome.root.hex(), "actual": aggregate.root.hex()}
        else:
            evidence = locate_difference(self.facts, aggregate, outcome, self.audit.fetch, self.audit.threads)
        if not aggregate.empty:
            evidence["cid"] = str(of_file(aggregate.cid, self.facts.model_size))
        self._refute(Check.AGGREGATE, evidence.pop("why"), **evidence)

    def _carried(self, evidence: dict[str, Any]) -> None:
        """What it carries is false: a stream of the state, or what an update counts."""
        if "party" in evidence:
            evidence["party"] = self.audit.describe(evidence["party"])
        self._refute(Check.AGGREGATE, evidence.pop("why"), **evidence)

    def _of(self, update: Update) -> dict[str, Any]:
        return {
            "party": self.audit.describe(update.party),
            "cid": str(self.facts.job.file_of(update.index, update.cid)),
        }

    def _refute(self, check: Check, why: str, **detail: Any) -> None:
        """What the aggregator published is false."""
        said, state = (
            published(self.round, self.aggregate),
            state_of_aggregate(self.aggregate, self.round, self.facts.state),
        )
        basis = foundation(self.facts.state, self.round, self.facts.base.round)
        what, touches = attempt_claim(self.round, self.aggregate), (touched(self.aggregate, self.round),)
        self.audit.convict(said, what, state, check, basis, why=why, touches=touches, **self._where, **detail)

    def _open(self, check: Check, what: str, why: str, **detail: Any) -> None:
        self.audit.leave_open(check, what, why, **self._where, **detail)

    @property
    def _where(self) -> dict[str, int]:
        return {"job": self.round.job, "round": self.round.number, "attempt": self.aggregate.attempt}


def _verdict(byte: int) -> str:
    try:
        return f"{byte} ({Verdict(byte).meaning})"
    except ValueError:
        return f"{byte} (no such verdict)"
