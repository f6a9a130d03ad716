"""A long history made up for measuring: rounds, and what members decided; and the pages' view of it."""

import gc
import time

import msgspec
from scenes.synthetic import PLACE, foundation

from ledger.config import Chain, Contract, Contracts, Founding, Network
from ledger.events import records as r
from ledger.events.actions import ReleaseModel, encode_action
from ledger.events.contents import proposal_id
from ledger.events.encoding import name_word
from ledger.events.proposals import release_id
from ledger.formats.artifact import Tensor
from ledger.formats.cid import RAW, Cid
from ledger.formats.claims import SALT, Claimed, RoundName, UpdateOpening, claim_of, commitment, pack_openings
from ledger.formats.digest import NOTHING, checksum_address, keccak
from ledger.formats.member_name import name_words, plain_name
from ledger.history.fold import History
from ledger.index import BlockTime
from ledger.jobs.document import Admission, InitialModel, Job, JobTask
from ledger.jobs.plain import PLAIN
from ledger.jobs.privacy import OPEN
from ledger.jobs.rules import WeightedMean
from ledger.jobs.scores import NoScoring
from ledger.jobs.server import NONE
from ledger.releases.report import Evaluation, PartyFigures, RoundFigures
from web.reading.events.feed import Feed
from web.reading.latest import FetchedReport, Latest, State
from web.reading.library import Library
from web.reading.snapshot import freeze
from web.view import View

RELEASES = 100
MEASURED = 300
"""Rounds that a report has figures of."""
EVERYONE = r.Role.PARTICIPANT | r.Role.AGGREGATOR | r.Role.SCORER
RULES = r.Rules(5_000, 3_600, 0, 86_400)


