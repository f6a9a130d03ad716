"""What a draft leaves open of its masks follows from its times and its consortium."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.drafts import DRAFT, Memory

from ledger import keys
from ledger.config import Home
from ledger.errors import Malformed, UsageError
from ledger.jobs import document
from ledger.jobs.privacy import OPEN, Masked, SealedTo
from ledger.jobs.rules import WeightedMean
from participant.jobs import creation
from participant.jobs import draft as drafts
from participant.jobs.proposals import Electorate, check_participants, min_updates_of, rule_of, warning_of
from participant.jobs.protection import DraftPrivacy, privacy_of

TABLE = '\n[privacy]\nmode = "masked"\n'
FREE = DRAFT.replace("min_updates = 2\n", "").replace("aggregate_seconds = 30", "aggregate_seconds = 80")


def read(folder: Path, text: str, *, masked: bool = False) -> drafts.Draft:
    (folder / "draft.toml").write_text(text)
    return drafts.read(folder / "draft.toml", masked=masked)


def proposed(draft: DraftPrivacy, seconds: int) -> Masked:
    made = privacy_of(draft, 3, 60, seconds)
    assert isinstance(made, Masked)
    return made


def test_a_draft_without_a_word_is_open(tmp_path: Path) -> None:
    assert privacy_of(read(tmp_path, DRAFT).privacy, 2, 60, 30) == OPEN


def test_numbers_are_proposed_and_what_the_draft_says_stays() -> None:
    assert proposed(DraftPrivacy(mode="masked"), 80) == Masked(
        segment=16,
        smallest=3,
        threshold=0,
        set_up_seconds=60,
        set_seconds=20,
        unmask_seconds=20,
        share_seconds=20,
        weights="public",
        on_bad_sum="open",
    )
    said = proposed(DraftPrivacy(mode="masked", segment=4, threshold=5, set_seconds=7, weights="equal"), 80)
    assert (said.segment, said.threshold, said.set_seconds, said.weights) == (4, 5, 7, "equal")
    assert said.unmask_seconds == 20


def test_a_sealed_job_names_its_readers(tmp_path: Path) -> None:
    text = DRAFT + '\n[privacy]\nmode = "sealed"\n'
    assert privacy_of(read(tmp_path, text).privacy, 2, 60, 30) == SealedTo(readers=("members", "auditors"))
    text += 'readers = ["members"]\n'
    assert privacy_of(read(tmp_path, text).privacy, 2, 60, 30) == SealedTo(readers=("members",))


@pytest.mark.parametrize("privacy", ['mode = "none"\nreaders = ["members"]', 'mode = "sealed"\nsegment = 3'])
def test_what_is_of_another_mode_is_refused(privacy: str, tmp_path: Path) -> None:
    with pytest.raises(Malformed, match=r"privacy\.(readers|segment) is of"):
        read(tmp_path, f"{DRAFT}\n[privacy]\n{privacy}\n")


@pytest.mark.parametrize("seconds", [11, 12, 20, 31, 32, 33, 100, 3600])
def test_proposed_times_lie_in_the_aggregators(seconds: int) -> None:
    assert proposed(DraftPrivacy(mode="masked"), seconds).least_aggregate_seconds <= seconds


def test_the_least_sum_is_of_three_and_of_four_where_one_may_be_absent(tmp_path: Path) -> None:
    draft = read(tmp_path, FREE + TABLE)
    needed = {n: min_updates_of(draft, Electorate(n, n)) for n in (3, 4, 5, 7, 9, 20)}
    assert needed == {3: 3, 4: 3, 5: 4, 7: 4, 9: 5, 20: 11}
    assert min_updates_of(read(tmp_path, FREE + TABLE + "smallest = 6\n"), Electorate(9, 9)) == 6
    assert min_updates_of(read(tmp_path, DRAFT + TABLE), Electorate(9, 9)) == 2, "what was said stays, and is refused"


def test_the_weighted_mean_is_proposed_however_many_there_are(tmp_path: Path) -> None:
    assert rule_of(read(tmp_path, FREE + TABLE), Electorate(10, 10), 6) == WeightedMean()


def test_masks_that_need_more_participants_than_there_are_are_refused() -> None:
    """No segment could ever be opened: the contract takes no smaller roster."""
    masking = proposed(DraftPrivacy(mode="masked"), 80).masking
    check_participants(masking, Electorate(5, 3))
    check_participants(masking, None)
    with pytest.raises(Malformed, match="masks need 3 participants") as caught:
        check_participants(masking, Electorate(5, 2))
    assert (caught.value.facts["expected"], caught.value.facts["actual"]) == (3, 2)
    high = proposed(DraftPrivacy(mode="masked", threshold=7), 80).masking
    check_participants(high, Electorate(7, 7))
    with pytest.raises(Malformed, match="masks need 7 participants"):
        check_participants(high, Electorate(9, 6))


def test_absent_members_are_told_of_by_what_masks_need() -> None:
    """Two thirds must answer, whatever min_updates is."""
    masking = proposed(DraftPrivacy(mode="masked"), 80).masking
    assert warning_of(3, Electorate(4, 4), masking) == ""
    said = warning_of(3, Electorate(5, 5), masking)
    assert said.startswith("2 participants that send nothing end every round without a model")
    assert said.endswith("4 answers are what masks need, above 3")
    assert warning_of(5, Electorate(5, 5), masking).endswith("min_updates is above 3")


def test_the_option_stands_for_a_mode_that_the_draft_leaves_out(tmp_path: Path) -> None:
    assert read(tmp_path, DRAFT, masked=True).privacy == DraftPrivacy(mode="masked")
    assert read(tmp_path, DRAFT + TABLE, masked=True).privacy == DraftPrivacy(mode="masked")
    assert read(tmp_path, DRAFT + "\n[privacy]\nsegment = 4\n", masked=True).privacy.segment == 4
    with pytest.raises(UsageError, match="the draft says how its updates are protected") as caught:
        read(tmp_path, DRAFT + '\n[privacy]\nmode = "none"\n', masked=True)
    assert caught.value.facts["mode"] == "none"


@pytest.mark.node
def test_a_masked_job_is_made_and_one_that_cannot_be_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    made = creation.create(read(tmp_path, FREE + TABLE), Memory().put, electorate=Electorate(5, 5))
    assert made.masked is not None
    assert (made.masked.smallest, made.admission.min_updates, made.masked.set_seconds) == (4, 4, 20)
    assert document.parse(made.encode()) == made
    with pytest.raises(Malformed, match=r"privacy\.smallest is out of range"):
        creation.create(read(tmp_path, DRAFT + TABLE), Memory().put)
    with pytest.raises(Malformed, match=r"aggregation\.rule = median does not go with masks"):
        rule = '\n[aggregation]\nrule = "median"\n'
        creation.create(read(tmp_path, FREE + TABLE + rule), Memory().put, electorate=Electorate(5, 5))


@pytest.mark.node
def test_the_command_says_what_masks_hide_and_cost(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from participant.cli.job import create

    read(tmp_path, FREE.replace("max_weight", "min_updates = 3\nmax_weight"))
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    keys.create(home.keystore, "correct horse", light=True)
    arguments = [str(tmp_path / "draft.toml"), "--masked", "--home", str(home.folder)]
    text = CliRunner().invoke(create, arguments, catch_exceptions=False).stdout
    for words in ("masked: updates are read as a sum of 3 or more", "masks hide", "masks cost", "no scores"):
        assert words in " ".join(text.split())
    facts = json.loads(CliRunner().invoke(create, [*arguments, "--json"], catch_exceptions=False).stdout)
    assert facts["privacy"]["mode"] == "masked"
    assert document.parse((tmp_path / "draft.json").read_bytes()).masked is not None
