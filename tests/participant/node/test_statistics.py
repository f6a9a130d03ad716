"""An analysis in a real round on a real chain: exact sums of everyone's tables, attested and audited as a model is."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from click.testing import CliRunner
from support.consortia import aggregators
from support.consortia.masked import PRIVACY, cast, collect, configure, propose_set, publish
from support.consortia.synthetic import Trial
from support.consortia.trainers import data_of, drive, node, notes, train_on

from ledger.cli.job import job
from ledger.cli.statistics.stats import stats
from ledger.cli.trace import trace
from ledger.config import HomeSettings, save
from ledger.errors import UsageError
from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid
from ledger.formats.merkle import root_of
from ledger.formats.unixfs import cid_of
from ledger.history.state import Phase
from ledger.jobs.analysis import Analysis, AnalysisColumn
from ledger.party.auditing import AuditRequest, inspect
from ledger.party.masking.proposing import propose
from ledger.statistics import figures
from ledger.statistics.findings import JobStatistics, findings
from ledger.statistics.suppression import shown
from participant.cli.told import told as told_command
from participant.jobs.creation import create
from participant.jobs.draft import read
from participant.jobs.reviewing import review
from participant.statistics.told import ToldFile
from participant.tasks.data.files import DataFiles

pytestmark = pytest.mark.node
HEART = ["cleveland", "hungarian", "switzerland", "va"]
PLACES = (0, 4, 1)
"""Of the columns asked: age, chol and sex."""
NAMES = "age,sex,cp,trestbps,chol,fbs,restecg,thalach,exang,oldpeak,slope,ca,thal,num"
DRAFT = """
name = "who our patients are"

[analysis]
by = "num"
correlations = true
min_cell = {floor}
min_rows = 10

[[analysis.columns]]
name = "age"
low = 0
high = 120
step = 1
bins = 6

[[analysis.columns]]
name = "chol"
low = 0
high = 700
bins = 4

[[analysis.columns]]
name = "sex"
categories = ["0", "1"]

[[analysis.columns]]
name = "num"
categories = ["0", "1", "2", "3", "4"]

[admission]
min_updates = {least}

[terms]
update_seconds = 600
open_seconds = 600
aggregate_seconds = 2400
attest_seconds = 600
attempts = 2
"""


def ask(trial: Trial, tables: list[str], said: str = "", floor: int = 5, *, proposed: bool = True) -> Trial:
    """Give a trial that is not proposed an analysis, and every party its table."""
    path = trial.parties[0].member.home.folder / "draft.toml"
    path.write_text(DRAFT.format(floor=floor, least=len(trial.parties)) + said)
    trial.job = create(read(path), trial.parties[0].connection.put)
    trial.layout = trial.job.layout
    for party, table in zip(trial.parties, tables, strict=True):
        data_of(party).write_text(NAMES + "\n" + table)
        save(party.member.home.settings_file, HomeSettings(name=party.member.name, data=str(data_of(party))))
    if proposed:
        trial.propose()
    return trial


def finish(trial: Trial) -> JobStatistics:
    """Everyone's node and one aggregator at work, until the round is over; what everyone reads then."""
    nodes = [node(party, scores=False, until_complete=True) for party in trial.parties]
    drive(*nodes, aggregators.service(trial.parties[0]), looks=60)
    assert trial.state.complete, [notes(party.member.home, "failed") for party in trial.parties]
    connection = trial.parties[1].connection
    return findings(connection.place, trial.state, trial.job, connection.fetch)


def made_up(seed: int, rows: int = 90) -> str:
    """A table of this shape, without real data."""
    random = np.random.default_rng(seed)
    lines = []
    for _ in range(rows):
        ill, sex, age = random.integers(0, 5), random.integers(0, 2), random.integers(29, 78)
        chol = "?" if random.random() < 0.1 else f"{random.integers(100, 400)}.5"
        lines.append(f"{age},{sex},1,0,{chol},0,0,0,0,0,0,0,0,{ill}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Callable[[int], Trial]]:
    with ExitStack() as stack:
        yield lambda members: stack.enter_context(Trial(found(members), propose=False))


def rows_of(table: str) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(table)) if row]


def pooled(tables: list[str], ill: str) -> list[list[str]]:
    return [row for table in tables for row in rows_of(table) if Fraction(row[-1]) == Fraction(ill)]


