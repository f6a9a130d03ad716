"""Synthetic parties on a real chain: they commit to updates, valid or not, publish and attest, by the ledger's API.

`Trial` sets a consortium up (the fixture of tests/conftest.py): job, initial model, a connection, store and gateway for
every member. A test that wants a lie passes it to `Party.submit` or `Party.publish`.
"""

from collections.abc import Collection, Sequence
from contextlib import ExitStack, suppress
from typing import Any

import msgspec
import numpy as np

from ledger.errors import Malformed, Unavailable
from ledger.events.haves import Have, content_of, have_to_sign
from ledger.events.records import Form, Terms
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.cid import RAW, Cid
from ledger.formats.claims import UpdateOpening, claim_of, commitment, pack_openings, pack_scores, scores_commitment
from ledger.formats.digest import sha256
from ledger.formats.header import Binding
from ledger.formats.merkle import root_of
from ledger.formats.unixfs import cid_of
from ledger.history.phases import present
from ledger.history.scorings import settlement
from ledger.history.state import JobState, Phase, Round
from ledger.jobs.document import Admission, InitialModel, Job, JobTask
from ledger.jobs.hierarchy import Hierarchy
from ledger.jobs.plain import PLAIN
from ledger.jobs.privacy import OPEN, Privacy
from ledger.jobs.rules import Rule, WeightedMean
from ledger.jobs.scores import NoScoring, Scoring
from ledger.jobs.server import NONE
from ledger.keys import ephemeral
from ledger.party.connection import Connection
from ledger.party.gateway import Serving, serve_and_announce
from ledger.party.pins import update_pin
from ledger.party.sharing.exchange import Exchange
from ledger.party.sharing.openings import Openings
from ledger.rounds.facts import RoundFacts, Standpoint, initial_binding, update_binding
from ledger.rounds.outcome import Outcome, recompute
from ledger.rounds.receipts import SignedHave, bitmap_of, certified, encode, marks, merged, parse
from ledger.scores.contributions import score_round

TENSORS = (Tensor("layer.bias", (10,)), Tensor("layer.weight", (30, 20)))
LIMITS = Admission(min_updates=2, max_weight=1000, max_value=1 << 20, max_norm=1 << 24)
SECONDS = 600


def artifact(layout: Layout, binding: Binding, values: np.ndarray) -> bytes:
    """The file of an artifact: the one header and the integers."""
    return layout.header(binding) + values.astype("<i4").tobytes()


