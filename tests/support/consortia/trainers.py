"""Nodes in tests, driven look by look, on a job that is really trained: two columns, a few rows a party."""

from pathlib import Path
from typing import Any

import numpy as np
from support import warm
from support.consortia.aggregators import drive, end_pauses
from support.consortia.synthetic import Party, Trial
from support.journals import entries

from ledger.config import Home, HomeSettings, save
from ledger.events.records import Role
from ledger.party.journal import Journal
from ledger.party.masking.proposing import Proposer
from participant.jobs.creation import create
from participant.jobs.draft import read
from participant.node.node import Node
from participant.node.worker import NodeWorker
from participant.scoring.scorer import Scorer
from participant.tasks.data.files import DataFiles
from participant.trainer.trainers import Trainers

__all__ = ["drive", "end_pauses"]
FILE = "node.jsonl"

DRAFT = """
name = "two columns"
hold_out = {hold_out}

[task]
name = "tabular"

[task.settings]
model = "mlp"
hidden = [4]
learning_rate = {rate}
{settings}
columns = ["a", "b"]
ranges = ["0:10", "-1:1"]
label = "kind"
classes = ["low", "high"]

[admission]
min_updates = {least}
max_weight = {heaviest}
max_value = 4.0
max_norm = {norm}

[terms]
rounds = {rounds}
update_seconds = 600
open_seconds = 600
aggregate_seconds = {aggregate}
attest_seconds = 600
attempts = 2
"""

COMMITTED = """
[scoring]
method = "shapley"
utility = "loss"
evidence = "committed_set"
set = "rows.csv"
score_seconds = 600
reveal_seconds = 600
scorers = 2
"""
PRIVATE = COMMITTED.replace("committed_set", "private_sets").replace('set = "rows.csv"\n', "")
EVERYTHING = Role.PARTICIPANT | Role.AGGREGATOR | Role.SCORER


def write_data(path: Path, seed: int, rows: int = 24) -> Path:
    """A party's private table."""
    random = np.random.default_rng(seed)
    a, b = random.uniform(0, 10, rows), random.uniform(-1, 1, rows)
    lines = [f"{x},{y},{'high' if x > 5 else 'low'}" for x, y in zip(a, b, strict=True)]
    path.write_text("\n".join(["a,b,kind", *lines]) + "\n")
    return path


def train_on(
    trial: Trial,
    *,
    rounds: int = 2,
    rate: float = 0.1,
    norm: float = 8.0,
    scoring: str = "",
    open_set: bool = True,
    propose: bool = True,
    hold_out: int = 0,
    least: int = 2,
    settings: str = "epochs = 2",
    heaviest: int = 1000,
    server: str = "",
    schedule: str = "",
    aggregate: int = 600,
) -> Trial:
    """Give a trial that is not proposed a job that is really trained, and every party its data."""
    home = trial.parties[0].member.home.folder
    path = home / "draft.toml"
    said = {"rounds": rounds, "rate": rate, "norm": norm, "hold_out": hold_out, "least": least}
    said |= {"heaviest": heaviest, "aggregate": aggregate}
    path.write_text(DRAFT.format(settings=settings, **said) + scoring + server + schedule)
    write_data(home / "rows.csv", 77, rows=40)
    trial.job = create(read(path), trial.parties[0].connection.put, open_set=open_set)
    trial.layout = trial.job.layout
    for party in trial.parties:
        files = [(data_of(party), party.index), (validation_of(party), 100 + party.index)]
        data, validation = (str(write_data(file, seed)) for file, seed in files)
        save(party.member.home.settings_file, HomeSettings(name=party.member.name, data=data, validation=validation))
    if propose:
        trial.propose()
    return trial


def data_of(party: Party) -> Path:
    return party.member.home.folder / "data.csv"


def validation_of(party: Party) -> Path:
    return party.member.home.folder / "validation.csv"


def trainers_of(party: Party) -> Trainers:
    """A party's trainers, the same for all of its nodes."""
    if not hasattr(party, "trainers"):
        party.trainers = party.stack.enter_context(warm.trainers(party.member.home.folder))  # type: ignore[attr-defined]
    return party.trainers  # type: ignore[attr-defined, no-any-return]


def node(party: Party, *, scores: bool = True, data: Path | None = None, **options: Any) -> Node:
    """A party's node, as the command makes it; without `scores`, one that makes none. `data` is another file."""
    journal = Journal(party.member.home.folder / FILE, lambda _line: None)
    files, started = DataFiles.at(data or data_of(party)), trainers_of(party)
    worker = NodeWorker(party.connection, party.sender, journal, party.exchange, files, started)
    key, validation = party.member.signer, DataFiles.at(validation_of(party), "validation")
    scorer = Scorer(party.connection, party.sender, key, journal, validation, started) if scores else None
    proposer = Proposer(party.connection, party.sender, journal)
    return Node(party.connection, worker, journal, proposer, scorer=scorer, serving=party.serving, **options)


def patiently(one: Node) -> None:
    """Look, as often as it takes to fetch, to train and to use what was trained, but no more."""
    connection, rounds = one._connection, one._rounds
    for _ in range(40):
        one.look()
        asked = connection.documents.settle(60), connection.witnesses.settle(60)
        if not any((*asked, rounds.copies.settle(60), rounds.trainers.settle(60))):
            return


def notes(home: Home, *names: str) -> list[dict[str, Any]]:
    """What a home's node wrote down, of the actions named or all."""
    return [line for line in entries(home.folder / FILE) if not names or line["action"] in names]
