"""Scorers on a real chain: what their nodes commit to, reveal and settle, and what stops none of it."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from math import inf
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from click.testing import CliRunner
from support.consortia import aggregators
from support.consortia.synthetic import Party, Trial
from support.consortia.trainers import (
    COMMITTED,
    EVERYTHING,
    PRIVATE,
    drive,
    end_pauses,
    node,
    notes,
    patiently,
    train_on,
    trainers_of,
    validation_of,
    write_data,
)

from ledger.audit.report import Check
from ledger.cli.main import fedledger
from ledger.events.records import Role
from ledger.formats.claims import lower_median, pack_scores, scores_commitment
from ledger.history.state import Phase, Scoring, ScoringPhase
from ledger.party.auditing import AuditRequest, inspect
from ledger.party.documents import Documents
from ledger.rounds.facts import RoundFacts
from ledger.rounds.steps import Wait
from ledger.scores.contributions import score_round
from participant.scoring.measuring import Interrupted, Measuring, worth
from participant.scoring.scorer import SHORT
from participant.scoring.steps import CommitScores, OpenScoring, RevealScores, SettleScores
from participant.tasks.data.files import DataFiles
from participant.trainer.errand import Errand
from participant.trainer.messages import Measure, Measured

pytestmark = pytest.mark.node
Make = Callable[..., Trial]


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Make]:
    """Makes trials with a job that is really trained and scored."""
    with ExitStack() as stack:

        def make(members: int = 3, roles: Any = EVERYTHING, scoring: str = COMMITTED, **options: Any) -> Trial:
            consortium = found(members, roles)
            return train_on(stack.enter_context(Trial(consortium, propose=False)), scoring=scoring, **options)

        yield make


def nodes_of(t: Trial, *indices: int) -> list[Any]:
    return [node(t.parties[index]) for index in indices or range(len(t.parties))]


def trained(t: Trial) -> Trial:
    """The first round, finalised by nodes that give no scores."""
    quiet = [node(party, scores=False) for party in t.parties]
    drive(*quiet, aggregators.service(t.parties[0], goal=aggregators.Goal(once=True)), looks=60)
    assert t.state.rounds[1].phase is Phase.FINALISED
    return t


def scored(t: Trial, *workers: Any, looks: int = 60) -> Scoring:
    """The scoring of round 1, after these have done what they can; the courtesy that each leaves the others passes."""
    for _ in range(4):
        drive(*workers, looks=looks)
        t.pass_time(10)
    return t.state.scorings[1]


def recomputed(t: Trial, number: int = 1) -> tuple[int, ...]:
    connection, state = t.parties[0].connection, t.state
    round_, seed = state.rounds[number], state.scorings[number].seed
    return score_round(state, t.job, round_, seed, connection.fetch)


def commit_by_hand(party: Party, scores: tuple[int, ...]) -> None:
    """As a scorer that will never reveal."""
    connection, me = party.connection, party.sender.address
    board = connection.network.contracts.scores.address
    salt = bytes(32)
    digest = scores_commitment(connection.place.chain, board, party.trial.number, 1, me, salt, scores)
    party.sender.send("scores", "commitScores", party.trial.number, 1, digest)


def test_scoring_waits_from_the_commitment_until_updates_are_signed_for_but_not_for_long(
    trial: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("participant.node.node.TOGETHER", 300)
    t = trial(rounds=1)
    drive(aggregators.service(t.parties[0]))
    first, *others = nodes_of(t)
    looks: list[Phase] = []
    monkeypatch.setattr(first._scorings, "advance", lambda _, state, __: looks.append(state.current.phase))
    patiently(first)
    looks.clear()
    first.look()
    assert not looks, "the others are about to commit"
    t.pass_time(301)
    first.look()
    assert looks == [Phase.COLLECTING], "a round that goes on for long holds up no scores"
    for other in others:
        patiently(other)
    with monkeypatch.context() as asked:
        asked.setattr(first._rounds, "require_agreement_now", lambda *_: Wait("asks"))
        first.look()
    assert t.state.rounds[1].phase is Phase.OPENING
    first.look()
    assert len(looks) == 1, "what is shown is about to be opened, and to be signed for"
    t.pass_time(301)
    while not looks[1:]:
        patiently(first)


def test_short_steps_of_a_scoring_are_taken_while_others_commit(trial: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """To work scores out is one of them where the last ones took a moment."""
    monkeypatch.setattr("participant.node.node.TOGETHER", 300)
    t = trial(rounds=1)
    drive(aggregators.service(t.parties[0]))
    first = nodes_of(t)[0]
    patiently(first)
    taken: list[object] = []
    monkeypatch.setattr(first._scorings, "advance", lambda *_: taken.append(first._scorer.decide()))
    steps = OpenScoring(1, 1), RevealScores(1, 1), SettleScores(1, 1), CommitScores(1, 1), Wait("for the others")
    for took in (SHORT, SHORT + 0.01):
        first._scorer._took[t.number] = took
        for step in steps:
            monkeypatch.setattr(first._scorer, "decide", lambda *_, step=step: step)
            first.look()
    assert taken == [*steps[:4], *steps[:3]]
    assert t.state.rounds[1].phase is Phase.COLLECTING


def test_scores_that_a_round_interrupted_took_the_time_of_all_parts(
    trial: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    t = trial(rounds=1)
    scorer = nodes_of(t)[0]._scorer
    seconds = iter([0.0, 0.04, 9.0, 9.04, 20.0, 20.04])
    monkeypatch.setattr("participant.scoring.scorer.time", SimpleNamespace(monotonic=lambda: next(seconds)))
    made = iter([Interrupted("a round wants this node"), (1, 2), (3, 4)])

    def make(*_: object) -> tuple[int, ...]:
        if isinstance(found := next(made), Interrupted):
            raise found
        return found

    monkeypatch.setattr(scorer, "_vectors", SimpleNamespace(find=lambda _: None, make=make))
    monkeypatch.setattr(scorer, "facts", lambda *_: None)
    copies = SimpleNamespace(scored=lambda *_: SimpleNamespace(copying=()), check_scored=lambda _: None)
    monkeypatch.setattr(scorer, "copies", copies)
    took = []
    for number in (1, 1, 2):
        with suppress(Interrupted):
            scorer._scores(t.state, SimpleNamespace(round=number, reveal_deadline=0))
        took.append(round(scorer._took[t.number], 2))
    assert took == [inf, 0.08, 0.04]


def test_nodes_score_a_committed_job_to_its_end(trial: Make) -> None:
    t = trial(rounds=2)
    nodes = [node(party, until_complete=True) for party in t.parties]
    service = aggregators.service(t.parties[0])
    for _ in range(8):
        drive(*nodes, service, looks=60)
        t.pass_time(10)
    assert all(one.done for one in nodes)
    assert sorted(t.state.scorings) == [1, 2]
    for number, scoring in t.state.scorings.items():
        assert scoring.medians == recomputed(t, number)
        assert all(reveal.scores == scoring.medians for reveal in scoring.reveals.values())
        assert sorted(scoring.reveals) == [0, 1, 2]
    report = inspect(t.parties[0].connection, AuditRequest(source=False))
    assert (report.right.answer, report.lies.answer) == ("yes", "none")
    assert [one for one in report.open.list if one.check not in (Check.SOURCE, Check.SIGNED)] == []
    assert report.passed[Check.SCORES] == 2 * (3 * 3 + 3)


def test_a_node_that_waits_for_the_end_waits_for_the_scores(trial: Make) -> None:
    t = trained(trial(rounds=1))
    one = node(t.parties[0], until_complete=True)
    drive(one)
    assert t.state.complete
    assert not one.done
    scored(t, one, *nodes_of(t, 1, 2))
    drive(one)
    assert one.done


def test_rounds_go_on_beside_a_scoring_that_waits(trial: Make) -> None:
    t = trial(rounds=2, roles=[EVERYTHING, EVERYTHING, EVERYTHING])
    nodes = [node(party, scores=party.index == 2) for party in t.parties]
    drive(*nodes, aggregators.service(t.parties[0]), looks=60)
    t.pass_time(10)
    drive(*nodes, aggregators.service(t.parties[0]), looks=60)
    assert t.state.complete
    assert sorted(t.state.scorings[1].commitments) == [2]
    assert t.state.scorings[1].outcome is None


def test_private_sets_settle_at_the_median_of_what_each_scorer_measured(trial: Make) -> None:
    t = trained(trial(scoring=PRIVATE))
    scoring = scored(t, *nodes_of(t))
    vectors = [scoring.reveals[index].scores for index in range(3)]
    assert len(set(vectors)) == 3
    assert scoring.medians == tuple(lower_median(column) for column in zip(*vectors, strict=True))
    state, connection = t.state, t.parties[1].connection
    facts = RoundFacts.of(connection.place, state, t.job, state.rounds[1])
    files = DataFiles.at(validation_of(t.parties[1]), "validation")
    own = Measuring(connection, files, trainers_of(t.parties[1])).scores(facts, scoring.seed)
    assert own == vectors[1]
    assert inspect(connection, AuditRequest(source=False)).right.answer == "yes"


@pytest.mark.parametrize(
    ("scoring", "cut"),
    [(COMMITTED, False), (COMMITTED, True), (PRIVATE, False)],
    ids=["committed set", "committed set, power cut", "private sets"],
)
def test_restarted_between_commit_and_reveal_it_reveals_the_same(trial: Make, scoring: str, cut: bool) -> None:
    """Scores on a committed set are worked out again where their file did not get to the disk."""
    t = trained(trial(scoring=scoring))
    nodes = nodes_of(t, 0, 1)
    scored(t, *nodes)
    committed = t.state.scorings[1].commitments[1]
    t.pass_time(601)
    write_data(validation_of(t.parties[1]), seed=999)
    if cut:
        (t.parties[1].member.home.folder / "scores" / "1-1.json").write_bytes(b"")
    drive(node(t.parties[1]))
    found = t.state.scorings[1]
    assert found.commitments[1] == committed
    assert found.reveals[1].scores == (recomputed(t) if scoring == COMMITTED else found.reveals[1].scores)
    scored(t, *nodes)
    assert t.state.scorings[1].medians is not None
    assert not t.state.scorings[1].withheld
    assert len([one for one in notes(t.parties[1].member.home, "committed") if "scores" in one["text"]]) == 1


def test_scores_that_are_lost_and_cannot_be_made_again_are_withheld(trial: Make) -> None:
    t = trained(trial(scoring=PRIVATE))
    scored(t, *nodes_of(t, 0, 1))
    commit_by_hand(t.parties[2], (1, 2, 3))
    home, nodes = t.parties[2].member.home, nodes_of(t)
    drive(*nodes)
    t.pass_time(1201)
    scoring = scored(t, *nodes)
    (note,) = notes(home, "failed")
    assert "that were committed to are lost" in note["text"]
    assert not notes(home, "revealed")
    assert scoring.withheld == {2}
    assert scoring.medians is not None
    report = inspect(t.parties[0].connection, AuditRequest(source=False))
    assert report.right.answer == "yes"
    found = [one for one in report.open.list if one.check not in (Check.SOURCE, Check.SIGNED)]
    assert ([one.touches for one in found], report.lies.answer) == ([()], "none")


def test_a_scorer_that_never_reveals_is_flagged_and_the_round_settles(trial: Make) -> None:
    t = trained(trial())
    nodes = nodes_of(t, 0, 1)
    scored(t, *nodes)
    commit_by_hand(t.parties[2], (1, 2, 3))
    drive(*nodes)
    assert sorted(t.state.scorings[1].reveals) == [0, 1]
    t.pass_time(1201)
    scoring = scored(t, *nodes)
    assert scoring.withheld == {2}
    assert scoring.medians == recomputed(t)


def test_too_few_reveals_void_the_scoring_and_the_next_round_is_scored(trial: Make) -> None:
    t = trial(rounds=2)
    trained(t)
    one = nodes_of(t, 0)
    scored(t, *one)
    t.pass_time(1202)
    scoring = scored(t, *one)
    assert (scoring.medians, scoring.outcome.value if scoring.outcome else "") == (None, "Void")
    assert len(notes(t.parties[0].member.home, "voided")) == 1
    drive(*nodes_of(t), aggregators.service(t.parties[0]), looks=60)
    for _ in range(4):
        t.pass_time(10)
        drive(*nodes_of(t), looks=60)
    assert t.state.scorings[2].medians == recomputed(t, 2)


def test_a_scoring_that_nobody_settled_in_time_is_void(trial: Make) -> None:
    t = trained(trial())
    assert scored(t, *nodes_of(t, 0)).commitments.keys() == {0}
    for party in t.parties[1:]:
        commit_by_hand(party, (1, 2, 3))
    for party in t.parties[1:]:
        party.sender.send("scores", "revealScores", t.number, 1, bytes(32), pack_scores((1, 2, 3)))
    t.pass_time(600 + 600 + 600)
    scoring = scored(t, *nodes_of(t, 0))
    assert (scoring.medians, scoring.outcome) == (None, ScoringPhase.VOID)
    (note,) = notes(t.parties[0].member.home, "voided")
    assert "nobody settled" in note["text"]
    report = inspect(t.parties[0].connection, AuditRequest(source=False))
    assert "the round has none: nobody settled them in time" in [one.why for one in report.open.list]


def refuses(t: Trial, words: str, **options: Any) -> None:
    """Member 2's node says why it makes no scores, commits to none, and the others settle."""
    nodes = nodes_of(t)
    scored(t, *nodes)
    t.pass_time(601)
    scoring = scored(t, *nodes)
    (note, *_) = notes(t.parties[2].member.home, "failed")
    assert words in note["text"], note
    assert 2 not in scoring.commitments
    assert scoring.medians is not None


