"""What is proposed where a draft leaves it open: bounds that follow from how many may be dishonest."""

import pytest
from support.drafts import DRAFT
from support.worlds.world import World

from ledger.errors import Malformed
from ledger.events.records import Role
from ledger.jobs.rules import TrimmedMean, WeightedMean
from participant.jobs import draft as drafts
from participant.jobs.draft import Draft, DraftTerms
from participant.jobs.proposals import (
    LEAST_OPENING,
    Electorate,
    min_updates_of,
    rule_of,
    terms_of,
    warning_of,
)


def written(tmp_path, text: str) -> Draft:
    (tmp_path / "job.toml").write_text(text)
    return drafts.read(tmp_path / "job.toml")


@pytest.mark.parametrize(("members", "attempts"), [(3, 2), (4, 2), (5, 3), (10, 5), (255, 128)])
def test_one_attempt_is_an_honest_members_whenever_a_majority_is(members: int, attempts: int) -> None:
    terms = DraftTerms(rounds=1, update_seconds=60, aggregate_seconds=60, attest_seconds=60)
    assert terms_of(terms, Electorate(members, members)).attempts == attempts


@pytest.mark.parametrize(("training", "opening"), [(60, LEAST_OPENING), (150, LEAST_OPENING), (3600, 360)])
def test_opening_takes_a_tenth_of_training_and_some_seconds_at_least(training: int, opening: int) -> None:
    terms = DraftTerms(rounds=1, update_seconds=training, aggregate_seconds=60, attest_seconds=60, attempts=1)
    assert terms_of(terms, None).open_seconds == opening


def test_what_the_draft_says_stays(tmp_path) -> None:
    said = DraftTerms(1, 60, 60, 60, open_seconds=7, attempts=1)
    terms = terms_of(said, Electorate(5, 5))
    assert (terms.open_seconds, terms.attempts) == (7, 1)
    draft = written(tmp_path, DRAFT)
    assert min_updates_of(draft, Electorate(9, 9)) == draft.admission.min_updates


def test_updates_needed_are_those_of_a_majority_of_the_participants(tmp_path) -> None:
    draft = written(tmp_path, DRAFT.replace("min_updates = 2\n", ""))
    needed = {n: min_updates_of(draft, Electorate(n, n)) for n in (1, 2, 3, 4, 5, 10)}
    assert needed == {1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 10: 6}
    with pytest.raises(Malformed, match="min_updates"):
        min_updates_of(draft, None)


def test_needing_more_is_said_to_hand_each_of_them_the_round() -> None:
    assert warning_of(3, Electorate(5, 5)) == warning_of(9, None) == ""
    assert warning_of(5, Electorate(5, 5)).startswith("1 participant that sends nothing ends every round")
    assert warning_of(4, Electorate(5, 5)).startswith("2 participants that send nothing end every round")


def test_of_a_buffer_as_many_are_needed_as_leave_a_minority_without_a_say(tmp_path) -> None:
    def needed(buffer: int, electorate: Electorate | None) -> int:
        schedule = f'\n[schedule]\nmode = "buffered"\nbuffer = {buffer}\n'
        return min_updates_of(written(tmp_path, DRAFT.replace("min_updates = 2\n", "") + schedule), electorate)

    assert [needed(buffer, Electorate(20, 20)) for buffer in (1, 2, 5, 10)] == [1, 2, 3, 6]
    assert needed(9, Electorate(3, 3)) == 2, "no round has more updates than there are participants"
    assert needed(5, None) == 3
    assert warning_of(3, Electorate(20, 20), buffer=5) == warning_of(2, Electorate(3, 3), buffer=9) == ""
    assert warning_of(5, Electorate(20, 20), buffer=5).startswith("1 participant that commits early and opens nothing")
    assert warning_of(4, Electorate(20, 20), buffer=5).startswith("2 participants that commit early and open nothing")


def test_a_trimmed_mean_is_proposed_from_five_participants_on(tmp_path) -> None:
    draft = written(tmp_path, DRAFT)
    assert rule_of(draft, Electorate(4, 4), 3) == rule_of(draft, None, 3) == WeightedMean()
    assert rule_of(draft, Electorate(5, 5), 3) == TrimmedMean(trim=1)
    assert rule_of(draft, Electorate(10, 10), 6) == TrimmedMean(trim=2)
    assert rule_of(draft, Electorate(5, 5), 2) == WeightedMean(), "two updates leave nothing to trim"
    chosen = written(tmp_path, DRAFT + '\n[aggregation]\nrule = "weighted_mean"\n')
    assert rule_of(chosen, Electorate(10, 10), 6) == WeightedMean()


@pytest.mark.parametrize("optimiser", ["dyn", "scaffold"])
def test_what_goes_with_the_weighted_mean_alone_has_it_proposed(tmp_path, optimiser: str) -> None:
    draft = written(tmp_path, DRAFT + f'\n[server]\noptimiser = "{optimiser}"\n')
    assert rule_of(draft, Electorate(10, 10), 6) == WeightedMean()
    scores = 'method = "cosine"\nweighting = "past_scores"\nscore_seconds = 60\nreveal_seconds = 60\nscorers = 2\n'
    draft = written(tmp_path, DRAFT + f"\n[scoring]\n{scores}")
    assert rule_of(draft, Electorate(10, 10), 6) == WeightedMean()
    draft = written(tmp_path, DRAFT + '\n[server]\noptimiser = "adam"\n')
    assert rule_of(draft, Electorate(10, 10), 6) == TrimmedMean(trim=2)


def test_members_are_counted_as_the_ledger_has_them_now() -> None:
    """One that was admitted since the founding has a vote and a part, and one that left has neither."""
    world = World(members=4)
    assert Electorate.present(world.history) == Electorate(4, 4)
    world.history.members[3].roles = Role.SCORER
    assert Electorate.present(world.history) == Electorate(4, 3)
    world.history.members[2].key = ""
    assert Electorate.present(world.history) == Electorate(3, 2)
