"""Scores on a real chain: what scorers commit to, reveal and settle is what the history says of it."""

from dataclasses import replace

import pytest
from support.consortia.statements import MODEL_TERMS, RoundOnChain
from support.seeds import scoring_seed

from ledger.errors import Rejected
from ledger.events.proposals import release_id
from ledger.events.records import Role, ScoresCommitted, ScoringOpened
from ledger.formats.claims import LARGEST_SCORE, claim_of, lower_median, pack_scores, scores_commitment
from ledger.history import scorings
from ledger.history.fold import History, HistoryError
from ledger.history.foundation import foundation_of
from ledger.history.scorings import bitmap, settlement
from ledger.history.state import ScoringPhase
from ledger.index import Follower, Index

ROOT, CID, VERDICTS = b"R" * 32, b"C" * 32, bytes([0, 0, 7, 0])
BOTH = Role.PARTICIPANT | Role.AGGREGATOR
VECTORS = ((5, -7, LARGEST_SCORE), (6, -8, -LARGEST_SCORE), (-1, 0, 3))
PHASES = list(ScoringPhase)


class Panel:
    """A consortium whose first three members are scorers, with a finalised round 1 of a job that makes scores."""

    def __init__(self, consortium, verdicts=VERDICTS, vectors=VECTORS):
        self.consortium, self.verdicts, self.vectors = consortium, verdicts, vectors
        self.client, self.members, self.send = consortium.client, consortium.members, consortium.send
        self.board = consortium.network.contracts.scores.address
        self.job = consortium.open_job((3, 600, 600, 600, 600, 2, 300, 200, 2))
        self.final = RoundOnChain(consortium, self.job).finalise(MODEL_TERMS[0], verdicts)

    @property
    def history(self):
        first, last = self.consortium.network.founding.block, self.client.latest().number
        events = (event for logs in self.client.read(first, last) for event in logs.events)
        return History(foundation_of(self.consortium.network), events)

    @property
    def scoring(self):
        """The scoring as the history has it, which is as the contract has it, phase included."""
        scoring = self.history.jobs[self.job].scorings[1]
        kept, phase, seed, committed, revealed = self.client.view("scores", "scoringOf", self.job)
        ended = scoring.outcome or ScoringPhase.NONE
        places = [scoring.round, scoring.epoch, scoring.commit_deadline, scoring.reveal_deadline]
        counts = [scoring.updates, scoring.scorers, scoring.quorum, len(scoring.settled), PHASES.index(ended)]
        assert kept == places + counts
        assert (committed, revealed) == (bitmap(scoring.commitments), bitmap(scoring.reveals))
        assert PHASES[phase] is scoring.phase(self.client.latest().time)
        assert seed == (scoring.seed if scoring.outcome is None and not scoring.settled else bytes(32))
        assert self.client.scores_root(self.job, 1) == scoring.root
        return scoring

    def open(self):
        self.send(1, "scores", "openScoring", self.job, 1, self.final.opened, tuple(self.final.said))
        return self.scoring

    def commit(self, index):
        key = self.members[index].address
        hashed = scores_commitment(31337, self.board, self.job, 1, key, bytes([index]) * 32, self.vectors[index])
        self.send(index, "scores", "commitScores", self.job, 1, hashed)
        return self.scoring

    def reveal(self, index, scores=None):
        packed = pack_scores(scores or self.vectors[index])
        self.send(index, "scores", "revealScores", self.job, 1, bytes([index]) * 32, packed)
        return self.scoring

    def settle(self, index=3):
        """By anyone: here by a member that is not a scorer."""
        self.send(index, "scores", "settleScores", self.job, 1, *settlement(self.scoring))
        return self.scoring


@pytest.fixture
def panel(found):
    return Panel(found(roles=[BOTH | Role.SCORER] * 3 + [BOTH]))


