"""Finding tasks: by entry point, run only with the version and code that the job names."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.errors import Malformed, UsageError
from ledger.jobs import document
from participant.tasks import protocol

SOURCE = """
from helper_{name} import HELP

class Own:
    name = "{name}"
    version = "2"
    sources = ("helper_{name}",)

    def __init__(self, settings):
        self.settings = settings

    def build_model(self, seed): ...
    def load_data(self, path): ...
    def train(self, model, data, *, seed, base): ...
    def evaluate(self, model, data): ...
"""


def install(folder: Path, name: str, target: str | None = None, source: str = SOURCE) -> None:
    """What an installer leaves behind for a distribution with one task."""
    (folder / f"own_{name}.py").write_text(source.format(name=name))
    (folder / f"helper_{name}.py").write_text("HELP = 1\n")
    info = folder / f"dist_{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: dist-{name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[fedledger.tasks]\n{name} = {target or f'own_{name}:Own'}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the import path, empty."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith(("own_", "helper_")):
            del sys.modules[name]


def wanted(installed: protocol.Installed, **other: str) -> document.JobTask:
    fields = {"name": installed.name, "version": installed.version, "code": installed.code, **other}
    return document.JobTask(settings={}, **fields)


def test_an_installed_task_is_found_by_its_entry_point(site: Path) -> None:
    install(site, "alpha")
    found = protocol.find("alpha")
    assert (found.name, found.version) == ("alpha", "2")
    assert "alpha" in protocol.names()
    assert protocol.require(wanted(found)) == found


def test_the_code_digest_covers_every_source_and_nothing_of_the_machine(site: Path) -> None:
    install(site, "beta")
    first = protocol.code_digest(["own_beta", "helper_beta"])
    assert first == protocol.code_digest(["helper_beta", "own_beta"])
    (site / "helper_beta.py").write_text("HELP = 2\n")
    second = protocol.code_digest(["own_beta", "helper_beta"])
    assert second != first
    assert len(second) == 64


def test_a_package_is_covered_whole_wherever_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = []
    for place in ("one", "two"):
        package = tmp_path / place / "packed_task"
        (package / "deep").mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "deep" / "inner.py").write_text("x = 1\n")
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(tmp_path / place))
            digests.append(protocol.code_digest(["packed_task"]))
            (package / "deep" / "inner.py").write_text("x = 2\n")
            assert protocol.code_digest(["packed_task"]) != digests[-1]
    assert digests[0] == digests[1]


@pytest.mark.parametrize(("what", "value"), [("version", "3"), ("code", "00" * 32)])
def test_a_task_that_differs_from_the_job_is_not_run(site: Path, what: str, value: str) -> None:
    install(site, "gamma")
    found = protocol.find("gamma")
    with pytest.raises(UsageError, match=f"another {what}") as caught:
        protocol.require(wanted(found, **{what: value}))
    assert caught.value.facts["expected"] == value
    assert caught.value.facts["actual"] == getattr(found, what)


def test_a_task_that_is_not_installed_is_named(site: Path) -> None:
    install(site, "delta")
    with pytest.raises(UsageError, match="no task 'epsilon'") as caught:
        protocol.find("epsilon")
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
    install(site, "zeta", target)
    with pytest.raises(UsageError, match=message):
        protocol.find("zeta")


def test_a_task_under_another_name_is_refused(site: Path) -> None:
    install(site, "eta", source=SOURCE.replace('name = "{name}"', 'name = "theta"'))
    with pytest.raises(UsageError, match="calls itself otherwise"):
        protocol.find("eta")


def test_two_tasks_of_one_name_are_refused(site: Path) -> None:
    install(site, "iota")
    info = site / "second-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: second\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[fedledger.tasks]\niota = helper_iota:HELP\n")
    with pytest.raises(UsageError, match="more than one task"):
        protocol.find("iota")


def test_source_that_cannot_be_found_is_an_error() -> None:
    with pytest.raises(UsageError, match="source of module"):
        protocol.code_digest(["math"])


@pytest.mark.node
@pytest.mark.parametrize("name", ["tabular", "image"])
def test_the_tasks_that_come_with_fedledger_are_found_and_refuse_unknown_settings(name: str) -> None:
    pytest.importorskip("torch")
    found = protocol.find(name)
    assert found.name == name
    settings = {"height": 8, "width": 8, "columns": ["a"], "ranges": ["0:1"], "classes": ["x", "y"], "typo": 1}
    if name == "image":
        del settings["columns"], settings["ranges"]
    else:
        del settings["height"], settings["width"]
    with pytest.raises(Malformed, match="no setting 'typo'"):
        found.create(settings)
