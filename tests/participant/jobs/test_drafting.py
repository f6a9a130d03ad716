"""From tables as they are, by shared profiles, to a job that every party can train: `data share`, `job draft`,
`job create`."""

import json
import shutil
import tomllib
from collections.abc import Sequence
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from click.testing import CliRunner, Result
from support import warm
from support.drafts import DRAFT, Memory
from support.preparation import COLUMNS, HEART, HOSPITALS, raw_rows

from ledger.cli.main import fedledger
from ledger.errors import Malformed, UsageError
from ledger.jobs.document import Job, parse
from participant.jobs.creation import create
from participant.jobs.draft import read
from participant.tasks.discovery import require
from participant.trainer.trainers import Trainers

pytestmark = pytest.mark.node
MAP = "0=no,1,2,3,4=yes"


def run(*words: object) -> Result:
    return CliRunner().invoke(fedledger, [*map(str, words)])


def shared(table: Path, *options: object) -> Path:
    output = table.with_suffix(".shared.json")
    said = run("data", "share", table, "--output", output, "--yes", *options)
    assert said.exit_code == 0, said.output
    return output


def drafted(profiles: Sequence[Path], output: Path, *options: object) -> Result:
    return run("job", "draft", "--profiles", *profiles, "--output", output, *options)


def readable(job: Job, table: Path) -> int:
    """How many rows of a table the job's task reads."""
    task = require(job.task).create(job.task.settings, job.preparation)
    return len(task.load_data(table).targets)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(Trainers.__init__, "__defaults__", (warm.serve,))
    (folder := tmp_path / "home").mkdir()
    (folder / "keystore.json").touch()
    return folder


def hospitals(folder: Path) -> dict[str, Path]:
    if not HEART.is_dir():
        pytest.skip("the heart data are not here")
    return {
        name: Path(shutil.copyfile(HEART / f"processed.{name}.data", folder / f"{name}.data")) for name in HOSPITALS
    }


def test_four_hospitals_files_as_they_are_become_a_job(tmp_path: Path, home: Path) -> None:
    tables = hospitals(tmp_path)
    profiles = [shared(table, "--names", ",".join(COLUMNS), "--label", "num") for table in tables.values()]
    draft = tmp_path / "draft.toml"
    undecided = drafted(profiles, draft)
    assert undecided.exit_code == 2
    assert f"--label-map {MAP}" in undecided.output
    assert not draft.exists()
    said = drafted(profiles, draft, "--label-map", MAP, "--category", "cp", "--category", "thal")
    assert said.exit_code == 0, said.output
    assert "switzerland has none of it" in said.output
    made = run("job", "create", draft, "--home", home, "--json")
    assert made.exit_code == 0, made.exception
    job = parse(draft.with_suffix(".json").read_bytes())
    assert job.preparation is not None
    assert job.preparation.columns == tuple(name for name in COLUMNS[:-1] if name not in ("chol", "ca"))
    assert [readable(job, table) for table in tables.values()] == [303, 294, 123, 200]


def test_without_switzerland_cholesterol_is_read_and_its_zeros_are_missing(tmp_path: Path) -> None:
    tables = {name: table for name, table in hospitals(tmp_path).items() if name != "switzerland"}
    profiles = [shared(table, "--names", ",".join(COLUMNS), "--label", "num") for table in tables.values()]
    draft = tmp_path / "draft.toml"
    said = drafted(profiles, draft, "--label-map", MAP)
    assert said.exit_code == 0, said.output
    chol = next(one for one in tomllib.loads(draft.read_text())["preparation"]["inputs"] if one["column"] == "chol")
    assert (chol["sentinels"], chol["outside"]) == ([0], "clip")
    job = create(read(draft), Memory().put)
    assert [readable(job, table) for table in tables.values()] == [303, 294, 200]


def test_made_up_hospitals_too(tmp_path: Path) -> None:
    """The same without anybody's data."""
    tables = []
    for seed in (1, 2, 3):
        tables.append(tmp_path / f"h{seed}.data")
        tables[-1].write_text(raw_rows(seed, 150))
    profiles = [shared(table, "--names", ",".join(COLUMNS), "--label", "num") for table in tables]
    draft = tmp_path / "draft.toml"
    assert drafted(profiles, draft, "--label-map", MAP, "--accept", "restecg").exit_code == 0
    job = create(read(draft), Memory().put)
    assert [readable(job, table) for table in tables] == [150, 150, 150]
    backwards = tmp_path / "backwards.toml"
    assert drafted(list(reversed(profiles)), backwards, "--label-map", MAP, "--accept", "restecg").exit_code == 0
    assert backwards.read_bytes() == draft.read_bytes()


