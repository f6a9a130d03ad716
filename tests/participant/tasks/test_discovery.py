"""Finding tasks: by entry point, run only with the version and code that the job names."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.installing import install

from ledger.errors import Malformed, UsageError
from ledger.jobs import document
from participant.tasks import discovery

SOURCE = """
from helper_{name} import HELP
from participant.tasks.protocol import Task

class Own(Task):
    name = "{name}"
    version = "2"
    sources = ("helper_{name}",)

    def __init__(self, settings):
        self.settings = settings

    def build_model(self, seed): ...
    def load_data(self, path): ...
    def train(self, model, data, round): ...
    def evaluate(self, model, data): ...
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the import path, empty."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith(("own_", "helper_")):
            del sys.modules[name]


def wanted(installed: discovery.Installed, **other: str) -> document.JobTask:
    fields = {"name": installed.name, "version": installed.version, "code": installed.code, **other}
    return document.JobTask(settings={}, **fields)


def test_an_installed_task_is_found_by_its_entry_point(site: Path) -> None:
    install(site, "alpha", SOURCE)
    found = discovery.find("alpha")
    assert (found.name, found.version) == ("alpha", "2")
    assert "alpha" in discovery.names()
    assert discovery.require(wanted(found)) == found


def test_a_task_over_one_of_ours_covers_its_own_files_alone(site: Path) -> None:
    """Members with different releases of fedledger can run it together (docs/tasks.md)."""
    source = """
from participant.tasks.ready.tabular import Tabular

class Own(Tabular):
    name = "{name}"
    version = "1"
"""
    install(site, "tau", source)
    assert discovery.find("tau").modules({}) == ("own_tau",)


@pytest.mark.parametrize(("what", "value"), [("version", "3"), ("code", "00" * 32)])
def test_a_task_that_differs_from_the_job_is_not_run(site: Path, what: str, value: str) -> None:
    install(site, "gamma", SOURCE)
    found = discovery.find("gamma")
    with pytest.raises(UsageError, match=f"another {what}") as caught:
        discovery.require(wanted(found, **{what: value}))
    assert caught.value.facts["expected"] == value
    assert caught.value.facts["actual"] == getattr(found, what)


def test_a_task_that_is_not_installed_is_named(site: Path) -> None:
    install(site, "delta", SOURCE)
    with pytest.raises(UsageError, match="no task 'epsilon'") as caught:
        discovery.find("epsilon")
    assert "delta" in str(caught.value.facts["installed"])


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nowhere_zeta:Own", "does not load"),
        ("own_zeta:Other", "does not load"),
        ("helper_zeta:HELP", "is not a task"),
        ("own_zeta:Own.version", "is not a task"),
    ],
)
def test_an_entry_point_that_leads_nowhere_is_an_error(site: Path, target: str, message: str) -> None:
    install(site, "zeta", SOURCE, target)
    with pytest.raises(UsageError, match=message):
        discovery.find("zeta")


@pytest.mark.parametrize("lost", ["train", "version"])
def test_a_task_that_is_not_whole_is_refused_and_what_it_lacks_named(site: Path, lost: str) -> None:
    lines = [line for line in SOURCE.splitlines() if lost not in line.split("(")[0]]
    install(site, "kappa", "\n".join(lines))
    with pytest.raises(UsageError, match="not whole") as caught:
        discovery.find("kappa")
    assert caught.value.facts["missing"] == lost


def test_a_class_that_is_not_derived_from_task_is_refused_with_the_way_out(site: Path) -> None:
    install(site, "lambda", SOURCE.replace("class Own(Task)", "class Own"))
    with pytest.raises(UsageError, match="not a task") as caught:
        discovery.find("lambda")
    assert "participant.tasks.protocol.Task" in caught.value.advice


def test_a_task_under_another_name_is_refused(site: Path) -> None:
    install(site, "eta", SOURCE.replace('name = "{name}"', 'name = "theta"'))
    with pytest.raises(UsageError, match="another name than its entry point"):
        discovery.find("eta")


def test_two_tasks_of_one_name_are_refused(site: Path) -> None:
    install(site, "iota", SOURCE)
    info = site / "second-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: second\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[fedledger.tasks]\niota = helper_iota:HELP\n")
    with pytest.raises(UsageError, match="more than one task"):
        discovery.find("iota")


@pytest.mark.node
@pytest.mark.parametrize("name", ["tabular", "image"])
def test_the_tasks_that_come_with_fedledger_are_found_and_refuse_unknown_settings(name: str) -> None:
    pytest.importorskip("torch")
    found = discovery.find(name)
    assert found.name == name
    settings = {"height": 8, "width": 8, "columns": ["a"], "ranges": ["0:1"], "classes": ["x", "y"], "typo": 1}
    if name == "image":
        del settings["columns"], settings["ranges"]
    else:
        del settings["height"], settings["width"]
    with pytest.raises(Malformed, match="no setting 'typo'"):
        found.create(settings)