class Trial:
    """A consortium with a job that is open, and its parties; close it in the end."""

    def __init__(
        self,
        consortium: Any,
        *,
        rounds: int = 3,
        attempts: int = 2,
        rule: Rule | None = None,
        limits: Admission = LIMITS,
        scoring: Scoring | None = None,
        privacy: Privacy = OPEN,
        tensors: Sequence[Tensor] = TENSORS,
        seed: int = 1,
        propose: bool = True,
        seconds: int = SECONDS,
        hierarchy: Hierarchy | None = None,
    ) -> None:
        self.consortium = consortium
        self.random = np.random.default_rng(seed)
        self.layout = Layout(tuple(tensors))
        self.initial = self.random.integers(-(1 << 24), 1 << 24, self.layout.values).astype("<i4")
        model = artifact(self.layout, initial_binding(), self.initial)
        self.job = Job(
            fedledger="job/2",
            name="synthetic",
            task=JobTask(name="tabular", version="1", code="00" * 32, settings={}),
            tensors=tuple(tensors),
            initial_model=InitialModel(cid=str(cid_of([model])[0]), root=root_of(self.initial.tobytes()).hex(), seed=1),
            aggregation=rule or WeightedMean(),
            admission=limits,
            terms=Terms(
                rounds, seconds, seconds, seconds, seconds, attempts, *((seconds, seconds, 2) if scoring else ())
            ),
            scoring=scoring or NoScoring(),
            hold_out=20,
            privacy=privacy,
            **PLAIN,
            server=NONE,
            hierarchy=hierarchy,
        )
        self.parties = [Party(self, index) for index in range(len(consortium.members))]
        self.number = 0
        first = self.parties[0].connection
        first.put([model], "initial")
        first.put([self.job.encode()], "job")
        if propose:
            self.propose()

    def __enter__(self) -> "Trial":
        return self

    def __exit__(self, *_: object) -> None:
        for party in self.parties:
            party.close()

    def propose(self, digest: bytes | None = None) -> int:
        """Open a job; its number. It becomes the trial's."""
        terms, model = map(msgspec.structs.astuple, (self.job.terms, self.job.model_terms))
        self.number = self.consortium.open_job(terms, digest or self.job.digest, model)
        return self.number

    def pass_time(self, seconds: int) -> None:
        """Move the chain's clock on."""
        self.consortium.pass_time(seconds)

    def until(self, time: int) -> None:
        """Move the chain's clock so that a block of the second `time` is sealed."""
        self.consortium.client.rpc.call("evm_setNextBlockTimestamp", time)
        self.consortium.client.rpc.call("evm_mine")

    @property
    def state(self) -> JobState:
        """The job as the chain has it now."""
        return self.parties[0].connection.refresh().jobs[self.number]

    @property
    def round(self) -> Round:
        current = self.state.current
        assert current is not None
        return current

    @property
    def phase(self) -> Phase:
        """Where the round is now."""
        return present(self.round, self.state.terms, self.parties[0].connection.time()).phase

    def commit(self, *indices: int) -> None:
        """Honest updates of these parties, or of all, committed to."""
        for index in indices or range(len(self.parties)):
            self.parties[index].submit()
        self.look()

    def submit(self, *indices: int) -> None:
        """Honest updates of these parties, or of all, committed to and opened."""
        self.commit(*indices)
        self.open_updates()

    def open_updates(self, sender: int = 0) -> None:
        """Open what parties committed to and is not open, after collecting has ended, by time where it must."""
        round_ = self.round
        if self.phase is Phase.COLLECTING:
            self.until(round_.deadline + 1)
        openings = [opening for party in self.parties if (opening := party.opening()) is not None]
        if openings:
            where = (round_.job, round_.number)
            self.parties[sender].sender.send("ledger", "openUpdates", *where, pack_openings(openings))

    def vouch(self, *indices: int) -> None:
        """Let these parties, or all, fetch what was opened, and sign for what they hold; everybody hears of it."""
        self.look()
        for index in indices or range(len(self.parties)):
            self.parties[index].vouch()

    def look(self) -> None:
        """Let every party's gateway know what the ledger says now."""
        for party in self.parties:
            party.look()

    def receipts(self, without: Collection[int] = ()) -> bytes:
        """A receipts file in which every member signed for all updates but these."""
        updates = bitmap_of(self.round.updates.keys() - set(without))
        return encode(merged(party.have(updates) for party in self.parties) if updates else ())

    def attest(self, *indices: int) -> None:
        """Honest attestations of these parties."""
        for index in indices:
            self.parties[index].attest()

    def score(self, number: int) -> tuple[int, ...]:
        """Have every party score a finalised round, honestly; the settled scores."""
        final, first = self.state.rounds[number].final, self.parties[0]
        assert final is not None
        where = (self.number, number)
        first.sender.send("scores", "openScoring", *where, self.state.rounds[number].opened, tuple(final.said))
        computed = [party.scores(number) for party in self.parties]
        board, chain = first.connection.network.contracts.scores.address, first.connection.place.chain
        for party, scores in zip(self.parties, computed, strict=True):
            digest = scores_commitment(chain, board, *where, party.sender.address, bytes(32), scores)
            party.sender.send("scores", "commitScores", *where, digest)
        for party, scores in zip(self.parties, computed, strict=True):
            party.sender.send("scores", "revealScores", *where, bytes(32), pack_scores(scores))
        first.sender.send("scores", "settleScores", *where, *settlement(self.state.scorings[number]))
        medians = self.state.scorings[number].medians
        assert medians is not None
        return medians