def test_three_scorers_make_a_rounds_scores(panel):
    opened = panel.open()
    assert (opened.updates, opened.scorers, opened.quorum) == (3, 3, 2)
    for index in range(3):
        panel.commit(index)
    for index in (2, 0, 1):
        scoring = panel.reveal(index)
    assert scoring.phase(0) is ScoringPhase.OVER
    settled = panel.settle()
    assert settled.medians == (5, -7, 3)
    assert (settled.outcome, settled.withheld) == (ScoringPhase.SETTLED, frozenset())
    assert {index: reveal.scores for index, reveal in settled.reveals.items()} == dict(enumerate(VECTORS))


def test_scores_are_settled_in_ranges_by_anyone(found, monkeypatch):
    """Each range follows from the ledger alone: whoever comes next goes on where the last one stopped."""
    monkeypatch.setattr(scorings, "SCORES_IN_A_CALL", 3 * 32)
    vectors = [tuple((7919 * index + 104_729 * place) % 2001 - 1000 for place in range(34)) for index in range(3)]
    consortium = found(34, [BOTH | Role.SCORER] * 3 + [BOTH] * 31)
    panel = Panel(consortium, bytes(34), vectors)
    panel.open()
    for index in range(3):
        panel.commit(index)
    for index in (2, 0, 1):
        panel.reveal(index)
    begun = panel.settle(5)
    assert (len(begun.settled), begun.outcome, begun.medians) == (32, None, None)
    with pytest.raises(Rejected, match="in order"):
        panel.send(4, "scores", "settleScores", panel.job, 1, *settlement(replace(begun, settled=())))
    settled = panel.settle(4)
    assert settled.outcome is ScoringPhase.SETTLED
    assert settled.medians == tuple(lower_median(column) for column in zip(*vectors, strict=True))


def test_a_scoring_that_nobody_settles_is_void_after_a_while(panel):
    panel.open()
    for index in range(3):
        panel.commit(index)
    for index in range(3):
        panel.reveal(index)
    with pytest.raises(Rejected, match="can be settled for a while yet"):
        panel.send(3, "scores", "voidScoring", panel.job, 1)
    panel.consortium.pass_time(300 + 200 + 200 + 1)
    panel.send(3, "scores", "voidScoring", panel.job, 1)
    scoring = panel.scoring
    assert (scoring.outcome, scoring.medians, scoring.withheld) == (ScoringPhase.VOID, None, frozenset())


def test_the_seed_comes_from_the_block_before(panel):
    scoring = panel.open()
    events = [e for logs in panel.client.read(0, panel.client.latest().number) for e in logs.events]
    block = panel.client.block_hash([e for e in events if isinstance(e, ScoringOpened)][-1].block - 1)
    said = claim_of(panel.final.name, panel.final.opened, panel.final.said)
    assert scoring.seed == scoring_seed(block, 31337, panel.board, panel.job, 1, said)


def test_a_scorer_that_withholds_is_on_record(panel):
    panel.open()
    for index in range(3):
        panel.commit(index)
    panel.reveal(0)
    panel.reveal(1)
    with pytest.raises(Rejected, match="another phase") as caught:
        panel.settle()
    assert caught.value.facts["phase"] == "Revealing"
    panel.consortium.pass_time(600)
    settled = panel.settle()
    assert (settled.withheld, settled.medians) == ({2}, (5, -8, -LARGEST_SCORE))


def test_a_scoring_of_too_few_is_void(panel):
    panel.open()
    panel.commit(0)
    panel.commit(1)
    panel.consortium.pass_time(301)
    panel.reveal(1)
    panel.consortium.pass_time(200)
    with pytest.raises(Rejected, match="too few scorers revealed") as caught:
        panel.settle()
    assert (caught.value.facts["reveals"], caught.value.facts["quorum"]) == (1, 2)
    panel.send(3, "scores", "voidScoring", panel.job, 1)
    scoring = panel.scoring
    assert (scoring.outcome, scoring.medians, scoring.withheld) == (ScoringPhase.VOID, None, {0})


