"""What `status` and `preview` show, as documents for --json and as tables."""

from collections.abc import Collection, Sequence
from typing import Any

from aggregator.acts import Step
from aggregator.situation import AggregatorSituation
from aggregator.steps import next_step
from aggregator.worker import Meter
from ledger.cli.job_facts import name_of
from ledger.cli.screen import shown
from ledger.cli.tables import print_facts, print_line, print_table
from ledger.errors import Unavailable, UsageError
from ledger.formats.cid import RAW, Cid
from ledger.formats.text import listed
from ledger.history.fold import History
from ledger.history.phases import present
from ledger.history.state import JobState, Round
from ledger.party.connection import Connection
from ledger.party.seals.reader import SealReader
from ledger.rounds.facts import RoundFacts, Standpoint
from ledger.rounds.outcome import Outcome, bytes_to_read, recompute
from ledger.rounds.receipts import MAX_SIZE, certified, parse
from ledger.rounds.steps import Wait

Document = dict[str, Any]
_NAMES = {
    "OpenRound": "open",
    "OpenUpdates": "open updates",
    "PublishAggregate": "aggregate",
    "Advance": "advance",
    "OpenSegment": "open a segment",
    "ProposeCast": "propose a cast",
    "ProposeSet": "propose a set",
}


def status_of(connection: Connection, key: str) -> Document:
    """Every open job's round and this aggregator's next step."""
    history, now = connection.history, connection.time()
    member = history.member_of(key)
    jobs = [_job(connection, history, state, key, now) for state in history.jobs.values() if state.open]
    return {"key": key, "member": member.index if member else None, "time": now, "jobs": jobs}


def _job(connection: Connection, history: History, state: JobState, key: str, now: int) -> Document:
    round_ = state.current
    step = next_step(history, state, key, AggregatorSituation(now, connection.deep(), now, name=connection.name))
    stage = present(round_, state.terms, now) if round_ else None
    return {
        "job": state.number,
        "name": name_of(connection, state),
        "finalised": state.finalised,
        "rounds": state.terms.rounds,
        "round": round_.number if round_ else 0,
        "phase": stage.phase.value if stage else None,
        "deadline": stage.deadline if stage and not stage.phase.terminal else None,
        "commitments": [connection.name(index) for index in sorted(round_.commitments)] if round_ else [],
        "updates": [connection.name(index) for index in sorted(round_.updates)] if round_ else [],
        "attempt": round_.attempt if round_ else 0,
        "next": _named(step),
    }


def _named(step: Step) -> Document:
    if isinstance(step, Wait):
        return {"step": "wait", "why": step.why, "until": step.until}
    return {"step": _NAMES[type(step).__name__]}


def print_status(document: Document) -> None:
    """The status as a table."""
    if document["jobs"]:
        columns = ("job", "name", "finalised", "round", "phase", "left", "committed", "opened", "attempt", "next")
        print_table(columns, (_row(job, document["time"]) for job in document["jobs"]))
    else:
        print_line("no job is open")


def _row(job: Document, now: int) -> tuple[str, ...]:
    step = job["next"]
    return (
        str(job["job"]),
        shown(job["name"]),
        f"{job['finalised']} of {job['rounds']}",
        str(job["round"] or "-"),
        job["phase"] or "-",
        f"{max(0, job['deadline'] - now)} s" if job["deadline"] else "-",
        shown(listed(job["commitments"])) or "-",
        shown(listed(job["updates"])) or "-",
        str(job["attempt"]),
        step["step"] if step["step"] != "wait" else shown(f"wait: {step['why']}"),
    )


def preview_of(
    connection: Connection, state: JobState, number: int | None, without: Sequence[int], threads: int, meter: Meter
) -> Document:
    """A round's outcome, worked out again.

    Updates without a certificate in the receipts of the latest aggregate are UNAVAILABLE; where there is none, or
    `without` is given, those of `without`. Raises UsageError where there is no such round, Unavailable where bytes or
    receipts cannot be had.
    """
    round_ = state.rounds.get(number or len(state.rounds))
    if round_ is None:
        raise UsageError(f"job {state.number} has no such round", round=number, rounds=len(state.rounds))
    masks = connection.history.masks.get(state.number)
    facts = RoundFacts.of(connection.place, state, connection.document(state), round_, masks)
    facts = SealReader(connection.folder).open(facts, connection.fetch)
    try:
        counted = (
            _certified(connection, facts) if round_.attempt and not without else round_.updates.keys() - set(without)
        )
        outcome = recompute(
            facts,
            connection.fetch,
            counted,
            threads=threads,
            progress=meter(f"round {round_.number}", bytes_to_read(facts)),
        )
    except Unavailable as error:
        raise Unavailable(
            f"round {round_.number} cannot be recomputed: {error.message}",
            advice="wait for a holder, or see with --without MEMBER what comes of it without that update",
            **error.facts,
        ) from error
    return _outcome(connection, round_, outcome)


def _certified(connection: Connection, facts: RoundFacts) -> Collection[int]:
    """Whose updates are certified by the receipts of the latest aggregate."""
    pieces = connection.fetch(Cid(RAW, facts.round.aggregates[-1].receipts), 0, MAX_SIZE + 1)
    return certified(parse(b"".join(bytes(piece) for piece in pieces)), facts.roll)


def _outcome(connection: Connection, round_: Round, outcome: Outcome) -> Document:
    """The claim is as of the published aggregate's standpoint, with the head of one's own history."""
    published = round_.aggregates[-1] if round_.aggregates else None
    claim = None
    if published:
        head = connection.history.head_at(published.as_of)
        claim = outcome.claim(Standpoint.of(published)._replace(head=head))
    return {
        "job": round_.job,
        "round": round_.number,
        "phase": round_.phase.value,
        "updates": [
            {
                "member": judged.update.index,
                "name": connection.name(judged.update.index),
                "weight": judged.update.weight,
                "verdict": judged.decision.verdict.name,
                "reason": judged.decision.message or judged.decision.verdict.meaning,
            }
            for judged in outcome.judged
        ],
        "root": outcome.root.hex(),
        "cid": outcome.cid.hex(),
        "claim": claim.hex() if claim else None,
        "model": any(outcome.root),
        "why": outcome.why,
        "published": published.claim.hex() if published else None,
        "agrees": published.claim == claim if published else None,
    }


def print_preview(document: Document) -> None:
    """The outcome as a table and a few lines."""
    print_line(f"[bold]job {document['job']}, round {document['round']}[/] ({document['phase']})")
    print_table(("member", "weight", "verdict", "reason"), map(_judged, document["updates"]))
    facts = {"root": document["root"], "CID": f"{document['cid']} (digest)"} if document["model"] else {}
    if not document["model"]:
        print_line(f"no model: {shown(document['why'])}")
    print_facts(facts | ({"claim": document["claim"]} if document["agrees"] is not None else {}))
    if document["agrees"] is not None:
        print_line("[green]equals what was published[/]" if document["agrees"] else "[red]NOT what was published[/]")


def _judged(update: Document) -> tuple[str, ...]:
    colour = "green" if update["verdict"] == "ADMITTED" else "red"
    verdict = f"[{colour}]{update['verdict']}[/]"
    return shown(update["name"]), str(update["weight"]), verdict, shown(update["reason"].splitlines()[0])
