"""The histories that benchmarks make up are ones that the ledger takes, and their page is written as it is read.

Nothing is timed here.
"""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SMALL = {
    "a round is made, aggregated, published and audited": """
import bench_aggregate, bench_audit, pathlib, sys
from scenes import synthetic
folder = pathlib.Path(sys.argv[1]) / "store"
synthetic.make(folder, 3, 2_000, tensors=2)
round_ = synthetic.load(folder, 3)
bench_aggregate.weighted_mean(round_)
bench_aggregate.admission(round_)
round_.publish(round_.outcome(threads=1, keep=lambda pieces: round_.store.put(pieces, "model", replace=True)))
bench_audit.audit(round_)
""",
    "rules hold against attacks that carry the mean away": """
from ledger.jobs.rules import CentredClipping, GeometricMedian, MultiKrum, WeightedMean
from scenes import attacks
attacks.optdigits, attacks.RATE = lambda: None, 0.3
scene = attacks.Scene.of(0, clients=9)
def last(rule, attack):
    return attacks.accuracies(scene, rule, attack, 0 if attack == "none" else 2, 1, 8)[-1]
assert last(WeightedMean(), "none") > 0.8 > 0.5 > last(WeightedMean(), "sign flip")
for rule in (MultiKrum(f=2), GeometricMedian(), CentredClipping(radius=1 << 23)):
    assert all(last(rule, attack) > 0.75 for attack in attacks.ATTACKS), rule
""",
    "a long history has pages": """
from scenes import governed
governed.RELEASES = 2
view = governed.view(3, 4)
assert len(view.latest.state.snapshot.jobs[1].rounds) == 3
assert len(view.latest.state.snapshot.decisions.releases) == 2
""",
}


@pytest.mark.parametrize("script", SMALL.values(), ids=SMALL.keys())
def test_what_is_measured_can_be_made(script: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", f"import sys\nsys.path.insert(0, {str(BENCHMARKS)!r})\n{script}", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)


@pytest.mark.usefixtures("benchmarks")
@pytest.mark.parametrize(
    ("value", "text"),
    [(1.578, "1.58"), (53.854, "53.9"), (1240.79, "1,241"), (33562, "33,562"), (0.28, "0.280"), (1, "1"), (0, "0")],
)
def test_a_figure_has_three_digits_or_its_whole_number(value: float, text: str) -> None:
    import measure

    assert measure.figure(value) == text


@pytest.mark.usefixtures("benchmarks")
def test_a_thread_that_ends_meanwhile_has_no_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import measure

    (tmp_path / "lasts").mkdir()
    (tmp_path / "lasts" / "children").write_text("41 42 ")
    with monkeypatch.context() as patch:
        patch.setattr(measure.Path, "iterdir", lambda _: iter([tmp_path / "ended", tmp_path / "lasts"]))
        assert measure.children() == ["41", "42"]


@pytest.mark.usefixtures("benchmarks")
def test_a_spread_without_a_spread_says_so() -> None:
    import measure

    assert measure.spread([0.5, 0.7, 0.6], 1) == "0.5 to 0.7 in 3 runs"
    assert measure.spread([1.0, 0.9999, 1.0], 3) == "1.000 in all 3 runs"


@pytest.mark.usefixtures("benchmarks")
def test_a_benchmark_written_again_leaves_the_others_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import measure
    import run

    page = tmp_path / "benchmarks.md"
    page.write_text(run.PAGE.read_text())
    before = run.sections(page.read_text())
    monkeypatch.setattr(run, "PAGE", page)
    run.write({"start": [measure.row("fedledger --help", "< 0.5", 0.12345, "s", True, "fast")]})
    after = run.sections(page.read_text())
    assert list(after) == run.names()
    assert "| fedledger --help | < 0.5 | 0.123 s | yes | fast |" in after.pop("start")
    assert after == {name: text for name, text in before.items() if name != "start"}