class Ledger:
    """Events one after the other."""

    def __init__(self, rounds: int, members: int) -> None:
        self.keys, self.members = (
            [checksum_address((index + 1).to_bytes(20, "big")) for index in range(members)],
            members,
        )
        self.history = History(foundation(self.keys, EVERYONE))
        self.feed, self.times = Feed(), dict[int, BlockTime]()
        terms = r.Terms(
            rounds=rounds, update_seconds=60, open_seconds=60, aggregate_seconds=60, attest_seconds=60, attempts=3
        )
        self.job = _job(terms)
        for index, key in enumerate(self.keys):
            self.emit(r.MemberAdmitted, index=index, key=key, roles=7, epoch=1, name=name_words(plain_name(index)))
        self.emit(r.RulesChanged, rules=RULES)
        proposed = {"digest": self.job.digest, "proposer": self.keys[0], "terms": terms, "model": self.job.model_terms}
        self.emit(r.JobProposed, job=1, **proposed)
        for number in range(members // 2 + 1):
            self.emit(r.JobApproved, job=1, member=self.keys[number], approvals=number + 1)
        self.emit(r.JobOpened, job=1, epoch=1)

    def emit(self, kind: type[r.Event], /, **fields: object) -> None:
        number = self.history.applied + 1
        word = number.to_bytes(32, "big")
        event: r.AnyEvent = kind(block=number, log=0, tx=word, leaf=word, **fields)  # type: ignore[assignment]
        self.history.apply(event)
        self.feed.extend([event], number)
        self.times[number] = BlockTime(1_700_000_000 + 12 * number, True)

    def round(self, number: int) -> None:
        """A round in which everyone has an update and a majority attests."""
        where, name = (
            {"job": 1, "round": number},
            RoundName(PLACE.chain, self.history.foundation.record.ledger, 1, number),
        )
        self.emit(r.RoundOpened, **where, opener=self.keys[0], epoch=1, deadline=number)
        roots = [keccak(b"update %d %d" % (number, index)) for index in range(self.members)]
        openings = [
            UpdateOpening(key, 100 + index, root, root, root[:SALT])
            for index, (key, root) in enumerate(zip(self.keys, roots, strict=True))
        ]
        for one in openings:
            self.emit(r.UpdateCommitted, **where, party=one.party, commitment=commitment(name, one), deadline=number)
        self.emit(r.UpdatesOpened, **where, openings=pack_openings(openings), deadline=number)
        root, as_of = keccak(b"model %d" % number), self.history.applied
        said = Claimed(self.history.jobs[1].base, root, root, as_of, root, root, root, root, bytes(self.members))
        self.emit(r.AggregatePublished, **where, aggregator=self.keys[0], attempt=1, aggregate=said, deadline=number)
        claim = claim_of(name, self.history.jobs[1].rounds[number].opened, said)
        for key in self.keys[1 : self.members // 2 + 1]:
            self.emit(r.Attested, **where, member=key, attempt=1, form=r.Form.AGREE, claim=claim, detail=root)
        self.emit(r.RoundFinalised, **where, attempt=1, root=root)

    def release(self, number: int, round_: int, report: bytes) -> None:
        """The model of a round, proposed, voted on by all, released."""
        name, version = f"model-{number}", "1.0.0"
        model = keccak(b"model %d" % round_)
        kind, action = encode_action(ReleaseModel(name, version, 1, round_, model.hex(), report=report.hex()))
        proposal = proposal_id(self.keys[0], number, kind, action)
        names = {"release": release_id(name, version), "name": name_word(name), "version": name_word(version)}
        made = {"proposer": self.keys[0], "nonce": number, "kind": kind, "action": action, "epoch": 1}
        self.emit(r.Proposed, proposal=proposal, number=number, deadline=int(time.time()), **made)
        for key in self.keys:
            self.emit(r.Voted, proposal=proposal, member=key, choice=r.Choice.FOR)
        self.emit(r.Executed, proposal=proposal)
        self.emit(r.Released, **names, job=1, round=round_, root=model, scores=NOTHING, report=report)

    def report(self, number: int, place: Network) -> Evaluation:
        """What all measured of a round's model and of the latest before it: about as much as a report may have."""
        first = max(0, number + 1 - MEASURED)
        rounds = tuple(RoundFigures(round=n, metrics=_figures(n)) for n in range(first, number + 1))
        return Evaluation(
            fedledger="evaluation/1",
            chain=place.chain.id,
            ledger=place.contracts.ledger.address,
            job=1,
            round=number,
            root=keccak(b"model %d" % number).hex(),
            parties=tuple(
                PartyFigures(party=key, key=key, samples=100, rows="own_file", metrics=_figures(number), rounds=rounds)
                for key in self.keys
            ),
        )


def view(rounds: int, members: int) -> View:
    """The pages' view of a ledger with so many rounds, members and updates in each.

    The newest release is of the last model, with a report on every round.
    """
    ledger, known = Ledger(rounds, members), _network()
    for number in range(1, rounds + 1):
        ledger.round(number)
    for number in range(1, RELEASES):
        ledger.release(number, number, NOTHING)
    report = ledger.report(rounds, known)
    ledger.release(RELEASES, rounds, report.digest)
    worked_out = FetchedReport(report, report.mean)
    assert report.rounds
    latest = Latest(
        State(
            serial=1,
            snapshot=freeze(ledger.history, ledger.history.applied, None, ledger.times, ledger.feed),
            read_at=int(time.time()),
            documents={ledger.job.digest: ledger.job},
            evaluations={report.digest: worked_out},
        )
    )
    gc.collect()
    gc.freeze()
    return View(known, latest, Library(latest, known), rate=0)


def _figures(number: int) -> dict[str, str]:
    return {"accuracy": f"{1 - 0.3 / (number + 1):.6f}", "loss": f"{0.9 / (number + 1):.6f}"}


def _network() -> Network:
    names = [field.name for field in msgspec.structs.fields(Contracts)]
    pinned = {name: Contract(address=f"0x{n:040d}", code_hash="0x" + "00" * 32) for n, name in enumerate(names, 1)}
    chain, founding = Chain(id=31337, rpc="http://127.0.0.1:1"), Founding(block=0, hash="0x" + "00" * 32, members=())
    return Network(
        fedledger="network/1", name="benchmark", chain=chain, founding=founding, contracts=Contracts(**pinned)
    )


def _job(terms: r.Terms) -> Job:
    return Job(
        fedledger="job/2",
        name="benchmark",
        task=JobTask(name="none", version="1", code="0" * 64, settings={}),
        tensors=(Tensor("layer.weight", (30, 20)),),
        initial_model=InitialModel(cid=str(Cid(RAW, keccak(b"initial"))), root="1" * 64, seed=1),
        aggregation=WeightedMean(),
        admission=Admission(min_updates=1, max_weight=1 << 20, max_value=1 << 24, max_norm=1 << 28),
        terms=terms,
        scoring=NoScoring(),
        hold_out=0,
        privacy=OPEN,
        **PLAIN,
        server=NONE,
    )
