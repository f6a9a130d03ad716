"""A small job to simulate, its data, and what real nodes make of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from support.training import machine

from ledger.formats.cid import Cid
from ledger.formats.digest import encode, sha256
from ledger.formats.rows import Draw
from ledger.formats.unixfs import cid_of
from ledger.history.state import Aggregate, JobState, Phase, Round, Update
from ledger.jobs.document import Job
from ledger.rounds.facts import Place, RoundFacts, Standpoint, base_named, update_binding
from ledger.rounds.outcome import recompute

PLACE = Place(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3")
DRAFT = """
name = "small"
seed = 3
hold_out = {hold_out}
[task]
name = "tabular"
[task.settings]
model = "mlp"
hidden = ["6"]
learning_rate = "{rate}"
batch_size = 8
epochs = 2
optimiser = "{optimiser}"
proximal_mu = "0.01"
columns = ["a", "b", "c"]
ranges = ["0:1", "0:1", "0:1"]
classes = ["x", "y", "z"]
[aggregation]
rule = "{rule}"
[admission]
min_updates = {least}
max_weight = 500
max_value = {largest}
max_norm = 20
[terms]
rounds = 4
update_seconds = 60
aggregate_seconds = 30
attest_seconds = 30
attempts = 2
"""
OWN_DRAFT = """
name = "own"
hold_out = 0
[task]
name = "{task}"
[task.settings]
[admission]
max_weight = 500
max_value = 4.0
max_norm = 20
[terms]
rounds = 2
update_seconds = 60
aggregate_seconds = 30
attest_seconds = 30
"""
DEFAULTS = {"hold_out": 0, "rate": "0.2", "optimiser": "sgd", "rule": "weighted_mean", "least": 2, "largest": "1.0"}


def write_draft(path: Path, **changes: object) -> Path:
    path.write_text(DRAFT.format(**DEFAULTS | changes))
    return path


def write_own_draft(path: Path, task: str) -> Path:
    """A draft of a job of two rounds with a task of one's own, by its name."""
    path.write_text(OWN_DRAFT.format(task=task))
    return path


def write_rows(path: Path, rows: int, seed: int = 1) -> Path:
    """Rows whose class follows from their largest column."""
    import numpy as np

    values = np.random.default_rng(seed).random((rows, 3)).round(6)
    lines = [",".join([*map(str, row), "xyz"[int(row.argmax())]]) for row in values]
    path.write_text("\n".join(["a,b,c,label", *lines]) + "\n")
    return path


