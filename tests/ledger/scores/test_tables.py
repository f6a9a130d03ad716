"""Scores as people read them: refused, void and forfeited ones marked, best party first."""

from typing import Any

from support.worlds.scorers import COSINE, PRIVATE, ScoredWorld
from support.worlds.world import NAMES

from ledger.rounds.trace import trace
from ledger.scores.tables import coalitions_of, describe_method, scores_of


def name(index: int) -> str:
    return NAMES[index]


def read(world: ScoredWorld, **options: Any) -> Any:
    return scores_of(world.state, world.job, name, **options)


def played(*arguments: Any) -> ScoredWorld:
    world = ScoredWorld(*arguments)
    world.open_job().honest_round()
    return world


def test_a_round_waits_then_is_open_then_settled() -> None:
    world = played(PRIVATE)
    assert [(one.round, one.state) for one in read(world).rounds] == [(1, "Waiting")]
    world.open_scoring()
    (one,) = read(world).rounds
    assert (one.state, one.quorum, one.commit_deadline, one.reveal_deadline) == ("Open", 2, 9000, 9060)
    assert [update.score for update in one.updates] == [None] * 4
    world.score(honest=(4, -3, 2, 1))
    (one,) = read(world).rounds
    assert one.state == "Settled"
    assert [(update.party, update.score) for update in one.updates] == list(zip(NAMES, (4, -3, 2, 1), strict=False))
    assert {part.state for part in one.scorers} == {"revealed"}
    assert one.root == world.state.scorings[1].root.hex()


def test_parties_are_ranked_by_what_they_contributed_over_all_rounds() -> None:
    world = played(PRIVATE)
    world.open_scoring().score(honest=(4, -3, 2, 1))
    world.honest_round([0, 1, 2])
    world.open_scoring().score(honest=(1, 9, 2))
    found = read(world).cumulated
    assert [(one.party, one.score, one.rounds) for one in found] == [
        ("east", 6, 2),
        ("north", 5, 2),
        ("south", 4, 2),
        ("west", 1, 1),
    ]


def test_a_refused_update_has_its_reason_and_no_score() -> None:
    world = ScoredWorld(PRIVATE)
    world.open_job().open_round()
    for member in range(4):
        world.submit(member, weight=10 if member != 1 else 5000)
    world.publish(0)
    for member in (1, 2):
        world.attest(member)
    world.open_scoring().score(honest=(7, 8, 9))
    updates = read(world).rounds[0].updates
    assert [(update.party, update.score) for update in updates] == [
        ("north", 7),
        ("east", None),
        ("south", 8),
        ("west", 9),
    ]
    assert updates[1].why == "weight above the member's cap"


def test_a_scorer_that_withholds_forfeits_what_its_update_won() -> None:
    world = played(PRIVATE)
    world.open_scoring().score(honest=(4, 3, 2, 1), without=[1])
    (one,) = read(world).rounds
    assert [update.forfeited for update in one.updates] == [False, True, False, False]
    assert [(part.scorer, part.state) for part in one.scorers][1] == ("east", "withheld")
    assert {party.party: party.score for party in read(world).cumulated}["east"] == 0


def test_a_void_scoring_leaves_everyone_without_a_score() -> None:
    world = played(PRIVATE)
    world.open_scoring().score(honest=(4, 3, 2, 1), without=[1, 2, 3])
    (one,) = read(world).rounds
    assert (one.state, one.root) == ("Void", "")
    assert [update.score for update in one.updates] == [None] * 4
    assert read(world).cumulated == ()


def test_void_updates_are_listed_with_the_reason_where_they_are_read() -> None:
    world = ScoredWorld(COSINE)
    world.open_job().open_round()
    first = world.submit(0)
    world.submit(1, first.values)
    world.submit(2)
    world.submit(3, first.values * 0)
    world.publish(0)
    for member in (1, 2):
        world.attest(member)
    world.open_scoring().score()
    assert [update.void for update in read(world).rounds[0].updates] == [""] * 4
    voids = [update.void for update in read(world, fetch=world.files.fetch).rounds[0].updates]
    assert "committed to before it" in voids[1]
    assert "changes nothing" in voids[3]
    assert [voids[0], voids[2]] == ["", ""]
    scores = [update.score for update in read(world).rounds[0].updates]
    assert scores[1] == scores[3] == min(scores)
    assert scores[1] < min(scores[0], scores[2])


def test_every_coalition_is_measured_and_the_values_share_out_the_whole() -> None:
    world = played()
    table = coalitions_of(world.state, world.job, 1, name, world.files.fetch)
    assert [row.members for row in table.coalitions][:6] == [(), (0,), (1,), (2,), (3,), (0, 1)]
    assert len(table.coalitions) == 16
    assert table.parties == dict(enumerate(NAMES[:4]))
    gain = table.coalitions[-1].worth - table.coalitions[0].worth
    assert abs(sum(table.shapley.values()) - gain) <= 2
    world.open_scoring().score()
    assert tuple(table.shapley.values()) == world.state.scorings[1].medians


def test_how_scores_are_made_is_said_in_words() -> None:
    assert describe_method(ScoredWorld().job).startswith(
        "shapley of the loss on a committed set of 40 rows; 60 s to commit"
    )
    assert describe_method(ScoredWorld(PRIVATE).job).startswith("shapley of the accuracy on the scorers' private sets")
    assert describe_method(ScoredWorld(COSINE).job).startswith("cosine to the sum of the others, without data")


def test_a_trace_lists_the_settled_scores() -> None:
    world = played(PRIVATE)
    world.open_scoring().score(honest=(4, -3, 2, 1))
    models = trace(world.state, world.job, 1, name).models
    assert [update.score for update in models[0].updates] == [4, -3, 2, 1]
