"""How the demo begins: a consortium is founded, its nodes start, and the members agree on a job."""

from pathlib import Path

import msgspec

from demo.consortium import found
from demo.folder import DRAFT, set_rounds
from demo.observer import JOB
from demo.parties import COORDINATOR, HOSPITALS, PARTIES, ROLES, Parties
from demo.stage import Stage
from ledger.config import HomeSettings, save
from ledger.jobs.document import Job, parse
from ledger.party.connection import Connection
from ledger.party.pins import job_pin

APPROVING = 3
"""Hospitals that propose or approve the job: a majority of five members."""


def found_consortium(stage: Stage, rounds: int) -> Parties:
    """Chain, contracts, homes and data; the example's draft asks for so many rounds."""
    example = stage.spawn("example data", "node", "example", "breast-cancer", stage.data)
    local = found(stage.folder, "Four hospitals", [(name, ROLES[name]) for name in PARTIES])
    stage.stack.callback(local.stop)
    for number, name in enumerate(HOSPITALS, 1):
        data = (stage.data / f"hospital-{number}.csv").resolve()
        save(local.residents[name].home.settings_file, HomeSettings(name=name, data=str(data)))
    stage.finish(example, "there is no example data")
    set_rounds(stage.data / DRAFT, rounds)
    stage.screen.say(f"a chain runs at {local.anvil.url}; five members, five contracts")
    return Parties(stage, local)


def open_job(parties: Parties, rounds: int) -> Job:
    """Start the hospitals' nodes and the coordinator, which aggregates `rounds`, and agree on the job meanwhile."""
    stage = parties.stage
    parties.start(COORDINATOR, "--rounds", str(rounds))
    path = stage.folder / "job.json"
    author = parties[HOSPITALS[0]].home.folder
    creation = stage.spawn("job", "job", "create", stage.data / DRAFT, "--output", path, "--home", author)
    stage.screen.say("four nodes, an aggregator and an evaluator start, each a process of its own")
    for name in HOSPITALS:
        parties.start(name)
    stage.finish(creation, "the job could not be created")
    job = parse(path.read_bytes())
    _agree(parties, job, path)
    return job


def start_evaluation(parties: Parties) -> Path:
    """A process that measures every model as it is finalised, on data of none of the hospitals; the file it writes."""
    stage, metrics = parties.stage, parties.stage.folder / "metrics.jsonl"
    places = ("--network", parties.local.network_file, "--home", stage.folder / "evaluation")
    options = ("--follow", "--json", "--data", stage.data / "test.csv", *places)
    stage.lasting["evaluation"] = stage.spawn("evaluation", "node", "evaluate", *options, output=metrics)
    return metrics


def _agree(parties: Parties, job: Job, path: Path) -> None:
    """One hospital proposes the job, two more approve it."""
    for name in HOSPITALS[:APPROVING]:
        resident = parties[name]
        with Connection.open(resident.home) as connection:
            connection.refresh()
            sender = connection.sender(resident.signer)
            if name == HOSPITALS[0]:
                connection.put([path.read_bytes()], job_pin(job.digest))
                terms, model = (msgspec.structs.astuple(part) for part in (job.terms, job.model_terms))
                sender.send("ledger", "proposeJob", job.digest, terms, model)
            else:
                sender.send("ledger", "approveJob", JOB, job.digest)
    parties.stage.screen.say(f"job {JOB} ({job.name}) was proposed by {HOSPITALS[0]} and approved by a majority")