def test_a_scorer_without_validation_data_says_so_and_gives_no_scores(trial: Make) -> None:
    t = trained(trial(scoring=PRIVATE))
    validation_of(t.parties[2]).unlink()
    refuses(t, "no validation data")
    assert notes(t.parties[2].member.home, "failed")[0]["facts"]["file"] == str(validation_of(t.parties[2]))


def test_measuring_that_something_from_outside_ended_is_begun_once_more(
    trial: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, ended = Errand._look, list[Errand]()

    def killed(errand: Errand) -> Any:
        if isinstance(errand.order.do, Measure) and not ended:
            ended.append(errand)
            return errand._ended(-signal.SIGKILL)
        return look(errand)

    t = trained(trial(scoring=PRIVATE))
    monkeypatch.setattr(Errand, "_look", killed)
    nodes = nodes_of(t)
    drive(*nodes)
    end_pauses(*nodes)
    scoring = scored(t, *nodes)
    assert ended
    assert sorted(scoring.reveals) == [0, 1, 2]
    (said,) = [one for party in t.parties for one in notes(party.member.home, "failed")]
    assert (said["error"], "SIGKILL" in said["text"]) == ("Unavailable", True)


def test_validation_data_of_one_class_are_named(trial: Make) -> None:
    t = trained(trial(scoring=PRIVATE))
    validation_of(t.parties[2]).write_text("a,b,kind\n1,0,low\n2,0,low\n")
    refuses(t, "one class only")


def test_corrected_data_are_tried_again(trial: Make) -> None:
    t = trained(trial(scoring=PRIVATE))
    validation_of(t.parties[2]).write_text("a,b,kind\n")
    nodes = nodes_of(t)
    scored(t, *nodes)
    assert "no rows" in notes(t.parties[2].member.home, "failed")[0]["text"]
    write_data(validation_of(t.parties[2]), 5)
    end_pauses(nodes[2])
    scored(t, *nodes)
    assert sorted(t.state.scorings[1].commitments) == [0, 1, 2]


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"loss": float("nan")}, "not a number"),
        ({"loss": float("inf")}, "not a number"),
        ({"accuracy": 1.0}, "no 'loss'"),
    ],
)
def test_a_figure_that_is_none_is_named(
    trial: Make, monkeypatch: pytest.MonkeyPatch, figures: dict[str, float], words: str
) -> None:
    t = trained(trial(scoring=PRIVATE))
    wrong, answered = validation_of(t.parties[2]), Measuring._answered

    def answer(self: Measuring, key: bytes, job: Any, number: int, do: Any, path: Any, *about: Any) -> Any:
        if path == wrong and isinstance(do, Measure):
            return Measured(figures={name: repr(value) for name, value in figures.items()})
        return answered(self, key, job, number, do, path, *about)

    monkeypatch.setattr(Measuring, "_answered", answer)
    refuses(t, words)


