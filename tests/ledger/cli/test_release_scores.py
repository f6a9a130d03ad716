"""Releases with the scores of their round, settled on a real chain by all members."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.consortia.voters import NAMES, Council, council, refused, run, said

from ledger.errors import Refuted, Rejected, UsageError
from ledger.events.actions import ReleaseModel
from ledger.jobs.scores import Cosine
from ledger.party.voting import propose


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Council]:
    """Round 1 is scored, round 2 is not yet."""
    with council(tmp_path_factory.mktemp("council") / "houses", Cosine()) as made:
        made.trial.score(1)
        yield made


def root_of(members: Council, number: int) -> bytes:
    return bytes(members.client.scores_root(1, number))


def test_a_round_that_is_not_scored_yet_is_released_without(members: Council) -> None:
    error = refused(UsageError, "release", "propose", 2, "early", "1", "--scores", "--no-audit", *members.key(0))
    assert "no settled scores" in error.message
    assert "--scores" in error.advice


def test_a_release_has_the_scores_of_its_round(members: Council, tmp_path: Path) -> None:
    """From the proposal to the card that anyone makes, under the one root that the contract keeps."""
    medians, root = members.trial.state.scorings[1].medians, root_of(members, 1)
    assert any(root)
    assert any(medians)
    number = members.propose(1, "scored", "1.0", "--scores", audit=True)
    shown = said("proposal", "show", number, *members.home(1), "--json")
    assert shown["action"]["scores"] == root.hex()
    assert root.hex() in run("proposal", "show", number, *members.home(1)).stdout
    members.decide(number)
    assert said("release", "show", "scored", *members.home(0), "--json")["scores"] == root.hex()
    assert root.hex() in run("release", "show", "scored", *members.home(0)).stdout
    anyone = ("--network", members.local.network_file, "--home", tmp_path / "anyone")
    run("release", "fetch", "scored", "--output", tmp_path / "model", *anyone)
    section = (tmp_path / "model" / "README.md").read_text().partition("## Scores")[2].partition("\n## ")[0]
    assert root.hex() in section
    for name, median in zip(NAMES, medians, strict=True):
        assert f"| {name} | {median} |" in section
    checked = said("release", "verify", tmp_path / "model", *anyone, "--json")
    assert checked["verified"]


def test_the_scores_of_a_release_are_not_swapped_in_its_card(members: Council, tmp_path: Path) -> None:
    members.release("swapped", "1", 1, "--scores")
    anyone = ("--network", members.local.network_file, "--home", tmp_path / "anyone")
    run("release", "fetch", "swapped", "--output", tmp_path / "model", *anyone)
    card = tmp_path / "model" / "README.md"
    first, second = members.trial.state.scorings[1].medians[:2]
    card.write_text(card.read_text().replace(f"| North | {first} |", f"| North | {second} |"))
    assert "README.md" in refused(Refuted, "release", "verify", tmp_path / "model", *anyone).message


@pytest.mark.parametrize(("round_", "whose"), [(2, "another round's"), (1, "nobody's")])
def test_the_contract_refuses_other_scores_in_words(members: Council, round_: int, whose: str) -> None:
    connection, sender = members.trial.parties[0].connection, members.trial.parties[0].sender
    final = members.trial.state.rounds[round_].final
    scores = root_of(members, 1) if whose == "another round's" else b"\x5c" * 32
    connection.refresh()
    with pytest.raises(Rejected) as caught:
        propose(connection, sender, ReleaseModel("wrong", "1", 1, round_, final.root.hex(), scores.hex()))
    assert caught.value.facts["error"] == "ReleaseBoard_WrongScores"
    assert caught.value.message == "the contract refused: these are not the scores that the round got"
    assert "the root that the round's scores were settled on" in caught.value.advice
