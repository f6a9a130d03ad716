"""What `fedledger job` shows of a job: its document, and what the ledger has of it by itself."""

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ledger.cli.agreed import agreed, caps
from ledger.cli.withdrawal import withdrawals
from ledger.errors import FedledgerError
from ledger.formats.text import listed, plural

if TYPE_CHECKING:
    from ledger.events.rounds import Terms
    from ledger.history.state import JobState
    from ledger.jobs.document import Job, Setting
    from ledger.party.connection import Connection
    from ledger.rounds.awaited import AwaitedRound


def name_of(connection: "Connection", state: "JobState") -> str:
    """A job's name; where its document cannot be read, why."""
    try:
        return connection.document(state).name
    except FedledgerError as error:
        return f"(document: {error.message})"


def phase(document: Mapping[str, Any]) -> str:
    """How far a job has come, in one word, or in its approvals, of those that it needs, while it is not open."""
    stage = str(document["stage"])
    return f"{len(document['approvals'])} of {plural(document['needed'], 'approval')}" if stage == "proposed" else stage


def record_of(
    connection: "Connection", state: "JobState", document: "Job | None", lacking: FedledgerError | None
) -> dict[str, Any]:
    """The document, whose bytes have the digest, with how far the job has come and when; null, and why, where it
    is `lacking`.
    """
    from ledger.history.convicted import start_of
    from ledger.party.moments import Moments

    moments = Moments(connection, state.block, state.opened_in, state.closed_in)
    why = {"message": lacking.message, "advice": lacking.advice} if lacking else None
    return {
        "job": state.number,
        "digest": state.digest.hex(),
        "stage": state.stage,
        **moments.of(state.block),
        "opened": moments.at(state.opened_in),
        "closed": moments.at(state.closed_in),
        "convicted": state.convicted or None,
        "sound": state.sound if state.convicted else None,
        "void": state.void,
        **({"begins_falsely": found.text} if (found := start_of(connection.history.jobs.values(), state)) else {}),
        "waits": waits_record(connection, state, connection.time()),
        "withdrawn": withdrawals(connection, state),
        "document": json.loads(document.encode()) if document else None,
        **({"not_had": why} if why else {}),
    }


def waits_of(connection: "Connection", state: "JobState", now: int) -> "AwaitedRound | None":
    """Whom the job's round waits for at `now`, by the chain's clock; None without a round that waits."""
    from ledger.rounds.awaited import awaited

    round_, history = state.current, connection.history
    if round_ is None or not state.open or state.closed:
        return None
    return awaited(history.members, state, round_, now, masked=state.number in history.masks)


def waits_record(connection: "Connection", state: "JobState", now: int) -> dict[str, Any] | None:
    """The same for JSON, by name; `until` in seconds since 1970, `said` for people."""
    found = waits_of(connection, state, now)
    if found is None:
        return None
    members, withdrew = ([connection.name(index) for index in some] for some in (found.members, found.withdrawn))
    return {"for": members, "withdrawn": withdrew, "needed": found.needed, "until": found.until,
            "said": found.words(connection.name)}  # fmt: skip


def _waits(connection: "Connection", state: "JobState") -> dict[str, str]:
    """For people: whom the round waits for, and what ends waiting for members that withdrew their data."""
    from ledger.rounds.awaited import counted_still, way_out

    found = waits_of(connection, state, connection.time())
    said = {"waits": f"round {len(state.rounds)} waits {found.words(connection.name)}"} if found else {}
    still = counted_still(connection.history.members, state)
    ways = "; ".join(f"for {connection.name(one.index)}: {way_out(one)}" for one in still)
    why = "each round waits until its deadline for who withdrew its data; a vote ends that, for all jobs"
    return said | ({"waiting ends": f"{why} ({ways})"} if ways else {})


def summary(
    connection: "Connection", state: "JobState", document: "Job | None", lacking: FedledgerError | None = None
) -> dict[str, str]:
    """A job for people: what the ledger has of it, and what its document says; without it, why it is `lacking`."""
    from ledger.history.convicted import begun, judged
    from ledger.history.jobs import approvals_needed, approving
    from ledger.history.withdrawal import withdrawn

    approved = [connection.name(index) for index in approving(state, connection.history.members)]
    needed = approvals_needed(connection.history.members)
    words = {"stage": state.stage, "approvals": approved, "needed": needed}
    name = document.name if document else "its name is in its document"
    known = {
        "job": f"{state.number}: {name} ({phase(words)})",
        "approved by": listed(approved) or "nobody",
        "rounds finalised": f"{state.finalised} of {state.terms.rounds}",
        **judged(state),
        **begun(connection.history.jobs.values(), state),
        **withdrawn(state, connection.name),
        **_waits(connection, state),
        "document": state.digest.hex(),
    }
    if document is not None:
        return known | _documented(connection, state, document)
    why = f"{lacking.message}{f'; {lacking.advice}' if lacking.advice else ''}" if lacking else "not read"
    return known | _recorded(state) | {"not had": f"name, task, settings, tensors and all else: {why}"}