def test_a_closed_set_is_waited_for_and_scored_once_it_is_open(trial: Make) -> None:
    t = trained(trial(open_set=False))
    nodes = nodes_of(t)
    scored(t, *nodes)
    assert not t.state.scorings[1].commitments
    assert {note["error"] for note in notes(t.parties[1].member.home, "failed")} == {"Unavailable"}
    home = t.parties[0].member.home.folder
    other = write_data(home / "other.csv", 5, rows=40)
    refused = CliRunner().invoke(fedledger, ["node", "set", str(other), "--home", str(home)])
    assert "not the evaluation set" in str(refused.exception)
    opened = CliRunner().invoke(fedledger, ["node", "set", str(home / "rows.csv"), "--home", str(home)])
    assert "40 rows" in opened.stdout, opened.exception
    end_pauses(*nodes)
    scoring = scored(t, *nodes)
    assert scoring.medians == recomputed(t)


@pytest.mark.parametrize("scoring", [COMMITTED, PRIVATE], ids=["committed set", "private sets"])
def test_long_measuring_is_put_off_for_a_round_and_goes_on_after(
    trial: Make, monkeypatch: pytest.MonkeyPatch, scoring: str
) -> None:
    t = trained(trial(scoring=scoring, rounds=2))
    scored(t, node(t.parties[0]))
    t.parties[0].sender.send("ledger", "openRound", t.number)
    monkeypatch.setattr("participant.scoring.measuring.PATIENCE", -1.0)
    monkeypatch.setattr("participant.node.node.TOGETHER", 0)
    for waited in ("ledger.party.copies", "participant.node.updates"):  # nothing is measured while a round is awaited
        monkeypatch.setattr(f"{waited}.PROMPT", 60.0)
    monkeypatch.setattr(Documents.get, "__defaults__", (60.0,))
    measured: list[int] = []
    made = Measuring._utility

    def recording(self: Measuring, facts: Any) -> Any:
        utility = made(self, facts)

        def measure(model: Any) -> int:
            measured.append(len(t.round.commitments))
            return utility(model)

        return measure

    monkeypatch.setattr(Measuring, "_utility", recording)
    one = node(t.parties[1])
    history = t.parties[1].connection.refresh()
    one._scorings.advance(history, history.jobs[t.number], t.parties[1].connection.client.time())
    assert not measured
    drive(one)
    assert sorted(t.round.commitments) == [1]
    assert 1 in t.state.scorings[1].commitments
    assert set(measured) == {1}


