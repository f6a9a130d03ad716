"""Random walks of rounds on a real chain: what the fold makes of the log is what the contract keeps, call by call."""

import contextlib
import random

import pytest
from support.consortia.statements import CID, ROOT, RoundOnChain

from ledger.errors import Rejected
from ledger.events.records import Form
from ledger.formats.claims import pack_openings
from ledger.history.fold import History
from ledger.history.foundation import foundation_of
from ledger.history.phases import present
from ledger.history.state import Phase

STEPS = 150
NOTHING = bytes(32)
LIKELY = {
    Phase.COLLECTING: ("commit", "commit", "commit", "wait"),
    Phase.OPENING: ("show", "show", "wait"),
    Phase.AGGREGATING: ("publish", "publish", "publish", "wait", "end"),
    Phase.ATTESTING: ("attest", "attest", "attest", "attest", "attest", "wait", "end"),
}
ANY = ("open", "commit", "show", "publish", "attest", "wait", "end")


class Walk:
    """A job of five members with short times; each step is one that somebody tries, whether or not it is allowed."""

    def __init__(self, consortium, seed):
        self.consortium, self.random = consortium, random.Random(seed)
        self.client = consortium.client
        self.job = consortium.open_job((4, 40, 20, 30, 30, 2))
        self.said = RoundOnChain(consortium, self.job)
        self.history = History(foundation_of(consortium.network))
        self.read = consortium.network.founding.block
        self.taken = 0

    @property
    def state(self):
        last = self.client.latest().number
        for logs in self.client.read(self.read, last):
            for event in logs.events:
                self.history.apply(event)
        self.read = last + 1
        return self.history.jobs[self.job]

    def step(self):
        """One more; a call that the contract refuses changes nothing."""
        round_ = self.state.current
        phase = present(round_, self.state.terms, self.client.latest().time).phase if round_ else None
        likely = LIKELY.get(phase, ("open",))
        chosen = self.random.choice(likely if self.random.random() < 0.8 else ANY)
        with contextlib.suppress(Rejected):
            getattr(self, chosen)(self.random.randrange(5))
            self.taken += 1

    def open(self, member):
        self.said.open(member)

    def commit(self, member):
        opening = list(self.said.openings)
        try:
            self.said.commit(member, weight=1 + member)
        except Rejected:
            self.said.openings = opening
            raise

    def show(self, member):
        chosen = self.random.sample(self.said.openings, self.random.randint(0, len(self.said.openings)))
        self.consortium.send(member, "ledger", "openUpdates", self.job, self.said.number, pack_openings(chosen))

    def publish(self, member):
        state, empty = self.state, self.random.random() < 0.3
        opened = len(state.current.updates) if state.current else 0
        parts = {"root": NOTHING if empty else ROOT, "cid": NOTHING if empty else CID}
        self.said.publish(member, state.base, bytes(opened), opened=getattr(state.current, "opened", NOTHING), **parts)

    def attest(self, member):
        round_ = self.state.current
        if round_ is None or not round_.aggregates:
            return
        form = self.random.choice((Form.AGREE, Form.AGREE, Form.OTHER, Form.MISSING))
        claim = ROOT if form is Form.OTHER else round_.aggregates[-1].claim
        self.said.agree(member, claim, int(form), round_.attempt)

    def wait(self, _member):
        self.consortium.pass_time(self.random.choice((5, 15, 35)))

    def end(self, member):
        self.consortium.send(member, "ledger", "advance", self.job, self.said.number)

    def compare(self):
        state, view, course = self.state, self.client.round(self.job), self.client.course(self.job)
        round_ = state.current
        if view is None or round_ is None:
            assert round_ is view is None
            return
        counts = (round_.members, round_.participants, round_.aggregators)
        assert (view.members, view.participants, view.aggregators) == counts
        done = (len(round_.commitments), len(round_.updates), round_.opened_in, round_.attempt)
        assert (view.committed, view.opened, view.opened_in, view.attempt) == done
        assert (view.round, view.epoch, view.phase) == (round_.number, round_.epoch, round_.phase)
        if not round_.phase.terminal:
            assert view.deadline == round_.deadline
        if round_.phase is Phase.ATTESTING:
            assert (view.agreeing, view.against) == (round_.aggregates[-1].agreeing, round_.aggregates[-1].against)
        assert (course.finalised, course.latest) == (state.finalised, state.latest)
        assert (course.opener, course.opener_index) == (round_.opener, round_.opener_index)
        assert {i: self.client.strikes(self.job, i) for i in range(5)} == dict.fromkeys(range(5), 0) | state.strikes
        assert present(round_, state.terms, self.client.latest().time).deadline >= round_.deadline


@pytest.mark.parametrize("seed", range(3))
def test_the_fold_is_as_the_contract_call_by_call(found, seed):
    walk = Walk(found(5), seed)
    for _ in range(STEPS):
        walk.step()
        walk.compare()
    assert walk.taken > STEPS // 4
    assert sum(len(round_.aggregates) for round_ in walk.state.rounds.values()) > 1
