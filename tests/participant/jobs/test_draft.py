"""From a draft to a job: decimals stay what was written, limits become exact integers, the initial model is seeded."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from support.drafts import DRAFT, Memory
from support.judging import judge_bytes

from ledger import keys
from ledger.config import Home
from ledger.errors import FedledgerError, Malformed, UsageError
from ledger.formats import merkle, unixfs
from ledger.formats.artifact import Layout
from ledger.jobs import document
from ledger.jobs.rules import CentredClipping, GeometricMedian, MultiKrum, Rule, describe_rule
from ledger.rounds.facts import initial_binding
from participant.jobs import creation
from participant.jobs import draft as drafts


def read(tmp_path: Path, text: str = DRAFT) -> drafts.Draft:
    path = tmp_path / "draft.toml"
    path.write_text(text)
    return drafts.read(path)


def test_numbers_are_what_was_written(tmp_path: Path) -> None:
    draft = read(tmp_path)
    settings = drafts.settings(draft.task.settings)
    assert settings["learning_rate"] == "0.05"
    assert settings["proximal_mu"] == "0.001"
    assert settings["hidden"] == ["4", "3"]
    assert settings["epochs"] == 2
    limits = creation.limits(draft.admission, 20, 2)
    assert limits.max_value == 2**20 // 10
    assert limits.max_norm == 2 << 20


def test_a_limit_above_all_integers_is_no_limit() -> None:
    draft = drafts.DraftAdmission(min_updates=1, max_weight=1, max_value=Decimal(128), max_norm=Decimal(1))
    assert creation.limits(draft, 24, 2).max_value == (1 << 31) - 1


@pytest.mark.parametrize("value", ["nan", "inf", "0", "-1.5"])
def test_a_limit_must_be_a_positive_number(value: str) -> None:
    draft = drafts.DraftAdmission(min_updates=1, max_weight=1, max_value=Decimal(1), max_norm=Decimal(value))
    with pytest.raises(Malformed, match="max_norm"):
        creation.limits(draft, 24, 2)


@pytest.mark.parametrize("value", ["1e999999999", "1e-999999999", "1" * 1001, "0." + "0" * 1000 + "1", "1e1000"])
def test_a_number_too_long_to_reckon_with_is_refused_by_its_field(tmp_path: Path, value: str) -> None:
    for field in ("max_value", "max_norm"):
        draft = read(tmp_path, re.sub(f"{field} = .*", f'{field} = "{value}"', DRAFT))
        with pytest.raises(Malformed, match=field) as caught:
            creation.limits(draft.admission, 20, 2)
        assert len(str(caught.value)) < 1000
    for written in (Decimal(value), [Decimal(value)], [Decimal("0e999999999")]):
        with pytest.raises(Malformed, match="learning_rate"):
            drafts.settings({"learning_rate": written})


@pytest.mark.parametrize("value", ["1e9999999999999999999", "1e-9999999999999999999"])
def test_a_number_that_no_decimal_holds_is_refused_by_its_field(tmp_path: Path, value: str) -> None:
    draft = read(tmp_path, DRAFT.replace("max_norm = 2", f"max_norm = {value}").replace("= 0.05", f"= {value}"))
    with pytest.raises(Malformed, match="max_norm"):
        creation.limits(draft.admission, 20, 2)
    with pytest.raises(Malformed, match="learning_rate"):
        drafts.settings(draft.task.settings)


@pytest.mark.parametrize("value", ["9" * 5000, "0x" + "f" * 5000, "[" * 5000, '"' + "x" * 100_000])
def test_a_draft_of_a_hostile_size_is_refused_in_few_words(tmp_path: Path, value: str) -> None:
    with pytest.raises(Malformed) as caught:
        drafts.settings(read(tmp_path, DRAFT.replace("epochs = 2", f"epochs = {value}")).task.settings)
    assert len(str(caught.value)) < 1000
    with pytest.raises(Malformed):
        drafts.settings({"hidden": [1 << 20_000]})


def test_the_largest_numbers_are_taken() -> None:
    draft = drafts.DraftAdmission(min_updates=1, max_weight=1, max_value=Decimal("1e999"), max_norm=Decimal("1e-1000"))
    assert creation.limits(draft, 24, 2).max_value == (1 << 31) - 1
    assert creation.limits(draft, 24, 2).max_norm == 0


@pytest.mark.parametrize(
    ("value", "named"), [({"a": [[1]]}, "nested.a"), ([[1]], "nested"), ([True], "nested"), (Decimal("nan"), "nested")]
)
def test_a_setting_that_a_job_cannot_hold_is_named(value: Any, named: str) -> None:
    with pytest.raises(Malformed, match=named):
        drafts.settings({"nested": value})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "not valid"),
        (DRAFT.replace("seed", "sead"), "sead"),
        (DRAFT.replace("max_weight = 500\n", ""), "max_weight"),
        (DRAFT.replace("rounds = 4", 'rounds = "4"'), "rounds"),
        (DRAFT + '[tensors."0.*"]\nbits = 20\n', "bits"),
        (DRAFT + '[privacy]\nmode = "hidden"\n', r'privacy\.mode = "hidden" is not supported yet'),
        (DRAFT + "[privacy]\nsegment = 4\n", r"privacy\.segment is of masked jobs, and privacy\.mode is none"),
        (DRAFT + '[privacy]\nmode = "masked"\nparts = 3\n', "parts"),
        (DRAFT + '[privacy]\nmode = "masked"\nweights = "hidden"\n', "hidden"),
        (DRAFT + '[schedule]\nmode = "buffered"\n', r"schedule\.mode = buffered and schedule\.buffer go together"),
        (DRAFT + "[schedule]\nbuffer = 4\n", r"schedule\.mode = buffered and schedule\.buffer go together"),
        (DRAFT + "[schedule]\nmax_staleness = 4\n", r"schedule\.mode = buffered and schedule\.buffer go together"),
        (DRAFT + '[schedule]\nmode = "continuous"\n', "continuous"),
        (DRAFT + '[server]\noptimiser = "lamb"\n', "no such server optimiser"),
        (DRAFT + '[server]\noptimiser = "adam"\nbeta = 0.9\n', r"server\.beta is not a number of adam"),
        ("x" * (drafts.MAX_DRAFT + 1), "too large"),
    ],
)
def test_a_draft_that_breaks_its_form_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        read(tmp_path, text)


def test_a_draft_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such draft"):
        drafts.read(tmp_path / "nowhere.toml")


@pytest.mark.node
def test_a_job_is_made_whole_and_the_same_each_time(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    store, again = Memory(), Memory()
    made = creation.create(read(tmp_path), store.put)
    assert document.parse(store.files[f"job/{made.digest.hex()}"]) == made
    layout = Layout(made.tensors)
    artifact = store.files[f"initial/{made.initial_model.root}"]
    assert artifact.startswith(layout.header(initial_binding()))
    assert len(artifact) == layout.size
    assert unixfs.cid_of([artifact])[0] == made.initial_cid
    assert {tensor.fraction_bits for tensor in made.tensors} == {20}
    assert creation.create(read(tmp_path), again.put) == made
    other = creation.create(read(tmp_path, DRAFT.replace("seed = 3", "seed = 4")), again.put)
    assert other.initial_model.root != made.initial_model.root


@pytest.mark.node
def test_the_fraction_bits_of_tensors_are_named_by_pattern(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    text = DRAFT + '[tensors."*.bias"]\nfraction_bits = 24\n[tensors."4.weight"]\nfraction_bits = 16\n'
    made = creation.create(read(tmp_path, text), Memory().put)
    bits = {tensor.name: tensor.fraction_bits for tensor in made.tensors}
    assert bits == {"0.bias": 24, "0.weight": 20, "2.bias": 24, "2.weight": 20, "4.bias": 24, "4.weight": 16}
    assert (made.admission.max_value, made.admission.max_norm) == (2**24 // 10, 2 << 24)


@pytest.mark.node
def test_limits_hold_as_written_where_the_bits_are_most_and_coarser_tensors_have_more_room(tmp_path: Path) -> None:
    """docs/spec/job.md, "Limits": integers are counted as they stand, for any fraction bits."""
    pytest.importorskip("torch")
    from ledger.rounds.admission import Verdict

    text = DRAFT.replace("max_norm = 2", "max_norm = 100") + '[tensors."0.weight"]\nfraction_bits = 16\n'
    made = creation.create(read(tmp_path, text), Memory().put)
    layout = Layout(made.tensors)

    def verdict(name: str, change: float) -> Verdict:
        update = np.zeros(layout.values, "<i4")
        place = [tensor.name for tensor in made.tensors].index(name)
        update[layout.starts[place]] = round(change * 2 ** made.tensors[place].fraction_bits)
        file = [layout.header(initial_binding()), update.tobytes()]
        return judge_bytes(iter(file), layout, initial_binding(), merkle.root_of(update), made.admission).verdict

    fine, coarse = ("0.bias", 20), ("0.weight", 16)
    for (name, bits), room in ((fine, 1), (coarse, 2 ** (20 - 16))):
        assert verdict(name, 0.1 * room - 2**-bits) is Verdict.ADMITTED
        assert verdict(name, 0.1 * room + 2**-bits) is Verdict.RANGE


@pytest.mark.node
@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ('[tensors."head.*"]\nfraction_bits = 20\n', "'head.*' matches no shared tensor"),
        ('[tensors."0.*"]\nfraction_bits = 20\n[tensors."*.bias"]\nfraction_bits = 9\n', "two patterns match tensor"),
        ('[tensors."0.*"]\nfraction_bits = 31\n', "0 to 30"),
        ('[tensors."0"]\nfraction_bits = 20\n', "matches no shared tensor"),
        ('[tensors."0?bias"]\nfraction_bits = 20\n', "matches no shared tensor"),
    ],
)
def test_patterns_that_are_not_what_their_author_meant_are_refused(tmp_path: Path, tables: str, message: str) -> None:
    pytest.importorskip("torch")
    with pytest.raises(Malformed, match=re.escape(message)):
        creation.create(read(tmp_path, DRAFT + tables), Memory().put)


def test_sections_may_say_that_they_ask_for_nothing(tmp_path: Path) -> None:
    tables = '[private]\ntensors = []\n[privacy]\nmode = "none"\n[schedule]\nmode = "rounds"\n[server]\n'
    assert read(tmp_path, DRAFT + tables).name == "two columns"


@pytest.mark.node
@pytest.mark.parametrize(
    "text",
    [
        DRAFT.replace('name = "tabular"', 'name = "nowhere"'),
        DRAFT.replace("epochs = 2", "epoch = 2"),
        DRAFT.replace("rounds = 4", "rounds = 0"),
        DRAFT.replace("seed = 3", "seed = -3"),
        DRAFT + '\n[aggregation]\nrule = "trimmed_mean"\ntrim = 1\n',
    ],
)
def test_a_job_that_could_not_be_run_is_not_made(tmp_path: Path, text: str) -> None:
    pytest.importorskip("torch")
    with pytest.raises(FedledgerError):
        creation.create(read(tmp_path, text), Memory().put)


@pytest.mark.node
@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ('rule = "multi_krum"\nf = 1', MultiKrum(f=1)),
        ('rule = "geometric_median"', GeometricMedian()),
        ('rule = "centred_clipping"\nradius = 0.25', CentredClipping(radius=1 << 18)),
        ('rule = "centred_clipping"\nradius = 2', CentredClipping(radius=2 << 20)),
    ],
)
def test_a_draft_says_a_rule_and_lengths_in_units_of_the_model(tmp_path: Path, said: str, rule: Rule) -> None:
    """And that long updates are cut, which `job create` shows beside when to use the rule."""
    pytest.importorskip("torch")
    from participant.cli.job import _rule

    text = DRAFT.replace("min_updates = 2", "min_updates = 5").replace("max_norm = 2", 'max_norm = 2\non_norm = "clip"')
    job = creation.create(read(tmp_path, text + f"\n[aggregation]\n{said}\n"), Memory().put)
    assert (job.aggregation, job.admission.on_norm) == (rule, "clip")
    assert _rule(job).startswith(describe_rule(rule))
    assert _rule(job).endswith("at least 5 updates; updates longer than admission.max_norm are cut to it")


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ('[private]\ntensors = ["0.bias"]', ""),
        ('[aggregation]\nrule = "weighted_mean"\n[server]\noptimiser = "none"', ""),
        ('[aggregation]\nrule = "median"', "aggregation.rule = median"),
        ('[server]\noptimiser = "adam"', "server.optimiser = adam"),
    ],
)
def test_what_a_comparison_by_fedavg_leaves_out_of_a_draft_is_said(tmp_path: Path, said: str, left: str) -> None:
    from participant.cli.comparison import _from_draft

    (tmp_path / "job.toml").write_text(f"{DRAFT}\n{said}\n")
    assert _from_draft(tmp_path / "job.toml")[1] == left


@pytest.mark.parametrize("said", ['rule = "centred_clipping"', 'rule = "multi_krum"', 'rule = "krum"'])
def test_a_rule_without_its_number_is_refused(tmp_path: Path, said: str) -> None:
    with pytest.raises(Malformed, match="aggregation") as caught:
        read(tmp_path, DRAFT + f"\n[aggregation]\n{said}\n")
    assert caught.value.advice.endswith(
        "weighted_mean, median, trimmed_mean (trim), multi_krum (f), geometric_median, centred_clipping (radius)"
    )


@pytest.mark.node
def test_a_radius_that_is_no_length_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    for radius in ("0", "-0.5", "nan", "inf"):
        text = DRAFT + f'\n[aggregation]\nrule = "centred_clipping"\nradius = {radius}\n'
        with pytest.raises(Malformed, match="radius"):
            creation.create(read(tmp_path, text), Memory().put)


@pytest.mark.node
def test_the_command_writes_document_and_store(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from ledger.store.home import open_store
    from participant.cli.job import create

    read(tmp_path)
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    keys.create(home.keystore, "correct horse", light=True)
    arguments = [str(tmp_path / "draft.toml"), "--home", str(home.folder)]
    result = CliRunner().invoke(create, [*arguments, "--json"], catch_exceptions=False)
    facts = json.loads(result.stdout)
    made = document.parse((tmp_path / "draft.json").read_bytes())
    assert facts["digest"] == made.digest.hex()
    assert facts["cid"] == str(made.cid)
    assert [tensor["name"] for tensor in facts["tensors"]] == [tensor.name for tensor in made.tensors]
    assert facts["tensors"][0]["largest_change"] == pytest.approx(0.1, abs=2**-20)
    assert facts["at_home"] == []
    store = open_store(home)
    assert set(store.pins().values()) == {made.cid, made.initial_cid}
    store.close()
    text = CliRunner().invoke(create, arguments, catch_exceptions=False).stdout
    assert made.digest.hex() in text
    assert "0.weight" in text
