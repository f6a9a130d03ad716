"""A draft with [analysis] becomes a job whose every other word follows; what does not go with it is refused by name."""

from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.drafts import Memory
from support.shared import numbers, profile, values

from ledger.budget.costs import UNIT
from ledger.errors import Malformed
from ledger.jobs.analysis import MAX_INTEGER, AnalysisColumn, zero_root
from ledger.jobs.compression import Compression
from ledger.jobs.document import Job, parse
from ledger.jobs.hierarchy import Hierarchy
from ledger.jobs.noise import cost_of
from ledger.jobs.preparation import Number, Preparation
from ledger.jobs.private import Private
from ledger.profiles.analysing import AnalysisChoices, analysis_text, merge_for_analysis
from ledger.profiles.differences import Choices
from participant.jobs.creation import create
from participant.jobs.draft import read

pytestmark = pytest.mark.node
DRAFT = """
name = "our patients"

[analysis]
{by}
{more}

[[analysis.columns]]
name = "age"
low = 0
high = 120

[[analysis.columns]]
name = "dose"
low = -0.5
high = 7
{column}

[[analysis.columns]]
name = "label"
categories = ["no", "yes"]

[admission]
min_updates = 3

[terms]
update_seconds = 60
aggregate_seconds = 30
attest_seconds = 30
attempts = 2
"""


def made(folder: Path, said: str = "", *, by: str = 'by = "label"', more: str = "", column: str = "") -> Job:
    path = folder / "draft.toml"
    path.write_text(said.partition("!")[2] + DRAFT.format(by=by, more=more, column=column) + said.partition("!")[0])
    return create(read(path), Memory().put)


def test_all_else_follows(tmp_path: Path) -> None:
    job = made(tmp_path)
    assert job.analysis is not None
    age, dose, label = job.analysis.columns
    assert age == AnalysisColumn(name="age", low="0", high="120", step="0.01", bins=20)
    assert dose == AnalysisColumn(name="dose", low="-0.5", high="7", step="0.001", bins=20)
    assert label.categories == ("no", "yes")
    assert (job.analysis.min_cell, job.analysis.min_rows, job.analysis.moments) == (5, 10, 2)
    assert job.tensors == job.analysis.tensors
    assert {tensor.fraction_bits for tensor in job.tensors} == {8}
    assert job.initial_root == zero_root(job.layout.values)
    assert (job.task.name, job.task.settings, job.terms.rounds, job.hold_out) == ("statistics", {}, 1, 0)
    assert (job.admission.max_weight, job.admission.max_value) == (1, MAX_INTEGER)
    assert job.admission.max_norm**2 >= job.layout.values * MAX_INTEGER**2
    assert parse(job.encode()) == job


def test_it_goes_with_masks(tmp_path: Path) -> None:
    job = made(tmp_path, '\n[privacy]\nmode = "masked"\nsmallest = 3\n', more="min_cell = 4")
    assert job.masked is not None


NOISE = '\n[dp]\nepsilon = 2\ndelta = 1e-5\nscope = "patients"\n'


def test_noise_covers_every_sum_that_a_row_is_in(tmp_path: Path) -> None:
    """Age and dose: a cell, a sum and a sum of squares each; and the class. Nothing of it is the draft's to choose."""
    job = made(tmp_path, NOISE)
    assert job.row_noise is not None
    assert job.analysis is not None
    assert (job.row_noise.clip, job.row_noise.sampling, job.row_noise.steps) == ("1", "1", 7)
    assert job.row_noise.steps == job.analysis.sums_of_a_row
    assert job.row_noise.cost == ceil(Fraction(7 * UNIT) / (2 * Fraction(job.row_noise.noise) ** 2))
    assert job.row_noise.rounds >= 1
    assert job.row_noise.epsilon(job.row_noise.cost) <= 2
    assert parse(job.encode()) == job


