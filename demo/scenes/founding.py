"""How the demo begins: a consortium is founded, its nodes start, and the members agree on a job."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from demo.consortium import found
from demo.folder import DRAFT, MASKED, PLAIN, mask, set_rounds
from demo.observer import JOB
from demo.parties import COORDINATOR, HOSPITALS, PARTIES, ROLES, Parties
from demo.stage import Stage
from ledger.config import HomeSettings, save
from ledger.formats.digest import sha256
from ledger.jobs.document import Job, parse
from ledger.party.connection import Connection
from ledger.party.masking.proposing import propose
from ledger.party.pins import job_pin
from participant.rows.records import RowRecords

if TYPE_CHECKING:
    from ledger.chain.sender import Sender

APPROVING = 3
"""Hospitals that propose or approve the job: a majority of five members."""


def found_consortium(stage: Stage, rounds: int, draft: str = DRAFT) -> Parties:
    """Chain, contracts, homes and data; the example's draft asks for so many rounds."""
    local = found(stage.folder, "Four hospitals", [(name, ROLES[name]) for name in PARTIES])
    stage.stack.callback(local.stop)
    example = stage.spawn("example data", "node", "example", "breast-cancer", stage.data)  # waits for slow imports
    for number, name in enumerate(HOSPITALS, 1):
        data = (stage.data / f"hospital-{number}.csv").resolve()
        save(local.residents[name].home.settings_file, HomeSettings(name=name, data=str(data)))
    stage.finish(example, "there is no example data")
    if draft == MASKED:
        mask(stage.data / PLAIN, stage.data / MASKED)
    set_rounds(stage.data / draft, rounds)
    stage.screen.say(f"a chain runs at {local.anvil.url}; five members, eight contracts")
    return Parties(stage, local)


def open_job(parties: Parties, rounds: int, draft: str = DRAFT) -> Job:
    """Start the hospitals' nodes and the coordinator, which aggregates `rounds`, and agree on the job meanwhile."""
    stage = parties.stage
    parties.start(COORDINATOR, "--rounds", str(rounds))
    path = stage.folder / "job.json"
    author = parties[HOSPITALS[0]].home.folder
    creation = stage.spawn("job", "job", "create", stage.data / draft, "--output", path, "--home", author)
    stage.screen.say("four nodes, an aggregator and an evaluator start, each a process of its own")
    for name in HOSPITALS:
        parties.start(name)
    with ExitStack() as stack:
        speakers = [_Speaker.enter(parties, name, stack) for name in HOSPITALS[:APPROVING]]
        stage.finish(creation, "the job could not be created")
        job = parse(path.read_bytes())
        _draw(parties, job)
        _agree(speakers, job)
    stage.screen.say(f"job {JOB} ({job.name}) was proposed by {HOSPITALS[0]} and approved by a majority")
    return job


def _draw(parties: Parties, job: Job) -> None:
    """Which rows are held out, the same in every demo: so every demo's models are the same. Others draw in secret."""
    for name in HOSPITALS:
        RowRecords(parties[name].home.folder / "rows").adopt(job, sha256(f"fedledger demo: {name}".encode()))


def start_evaluation(parties: Parties) -> Path:
    """A process that measures every model as it is finalised, on data of none of the hospitals; the file it writes."""
    stage, metrics = parties.stage, parties.stage.folder / "metrics.jsonl"
    places = ("--network", parties.local.network_file, "--home", stage.folder / "evaluation")
    options = ("--follow", "--json", "--data", stage.data / "test.csv", *places)
    stage.lasting["evaluation"] = stage.spawn("evaluation", "node", "evaluate", *options, output=metrics)
    return metrics


class _Speaker(NamedTuple):
    """A hospital that speaks about the job."""

    connection: Connection
    sender: "Sender"

    @classmethod
    def enter(cls, parties: Parties, name: str, stack: ExitStack) -> Self:
        resident = parties[name]
        connection = stack.enter_context(Connection.open(resident.home))
        sender = connection.sender(resident.signer)
        connection.refresh()
        return cls(connection, sender)


def _agree(speakers: Sequence[_Speaker], job: Job) -> None:
    """One hospital proposes the job, the others approve it, each for itself."""
    proposer, *others = speakers
    proposer.connection.put([job.encode()], job_pin(job.digest))
    propose(proposer.connection, proposer.sender, job)
    with ThreadPoolExecutor(len(others)) as voices:
        list(voices.map(lambda other: other.sender.send("ledger", "approveJob", JOB, job.digest), others))