def cell(column: AnalysisColumn, text: str) -> int:
    """Where a value stands, by the definition."""
    if text == "?":
        return 0
    if column.categories:
        return 2 + [Fraction(one) for one in column.categories].index(Fraction(text))
    low, high = Fraction(column.low), Fraction(column.high)
    return 2 + min(int((Fraction(text) - low) * column.bins / (high - low)), column.bins - 1)


def told(analysis: Analysis, table: str) -> Iterator[tuple[str, int, int, str]]:
    """Class, column, cell and value of all that a party may tell, by the definition."""
    rows = rows_of(table)
    classes = [sum(Fraction(row[-1]) == Fraction(name) for row in rows) for name in analysis.groups]
    for name, there in zip(analysis.groups, shown([0, *classes], analysis.min_rows)[1:], strict=True):
        of_class = [row for row in rows if there and Fraction(row[-1]) == Fraction(name)]
        for at, place in enumerate(PLACES):
            column = analysis.asked[at]
            cells = [cell(column, row[place]) for row in of_class]
            kept = shown([cells.count(one) for one in range(column.cells)], analysis.min_cell)
            yield from ((name, at, one, row[place]) for one, row in zip(cells, of_class, strict=True) if kept[one])


def test_the_heart_files_as_they_are(trial: Callable[..., Trial], root: Path) -> None:
    """Four hospitals' own files, with `?`, and 1 and 1.0 for the same: the figures are those of all rows that may be
    told, put together, exactly.
    """
    folder = root.parent / "shared" / "data" / "heart"
    if not folder.is_dir():
        pytest.skip("the real data sets are not on this machine")
    tables = [(folder / f"processed.{name}.data").read_text() for name in HEART]
    t = ask(trial(4), tables)
    found = finish(t)
    assert found.members == (0, 1, 2, 3)
    assert not found.troubles
    may = [one for table in tables for one in told(found.analysis, table)]
    assert len(may) > 1500
    for group in found.groups:
        for at, counted in enumerate(group.columns):
            here = [(where, text) for name, column, where, text in may if (name, column) == (group.name, at)]
            assert list(counted.cells) == [
                sum(where == one for where, _ in here) for one in range(counted.column.cells)
            ]
            values = [Fraction(text) for where, text in here if where >= 2]
            if counted.column.numeric and counted.sums[0] == len(values) > 1:
                mean = sum(values) / len(values)
                assert figures.mean(counted) == mean
                assert figures.variance(counted) == sum((one - mean) ** 2 for one in values) / (len(values) - 1)
    assert inspect(t.parties[2].connection, AuditRequest(source=False)).right.answer == "yes"


def test_made_up_tables_without_small_cells_are_pooled_exactly(trial: Callable[..., Trial]) -> None:
    tables = [made_up(seed) * 10 for seed in range(3)]
    t = ask(trial(3), tables)
    found = finish(t)
    _shows(t, found)
    for group in found.groups:
        rows = pooled(tables, group.name)
        age, chol, sex = group.columns
        ages = [Fraction(row[0]) for row in rows]
        assert (group.rows, age.withheld, figures.mean(age)) == (len(rows), 0, sum(ages) / len(rows))
        known = [Fraction(row[4]) for row in rows if row[4] != "?"]
        assert (chol.missing, figures.mean(chol)) == (len(rows) - len(known), sum(known) / len(known))
        assert sex.bins == tuple(sum(row[1] == one for row in rows) for one in "01")
        assert group.correlated is not None
        assert group.correlated.rows == len(known)


def _shows(t: Trial, found: JobStatistics) -> None:
    """The commands say what was found."""
    home = ["--home", str(t.parties[1].member.home.folder)]
    said = json.loads(run(stats, str(t.number), *home, "--json"))
    assert (said["root"], said["answers"], said["troubles"]) == (found.root.hex(), [0, 1, 2], [])
    age = said["groups"][0]["columns"][0]
    assert age["mean_exact"] == str(figures.mean(found.groups[0].columns[0]))
    assert age["bins"] == list(found.groups[0].columns[0].bins)
    page = run(stats, *home, "--bins")
    for words in ("num = 0", "20 to 40", "correlation of", "quartiles", f"fedledger audit --job {t.number}"):
        assert words in page, words
    assert "no model, but the mean of answers" in run(trace, *home)
    assert "fedledger stats shows the sums" in run(job, "show", str(t.number), *home)
    reviewed = review(t.number, t.job, DataFiles.at(data_of(t.parties[1])))
    assert reviewed.columns == ("age", "chol", "sex", "num")
    assert reviewed.says["trains"].startswith("nothing; it asks for counts, means and variances, correlations")
    (told_of,) = json.loads(run(told_command, *home, "--json"))
    assert told_of["columns"] == ["age", "chol", "num", "sex"]
    assert "forgot 1 answer about age" in run(told_command, *home, "--forget", "age", "--reason", "a new year")
    assert "a new year" in run(told_command, *home)