def test_a_member_who_is_no_scorer_gives_none(trial: Make) -> None:
    both = Role.PARTICIPANT | Role.AGGREGATOR
    t = trained(trial(roles=[EVERYTHING, EVERYTHING, both]))
    scoring = scored(t, *nodes_of(t))
    assert sorted(scoring.reveals) == [0, 1]
    assert scoring.medians == recomputed(t)


def test_past_scores_weigh_the_next_round_and_everyone_recomputes_it(trial: Make) -> None:
    t = trial(rounds=2, scoring=COMMITTED + 'weighting = "past_scores"\n')
    trained(t)
    nodes = nodes_of(t)
    scored(t, *nodes)
    drive(*nodes, aggregators.service(t.parties[0]), looks=60)
    assert t.state.rounds[2].phase is Phase.FINALISED
    assert t.state.rounds[2].scored_to == 1
    assert inspect(t.parties[0].connection, AuditRequest(source=False)).right.answer == "yes"


def test_utilities_are_the_figures_in_parts_per_million() -> None:
    figures = {"accuracy": 0.75, "loss": 0.1234567, "auc": 1.0}
    assert [worth(name, figures) for name in figures] == [750_000, -123_457, 1_000_000]


def shown(t: Trial, *arguments: str) -> str:
    done = CliRunner().invoke(fedledger, [*arguments, "--home", str(t.parties[0].member.home.folder)])
    assert done.exit_code == 0, done.exception
    return done.stdout