def _recorded(state: "JobState") -> dict[str, str]:
    """What the contracts keep of a job without its document; limits as the ledger counts them."""
    from ledger.jobs.rules import RULE_NUMBERS

    model = state.model
    rule = next((str(kind.__struct_config__.tag) for kind, number in RULE_NUMBERS.items() if number == model.rule), "?")
    return {
        "initial model": f"tensor root {model.initial.hex()}",
        "model": plural(model.values, "value"),
        "aggregation": f"{rule}{f', trim {model.trim}' if model.trim else ''}",
        "admission": f"at least {plural(model.min_updates, 'update')}, maximum weight {model.max_weight:,}; as the "
        f"ledger counts them: maximum value {model.max_value:,}, maximum norm {model.max_norm:,}",
        "terms": _terms(state.terms),
        "scores": f"by {plural(state.terms.scorers, 'scorer')}" if state.terms.scored else "none",
    }


def _terms(terms: "Terms") -> str:
    return (
        f"{plural(terms.rounds, 'round')}, {plural(terms.attempts, 'attempt')}; {terms.update_seconds} s to "
        f"commit, {terms.open_seconds} s to open, {terms.aggregate_seconds} s to aggregate, "
        f"{terms.attest_seconds} s to attest"
    )


def _documented(connection: "Connection", state: "JobState", document: "Job") -> dict[str, str]:
    from ledger.jobs.hierarchy import describe as describe_edges
    from ledger.jobs.limits import limit_words
    from ledger.jobs.privacy import describe, describe_hidden, describe_masks
    from ledger.jobs.private import describe as describe_private
    from ledger.jobs.rules import describe_rule
    from ledger.jobs.schedule import describe_schedule
    from ledger.jobs.server import describe as describe_server
    from ledger.scores.tables import describe_method

    task, terms, limits, masked = document.task, document.terms, document.admission, document.masked
    return {
        "task": f"{task.name} {task.version}, code {task.code[:16]}…",
        "settings": ", ".join(f"{name} = {as_drafted(value)}" for name, value in sorted(task.settings.items())),
        **_asked(document),
        "stays at home": describe_private(document.private),
        "initial model": document.initial_model.cid,
        "aggregation": describe_rule(document.aggregation),
        "server": describe_server(document.server),
        "admission": f"at least {plural(limits.min_updates, 'update')}, maximum weight {limits.max_weight:,}, "
        f"maximum value {limit_words(document, limits.max_value)}, "
        f"maximum norm {limit_words(document, limits.max_norm)}"
        f"{', longer updates are cut to it' if limits.clips else ''}{caps(connection, document)}",
        "terms": _terms(terms),
        "schedule": describe_schedule(document.schedule, terms.buffer),
        "scores": describe_method(document),
        **({"compressed": document.compression.words} if document.compression else {}),
        "privacy": describe(document.privacy),
        **({"masks": describe_masks(masked), "masks hide": describe_hidden(masked)} if masked else {}),
        "noise hides": document.dp.words if document.dp else "nothing: training adds none",
        **({"edges": describe_edges(document.hierarchy)} if document.hierarchy else {}),
        **agreed(document),
    }


def _asked(document: "Job") -> dict[str, str]:
    """What a round makes: a model, or an analysis' sums."""
    from ledger.jobs.analysis import describe

    size = f"{plural(document.layout.values, 'value')} in {plural(len(document.tensors), 'tensor')}"
    if document.analysis is None:
        return {"model": size}
    return {"analysis": describe(document.analysis), "answer": f"{size}; fedledger stats shows the sums, no model"}


def as_drafted(value: "Setting") -> str:
    """A setting as a draft in TOML has it; there a decimal is a number, in the document a text."""
    if isinstance(value, list):
        return f"[{', '.join(map(as_drafted, value))}]"
    if isinstance(value, str):
        return value if re.fullmatch(r"-?[0-9]+\.[0-9]+", value) else json.dumps(value, ensure_ascii=False)
    return str(value).lower()