def test_a_draft_from_profiles_is_a_job_as_it_is(tmp_path: Path) -> None:
    columns = [numbers("age", 20, 80), numbers("dose", -3, 4000000), values("sex", {"F": 50, "M": 50})]
    shared = [profile(name, columns) for name in "ABC"]
    for asked in (
        AnalysisChoices(correlations=True, masked=True),
        AnalysisChoices(epsilon="3", scope="patients-2026"),
        AnalysisChoices(by="sex", min_cell=7),
    ):
        path = tmp_path / "draft.toml"
        path.write_text(analysis_text(merge_for_analysis(shared, Choices(), asked)))
        job = create(read(path), Memory().put)
        assert job.analysis is not None
        assert [column.name for column in job.analysis.columns] == ["age", "dose", "sex", "ill"]
        assert (job.masked is not None, job.dp is not None) == (asked.masked, bool(asked.epsilon))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"said": NOISE + "clip = 2\n"}, "dp.clip does not go with an analysis"),
        ({"said": NOISE + "sampling = 0.5\n"}, "dp.sampling does not go with an analysis"),
        ({"said": NOISE + "steps = 1\n"}, "dp.steps does not go with an analysis"),
        ({"said": NOISE + "noise = 0.5\n"}, "not even one round"),
        ({"said": NOISE + 'level = "client"\n'}, "dp.level = client hides members"),
        (
            {"said": NOISE + 'level = "client"\n[privacy]\nmode = "masked"\nsmallest = 3\nweights = "equal"\n'},
            "does not go with noise that hides members",
        ),
    ],
)
def test_other_noise_is_refused(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(Malformed, match=said) as caught:
        made(tmp_path, **options)
    assert caught.value.advice


@pytest.mark.parametrize(("field", "value"), [("clip", "2"), ("sampling", "0.5"), ("steps", 6)])
def test_a_document_whose_noise_covers_less_is_none(tmp_path: Path, field: str, value: Any) -> None:
    """The cost is right for what it says, and yet no analysis is asked so."""
    job = made(tmp_path, NOISE)
    assert job.row_noise is not None
    said = msgspec.structs.replace(job.row_noise, **{field: value})
    cost = cost_of(said.noise, said.sampling, said.steps, said.orders)
    lie = msgspec.structs.replace(job, dp=msgspec.structs.replace(said, cost=cost))
    with pytest.raises(Malformed, match=f"dp.{field} is not that of an analysis"):
        parse(lie.encode())


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ('\n[scoring]\nmethod = "cosine"\nscore_seconds = 9\nreveal_seconds = 9\nscorers = 1\n', "scores"),
        ('\n[server]\noptimiser = "momentum"\nrate = 0.1\nbeta = 0.9\n', "a server optimiser"),
        ("\n[compression]\nbits = 8\n", "compression"),
        ('\n[privacy]\nmode = "sealed"\n', "seals"),
        ('\n[schedule]\nmode = "buffered"\nbuffer = 3\n', "a buffer"),
        ('\n[hierarchy]\nedges = { "0" = "%s" }\nmin_children = 2\n' % ("22" * 32), "edges"),
    ],
)
def test_what_does_not_go_with_it_is_refused_with_the_way_out(tmp_path: Path, said: str, what: str) -> None:
    with pytest.raises(Malformed, match=f"does not go with {what}") as caught:
        made(tmp_path, said)
    assert "out of the draft" in caught.value.advice


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"by": 'by = "age"'}, "names a column with categories"),
        ({"by": 'by = "other"'}, "names a column with categories"),
        ({"more": "min_cell = 1"}, "analysis.min_cell is out of range"),
        ({"more": "min_rows = 3"}, "analysis.min_rows is out of range"),
        ({"more": "min_cell = 2\nmin_rows = 2"}, "analysis.min_rows is out of range"),
        ({"column": "bins = 8000"}, "bins of column 'dose' is out of range"),
        ({"column": "step = 2"}, "whole number of steps"),
        ({"column": 'categories = ["x"]'}, "a range or categories, not both"),
        ({"said": "!hold_out = 20\n"}, "hold_out needs a task that tells the rows"),
        ({"said": '\n[task]\nname = "tabular"\n'}, "no task of one's own"),
        ({"said": '\n[aggregation]\nrule = "median"\n'}, "aggregation.rule is not that of an analysis"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(Malformed, match=said) as caught:
        made(tmp_path, **options)
    assert caught.value.advice or caught.value.facts


def test_limits_of_ones_own_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "draft.toml"
    path.write_text(DRAFT.format(by="", more="", column="").replace("min_updates = 3", "max_weight = 9"))
    with pytest.raises(Malformed, match="max_weight does not go with an analysis"):
        read(path)


BESIDE: dict[str, dict[str, Any]] = {
    "private tensors": {"private": Private.of(["other*"])},
    "preparation": {"preparation": Preparation(inputs=(Number(column="age", low="0", high="9", outside="clip"),))},
    "edges": {"hierarchy": Hierarchy(edges={"0": "22" * 32}, min_children=2, max_children=9, check="sums")},
    "compression": {"compression": Compression(bits=8, error_feedback=False)},
}


@pytest.mark.parametrize("what", BESIDE)
def test_a_document_with_something_beside_it_is_none(tmp_path: Path, what: str) -> None:
    job = msgspec.structs.replace(made(tmp_path), **BESIDE[what])
    with pytest.raises(Malformed, match=f"does not go with {what}"):
        parse(job.encode())


@pytest.mark.parametrize(
    ("limits", "what"), [({"on_norm": "clip"}, "on_norm = clip"), ({"max_weights": {"1": 1}}, "max_weights")]
)
def test_a_document_with_limits_of_its_own_is_none(tmp_path: Path, limits: dict[str, Any], what: str) -> None:
    job = made(tmp_path)
    lie = msgspec.structs.replace(job, admission=msgspec.structs.replace(job.admission, **limits))
    with pytest.raises(Malformed, match=f"does not go with {what}"):
        parse(lie.encode())


@pytest.mark.parametrize("field", ["on_norm", "max_weights", "max_norm"])
def test_a_draft_with_limits_of_its_own_is_refused(tmp_path: Path, field: str) -> None:
    value = {"on_norm": '"clip"', "max_weights": '{ "1" = 1 }', "max_norm": "3"}[field]
    path = tmp_path / "draft.toml"
    path.write_text(DRAFT.format(by="", more="", column="").replace("min_updates = 3", f"{field} = {value}"))
    with pytest.raises(Malformed, match=f"admission.{field} does not go with an analysis"):
        read(path)


@pytest.mark.parametrize(
    "lie",
    [
        {"initial_model": {"root": "11" * 32}},
        {"admission": {"max_weight": 2}},
        {"admission": {"max_value": MAX_INTEGER - 1}},
        {"terms": {"rounds": 2}},
        {"hold_out": 10},
        {"task": {"name": "tabular"}},
        {"analysis": {"min_rows": 11, "columns": ()}},
    ],
    ids=str,
)
def test_a_document_that_says_otherwise_is_none(tmp_path: Path, lie: dict[str, Any]) -> None:
    job = made(tmp_path)
    for field, value in lie.items():
        said = msgspec.structs.replace(getattr(job, field), **value) if isinstance(value, dict) else value
        job = msgspec.structs.replace(job, **{field: said})
    with pytest.raises(Malformed, match=r"not that of an analysis|out of range"):
        parse(job.encode())