def run(command: click.Command, *arguments: str) -> str:
    result = CliRunner().invoke(command, [*arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_job_that_trains_has_no_statistics(trial: Callable[..., Trial]) -> None:
    t = train_on(trial(3), rounds=1)
    with pytest.raises(UsageError, match="it has no statistics"):
        findings(t.parties[0].connection.place, t.state, t.job, t.parties[0].connection.fetch)


def test_masked_answers_make_the_same_model(trial: Callable[..., Trial]) -> None:
    tables = [made_up(seed) * 10 for seed in range(3)]
    plain = finish(ask(trial(3), tables))
    t = ask(trial(3), tables, PRIVACY, proposed=False)
    configure(t)
    nodes = [node(party, scores=False) for party in t.parties]
    cast(t, *nodes)
    collect(t, *nodes)
    propose_set(t)
    drive(*nodes)
    publish(t)
    drive(*nodes)
    assert t.state.complete
    connection = t.parties[1].connection
    masked = findings(connection.place, t.state, t.job, connection.fetch)
    assert (masked.members, masked.groups) == (plain.members, plain.groups)
    assert inspect(connection, AuditRequest(source=False)).right.answer == "yes"


def test_a_lie_of_one_unit_is_refuted_with_its_value(trial: Callable[..., Trial]) -> None:
    t = ask(trial(3), [made_up(seed) for seed in range(3)])
    nodes = [node(party, scores=False) for party in t.parties]
    drive(*nodes)
    t.parties[0].sender.send("ledger", "openRound", t.number)
    drive(*nodes)
    t.open_updates()
    drive(*nodes)
    liar = t.parties[0]
    pieces = list[bytes]()

    def keep(made: Iterator[Buffer]) -> Cid:
        pieces.append(b"".join(map(bytes, made)))
        return cid_of(pieces)[0]

    liar.recompute(keep=keep)
    body = np.frombuffer(pieces[0][t.layout.header_size :], "<i4").copy()
    place = t.layout.starts[1] + 5
    body[place] += 1
    data = pieces[0][: t.layout.header_size] + body.tobytes()
    liar.connection.put([data], "false")
    liar.publish(root=root_of(body.tobytes()), cid=cid_of([data])[0].digest)
    drive(*nodes[1:], looks=60)
    assert t.round.phase is Phase.AGGREGATING
    (lie,) = inspect(t.parties[1].connection, AuditRequest(source=False)).lies.list
    tensor, value = t.layout.locate(place)
    assert (lie.state, lie.tensor, lie.chunk, lie.value) == ("caught", tensor, place // 256, value)


def test_a_second_analysis_with_other_bins_is_not_answered(trial: Callable[..., Trial]) -> None:
    t = ask(trial(3), [made_up(seed) for seed in range(3)])
    finish(t)
    homes = [party.member.home.folder for party in t.parties]
    assert all(len(ToldFile(home).read().told) == 1 for home in homes)
    path = homes[0] / "draft.toml"
    path.write_text(path.read_text().replace("bins = 6", "bins = 12"))
    t.job = create(read(path), t.parties[0].connection.put)
    t.propose()
    nodes = [node(party, scores=False) for party in t.parties]
    t.parties[0].sender.send("ledger", "openRound", t.number)
    drive(*nodes)
    assert not t.round.commitments
    for party in t.parties:
        said = str(notes(party.member.home))
        assert "asked with other bins" in said
        assert "fedledger node told --forget" in said


def test_a_table_with_one_row_more_is_not_answered(trial: Callable[..., Trial]) -> None:
    t = ask(trial(3), [made_up(seed) for seed in range(3)])
    finish(t)
    data_of(t.parties[1]).write_text(data_of(t.parties[1]).read_text() + "50,1,1,0,200,0,0,0,0,0,0,0,0,2\n")
    path = t.parties[0].member.home.folder / "draft.toml"
    path.write_text(path.read_text().replace("patients are", "patients are now"))
    t.job = create(read(path), t.parties[0].connection.put)
    t.propose()
    nodes = [node(party, scores=False) for party in t.parties]
    t.parties[0].sender.send("ledger", "openRound", t.number)
    drive(*nodes)
    assert sorted(t.round.commitments) == [0, 2], "the others answer the same question alike"
    assert "rows have changed" in str(notes(t.parties[1].member.home))


NOISE = '\n[dp]\nepsilon = 3\ndelta = 1e-5\nscope = "patients"\n'


def test_noisy_answers_are_near_the_exact_ones_and_cost_what_the_ledger_says(trial: Callable[..., Trial]) -> None:
    """The audit works the noisy sums out again; who starts again after a crash makes the same noise."""
    tables = [made_up(seed) * 10 for seed in range(3)]
    t = ask(trial(3), tables, NOISE, proposed=False)
    first = t.parties[0]
    t.number = propose(first.connection, first.sender, t.job).number
    t.consortium.send(1, "ledger", "approveJob", t.number, t.job.digest)
    t.look()
    found = finish(t)
    assert t.job.row_noise is not None
    assert found.noise == t.job.row_noise.noise
    assert not found.troubles
    totals = first.connection.history.scopes.totals
    assert totals == {(t.job.row_noise.scope_key, index): t.job.row_noise.cost for index in range(3)}
    deviation = float(found.noise) * 3**0.5
    differ = 0
    for group in found.groups:
        rows = pooled(tables, group.name)
        assert abs(group.rows - len(rows)) < 6 * deviation
        sex = group.columns[2]
        for at, count in enumerate(sex.bins):
            exact = sum(row[1] == "01"[at] for row in rows)
            differ += count != exact
            assert abs(count - exact) < 6 * deviation
    assert differ
    assert inspect(t.parties[1].connection, AuditRequest(source=False)).right.answer == "yes"
    home = ["--home", str(t.parties[1].member.home.folder)]
    assert "every party added noise" in run(stats, str(t.number), *home)
    assert json.loads(run(stats, str(t.number), *home, "--json"))["noise"] == found.noise
    (told_of,) = json.loads(run(told_command, *home, "--json"))
    assert told_of["noise"] == found.noise


def test_a_home_with_a_higher_floor_sits_the_round_out(trial: Callable[..., Trial]) -> None:
    t = ask(trial(3), [made_up(seed) for seed in range(3)])
    home = t.parties[1].member.home.folder
    assert "below 8" in run(told_command, "--home", str(home), "--min-cell", "8")
    nodes = [node(party, scores=False) for party in t.parties]
    t.parties[0].sender.send("ledger", "openRound", t.number)
    drive(*nodes)
    assert sorted(t.round.commitments) == [0, 2]
    said = str(notes(t.parties[1].member.home))
    assert "its min_cell of 5 is below this home's own" in said
    assert "fedledger node told --min-cell 5" in said
    assert not ToldFile(home).read().told
    run(told_command, "--home", str(home), "--min-cell", "5")
    drive(node(t.parties[1], scores=False))
    assert sorted(t.round.commitments) == [0, 1, 2]


def test_a_lost_record_is_rebuilt_from_the_ledger_and_waits_for_its_owner(trial: Callable[..., Trial]) -> None:
    t = ask(trial(3), [made_up(seed) for seed in range(3)])
    finish(t)
    home = t.parties[1].member.home.folder
    (home / "told.json").unlink()
    path = t.parties[0].member.home.folder / "draft.toml"
    path.write_text(path.read_text().replace("patients are", "patients are now"))
    first, t.job = t.job, create(read(path), t.parties[0].connection.put)
    t.propose()
    nodes = [node(party, scores=False) for party in t.parties]
    t.parties[0].sender.send("ledger", "openRound", t.number)
    drive(*nodes)
    assert sorted(t.round.commitments) == [0, 2]
    assert "is not on record any more" in str(notes(t.parties[1].member.home))
    (lost,) = json.loads(run(told_command, "--home", str(home), "--json"))
    assert (lost["job"], lost["lost"]) == (first.digest.hex(), True)
    assert "known from the ledger alone" in run(told_command, "--home", str(home))
    run(told_command, "--home", str(home), "--forget", "num", "--reason", "the same rows, as our clerk knows")
    drive(node(t.parties[1], scores=False))
    assert sorted(t.round.commitments) == [0, 1, 2]
