"""Profiles of several parties become one draft of an analysis, whose bins hold what all of them have."""

import json
import tomllib
from decimal import Decimal
from pathlib import Path
from shlex import quote

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from support.shared import numbers, profile, values

from ledger.cli.main import fedledger
from ledger.cli.statistics.stats import stats
from ledger.errors import UsageError
from ledger.jobs.analysis import MAX_STEPS
from ledger.profiles.analysing import AnalysisChoices, MergedAnalysis, analysis_text, binned, merge_for_analysis
from ledger.profiles.differences import Choices
from ledger.profiles.shared import encode

AGE, SEX = numbers("age", 20, 80), values("sex", {"F": 50, "M": 50})
GRADE = values("grade", {"0": 40, "1": 30, "2": 30}, number=True)


def two(*columns: object, choices: Choices = Choices(), **said: object) -> MergedAnalysis:  # noqa: B008
    profiles = [profile(name, [AGE, SEX, *columns], label="ill") for name in ("A", "B")]  # type: ignore[list-item]
    return merge_for_analysis(profiles, choices, AnalysisChoices(**said))  # type: ignore[arg-type]


def test_the_draft_asks_of_every_common_column_by_the_label() -> None:
    draft = tomllib.loads(analysis_text(two(correlations=True)))
    asked = draft["analysis"]
    assert (asked["by"], asked["min_cell"], asked["min_rows"]) == ("ill", 5, 10)
    assert not asked["correlations"], "one column of numbers has none"
    age, sex, ill = asked["columns"]
    assert age == {"name": "age", "low": 20, "high": 80, "step": 0.001, "bins": 12}
    assert sex == {"name": "sex", "categories": ["F", "M"]}
    assert ill["categories"] == ["no", "yes"]
    assert draft["terms"]["update_seconds"] == 600
    assert draft["admission"] == {"min_updates": 2}


def test_words_of_a_label_need_no_meaning_and_differ_as_they_like() -> None:
    profiles = [
        profile("A", [AGE, values("ill", {"0": 50, "1": 30}, number=True)]),
        profile("B", [AGE, values("ill", {"0": 50, "4": 30}, number=True)]),
    ]
    found = merge_for_analysis(profiles, Choices())
    assert not found.disagreements
    assert tomllib.loads(analysis_text(found))["analysis"]["columns"][1]["categories"] == ["0", "1", "4"]


def test_classes_are_another_column_or_none() -> None:
    assert two(GRADE, by="grade").by == "grade"
    assert two(by="").by == ""
    assert "by" not in tomllib.loads(analysis_text(two(by="")))["analysis"]
    with pytest.raises(UsageError, match="--by names no column of words"):
        two(by="weight")


def test_a_label_of_many_numbers_is_asked_as_numbers() -> None:
    profiles = [profile(name, [SEX, numbers("risk", 0, 9), AGE], label="risk") for name in "AB"]
    found = merge_for_analysis(profiles, Choices())
    assert (found.by, found.disagreements) == ("", ())


def test_what_differs_unseen_is_decided_first() -> None:
    profiles = [
        profile("A", [numbers("chol", 100, 300, unit="mg/dl")]),
        profile("B", [numbers("chol", 2, 8, unit="mmol/l")]),
    ]
    found = merge_for_analysis(profiles, Choices())
    assert [one.kind for one in found.disagreements] == ["units", "ranges"]
    with pytest.raises(UsageError, match="there is no draft yet"):
        analysis_text(found)
    assert "chol" not in analysis_text(merge_for_analysis(profiles, Choices(drop=("chol",)))).partition("[analysis]")[2]


@given(
    st.decimals(min_value=-(10**9), max_value=10**9, places=4),
    st.decimals(min_value="0.0001", max_value=10**9, places=4),
)
def test_bins_are_round_and_hold_the_range_in_whole_steps(low: Decimal, width: Decimal) -> None:
    made = binned(low, low + width)
    assert made.low <= low < low + width <= made.high
    assert 1 <= made.bins <= 20
    size = (made.high - made.low) / made.bins
    assert size.normalize().as_tuple().digits in ((1,), (2,), (5,))
    steps = (made.high - made.low) / made.step
    assert steps == steps.to_integral_value()
    assert made.bins <= steps <= MAX_STEPS
    assert (size / made.step) % 1 == 0


def test_the_command_writes_a_draft_and_says_what_comes_next(tmp_path: Path) -> None:
    files = []
    for name in ("a", "b", "c"):
        files.append(str(tmp_path / f"{name}.shared.json"))
        Path(files[-1]).write_bytes(encode(profile(name.upper(), [AGE, SEX])))
    out = tmp_path / "who.toml"
    more = ["--masked", "--epsilon", "3", "--scope", "patients-2026"]
    said = CliRunner().invoke(
        stats, ["draft", "--profiles", *files, "--output", str(out), *more], catch_exceptions=False
    )
    assert said.exit_code == 0, said.output
    assert f"Next: fedledger job create {quote(str(out))}" in said.output
    draft = tomllib.loads(out.read_text())
    assert (draft["privacy"]["mode"], draft["dp"]["epsilon"], draft["dp"]["scope"]) == ("masked", 3, "patients-2026")
    fewer = ["draft", "--profiles", *files[:2], "--masked"]
    with pytest.raises(UsageError, match="masks need three parties"):
        CliRunner().invoke(stats, fewer, catch_exceptions=False)
    document = json.loads(CliRunner().invoke(stats, ["draft", "--profiles", *files, "--json"]).stdout)
    assert (document["by"], document["columns"], document["output"]) == ("ill", ["age", "sex", "ill"], None)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--epsilon", "3"], "--epsilon and --scope go together"),
        (["--epsilon", "0", "--scope", "x"], "--epsilon is not a number above 0"),
        (["--epsilon", "nan", "--scope", "x"], "--epsilon is not a number above 0"),
    ],
)
def test_noise_that_is_half_said_is_refused(tmp_path: Path, more: list[str], said: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(encode(profile("A", [AGE])))
    with pytest.raises(UsageError, match=said):
        CliRunner().invoke(stats, ["draft", "--profiles", str(path), *more], catch_exceptions=False)


@pytest.mark.parametrize("words", [("job", "draft"), ("stats", "draft")], ids=" ".join)
def test_a_table_in_a_profiles_place_is_told_how_to_be_shared(words: tuple[str, ...], tmp_path: Path) -> None:
    table = tmp_path / "patients.csv"
    table.write_text("age,ill\n50,no\n")
    for rest in (["--profiles", str(table)], [str(table)]):
        with pytest.raises(UsageError, match="a draft is made of profiles, not of tables") as told:
            CliRunner().invoke(fedledger, [*words, *rest], catch_exceptions=False)
        assert f"fedledger data share {table} --output patients.shared.json" in told.value.advice
    with pytest.raises(UsageError, match="none are named"):
        CliRunner().invoke(fedledger, list(words), catch_exceptions=False)
    (tmp_path / "job.toml").write_text("name = 'x'\n")
    with pytest.raises(UsageError, match="this is a draft") as told:
        CliRunner().invoke(fedledger, [*words, "--profiles", str(tmp_path / "job.toml")], catch_exceptions=False)
    assert told.value.advice.startswith("fedledger job create")