def clinic(path: Path, seed: int, header: str, delimiter: str, decimal: str, ill: Sequence[str]) -> Path:
    random = Random(seed)
    lines = [header.replace(",", delimiter)]
    for _ in range(200):
        bmi = f"{random.gauss(26, 4):.1f}".replace(".", decimal)
        cells = [str(int(random.gauss(55, 12))), bmi, random.choice(["F", "M"]), random.choice(ill)]
        lines.append(delimiter.join(cells))
    path.write_text("\n".join(lines) + "\n")
    return path


def test_what_each_party_does_is_a_line_of_its_columns_file(tmp_path: Path) -> None:
    north = clinic(tmp_path / "north.csv", 1, "age,bmi,sex,ill", ",", ".", ["no", "yes"])
    south = clinic(tmp_path / "south.csv", 2, "Age,BMI,sex,ill", ";", ",", ["no", "yes"])
    east = clinic(tmp_path / "east.csv", 3, "age,bmi,sex,ill", ",", ".", ["no", "yes"])
    profiles = [shared(table, "--label", "ill") for table in (north, south, east)]
    draft = tmp_path / "draft.toml"
    said = json.loads(drafted(profiles, draft, "--json").stdout)
    todo = next(one for one in said["parties"] if one["party"] == "south")["todo"]
    assert [one["column"] for one in todo] == ["age", "bmi"]
    assert all(not one["todo"] for one in said["parties"] if one["party"] != "south")
    job = create(read(draft), Memory().put)
    with pytest.raises(UsageError):
        readable(job, south)
    columns = south.with_name("south.csv.columns.toml")
    text = columns.read_text()
    for one in todo:
        wanted = tomllib.loads(f"column = {one['line']}")["column"]
        text = text.replace(f'name = "{wanted["source"]}"', f'name = "{wanted["name"]}", source = "{wanted["source"]}"')
    columns.write_text(text)
    assert [readable(job, table) for table in (north, south, east)] == [200, 200, 200]


def test_words_that_differ_are_all_told_and_nothing_is_written(tmp_path: Path) -> None:
    north = clinic(tmp_path / "north.csv", 1, "age,bmi,sex,ill", ",", ".", ["no", "yes"])
    south = clinic(tmp_path / "south.csv", 2, "age,bmi,sex,ill", ",", ".", ["0", "1"])
    south.write_text(south.read_text().replace(",F,", ",f,").replace(",M,", ",m,"))
    profiles = [shared(table, "--label", "ill") for table in (north, south)]
    said = drafted(profiles, tmp_path / "draft.toml", "--json")
    assert said.exit_code == 2
    document = json.loads(said.stdout)
    assert [(one["kind"], one["column"]) for one in document["disagreements"]] == [("label", "ill"), ("words", "sex")]
    assert (document["draft"], document["output"]) == (None, None)
    assert not (tmp_path / "draft.toml").exists()


def test_a_draft_for_nobody_is_a_wrong_use(tmp_path: Path) -> None:
    assert isinstance(run("job", "draft", "--output", tmp_path / "draft.toml").exception, UsageError)
    lacking = drafted([tmp_path / "nowhere.json"], tmp_path / "draft.toml")
    assert isinstance(lacking.exception, UsageError)
    assert "data share" in lacking.exception.advice


@pytest.mark.parametrize(
    ("before", "after", "said", "advice"),
    [
        ("seed = 3", "sed = 3", "the draft has no field 'sed'", "the draft takes: admission"),
        ("seed = 3", "hold-out = 3", "the draft has no field 'hold-out'", "'hold_out' looks the same"),
        ("min_updates = 2", "min_update = 2", "[admission] has no field 'min_update'", "did you mean 'min_updates'?"),
        ("rounds = 4", "", "[terms] lacks 'rounds'", "say rounds in [terms]"),
        ("[terms]", "[private]\nstat = 1\n[terms]", "[private] has no field 'stat'", "[private] takes: start, tensors"),
        (
            "[terms]", '[dp]\nlevel = "client"\nclip = 1\nepsilon = 1\ndelta = 1\nscope = "x"\n[terms]',
            "[dp] has no field 'clip'", "[dp] takes:",
        ),
        (
            "[terms]", '[preparation]\ninputs = [{ kind = "number", column = "a", low = 0, lo = 3 }]\n[terms]',
            "[preparation.inputs] has no field 'lo'", "[preparation.inputs] takes: column",
        ),
        ("[terms]", "[preparation]\ninput = []\n[terms]", "[preparation] has no field 'input'", "'inputs'?"),
        ("[terms]", '[permitted_use]\nuse = ""\n[terms]', "[permitted_use] has no field 'use'", "data_sets"),
    ],
)  # fmt: skip
def test_a_field_that_is_none_is_told_with_its_section(
    tmp_path: Path, before: str, after: str, said: str, advice: str
) -> None:
    path = tmp_path / "job.toml"
    assert before in DRAFT
    path.write_text(DRAFT.replace(before, after, 1))
    with pytest.raises(Malformed) as refused:
        read(path)
    assert said in refused.value.message
    assert advice in refused.value.advice


