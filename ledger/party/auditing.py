"""An audit of a live consortium: what the chain says is observed and handed to the pure audit; copies are read."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec

from ledger.audit import Audit, Observed, Question, Scope, damaged_copies, scope_of
from ledger.audit.context import CHAIN_NODE, Blocks, ShownBlock
from ledger.audit.copies import scarce_copies
from ledger.audit.observed import final_casts, final_claims
from ledger.audit.report import Check, HistoryRead, Report, StorageRead
from ledger.audit.signed import signing
from ledger.chain.build import SOLIDITY_NAMES
from ledger.chain.client import Client
from ledger.chain.evidence.fetch import ChainWitness
from ledger.chain.proofs.account import FalseProof
from ledger.chain.proofs.storage import Keeper, proved
from ledger.config import Network, cache_folder
from ledger.court.recorded import require_from_bytes, retrial
from ledger.errors import FedledgerError, Malformed, Refuted, Unavailable
from ledger.formats.cid import RAW, Cid, of_file
from ledger.formats.digest import NOTHING
from ledger.formats.edges.receipts import EdgeReceipt
from ledger.history.fold import History, HistoryError
from ledger.history.foundation import foundation_of
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.jobs.scores import committed_set
from ledger.masks.secret import Secret
from ledger.party import proving
from ledger.party.connection import Connection
from ledger.party.endpoints import age, differences, history_read, is_disputed
from ledger.party.proving import ELSEWHERE
from ledger.party.seals.drawer import Drawer
from ledger.party.seals.reader import SealReader
from ledger.party.sharing.slips import gather_slips
from ledger.party.upkeep.every_copy import read_every_copy, state_files
from ledger.party.workers.staff import Engine, Staff, paying, workers_of
from ledger.rounds.facts import RoundFacts

if TYPE_CHECKING:
    from ledger.platforms.roots import PlatformRoots

UNREADABLE = (HistoryError, Malformed)
"""What reading a log raises where no honest node serves it."""
SETTLE_TRIES = 5
ALL = Question()

Source = dict[str, bool] | str | None


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """What to audit; whether to compile the sources; whether to read every copy; further chain nodes to compare with.

    `read_keys` open sealed updates, with slips that members' gateways have; so do the keys and slips of the auditor's
    home. `endpoints` are URLs. So many `workers` check rounds, of this machine's processes or of a Ray cluster
    (`engine`); 1 is this process itself, None as many processes as pay off. `platform_roots` are trusted to speak for
    hardware. With `children` sums are read down to the updates that they are of; `receipts` are those of edges.
    """

    question: Question = ALL
    source: bool = True
    copies: bool = False
    threads: int = 2
    endpoints: tuple[str, ...] = ()
    workers: int | None = 1
    engine: Engine = "processes"
    read_keys: tuple[Secret, ...] = ()
    platform_roots: "PlatformRoots | None" = None
    children: bool = False
    receipts: tuple[EdgeReceipt, ...] = ()


def inspect(connection: Connection, wanted: AuditRequest, progress: Callable[[int], None] = lambda _: None) -> Report:
    """Audit a consortium. Raises what `Connection` raises where the chain itself cannot be read, and UsageError where
    the question is about something that is not on record.
    """
    with answers():
        observed, how, untrue = _observe(connection, wanted)
        sealed, receipts = proving.seals(connection), proving.receipts(connection)
        told = {"storage": how, "receipts": receipts.said, "seals": sealed.said}
        read = msgspec.structs.replace(history_read(connection, wanted.endpoints), **told)
    with TemporaryDirectory(prefix="fedledger-slips-") as folder:
        return _inspect(connection, wanted, progress, observed, (sealed, receipts), (read, untrue), Path(folder))


def _retrials(connection: Connection) -> dict[str, Any]:
    """How convictions are judged again: from what brought them before the court, or from the bytes."""
    client = connection.client
    again = retrial(client.rpc, connection.place.chain, client.addresses)
    return {"retry": again, "retry_from_bytes": require_from_bytes}


def _opener(connection: Connection, read_keys: tuple[Secret, ...], folder: Path) -> Callable[[RoundFacts], RoundFacts]:
    """Puts in the keys of sealed updates that can be opened; slips that are asked for are kept in `folder`."""
    gathered = Drawer(folder)
    reader = SealReader(connection.folder, read_keys, [gathered])

    def opened(facts: RoundFacts) -> RoundFacts:
        if facts.job.sealed is None:
            return facts
        gather_slips(connection, gathered, facts)
        return reader.open(facts, connection.fetch)

    return opened


def _inspect(
    connection: Connection,
    wanted: AuditRequest,
    progress: Callable[[int], None],
    observed: Observed,
    proofs: tuple[Any, Any],
    told: tuple[HistoryRead, str | None],
    folder: Path,
) -> Report:
    (sealed, receipts), (read, untrue) = proofs, told
    history = connection.history
    scope = scope_of(history, wanted.question)
    client = connection.client
    blocks = _blocks(client)
    workers = wanted.workers or paying(bytes_to_read(connection, wanted))
    staff = Staff(workers, wanted.engine, max(1, wanted.threads // workers))
    witness = ChainWitness(client.rpc, connection.place.chain, client.addresses, signing(history), wanted.threads)
    audit = Audit(
        history,
        connection.place,
        connection.fetch,
        connection.name,
        wanted.threads,
        progress,
        witness,
        blocks,
        elsewhere=workers_of(connection, staff, blocks, progress),
        opener=_opener(connection, wanted.read_keys, folder),
        roots=wanted.platform_roots,
        children=wanted.children,
        receipts=wanted.receipts,
        **_retrials(connection),
    )
    audit.found.open.extend((*differences(read), *age(read, history)))
    if is_disputed(read):
        audit.found.doubted.add(None)
    if untrue is not None:
        why = f"{untrue}; so nothing was checked and nobody is blamed: {ELSEWHERE}"
        audit.leave_open(Check.HEADS, "what the contracts keep", why, fault=CHAIN_NODE)
        audit.found.doubted.add(None)
    if not proving.tell(audit, sealed, receipts) or untrue is not None:
        scope = Scope({})
    audit.run(observed, scope)
    states = state_files(connection, audit.documents, scope.rounds)
    if wanted.copies:
        files = [*_files(history, audit.documents, scope), *states]
        whole = read_every_copy(connection, audit.found, files, progress)
        audit.found.open.extend(scarce_copies(history, audit.documents, scope.rounds, whole, connection.network))
    audit.found.open.extend(damaged_copies(history, audit.documents, connection.bad_copies, audit.describe, states))
    return audit.report(wanted.question, read, connection.network.name, client.addresses["consortium"])


def unreadable(connection: Connection, error: FedledgerError) -> Report:
    """The report on events that contradict each other, or on logs that no contract writes, whatever was asked: nothing
    is known, and nobody is blamed.

    Raises Unavailable where the node does not even say which block is its latest.
    """
    with answers():
        latest = connection.client.latest()
    network = connection.network
    audit = Audit(History(foundation_of(network)), connection.place, connection.fetch, connection.name)
    told = ", ".join(f"{name} {value}" for name, value in error.facts.items())
    why = f"{error.message} ({told}), so nothing was checked and nobody is blamed; {error.advice or ELSEWHERE}"
    audit.leave_open(Check.LOG, "the ledger's log", why, fault=CHAIN_NODE)
    audit.found.doubted.add(None)
    read = HistoryRead(
        block=latest.number,
        hash="0x" + latest.hash.hex(),
        time=latest.time,
        age=max(0, int(time.time()) - latest.time),
        events=0,
        after=0,
    )
    return audit.report(ALL, read, network.name, network.contracts.consortium.address)


@contextmanager
def answers() -> Iterator[None]:
    """What the chain's node said wrongly is its own fault, not the caller's: Malformed becomes Unavailable."""
    try:
        yield
    except Malformed as error:
        raise Unavailable(error.message, advice=error.advice or ELSEWHERE, **error.facts) from error


def require_right(connection: Connection, job: int, round_: int) -> None:
    """Audit a finalised round before something is decided about its model. Raises Refuted or Unavailable."""
    right = inspect(connection, AuditRequest(Question.of_round(job, round_), source=False)).right
    if right.answer == "yes":
        return
    wrong = next(one for one in right.claims if one.answer == right.answer)
    kind, says = (Refuted, "is not right") if right.answer == "no" else (Unavailable, "could not be made again")
    raise kind(
        f"the audit of round {round_} says that {wrong.claim} {says}, so nothing was proposed",
        advice=f"fedledger audit --round {job}/{round_} shows all of it; --no-audit proposes without",
        finding=wrong.why or "",
    )


def bytes_to_read(connection: Connection, wanted: AuditRequest) -> int:
    """How many bytes an audit will report to `progress`, for a progress bar; 0 where that cannot be known."""
    total = 0
    for number, round_number in scope_of(connection.history, wanted.question).rounds:
        state = connection.history.jobs[number]
        try:
            job = connection.document(state)
        except FedledgerError:
            continue
        total += sum(map(job.size_of, state.rounds[round_number].updates))
    return total


def _observe(connection: Connection, wanted: AuditRequest) -> tuple[Observed, StorageRead, str | None]:
    """What the chain says as of the block up to which the connection's history goes, how that was read, and where the
    node's proof of it is false again and again, why.

    One false proof says nothing of the node: anvil proves the state of its next block while it makes that one.
    Raises Unavailable where that block is replaced again and again while it is read.
    """
    source, client = _source(connection) if wanted.source else None, connection.client
    untrue = None
    for _ in range(SETTLE_TRIES):
        history = connection.refresh()
        tip = connection.follower.tip
        keys = [key for member in history.members.values() for key in member.keys]
        jobs = [history.jobs[number] for number in scope_of(history, wanted.question).jobs]
        casts = [(job.number, one) for job in jobs for one in final_casts(history.masks.get(job.number))]
        read = partial(_kept, connection.network, jobs, keys, list(history.members), casts, source)
        how: StorageRead = "proved"
        try:
            untrue, observed = None, proved(client, tip.number, tip.hash, read)
        except FalseProof as error:
            untrue = error.message
            continue
        if observed is None:
            how, observed = "on the node's word", read(client.as_of(tip.number))
        if client.block_hash(tip.number) == tip.hash:
            return observed, how, None
    if untrue is not None:
        return Observed({}, source, {}, {}), "falsely proved", untrue
    raise Unavailable("the chain changes too fast to be read as of one block", advice="audit it later")


def _kept(
    network: Network,
    jobs: list[JobState],
    keys: list[str],
    members: list[int],
    casts: list[tuple[int, int]],
    source: Source,
    keeper: Keeper,
) -> Observed:
    """What the contracts keep of these jobs, of all keys that members ever had, of the members by index, and of casts
    by job and segment.
    """
    pinned = {name: getattr(network.contracts, name).code_hash for name in SOLIDITY_NAMES}
    rounds = [(job.number, number) for job in jobs for number in job.rounds]
    return Observed(
        {SOLIDITY_NAMES[name]: (pin, "0x" + keeper.code_hash(name).hex()) for name, pin in pinned.items()},
        source,
        models={place: keeper.model(*place) for place in rounds},
        claims={(j.number, before): keeper.claim_after(j.number, before) for j in jobs for before in final_claims(j)},
        scores={(j.number, number): keeper.scores_root(j.number, number) for j in jobs for number in j.scorings},
        commitments={(job.number, key): keeper.commitment(job.number, key) for job in jobs for key in keys},
        strikes={(job.number, index): keeper.strikes(job.number, index) for job in jobs for index in members},
        casts={place: keeper.cast(*place) for place in casts},
        judged={job.number: (keeper.conviction(job.number), keeper.voids(job.number)) for job in jobs},
    )


def _blocks(client: Client) -> Blocks:
    """The chain's blocks, each asked for once. Raises Unavailable where what the node says is not a block."""

    @cache
    def shown(number: int) -> ShownBlock | None:
        with answers():
            block = client.block(number)
        return None if block is None else ShownBlock(block.hash, block.time, block.proved, block.parent)

    return shown


def _source(connection: Connection) -> dict[str, bool] | str:
    from ledger.chain.source_check import SourceStatus, check_source

    result = check_source(connection.client, cache=cache_folder())
    if result.status is SourceStatus.UNCHECKED:
        return f"the sources could not be compiled: {result.reason} (--no-source leaves this check out)"
    pins = connection.network.contracts
    return {name: getattr(pins, name).code_hash == code for name, code in result.expected.items()}


def _files(history: History, documents: dict[int, Job], scope: Scope) -> list[Cid]:
    """Every artifact that the rounds in scope are about, once."""
    files: dict[Cid, None] = {}
    for number, round_number in scope.rounds:
        if number not in documents:
            continue
        job, round_ = documents[number], history.jobs[number].rounds[round_number]
        files[job.initial_cid] = None
        if (evidence := committed_set(job.scoring)) is not None:
            files[Cid.parse(evidence.cid)] = None
        for update in round_.sorted_updates():
            files[job.file_of(update.index, update.cid)] = None
        if round_.final is not None:
            files[of_file(round_.final.cid, job.layout.size)] = None
            if round_.final.carried != NOTHING:
                files[Cid(RAW, round_.final.carried)] = None
    return list(files)
