"""An audit of a live consortium: what the chain says is observed and handed to the pure audit; copies are read."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from ledger.audit import Audit, Observed, damaged_copies, scope_of
from ledger.audit.report import AuditVerdict, Check, Finding, Report
from ledger.chain.build import SOLIDITY_NAMES
from ledger.chain.evidence.fetch import ChainWitness
from ledger.config import cache_folder
from ledger.errors import Corrupt, FedledgerError, Refuted, Unavailable, UsageError
from ledger.formats.cid import Cid, of_file
from ledger.formats.digest import keccak
from ledger.history.fold import History
from ledger.jobs.document import Job, committed_set
from ledger.party.connection import Connection
from ledger.store.holders import Holders

SETTLE_TRIES = 5


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """What to audit: one round, one job, or all; whether to compile the sources; whether to read every copy."""

    job: int | None = None
    round: int | None = None
    source: bool = True
    copies: bool = False
    threads: int = 2


def inspect(connection: Connection, wanted: AuditRequest, progress: Callable[[int], None] = lambda _: None) -> Report:
    """Audit a consortium. Raises what `Connection` raises where the chain itself cannot be read."""
    observed = _observe(connection, wanted)
    history = connection.history
    scope = scope_of(history, wanted.job, wanted.round)
    if not scope:
        raise UsageError("there is no such round to audit", job=wanted.job, round=wanted.round)
    report = _blank(connection, wanted)
    audit = Audit(
        history,
        connection.place,
        report,
        connection.fetch,
        connection.name,
        wanted.threads,
        progress,
        ChainWitness(connection.client.rpc, connection.place.chain, connection.client.addresses),
    )
    audit.run(observed, scope)
    if wanted.copies:
        _read_every_copy(connection, report, _files(history, audit.documents, scope), progress)
    for finding in damaged_copies(history, audit.documents, connection.bad_copies, audit.describe):
        report.add(finding)
    return report


def require_verified(connection: Connection, job: int, round_: int) -> None:
    """Audit a finalised round before something is decided about its model. Raises Refuted or Unavailable.

    An attempt that the members refuted themselves, and what somebody attested wrongly, do not count against the model.
    """
    report = inspect(connection, AuditRequest(job, round_, source=False))
    final = connection.history.jobs[job].rounds[round_].attempt
    against = [one for one in report.findings if one.check is not Check.ATTESTATION and one.attempt in (None, final)]
    verdict = msgspec.structs.replace(report, findings=against).verdict
    if verdict is AuditVerdict.VERIFIED:
        return
    wrong = next((one for one in against if one.status in ("refuted", "unknown")), None)
    kind = Refuted if verdict is AuditVerdict.REFUTED else Unavailable
    raise kind(
        f"the audit of round {round_} says {verdict.value}, so nothing was proposed",
        advice=f"fedledger audit --job {job} --round {round_} shows all of it; --no-audit proposes without",
        finding=wrong.message if wrong else "a check was not made",
    )


def bytes_to_read(connection: Connection, wanted: AuditRequest) -> int:
    """How many bytes an audit will report to `progress`, for a progress bar; 0 where that cannot be known."""
    total = 0
    for number, round_number in scope_of(connection.history, wanted.job, wanted.round):
        state = connection.history.jobs[number]
        try:
            size = connection.document(state).layout.size
        except FedledgerError:
            continue
        round_ = state.rounds[round_number]
        total += size * len(round_.updates) * (1 + min(1, len(round_.aggregates)))
    return total


def _observe(connection: Connection, wanted: AuditRequest) -> Observed:
    """What the chain says, as of the moment up to which the connection's history goes.

    Read between two refreshes that brought nothing new; raises Unavailable where the ledger never rests that long.
    """
    source = _source(connection) if wanted.source else None
    contracts, client = connection.network.contracts, connection.client
    pinned = {solidity: getattr(contracts, name) for name, solidity in SOLIDITY_NAMES.items()}
    code = {name: (pin.code_hash, "0x" + keccak(client.code(pin.address)).hex()) for name, pin in pinned.items()}
    for _ in range(SETTLE_TRIES):
        history = connection.refresh()
        before = history.applied
        jobs = [state for state in history.jobs.values() if wanted.job in (None, state.number)]
        rounds = [(job.number, number) for job in jobs for number in job.rounds]
        models = {place: client.model(*place) for place in rounds}
        claims = {place: client.final_claim(*place) for place in rounds}
        scorings = [(job.number, number) for job in jobs for number in job.scorings]
        scores = {place: client.scores_root(*place) for place in scorings}
        if connection.refresh().applied == before:
            return Observed(code, source, models, claims, scores)
    raise Unavailable("the ledger changes too fast to be read as of one moment", advice="audit one round or job")


def _blank(connection: Connection, wanted: AuditRequest) -> Report:
    network = connection.network
    job = f"job {wanted.job}" if wanted.job else "all jobs"
    return Report(
        network=network.name,
        chain=network.chain.id,
        consortium=network.contracts.consortium.address,
        ledger=network.contracts.ledger.address,
        block=connection.client.head()[0],
        scope=f"{job}, {f'round {wanted.round}' if wanted.round else 'all rounds'}",
    )


def _source(connection: Connection) -> dict[str, bool] | str:
    from ledger.chain.source_check import SourceStatus, check_source

    result = check_source(connection.client, cache=cache_folder())
    if result.status is SourceStatus.UNCHECKED:
        return f"the sources could not be compiled: {result.reason} (--no-source leaves this check out)"
    return {name: result.actual[name] == code for name, code in result.expected.items()}


def _files(history: History, documents: dict[int, Job], scope: Iterable[tuple[int, int]]) -> list[Cid]:
    """Every artifact that the rounds in scope are about, once."""
    files: dict[Cid, None] = {}
    for number, round_number in scope:
        if number not in documents:
            continue
        job, round_ = documents[number], history.jobs[number].rounds[round_number]
        files[job.initial_cid] = None
        if (evidence := committed_set(job.scoring)) is not None:
            files[Cid.parse(evidence.cid)] = None
        for update in round_.sorted_updates():
            files[of_file(update.cid, job.layout.size)] = None
        if round_.final is not None:
            files[of_file(round_.final.cid, job.layout.size)] = None
    return list(files)


def _read_every_copy(
    connection: Connection, report: Report, files: Iterable[Cid], progress: Callable[[int], None]
) -> None:
    """COPIES: each holder's copy of each file, whole. A holder without one is not a finding; a damaged copy is one."""
    everyone = connection.holders
    report.verify(Check.COPIES, 0)
    for holder in ([everyone.local] if everyone.local else []) + list(everyone.others):
        rest = tuple(other for other in everyone.others if other is not holder)
        for cid in files:
            try:
                for piece in Holders(None, (holder,)).read(cid):
                    progress(len(piece))
            except Corrupt:
                _locate(connection, Holders(None, (holder, *rest)), cid)
            except Unavailable:
                continue
            except FedledgerError as error:
                message = f"the file does not follow the UnixFS profile: {error}"
                report.add(Finding(check=Check.COPIES, status="notice", message=message, cid=str(cid)))
            else:
                report.verify(Check.COPIES)


def _locate(connection: Connection, holders: Holders, cid: Cid) -> None:
    """Read a file whose first holder's copy is damaged from the others too, so that the damage can be placed."""
    try:
        for _ in holders.read(cid):
            pass
    except Unavailable:
        pass
    known = {(copy.holder, copy.block) for copy in connection.bad_copies}
    connection.bad_copies.extend(c for c in holders.bad_copies if (c.holder, c.block) not in known)
