"""Every update on record: a consortium of the clients, on a chain of its own that runs beside the simulation.

The folder becomes a home: `fedledger up` runs its chain again, and `fedledger audit` recomputes all of it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import msgspec

from ledger import keys
from ledger.chain.consortium_file import MAXIMUM_MEMBERS, MINIMUM_MEMBERS, Founder
from ledger.chain.deploy import deploy
from ledger.chain.sender import Sender
from ledger.config import LOCAL_CHAIN, Chain, Home, HomeSettings, save
from ledger.errors import Unavailable, UsageError
from ledger.events.haves import Have, content_of, have_to_sign
from ledger.events.records import Form, Role
from ledger.formats.cid import of_file
from ledger.formats.claims import SALT, UpdateOpening, commitment, pack_openings
from ledger.formats.digest import encode, sha256
from ledger.formats.rows import Draw
from ledger.history.state import JobState, Phase, Round
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.party.interrupts import deferred_interrupts
from ledger.party.pins import initial_pin, job_pin, receipts_pin, update_pin
from ledger.party.upkeep.making import make
from ledger.rounds import receipts
from ledger.rounds.admission import Decision, Verdict, judge_values
from ledger.rounds.facts import Base, RoundFacts, Standpoint, base_named, initial_binding, update_binding
from ledger.rounds.outcome import Outcome
from participant.integers.artifacts import UpdateFile, file_of, stream_of_body
from participant.integers.fixed_point import Stream
from participant.node.drift import Drifts
from participant.simulation.clients import SimulatedClient, salt_of
from participant.simulation.registration import chain_state, local_chain
from participant.simulation.rounds import SimulatedRound, mean_loss
from participant.simulation.state import State
from participant.simulation.training import Batch

NODE = "http://127.0.0.1:8545"
"""Where `fedledger up` runs a chain, and the network file looks for one."""
OPENED_AT_ONCE = 60
"""Updates that are opened by one transaction."""
EVERYTHING = Role.PARTICIPANT | Role.AGGREGATOR


def check_clients(clients: int) -> None:
    """Raise UsageError where a consortium cannot have so many members."""
    if not MINIMUM_MEMBERS <= clients <= MAXIMUM_MEMBERS:
        raise UsageError(
            f"a consortium has {MINIMUM_MEMBERS} to {MAXIMUM_MEMBERS} members",
            advice="simulate others with --ledger root, or none",
            clients=clients,
        )


def check_open(job: Job) -> None:
    """Raise UsageError for a masked or sealed job: a simulation puts the updates themselves on record; and for one with
    noise, whose cost its members do not spend.
    """
    if job.dp is not None:
        raise UsageError(
            "simulated members spend no privacy budget on record",
            advice="simulate it with --ledger root, which makes the same models",
            job=job.name,
        )
    if job.masked is not None or job.sealed is not None:
        how = "sealed" if job.sealed else "masked"
        raise UsageError(
            f"this job's updates are {how}, and a simulation would put them on record as they are",
            advice='simulate it with --ledger root, which makes the same models, or with privacy.mode = "none"',
            job=job.name,
        )


@dataclass
class Consortium:
    """The clients as members: each one's key, and the one connection that all of them look through."""

    connection: Connection
    signers: list[keys.LocalSigner]
    job: Job
    seed: int
    number: int = 0
    drifts: dict[int, Drifts] = field(default_factory=dict)
    """What each one's node works out of its own updates."""
    _senders: dict[int, Sender] = field(default_factory=dict)

    def tally(self, number: int, clients: list[SimulatedClient]) -> "RecordedTally":
        """What takes the updates of round `number`."""
        return RecordedTally(self, number, clients)

    def register(self, number: int, made: SimulatedRound) -> str:
        """The transaction that published the round's outcome."""
        return self.state.rounds[number].aggregates[-1].tx.hex()

    @property
    def state(self) -> JobState:
        return self.connection.refresh().jobs[self.number]

    def send(self, index: int, function: str, *arguments: object) -> None:
        """Send a call to RoundLedger with a member's key."""
        if index not in self._senders:
            self._senders[index] = self.connection.sender(self.signers[index])
        self._senders[index].send("ledger", function, *arguments)

    def open_job(self, initial: Stream) -> None:
        """Propose and approve the job where it is not open yet, its files stored first."""
        job = self.job
        self.connection.put(file_of(job.layout, initial_binding(), initial), initial_pin(job.initial_root))
        self.connection.put([job.encode()], job_pin(job.digest))
        found = [state.number for state in self.connection.refresh().jobs.values() if state.digest == job.digest]
        if not found:
            terms, model = map(msgspec.structs.astuple, (job.terms, job.model_terms))
            self.send(0, "proposeJob", job.digest, terms, model)
            found = list(self.connection.refresh().jobs)
        self.number = found[0]
        approved = self.state.approvals
        for index in range(1, len(self.signers) // 2 + 1):
            if index not in approved:
                self.send(index, "approveJob", self.number, job.digest)


Made = Callable[[Connection, list[keys.LocalSigner], Job, int], Consortium]


@contextmanager
def consortium(
    home: Home, job: Job, clients: int, seed: int, initial: Stream, done: int, make_of: Made | None = None
) -> Iterator[Consortium]:
    """The consortium of a simulation in its folder, founded where there is none yet, with its job open. `clients` are
    its members; `make_of` makes it of what `Consortium` is made of, where it is of another class.

    Raises UsageError where no local chain is installed, Unavailable where it does not come up, is not where the `done`
    rounds of the results are, or has a further round that was broken off.
    """
    signers = [_signer(seed, index) for index in range(clients)]
    with ExitStack() as stack:
        url = stack.enter_context(local_chain(chain_state(home))).url
        if not home.network_file.exists():
            founders = [Founder(f"client-{index}", one.address, EVERYTHING) for index, one in enumerate(signers)]
            chain = Chain(id=LOCAL_CHAIN, rpc=url)
            network = deploy(chain, keys.ephemeral(), job.name, founders, home.outbox)
            save(home.network_file, msgspec.structs.replace(network, chain=Chain(id=LOCAL_CHAIN, rpc=NODE)))
        save(home.settings_file, HomeSettings(name="simulation", rpc=(url,)))
        stack.callback(save, home.settings_file, HomeSettings(name="simulation"))
        connection = stack.enter_context(Connection.open(home))
        made = (make_of or Consortium)(connection, signers, job, seed)
        made.open_job(initial)
        if len(made.state.rounds) not in (done, done + 1):
            raise Unavailable(
                "the chain's state and the results are not of the same moment",
                advice="simulate in another --folder",
                rounds_on_chain=len(made.state.rounds),
                rounds_in_results=done,
            )
        _require_ended(made.state, done + 1)
        yield made


def _require_ended(state: JobState, number: int) -> None:
    """Raise Unavailable where the chain has this round, and it was not played to its end."""
    round_ = state.rounds.get(number)
    if round_ is not None and not (round_.phase.terminal and round_.aggregates):
        raise Unavailable(
            "a round was broken off on the chain, and no simulation goes on from there",
            advice="simulate in another --folder",
            round=number,
            phase=round_.phase.value,
        )


@dataclass
class RecordedTally:
    """Takes a round's updates as they are trained, stores and judges each as its node would, and plays the round on the
    ledger when all are there. A node commits to nothing that would be refused.
    """

    consortium: Consortium
    number: int
    clients: list[SimulatedClient]
    _openings: dict[int, UpdateOpening] = field(default_factory=dict)
    _refused: dict[int, Decision] = field(default_factory=dict)
    _losses: list[tuple[float, int]] = field(default_factory=list)
    _base: Base | None = None

    def __post_init__(self) -> None:
        state, keys_ = self.consortium.state, {i: one.address for i, one in enumerate(self.consortium.signers)}
        many = len(keys_)
        next_one = Round(state.number, self.number, keys_[0], 0, 1, many, many, many, keys_, 0, 0)
        round_ = state.rounds.get(self.number, next_one)
        self._facts = RoundFacts.of(self.consortium.connection.place, state, self.consortium.job, round_)

    def drift(self, client: int, state: State) -> Stream | None:
        """What the client's node makes of the ledger's record. Raises Unavailable."""
        ours = self.consortium
        return ours.drifts.setdefault(client, Drifts(ours.connection)).of(self._facts, client)

    def take(self, batch: Batch) -> None:
        """Store and judge a batch."""
        self._base = self._base_of(batch)
        for client, update, samples in zip(batch.clients, batch.updates, batch.samples, strict=True):
            self._take(client, update, samples)
        self._losses += zip(batch.losses, batch.samples, strict=True)

    def finish(self, base: Stream, state: State, before: Stream | None) -> SimulatedRound:
        """Play the round on the ledger, which has the state, without a pause for interrupts, unless it is there
        already.
        """
        with deferred_interrupts() as held:
            outcome = self._played()
        if held:
            raise KeyboardInterrupt
        admitted = self._counted(outcome)
        model = None if outcome.why else self._model(outcome)
        loss, stalest = mean_loss(self._losses), max((one.decision.staleness for one in outcome.judged), default=0)
        return SimulatedRound(model, outcome.why, admitted, loss, self._refused, (), (), stalest)

    def _base_of(self, batch: Batch) -> Base:
        """The model that updates build on: the newest, or, in a buffered job, whichever they were trained on."""
        facts = self._facts
        return base_named(facts.state, facts.job, self.number, batch.base) if batch.base else facts.base

    def _counted(self, outcome: Outcome) -> int:
        """How many clients' updates are in the model."""
        return outcome.verdicts.count(Verdict.ADMITTED)

    def _take(self, client: int, update: Stream, samples: int) -> None:
        job, key = self.consortium.job, self.consortium.signers[client].address
        salt = salt_of(self.consortium.seed, client)
        tree = Draw(job.digest, salt, job.hold_out).tree(self.number, self.clients[client].data.leaves)
        known = update_binding(self._facts.place, self._facts.round, key, self._base)
        made = UpdateFile.of(job.update_layout, known.on(len(tree.trained), tree.root), update)
        weight, root = min(samples, job.admission.cap(client)), made.root
        decision = judge_values(update, job.admission)
        if decision.verdict is not Verdict.ADMITTED:
            self._refused[client] = decision
            return
        cid = self.consortium.connection.put(made.pieces, update_pin(self.consortium.number, self.number, client))
        hidden = sha256(encode(["simulated opening", self.consortium.seed, self.number, client]))[:SALT]
        self._openings[client] = UpdateOpening(key, weight, root, cid.digest, hidden)

    def _played(self) -> Outcome:
        """The outcome that the ledger has of the round in the end."""
        ours, job = self.consortium, self.consortium.number
        if self.number not in ours.state.rounds:
            if not self._openings:
                raise UsageError(
                    "every client's update would be refused, so nobody commits to one",
                    advice="loosen the job's limits, or lower its learning_rate; --ledger none shows all rounds",
                    because=next(iter(self._refused.values())).message,
                )
            ours.send(0, "openRound", job)
            for client, opening in self._openings.items():
                ours.send(client, "commitUpdate", job, self.number, commitment(self._facts.name, opening))
            self._pass_by(Phase.COLLECTING)
            openings = list(self._openings.values())
            for start in range(0, len(openings), OPENED_AT_ONCE):
                ours.send(0, "openUpdates", job, self.number, pack_openings(openings[start:][:OPENED_AT_ONCE]))
            return self._concluded(publish=True)
        return self._concluded(publish=False)

    def _concluded(self, *, publish: bool) -> Outcome:
        """Publish and attest the outcome, or only work out what was published."""
        ours, connection, state = self.consortium, self.consortium.connection, self.consortium.state
        facts = RoundFacts.of(connection.place, state, ours.job, state.rounds[self.number])
        outcome = make(connection, facts, facts.round.updates.keys())
        if not publish:
            return outcome
        signed = self._receipts(facts)
        connection.put([signed], receipts_pin(ours.number, self.number, 1))
        point = self._standpoint(signed)
        claim = outcome.claim(point)
        ours.send(0, "publishAggregate", ours.number, self.number, tuple(outcome.claimed(point)), claim)
        for index in range(1, len(ours.signers)):
            if ours.state.rounds[self.number].phase.terminal:
                break
            agreeing = outcome.witness(ours.signers[index].address, claim)
            ours.send(index, "attest", ours.number, self.number, 1, int(Form.AGREE), claim, agreeing)
        return outcome

    def _receipts(self, facts: RoundFacts) -> bytes:
        """The receipts file, in which every member signs for all updates."""
        held = {index: update.cid for index, update in facts.round.updates.items()}
        block = self.consortium.connection.client.latest().number
        updates = receipts.bitmap_of(held)
        said = Have(facts.round.job, self.number, updates, content_of(held), block)
        typed = have_to_sign(facts.place.chain, facts.place.contract, said)
        members = enumerate(self.consortium.signers if held else ())
        signed = [receipts.SignedHave(index, updates, block, one.sign_typed_data(*typed)) for index, one in members]
        return receipts.encode(receipts.merged(signed))

    def _standpoint(self, signed: bytes) -> Standpoint:
        connection = self.consortium.connection
        block = connection.client.latest()
        head = connection.refresh().head_at(block.number)
        return Standpoint(block.number, block.hash, head, receipts.cid_of(signed).digest)

    def _pass_by(self, phase: Phase) -> None:
        """Move the chain's clock past the end of a phase that still waits for members who commit to nothing."""
        round_, rpc = self.consortium.state.rounds[self.number], self.consortium.connection.client.rpc
        if len(self._openings) < len(self.consortium.signers) and round_.phase is phase:
            rpc.call("evm_setNextBlockTimestamp", round_.update_deadline + 1)
            rpc.call("evm_mine")

    def _model(self, outcome: Outcome) -> Stream:
        layout = self.consortium.job.layout
        file = b"".join(self.consortium.connection.fetch(of_file(outcome.cid, layout.size), 0, None))
        return stream_of_body(layout, [file[layout.header_size :]])


def _signer(seed: int, client: int) -> keys.LocalSigner:
    """A client's key, which signs for the local chain alone: anyone who knows the seed has it."""
    from ledger.keys.library import accounts

    return keys.LocalSigner(accounts().from_key(sha256(encode(["simulated key", seed, client]))), light=True)