class Party:
    """A member: its home opened, its key ready, its store served to the others."""

    def __init__(self, trial: Trial, index: int) -> None:
        self.trial, self.index = trial, index
        self.member = trial.consortium.members[index]
        self.connection = Connection.open(self.member.home)
        self.sender = self.connection.sender(self.member.signer)
        self.connection.refresh()
        settings = self.member.home.settings()
        self.exchange = Exchange(self.connection, self.member.signer, settings, later=0.0)
        self.openings = Openings(self.connection.folder)
        self.serving: Serving = serve_and_announce(self.connection, self.sender, settings, self.member.signer)
        self.stack = ExitStack()
        """What is closed with it."""

    def close(self) -> None:
        self.stack.close()
        self.exchange.close()
        self.serving.close()
        self.connection.close()

    def rotate(self) -> str:
        """Another key from now on, whose address it returns: all that signs is made again, as in a process that is
        started again.
        """
        new, settings = ephemeral(), self.member.home.settings()
        self.sender.send("consortium", "rotateKey", new.address)
        self.exchange.close()
        self.serving.close()
        self.connection.refresh()
        self.member.signer = new
        self.sender = self.connection.sender(new)
        self.exchange = Exchange(self.connection, new, settings, later=0.0)
        self.serving = serve_and_announce(self.connection, self.sender, settings, new)
        return new.address

    def _now(self) -> tuple[JobState, Round]:
        state = self.connection.refresh().jobs[self.trial.number]
        assert state.current is not None
        return state, state.current

    @property
    def facts(self) -> RoundFacts:
        """Those of the present round."""
        state, round_ = self._now()
        return RoundFacts.of(self.connection.place, state, self.trial.job, round_)

    def binding(self, **lies: Any) -> Binding:
        """What an honest update says in the present round, but for `lies`."""
        facts = self.facts
        honest = update_binding(facts.place, facts.round, self.sender.address, facts.base).on(10, bytes(32))
        fields = {name: getattr(honest, name) for name in honest.__struct_fields__}
        return Binding(**(fields | lies))

    def submit(
        self,
        values: np.ndarray | None = None,
        *,
        weight: int = 10,
        binding: Binding | None = None,
        data: bytes | None = None,
        root: bytes | None = None,
        stored: bool = True,
        shown: bool = True,
    ) -> Cid:
        """Store an update and commit to it; `Trial.open_updates` opens it, or whom it is shown to.

        Any part of it can be given; the rest is honest, and the same every time.
        """
        layout = self.trial.layout
        _, round_ = self._now()
        if values is None:
            random = np.random.default_rng([self.index, round_.number])
            values = random.integers(-(1 << 16), 1 << 16, layout.values).astype("<i4")
        if data is None:
            data = artifact(layout, binding or self.binding(), values)
        cid = cid_of([data])[0]
        if stored:
            self.connection.put([data], f"mine/{round_.number}")
        root = root or root_of(values.astype("<i4").tobytes())
        name = self.facts.name
        opening = self.openings.salted(name, self.sender.address, weight, root, cid.digest)
        self.openings.keep(name, opening, [])
        if shown:
            self.openings.show(name, opening)
        self.sender.send("ledger", "commitUpdate", round_.job, round_.number, commitment(name, opening))
        return cid

    def look(self) -> None:
        """Let the gateway know what the ledger says now."""
        self.connection.refresh()
        self.serving.check()

    def opening(self) -> UpdateOpening | None:
        """What opens this party's update of the present round; None where it has none, or it is open."""
        facts = self.facts
        unopened = {made.digest for made in facts.round.unopened if made.party == self.sender.address}
        return next((one for one in self.openings.find(facts.name) if commitment(facts.name, one) in unopened), None)

    def vouch(self) -> None:
        """Fetch what was opened, and sign for what can be had; wait until everybody heard of it."""
        self.look()
        facts = self.facts
        for entry in facts.entries:
            with suppress(Unavailable, Malformed):
                self.connection.keep(entry.cid, update_pin(self.trial.number, facts.round.number, entry.update.index))
        held = [entry.update.index for entry in facts.entries if self.connection.store.has(entry.cid)]
        self.exchange.sharing.said(facts, held)
        self.exchange.settle(60)

    def scores(self, number: int) -> tuple[int, ...]:
        """What recomputes as the scores of a round whose scoring is open."""
        state = self.connection.refresh().jobs[self.trial.number]
        round_, seed = state.rounds[number], state.scorings[number].seed
        return score_round(state, self.trial.job, round_, seed, self.connection.fetch)

    def have(self, updates: int) -> SignedHave:
        """What the party signs of the updates in a bitmap, as of the latest block."""
        place, facts, block = self.connection.place, self.facts, self.connection.client.latest()
        held = {index: facts.round.updates[index].cid for index in marks(updates)}
        said = Have(facts.round.job, facts.round.number, updates, content_of(held), block.number)
        signature = self.member.signer.sign_typed_data(*have_to_sign(place.chain, place.contract, said))
        return SignedHave(self.index, updates, block.number, signature)

    def standpoint(self, receipts: bytes, as_of: int | None = None) -> Standpoint:
        """Where the party stands as of a block, by default the latest, with that receipts file."""
        client = self.connection.client
        block = client.latest().number if as_of is None else as_of
        anchor = client.block_hash(block)
        assert anchor is not None
        return Standpoint(block, anchor, self.connection.refresh().head_at(block), sha256(receipts))

    def recompute(self, without: Collection[int] = (), **options: Any) -> Outcome:
        """What an honest member computes for the present round; updates of `without` have no certificate."""
        facts = self.facts
        return recompute(facts, self.connection.fetch, facts.round.updates.keys() - set(without), **options)

    def recomputed(self, **options: Any) -> tuple[Outcome, bytes]:
        """What an honest member computes under the latest aggregate's receipts, and its claim."""
        facts, aggregate = self.facts, self.facts.round.aggregates[-1]
        data = b"".join(bytes(piece) for piece in self.connection.fetch(Cid(RAW, aggregate.receipts), 0, None))
        outcome = recompute(facts, self.connection.fetch, certified(parse(data), facts.roll), **options)
        return outcome, outcome.claim(self.standpoint(data, aggregate.as_of))

    def publish(self, *, without: Collection[int] = (), **lies: Any) -> Outcome:
        """Publish the honest aggregate, its files stored; `lies` replace any part of what it claims.

        The members have signed for all updates but those of `without`.
        """
        _, round_ = self._now()
        receipts = self.trial.receipts(without)
        self.connection.put([receipts], f"receipts/{round_.number}")
        outcome = self.recompute(without, keep=lambda pieces: self.connection.put(pieces, f"model/{round_.number}"))
        said = outcome.claimed(self.standpoint(receipts))._replace(**lies)
        claim = claim_of(outcome.round, outcome.opened, said)
        self.sender.send("ledger", "publishAggregate", round_.job, round_.number, tuple(said), claim)
        return outcome

    def attest(self, claim: bytes | None = None) -> None:
        """Attest the latest aggregate, honestly unless a claim is given."""
        aggregate = self._now()[1].aggregates[-1]
        outcome, own = self.recomputed()
        claim = claim or own
        agrees = claim == aggregate.claim
        form = Form.AGREE if agrees else Form.OTHER
        detail = outcome.witness(self.sender.address, claim) if agrees else aggregate.receipts
        _, round_ = self._now()
        where = (round_.job, round_.number, round_.attempt)
        self.sender.send("ledger", "attest", *where, int(form), claim, detail)