def test_the_commands_show_scores_to_anyone(trial: Make) -> None:
    t = trained(trial(rounds=1))
    assert "Waiting" in shown(t, "scores")
    scoring = scored(t, *nodes_of(t))
    medians = [f"{median:+,}" for median in scoring.medians or ()]
    for arguments in (["scores"], ["scores", "1"], ["scores", "show", "1", "--round", "1", "--void"]):
        said = shown(t, *arguments)
        assert all(median in said for median in medians)
        assert "shapley of the loss on a committed set of 40 rows" in said
    document = json.loads(shown(t, "scores", "1", "--json"))
    assert document["fedledger"] == "scores/1"
    assert [update["score"] for update in document["rounds"][0]["updates"]] == list(scoring.medians or ())
    when = [document["rounds"][0][what] for what in ("finalised", "opened", "ended")]
    assert [one["block"] for one in when] == sorted(one["block"] for one in when)
    assert all(one["time"] > 1_700_000_000 for one in when)
    table = json.loads(shown(t, "scores", "coalitions", "1", "1", "--json"))
    assert [tuple(row["members"]) for row in table["coalitions"]][:4] == [(), (0,), (1,), (2,)]
    assert len(table["coalitions"]) == 8
    assert tuple(table["shapley"].values()) == scoring.medians
    whole, nothing = table["coalitions"][-1]["worth"], table["coalitions"][0]["worth"]
    assert abs(sum(table["shapley"].values()) - (whole - nothing)) <= 3
    assert all(median in shown(t, "scores", "coalitions", "1", "1") for median in medians)
    assert "at least 2 scorers" in shown(t, "job", "show", "1")
    assert "1 of 1" in shown(t, "status")
    assert all(f"score {median}" in shown(t, "trace") for median in medians)
    assert "every finalised round is scored" in " ".join(shown(t, "node", "status").split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scores", "1", "--round", "1"], "no finalised model"),
        (["scores", "coalitions", "1", "1"], "no finalised model"),
        (["scores", "2"], "there is no job 2"),
    ],
)
def test_what_has_no_scores_is_named(trial: Make, arguments: list[str], words: str) -> None:
    t = trial(rounds=1)
    home = str(t.parties[0].member.home.folder)
    done = CliRunner().invoke(fedledger, [*arguments, "--home", home])
    assert words in str(done.exception)


def test_coalitions_of_private_sets_are_nobody_elses_to_measure(trial: Make) -> None:
    t = trained(trial(rounds=1, scoring=PRIVATE))
    home = str(t.parties[0].member.home.folder)
    done = CliRunner().invoke(fedledger, ["scores", "coalitions", "1", "1", "--home", home])
    assert "no committed set" in str(done.exception)