def test_refusals_are_explained_in_words(panel):
    send, job = panel.send, panel.job
    refusals = [
        (3, ("openScoring", job, 1, panel.final.opened, tuple(panel.final.said)), "not a scorer"),
        (
            1,
            ("openScoring", job, 2, panel.final.opened, tuple(panel.final.said)),
            "not the finalised aggregate that is scored next",
        ),
        (
            1,
            ("openScoring", job, 1, panel.final.opened, tuple(panel.final.said._replace(root=CID))),
            "not the finalised aggregate",
        ),
        (1, ("commitScores", job, 1, ROOT), "another round's scoring"),
    ]
    for index, call, words in refusals:
        with pytest.raises(Rejected, match=words):
            send(index, "scores", *call)
    panel.open()
    panel.commit(0)
    with pytest.raises(Rejected, match="committed already"):
        panel.commit(0)
    with pytest.raises(Rejected, match="another phase") as caught:
        panel.reveal(0)
    assert caught.value.facts["phase"] == "Committing"
    panel.commit(1)
    panel.commit(2)
    with pytest.raises(Rejected, match="not what the key committed to"):
        panel.reveal(0, (5, -7, 4))


def test_a_copied_commitment_cannot_be_revealed(panel):
    """The copier sees the original revealed, and can still not reveal it as its own."""
    panel.open()
    panel.commit(0)
    panel.send(1, "scores", "commitScores", panel.job, 1, panel.scoring.commitments[0].digest)
    panel.commit(2)
    panel.reveal(0)
    with pytest.raises(Rejected, match="not what the key committed to"):
        panel.send(1, "scores", "revealScores", panel.job, 1, bytes(32), pack_scores(VECTORS[0]))
    panel.reveal(2)
    panel.consortium.pass_time(600)
    assert panel.settle().withheld == {1}


def test_a_release_names_the_root_of_its_scores(panel):
    panel.open()
    for index in range(3):
        panel.commit(index)
    for index in range(3):
        panel.reveal(index)
    names = [text.encode().ljust(32, b"\0") for text in ("cardio", "1.0")]
    release = (*names, panel.job, 1, ROOT)
    with pytest.raises(Rejected, match="not the scores that the round got") as caught:
        panel.send(0, "ballots", "proposeRelease", (*release, b"S" * 32, bytes(32)))
    assert caught.value.facts["root"] == bytes(32)
    root = panel.settle().root
    panel.send(0, "ballots", "proposeRelease", (*release, root, bytes(32)))
    proposal = panel.history.decisions.proposal(1)
    assert proposal.action.scores == root.hex()
    assert panel.client.view("releases", "idOf", *names) == [release_id("cardio", "1.0")]


def test_an_index_keeps_scores_and_a_follower_folds_them(panel, tmp_path):
    panel.open()
    for index in range(3):
        panel.commit(index)
    follower = Follower(panel.client, Index(tmp_path / "index.sqlite"))
    assert set(follower.refresh().jobs[panel.job].scorings[1].commitments) == {0, 1, 2}
    for index in range(3):
        panel.reveal(index)
    settled = panel.settle()
    assert follower.refresh().jobs[panel.job].scorings[1] == settled
    again = Follower(panel.client, Index(tmp_path / "index.sqlite"))
    assert again.refresh().jobs[panel.job].scorings[1] == settled


def test_a_log_that_lost_a_commitment_is_refused(panel):
    panel.open()
    for index in range(3):
        panel.commit(index)
    panel.reveal(0)
    first, last = panel.consortium.network.founding.block, panel.client.latest().number
    events = [event for logs in panel.client.read(first, last) for event in logs.events]
    lost = next(event for event in events if isinstance(event, ScoresCommitted))
    with pytest.raises(HistoryError, match="did not commit"):
        History(foundation_of(panel.consortium.network), (event for event in events if event != lost))
