"""What speaks for a release: its model and the parties' evaluation, read as far as they can be had."""

from typing import TYPE_CHECKING, Any, NamedTuple

from ledger.errors import FedledgerError
from ledger.events.actions import NO_DIGEST, Action, ReleaseModel
from ledger.events.encoding import reason_text
from ledger.formats.text import command

if TYPE_CHECKING:
    from ledger.party.connection import Connection
    from ledger.releases.report import Evaluation


class ReleasedModel(NamedTuple):
    """The model that a release or a proposal names. `facts` say where it is and what it was made of.

    `report` is the evaluation, None where there is none; `trouble` says why one that is named is missing.
    """

    release: ReleaseModel
    facts: dict[str, Any]
    report: "Evaluation | None"
    trouble: str

    def document(self) -> dict[str, Any]:
        """The same as JSON has it."""
        import msgspec

        evaluation = msgspec.to_builtins(self.report) if self.report else None
        return {"model": self.facts, "evaluation": evaluation, "trouble": self.trouble}

    def words(self) -> dict[str, str]:
        """The same for people, but for the figures of the evaluation."""
        scores = self.release.scores
        facts = {name.replace("_", " "): str(value) for name, value in self.facts.items()} | {
            "evaluation": self.trouble or ("" if self.report else "none"),
            "scores": scores if scores != NO_DIGEST else "none",
            "check it": command("audit", "--job", self.release.job, "--round", self.release.round),
        }
        return {name: value for name, value in facts.items() if value}


def read_model(connection: "Connection", release: ReleaseModel) -> ReleasedModel:
    """The model of a release, with its report. Raises nothing for a part that cannot be had."""
    from ledger.party.publishing import report_of

    facts = _facts(connection, release)
    try:
        return ReleasedModel(release, facts, report_of(connection, release), "")
    except FedledgerError as error:
        return ReleasedModel(release, facts, None, f"{release.report}: {error.message}")


def keep_report(connection: "Connection", action: Action) -> None:
    """Hold a copy of the report that a member votes on, as far as it can be had."""
    from ledger.party.pins import report_pin
    from ledger.releases.report import MAX_SIZE, cid_of

    if isinstance(action, ReleaseModel) and action.report != NO_DIGEST:
        try:
            connection.keep(
                cid_of(bytes.fromhex(action.report)), report_pin(bytes.fromhex(action.report)), limit=MAX_SIZE
            )
        except FedledgerError:
            return  # `read_model` says so where the proposal is shown


def require_report(connection: "Connection", action: Action) -> str:
    """Hold a report's claims of held-out rows against the ledger before its release is voted for; what could not be
    checked, in words. Raises Refuted or UsageError as `ledger.party.held_out.require_held_out`.
    """
    from ledger.errors import Unavailable
    from ledger.party.held_out import require_held_out
    from ledger.party.publishing import report_of

    if not isinstance(action, ReleaseModel) or action.report == NO_DIGEST:
        return ""
    try:
        report = report_of(connection, action)
        if report is not None:
            require_held_out(connection, connection.history.jobs[action.job], report)
    except Unavailable as error:
        return f"what the report says was held out could not be checked: {error.message}"
    return ""


def read_reason(connection: "Connection", word: bytes) -> str:
    """The reason of a revocation: its text, or what the content store has under its SHA-256, or that digest."""
    from ledger.formats.cid import RAW, Cid
    from ledger.history.names import LONGEST_REASON

    text = reason_text(word)
    if text is not None:
        return text
    try:
        pieces = connection.fetch(Cid(RAW, word), 0, LONGEST_REASON + 1)
        return b"".join(bytes(piece) for piece in pieces).decode("utf-8", errors="replace")
    except FedledgerError as error:
        return f"the text with SHA-256 {word.hex()}, which cannot be had: {error.message}"


def _facts(connection: "Connection", release: ReleaseModel) -> dict[str, Any]:
    """Where a model is and what it was made of, as far as the ledger and the job's document say."""
    from ledger.rounds.trace import trace

    state = connection.history.jobs[release.job]
    facts: dict[str, Any] = {"job": release.job, "round": release.round, "root": release.root}
    round_ = state.rounds.get(release.round)
    if round_ is None or round_.final is None:
        return facts
    facts |= {"updates": len(round_.updates), "attested_by": f"{round_.final.agreeing} of {round_.members} members"}
    try:
        document = connection.document(state)
    except FedledgerError:
        return facts
    newest = trace(state, document, release.round, connection.name, 1).models[0]
    built_on = len(state.lineage(release.round)) - 1
    return (
        {"job_name": document.name, "task": f"{document.task.name} {document.task.version}"}
        | facts
        | {
            "cid": newest.cid,
            "aggregator": newest.aggregator,
            "built_on": f"{built_on} finalised rounds and the initial model {document.initial_model.cid}",
        }
    )