class Nodes:
    """What real nodes make, without a chain: each trains in a home of its own and submits a file, and everyone comes
    to the round's outcome.
    """

    def __init__(self, job: Job, initial: bytes, files: Sequence[Path], folder: Path, salt_seed: int) -> None:
        from participant.node.drift import Drifts
        from participant.tasks.training import Local

        self.job, self.files, self.store = job, files, dict[Cid, bytes]()
        self.own: dict[int, Any] = {}
        """What each keeps at home from round to round."""
        self._put(initial)
        self.drifts = [Drifts(SimpleNamespace(fetch=self.fetch)) for _ in files]  # type: ignore[arg-type]
        self.locals = []
        for index, _ in enumerate(files):
            salt = sha256(encode(["simulated salt", salt_seed, index]))
            self.locals.append(Local.of(job, machine(folder / f"home-{index}"), salt=salt))
        self.state = JobState(1, job.digest, _key(0), job.terms, job.model_terms, b"")

    def round(self, buffer: Sequence[tuple[int, bytes]] = ()) -> bytes:
        """Play a round; the root of its model. `buffer` has whose updates a buffered job's round is of, each with the
        root of the model that it was trained on.
        """
        number, nodes = len(self.state.rounds) + 1, len(self.files)
        keys = {index: _key(index) for index in range(nodes)}
        round_ = Round(1, number, _key(0), 0, 1, *[nodes] * 3, keys, 0, 0)
        self.state.rounds[number] = round_
        for index, root in buffer or [(index, b"") for index in range(nodes)]:
            round_.updates[index] = self._submit(round_, index, root)
        facts = RoundFacts.of(PLACE, self.state, self.job, round_)
        outcome = recompute(
            facts,
            self.fetch,
            round_.updates.keys(),
            keep=lambda pieces: self._put(b"".join(pieces)),
            keep_state=lambda _, pieces: self._put(b"".join(bytes(piece) for piece in pieces)),
        )
        if not outcome.carried.empty:
            self._put(outcome.carried.encode())
        said = outcome.claimed(Standpoint(0, bytes(32), bytes(32), bytes(32)))
        round_.aggregates.append(Aggregate(1, _key(0), 0, *said, bytes(32), 0, b"", 0))
        round_.phase = Phase.FINALISED
        return outcome.root

    def fetch(self, cid: Cid, start: int, stop: int | None) -> Iterator[memoryview]:
        yield memoryview(self.store[cid])[start:stop]

    def _submit(self, round_: Round, index: int, root: bytes) -> Update:
        from participant.integers.artifacts import UpdateFile, stream_of_body
        from participant.node.trainings import seed_of

        local, facts = self.locals[index], RoundFacts.of(PLACE, self.state, self.job, round_)
        named = base_named(self.state, self.job, round_.number, root) if root else facts.base
        base = stream_of_body(self.job.layout, [self.store[named.cid][self.job.layout.header_size :]])
        number = named.round + 1 if root else round_.number
        seed, own = seed_of(self.job.digest, number, index), self.own.get(index, {})
        drift = self.drifts[index].of(facts, index)
        trained = local.train(base, self.files[index], number, seed, own=own, drift=drift)
        self.own[index] = trained.own
        tree = Draw(self.job.digest, local.salt, self.job.hold_out).tree(round_.number, trained.leaves)
        binding = update_binding(PLACE, round_, _key(index), named).on(len(tree.trained), tree.root)
        file = UpdateFile.of(self.job.update_layout, binding, trained.update)
        cid, weight = self._put(b"".join(file.pieces)), min(trained.weight, self.job.admission.cap(index))
        return Update(_key(index), index, weight, file.root, cid.digest, bytes(32), b"", b"", 0)

    def _put(self, data: bytes) -> Cid:
        cid = cid_of([data])[0]
        self.store[cid] = data
        return cid


def _key(index: int) -> str:
    return f"0x{index + 1:040d}"


def wanted(place: Path, job: Path, data: Sequence[Path], **changes: Any) -> Any:
    """A request, of two rounds on eight clients."""
    from participant.simulation.simulation import Wanted

    default: dict[str, Any] = {
        "test": None,
        "clients": None if len(data) > 1 else 8,
        "rounds": 2,
        "partition": "iid",
        "ledger": "none",
    }
    default |= {"seed": 1, "slow": "", "exact": None, "device": "cpu", "folder": place / "results"}
    return Wanted(job=job, data=tuple(data), **default | changes)


def call(*words: Any) -> Any:
    """`fedledger simulate` with these words."""
    from click.testing import CliRunner

    from ledger.cli.main import fedledger

    return CliRunner().invoke(fedledger, ["simulate", *map(str, words)])


def ran(tmp_path: Path, draft: Path, rows: Path, **changes: Any) -> Any:
    """A simulation that has run."""
    from participant.simulation.simulation import Simulation

    made = Simulation(wanted(tmp_path, draft, [rows], **changes))
    made.run()
    return made


def audited(folder: Path) -> Any:
    """The audit of a simulation's ledger, its chain run again."""
    from click.testing import CliRunner

    from ledger.cli.main import fedledger
    from ledger.config import Home, HomeSettings, save
    from participant.simulation.registration import chain_state, local_chain

    home = Home(folder)
    with local_chain(chain_state(home)) as chain:
        save(home.settings_file, HomeSettings(name="simulation", rpc=(chain.url,)))
        return CliRunner().invoke(fedledger, ["audit", "--home", str(folder), "--json"])