def test_sections_that_do_not_go_together_are_blamed_on_no_task(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text(DRAFT + '\n[dp]\nlevel = "client"\nepsilon = 1\ndelta = 0.001\nscope = "x"\n')
    refused = run("job", "create", path, "--home", home)
    assert isinstance(refused.exception, UsageError), refused.exception
    assert "dp.level = client" in refused.exception.message
    assert "method" not in refused.exception.facts


def test_on_a_terminal_it_asks_what_the_label_s_words_stand_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    north = clinic(tmp_path / "north.csv", 1, "age,bmi,sex,ill", ",", ".", ["0", "1", "2"])
    south = clinic(tmp_path / "south.csv", 2, "age,bmi,sex,ill", ",", ".", ["0", "1"])
    profiles = [shared(table, "--label", "ill") for table in (north, south)]
    draft = tmp_path / "draft.toml"
    terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("participant.cli.profiles.draft.sys", terminal)
    words = ["job", "draft", "--profiles", *map(str, profiles), "--output", str(draft)]
    said = CliRunner().invoke(fedledger, words, input="\n")
    assert said.exit_code == 0, said.output
    assert "south" in said.output
    assert tomllib.loads(draft.read_text())["preparation"]["labels"][0]["values"] == {"0": "no", "1": "yes", "2": "yes"}
    refused = CliRunner().invoke(fedledger, words, input="0=no,1=yes\n")
    assert refused.exit_code == 2
    assert "does not say what 2 stand for" in refused.output


def stay(path: Path, seed: int, rows: int = 200) -> Path:
    """A ward's table: how long somebody stayed, what it cost, and whether it ended well."""
    random = Random(seed)
    lines = ["age,dose,days,cost,died"]
    for _ in range(rows):
        age, dose = random.randint(20, 90), round(random.uniform(0, 10), 1)
        days = max(1, int(random.gauss(age / 4 + dose, 3)))
        died = "dead" if random.random() < age / 150 else "alive"
        lines.append(f"{age},{dose},{days},{100 * days + random.randint(0, 200)},{died}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("options", "task"),
    [
        (["--target", "cost"], "regression"),
        (["--target", "cost", "--task", "sklearn"], "sklearn"),
        (["--target", "died", "--task", "sklearn"], "sklearn"),
        (["--time", "days", "--event", "died", "--label-map", "alive=0,dead=1"], "survival"),
    ],
)
def test_whatever_is_predicted_the_draft_is_a_job_that_all_can_train(
    tmp_path: Path, options: list[str], task: str
) -> None:
    tables = [stay(tmp_path / f"w{seed}.csv", seed) for seed in (1, 2, 3)]
    profiles = [shared(table) for table in tables]
    draft = tmp_path / "draft.toml"
    said = drafted(profiles, draft, *options)
    assert said.exit_code == 0, said.output
    assert "is learnt as" in " ".join(said.output.split())
    job = create(read(draft), Memory().put)
    assert job.task.name == task
    assert [readable(job, table) for table in tables] == [200, 200, 200]


def test_a_number_out_of_the_agreed_range_says_how_far_the_table_goes(tmp_path: Path) -> None:
    tables = [stay(tmp_path / f"w{seed}.csv", seed) for seed in (1, 2, 3)]
    profiles = [shared(table) for table in tables]
    draft = tmp_path / "draft.toml"
    assert drafted(profiles, draft, "--target", "cost").exit_code == 0
    job = create(read(draft), Memory().put)
    tables[0].write_text(tables[0].read_text() + "50,5,9000,900000,dead\n")
    with pytest.raises(Malformed) as refused:
        readable(job, tables[0])
    assert refused.value.facts["line"] == 202 and "900000" in str(refused.value.facts["actual"])
    assert "--target-range" in refused.value.advice
