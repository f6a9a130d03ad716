"""A round on a real chain whose aggregator lies: every file is in the home of one member, which agrees with nobody."""

from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
from scenes.synthetic import TERMS

from demo.consortium import LocalConsortium, Resident, found
from ledger.chain.sender import Sender
from ledger.events.records import Role
from ledger.formats import merkle
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.cid import Cid
from ledger.formats.claims import Claimed, UpdateOpening, claim_of, commitment, pack_openings
from ledger.formats.digest import NOTHING
from ledger.formats.header import Binding
from ledger.history.state import Round
from ledger.jobs.document import Admission, InitialModel, Job, JobTask
from ledger.jobs.plain import PLAIN
from ledger.jobs.privacy import OPEN
from ledger.jobs.rules import WeightedMean
from ledger.jobs.scores import NoScoring
from ledger.jobs.server import NONE
from ledger.party.connection import Connection
from ledger.rounds.facts import RoundFacts, initial_binding, update_binding
from ledger.rounds.rules import combine

BOTH = Role.PARTICIPANT | Role.AGGREGATOR
SALT, WEIGHT, SECONDS = b"S" * 16, 100, 3600


class Accusation:
    """A consortium of so many members, each with an update of so many values; the last member keeps all files."""

    def __init__(self, folder: Path, updates: int, values: int) -> None:
        names = [f"member {index}" for index in range(updates)]
        self.local: LocalConsortium = found(folder / "local", "bench", [(name, BOTH) for name in names])
        self.residents: list[Resident] = [self.local.residents[name] for name in names]
        self.connection = Connection.open(self.residents[-1].home)
        client = self.connection.client
        self.senders = [Sender(client, one.signer, one.home.outbox) for one in self.residents]
        self.layout, self.random = Layout((Tensor("weight", (values,)),)), np.random.default_rng(1)
        self.base = self._drawn(1 << 24)
        cid = self._put("initial", initial_binding(), self.base)
        self.job = self._job(cid)
        self._open_job()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self.local.stop()

    @property
    def home(self) -> tuple[object, ...]:
        return ("--home", self.residents[-1].home.folder)

    @property
    def key(self) -> tuple[object, ...]:
        return ("--passphrase-file", self.residents[-1].passphrase_file)

    def gas(self, tx: str) -> int:
        """What a transaction used."""
        return int(self.connection.client.rpc.call("eth_getTransactionReceipt", tx)["gasUsed"], 16)

    def publish_false(self, value: int) -> None:
        """A round with everybody's update, whose first member publishes a model with one value too large by 1."""
        self.senders[0].send("ledger", "openRound", 1)
        openings, drawn = [], []
        for index, sender in enumerate(self.senders):
            facts = self._facts()
            drawn.append(self._drawn(1 << 18))
            binding = update_binding(facts.place, facts.round, sender.address, facts.base).on(10, NOTHING)
            cid = self._put(f"update {index}", binding, drawn[-1])
            openings.append(UpdateOpening(sender.address, WEIGHT + index, merkle.root_of(drawn[-1]), cid.digest, SALT))
            sender.send("ledger", "commitUpdate", 1, 1, commitment(facts.name, openings[-1]))
        self.senders[0].send("ledger", "openUpdates", 1, 1, pack_openings(openings))
        mean = combine(WeightedMean(), [opening.weight for opening in openings], drawn.__getitem__)
        model = (self.base + mean).astype("<i4")
        model[value] += 1
        facts, latest = self._facts(), self.connection.client.latest()
        cid = self._put("lie", facts.binding, model)
        history = (latest.number, latest.hash, self.connection.history.head_at(latest.number))
        made = (facts.base.root, merkle.root_of(model), cid.digest)
        said = Claimed(*made, *history, NOTHING, NOTHING, bytes(len(openings)))
        claim = claim_of(facts.name, facts.round.opened, said)
        self.senders[0].send("ledger", "publishAggregate", 1, 1, tuple(said), claim)

    def _facts(self) -> RoundFacts:
        state = self.connection.refresh().jobs[1]
        round_: Round = state.rounds[1]
        return RoundFacts.of(self.connection.place, state, self.job, round_)

    def _open_job(self) -> None:
        terms, model = map(msgspec.structs.astuple, (self.job.terms, self.job.model_terms))
        self.connection.put([self.job.encode()], "job")
        self.senders[0].send("ledger", "proposeJob", self.job.digest, terms, model)
        for sender in self.senders[1 : len(self.senders) // 2 + 1]:
            sender.send("ledger", "approveJob", 1, self.job.digest)

    def _drawn(self, bound: int) -> Any:
        return self.random.integers(-bound, bound, self.layout.values, dtype=np.int32)

    def _put(self, pin: str, binding: Binding, values: Any) -> Cid:
        return self.connection.put([self.layout.header(binding), values.tobytes()], pin)

    def _job(self, initial: Cid) -> Job:
        times = TERMS.__class__(1, *[SECONDS] * 4, 2)
        return Job(
            fedledger="job/2",
            name="benchmark",
            task=JobTask(name="none", version="1", code="0" * 64, settings={}),
            tensors=self.layout.tensors,
            initial_model=InitialModel(cid=str(initial), root=merkle.root_of(self.base).hex(), seed=1),
            aggregation=WeightedMean(),
            admission=Admission(min_updates=1, max_weight=1 << 20, max_value=1 << 24, max_norm=1 << 40),
            terms=times,
            scoring=NoScoring(),
            hold_out=0,
            privacy=OPEN,
            **PLAIN,
            server=NONE,
        )
