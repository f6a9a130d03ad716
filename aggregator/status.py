"""What `status` and `preview` show, as documents for --json and as tables."""

from collections.abc import Collection, Sequence
from typing import Any

from aggregator.steps import AggregatorSituation, Step, next_step
from aggregator.worker import Meter
from ledger.errors import Unavailable, UsageError
from ledger.formats.cid import RAW, Cid
from ledger.history.fold import History
from ledger.history.phases import present
from ledger.history.state import JobState, Round
from ledger.party.connection import Connection
from ledger.rounds.facts import RoundFacts, Standpoint
from ledger.rounds.outcome import Outcome, bytes_to_read, recompute
from ledger.rounds.receipts import MAX_SIZE, certified, parse
from ledger.rounds.steps import Wait

Document = dict[str, Any]
_NAMES = {"OpenRound": "open", "OpenUpdates": "open updates", "PublishAggregate": "aggregate", "Advance": "advance"}


def status_of(connection: Connection, key: str) -> Document:
    """Every open job's round and this aggregator's next step."""
    history, now = connection.history, connection.time()
    member = history.member_of(key)
    jobs = [_job(connection, history, state, key, now) for state in history.jobs.values() if state.open]
    return {"key": key, "member": member.index if member else None, "time": now, "jobs": jobs}


def _job(connection: Connection, history: History, state: JobState, key: str, now: int) -> Document:
    round_ = state.current
    step = next_step(history, state, key, AggregatorSituation(now, connection.deep(), now))
    stage = present(round_, state.terms, now) if round_ else None
    return {
        "job": state.number,
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
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    if not document["jobs"]:
        console.print("no job is open")
        return
    table = Table(
        "job", "round", "phase", "left", "committed", "opened", "attempt", "next", box=None, header_style="dim"
    )
    for job in document["jobs"]:
        left = f"{max(0, job['deadline'] - document['time'])} s" if job["deadline"] else "-"
        step = job["next"]
        what = step["step"] if step["step"] != "wait" else f"wait: {step['why']}"
        table.add_row(
            str(job["job"]),
            f"{job['round']} of {job['rounds']}",
            job["phase"] or "-",
            left,
            escape(", ".join(job["commitments"])) or "-",
            escape(", ".join(job["updates"])) or "-",
            str(job["attempt"]),
            what,
        )
    console.print(table)


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
    facts = RoundFacts.of(connection.place, state, connection.document(state), round_)
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
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=True)
    table = Table("member", "weight", "verdict", "reason", box=None, header_style="dim")
    for update in document["updates"]:
        colour = "green" if update["verdict"] == "ADMITTED" else "red"
        reason = update["reason"].splitlines()[0]
        verdict = f"[{colour}]{update['verdict']}[/]"
        table.add_row(escape(update["name"]), str(update["weight"]), verdict, escape(reason))
    console.print(f"[bold]job {document['job']}, round {document['round']}[/] ({document['phase']})")
    console.print(table)
    if document["model"]:
        console.print(f"root   {document['root']}\nCID    {document['cid']} (digest)")
    else:
        console.print(f"no model: {escape(document['why'])}")
    if document["agrees"] is not None:
        console.print(f"claim  {document['claim']}")
        console.print("[green]equals what was published[/]" if document["agrees"] else "[red]NOT what was published[/]")
