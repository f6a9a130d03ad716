"""What a member reads before it votes: the proposal, how it stands, and what speaks for a release."""

from typing import TYPE_CHECKING, Any

from ledger.errors import FedledgerError
from ledger.events.actions import ReleaseModel, RevokeRelease
from ledger.events.proposals import Proposal, Release
from ledger.events.records import Choice
from ledger.history.names import reason_text

if TYPE_CHECKING:
    from ledger.party.connection import Connection
    from ledger.releases.report import Evaluation

NOTHING = bytes(32)


def whole_document(connection: "Connection", proposal: Proposal, now: int) -> dict[str, Any]:
    """A proposal as JSON has it, with what speaks for a release."""
    from ledger.cli.decisions.describe import document

    found = document(connection, proposal, now)
    if isinstance(proposal.action, ReleaseModel):
        found |= model_document(connection, proposal.action)
    return found


def model_document(connection: "Connection", release: Release | ReleaseModel) -> dict[str, Any]:
    """The model of a release and its evaluation as JSON has them; `trouble` says why a part is missing."""
    import msgspec

    report, trouble = read_report(connection, release)
    return {
        "model": model_facts(connection, release),
        "evaluation": msgspec.to_builtins(report) if report else None,
        "trouble": trouble,
    }


def print_proposal(connection: "Connection", proposal: Proposal, now: int) -> None:
    """A proposal for people."""
    from ledger.chain.advice import advice_on
    from ledger.cli.decisions.describe import describe, rows, tally, when

    state = proposal.state(now).value
    facts = {
        f"proposal {proposal.number}": describe(connection, proposal.action),
        "proposed by": f"{_who(connection, proposal.proposer)}, {proposal.proposer}",
        "state": f"{state}; the vote ends {when(proposal.deadline)}" if state == "Voting" else state,
        "votes": tally(proposal),
    }
    for choice in Choice:
        names = [connection.name(index) for index, said in sorted(proposal.votes.items()) if said is choice]
        if names:
            facts[choice.name.lower()] = ", ".join(names)
    if state in ("Waiting", "Executable"):
        facts["carried out"] = f"from {when(proposal.executable_from)} until {when(proposal.executable_until)}"
    reason = reason_of(connection, proposal.action.reason) if isinstance(proposal.action, RevokeRelease) else ""
    if reason:
        facts["reason"] = reason
    if state == "Voting":
        facts["next"] = f"fedledger proposal vote {proposal.number} for|against|abstain"
        if proposal.certain:
            facts["next"] = f"it is certain to pass: fedledger proposal close {proposal.number}"
    else:
        facts["next"] = advice_on("Ballots_WrongState", {"state": state})
    rows(facts)
    if isinstance(proposal.action, ReleaseModel):
        print_model(connection, proposal.action)


def print_model(connection: "Connection", release: Release | ReleaseModel) -> None:
    """What a release is a release of, and what parties measured."""
    from ledger.cli.decisions.describe import rows

    facts = {name.replace("_", " "): str(value) for name, value in model_facts(connection, release).items()}
    report, trouble = read_report(connection, release)
    facts["evaluation"] = trouble or ("" if report else "none")
    facts["scores"] = release.scores.hex() if release.scores != NOTHING else "none"
    facts["check it"] = f"fedledger audit --job {release.job} --round {release.round}"
    rows({name: value for name, value in facts.items() if value})
    if report is not None:
        print_evaluation(report)


def model_facts(connection: "Connection", release: Release | ReleaseModel) -> dict[str, Any]:
    """Where a model is and what it was made of, as far as the ledger and the job's document tell."""
    from ledger.rounds.trace import trace

    state = connection.history.jobs[release.job]
    facts: dict[str, Any] = {"job": release.job, "round": release.round, "root": release.root.hex()}
    round_ = state.rounds.get(release.round)
    if round_ is None or round_.final is None:
        return facts
    facts |= {"updates": len(round_.updates), "attested_by": f"{round_.final.agreeing} of {round_.members} members"}
    try:
        document = connection.document(state)
    except FedledgerError:
        return facts
    newest = trace(state, document, release.round, connection.name, 1).models[0]
    built_on = sum(one.final is not None for number, one in state.rounds.items() if number < release.round)
    return (
        {"task": document.name}
        | facts
        | {
            "cid": newest.cid,
            "aggregator": newest.aggregator,
            "built_on": f"{built_on} finalised rounds and the initial model {document.initial_model.cid}",
        }
    )


def read_report(connection: "Connection", release: Release | ReleaseModel) -> "tuple[Evaluation | None, str]":
    """A release's report, or why it cannot be had; neither where it names none."""
    from ledger.party.publishing import report_of

    try:
        return report_of(connection, release), ""
    except FedledgerError as error:
        return None, f"{release.report.hex()}: {error.message}"


def keep_report(connection: "Connection", proposal: Proposal) -> None:
    """Hold a copy of the report that a member votes on, as far as it can be had."""
    from ledger.party.pins import report_pin
    from ledger.releases.report import MAX_SIZE, cid_of

    action = proposal.action
    if isinstance(action, ReleaseModel) and action.report != NOTHING:
        try:
            connection.keep(cid_of(action.report), report_pin(action.report), limit=MAX_SIZE)
        except FedledgerError:
            return  # who shows the proposal says so


def print_evaluation(report: "Evaluation") -> None:
    """A table of parties and their figures."""
    from rich.console import Console
    from rich.table import Table

    from ledger.cli.screen import print_whole, shown

    names = sorted({name for party in report.parties for name in party.metrics})
    table = Table("evaluated by", "samples", *names, box=None, header_style="dim")
    for party in report.parties:
        table.add_row(shown(party.party), str(party.samples), *(party.metrics.get(name, "") for name in names))
    if len(report.parties) > 1:
        mean = report.mean
        table.add_row("mean over samples", str(report.samples), *(mean.get(name, "") for name in names))
    print_whole(Console(highlight=False), table)


def reason_of(connection: "Connection", word: bytes) -> str:
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


def _who(connection: "Connection", key: str) -> str:
    members = connection.history.members.values()
    return next((connection.name(member.index) for member in members if key in member.keys), "somebody")
