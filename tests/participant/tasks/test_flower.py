"""The task flower: apps that do wrong are refused by name, what they keep is in step, and nobody is called."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')
pytest.importorskip("flwr", reason='Flower is not installed: pip install "fedledger[flower]"')

from support import flower as apps  # noqa: E402
from support.consortia.trainers import write_data  # noqa: E402

from ledger.errors import FedledgerError, Malformed, UsageError  # noqa: E402
from participant.jobs.draft import settings as as_settings  # noqa: E402
from participant.tasks.contract import check  # noqa: E402
from participant.tasks.discovery import find, require  # noqa: E402
from participant.tasks.flower import library  # noqa: E402
from participant.tasks.flower.keeping import FILE, kept  # noqa: E402
from participant.tasks.flower.nodes import read_node  # noqa: E402
from participant.tasks.flower.settings import AppSettings, of_setting  # noqa: E402
from participant.tasks.flower.tensors import seeded  # noqa: E402
from participant.tasks.protocol import Task, TrainResult  # noqa: E402
from participant.tasks.sharing import context_of, shared_state  # noqa: E402
from participant.tasks.trial import TrialRequest  # noqa: E402

pytestmark = pytest.mark.node
WARDS = {
    "app": "wards.client_app:app",
    "initial": "wards.task:Net",
    "run.learning-rate": "0.1",
    "run.batch-size": 8,
    "run.local-epochs": 2,
}
HEARTBEATS = {"app": "heartbeats.client_app:app", "run.local-epochs": 5}

MESSAGES = """
import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Error, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

app = ClientApp()
START = {{"a": np.zeros((2, 3), np.float32), "b": np.zeros(2, np.float32)}}


def initial():
    return START


@app.train()
def train(message, context):
    arrays = {{name: array.numpy() for name, array in message.content["arrays"].items()}}
    metrics = {{"num-examples": 4, "train_loss": 0.5}}
    {does}
    made = ArrayRecord({{name: __import__("flwr.app").app.Array(array) for name, array in arrays.items()}})
    return Message(content=RecordDict({{"arrays": made, "metrics": MetricRecord(metrics)}}), reply_to=message)
"""
LEGACY = """
import numpy as np
from flwr.client import NumPyClient
from flwr.clientapp import ClientApp


class Client(NumPyClient):
    def get_parameters(self, config):
        return [np.zeros((2, 3)), np.zeros(2)]

    def fit(self, parameters, config):
        {does}
        return parameters, 4, {{}}


app = ClientApp(client_fn=lambda context: Client().to_client())
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (folder := tmp_path / "site-packages").mkdir()
    apps.install_examples(folder)
    apps.use(folder, monkeypatch, *apps.EXAMPLES, "wrong")
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / "data.csv", 1, rows=40)


def task(settings: dict[str, Any]) -> Task:
    return find("flower").create(settings)


def trained(one: Task, data: Path, scratch: Path, number: int = 1) -> tuple[TrainResult, Any]:
    model = one.build_model(1)
    scratch.mkdir(exist_ok=True)
    context = context_of(one, model, number, 7, "cpu", scratch, {})
    return one.train(model, one.load_data(data), context), model


def wrong(folder: Path, source: str, does: str, **settings: Any) -> Task:
    apps.install_app(folder, "wrong", source.format(does=does))
    return task({"app": "wrong:app", **settings})


@pytest.mark.parametrize(
    ("does", "message", "fact"),
    [
        ("arrays = {'a': arrays['a']}", "changed the number of its tensors", "1: a"),
        ("arrays = {'a': arrays['a'], 'c': arrays['b']}", "changed the names of its tensors", "a, c"),
        ("arrays['a'] = arrays['a'].T", "changed the shapes of its tensors", "(3, 2)"),
        ("arrays['b'] = arrays['b'].astype(int)", "changed the types of its tensors", "int64"),
        ("arrays['b'] = arrays['b'].astype(complex)", "changed the types of its tensors", "complex128"),
        ("del metrics['num-examples']", "reply to train is not one", "train_loss"),
        ("metrics['num-examples'] = 0", "reply to train", "0"),
        ("metrics['num-examples'] = 2.5", "reply to train", "2.5"),
        ("return None", "reply to train", "NoneType"),
        ("return Message(Error(1, 'out of memory'), reply_to=message)", "reply to train", "out of memory"),
        ("return Message(content=RecordDict(), reply_to=message)", "reply to train", "0"),
        ("context.state = {}", "in place of its context's state", "dict"),
        ("context.run_config['rate']", "asks for context.run_config['rate']", None),
        ("context.node_config['site']", "asks for context.node_config['site']", None),
    ],
)
def test_a_reply_that_no_model_can_be_made_of_is_refused(
    installed: Path, data: Path, tmp_path: Path, does: str, message: str, fact: str | None
) -> None:
    one = wrong(installed, MESSAGES, does, initial="wrong:initial")
    with pytest.raises(UsageError, match=r"the app|app's reply") as caught:
        trained(one, data, tmp_path / "scratch")
    assert message in caught.value.message
    assert caught.value.advice or fact == "dict"
    assert fact is None or fact in str(caught.value.facts["actual"])
    assert not (tmp_path / "scratch" / FILE).exists()


@pytest.mark.parametrize(
    ("does", "message"),
    [
        ("parameters = parameters[:1]", "changed the number of its tensors"),
        ("parameters[0] = parameters[0].T", "changed the shapes of its tensors"),
        ("return parameters, 0, {}", "reply to train"),
        ("return parameters, {}", "failed in train"),
        ("raise SystemExit(3)", "failed in train: SystemExit"),
        ("raise RuntimeError('no rows')", "failed in train: RuntimeError: no rows"),
    ],
)
def test_a_legacy_client_that_does_wrong_is_refused(
    installed: Path, data: Path, tmp_path: Path, does: str, message: str
) -> None:
    one = wrong(installed, LEGACY, does)
    with pytest.raises(UsageError, match=message.replace("(", ".")):
        trained(one, data, tmp_path / "scratch")


@pytest.mark.parametrize(("value", "shown"), [("np.nan", "nan"), ("np.inf", "inf"), ("300.0", "300")])
def test_a_number_that_the_ledger_has_not_stops_the_round(
    installed: Path, data: Path, tmp_path: Path, value: str, shown: str
) -> None:
    from ledger.formats.artifact import Layout
    from participant.integers.tensors import stream_of, table

    one = wrong(installed, MESSAGES, f"arrays['a'][1, 2] = {value}", initial="wrong:initial")
    _, model = trained(one, data, tmp_path / "scratch")
    state = shared_state(one, model)
    with pytest.raises(FedledgerError) as caught:
        stream_of(state, Layout(table(state, 24, {})))
    assert caught.value.facts["tensor"] == "a"
    assert shown in str(caught.value.facts)


def test_a_loss_that_is_not_a_number_is_no_result(installed: Path, data: Path, tmp_path: Path) -> None:
    from participant.tasks import answers

    one = wrong(installed, MESSAGES, "metrics['train_loss'] = float('nan')", initial="wrong:initial")
    result, _ = trained(one, data, tmp_path / "scratch")
    with pytest.raises(UsageError, match="impossible loss"):
        answers.trained("flower", result)


def test_an_app_without_an_evaluation_says_so(installed: Path, data: Path, tmp_path: Path) -> None:
    one = wrong(installed, MESSAGES, "pass", initial="wrong:initial")
    with pytest.raises(UsageError, match="No evaluate function"):
        one.evaluate(one.build_model(1), one.load_data(data))


def test_what_an_app_keeps_is_there_in_the_next_round(installed: Path, data: Path, tmp_path: Path) -> None:
    """The round before left it; a round that is trained again finds what was there before it."""
    one = task(WARDS)
    for number in (1, 2, 3):
        result, _ = trained(one, data, tmp_path / "scratch", number)
        assert result.metrics["rounds"] == number
    assert kept(tmp_path / "scratch")["seen"]["rounds"] == 3
    (tmp_path / "scratch" / FILE).write_bytes(b"\xff\xff not records")
    with pytest.raises(Malformed, match="what the app kept cannot be read"):
        trained(one, data, tmp_path / "scratch")


@pytest.mark.parametrize("settings", [WARDS, HEARTBEATS], ids=apps.EXAMPLES)
def test_both_example_apps_keep_the_contract(
    installed: Path, data: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    """The same bytes twice, in one process and in a fresh one, with the scratch folder that is left."""
    monkeypatch.setenv("PYTHONPATH", str(installed))
    report = check(TrialRequest(task="flower", settings=settings, data=str(data), device="cpu"))
    assert report.held, report.findings
    assert report.trial is not None
    assert report.trial.samples == 32
    assert {"loss", "accuracy", "samples"} <= report.trial.figures.keys()


def test_the_digest_covers_the_app_and_what_is_named(installed: Path) -> None:
    found = find("flower")
    first = found.code_for(WARDS)
    assert first != found.code_for(HEARTBEATS) != found.code
    assert found.code_for({**WARDS, "sources": ["wards", "heartbeats"]}) not in (first, found.code_for(HEARTBEATS))
    from ledger.jobs.document import JobTask

    wanted = JobTask(name="flower", version=found.version, code=first, settings=WARDS)
    assert require(wanted) == found
    module = installed / "wards" / "task.py"
    module.write_text(module.read_text() + "\n# another release\n")
    with pytest.raises(UsageError, match="another code"):
        require(wanted)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"app": "os:abort"}, "no Flower app that is installed here"),
        ({**WARDS, "initial": "os:abort"}, "no Flower app that is installed here"),
        ({**WARDS, "sources": ["shutil"]}, "no Flower app that is installed here"),
        ({"app": "ledger.cli.main:main"}, "no Flower app that is installed here"),
        ({"app": "other:app"}, "no Flower app that is installed here"),
        ({"app": "wards.task:Net"}, "not a ClientApp"),
        ({"app": "wards.client_app:nothing"}, "there is no"),
        ({"app": "wards.client_app"}, "setting 'app'"),
        ({"app": "wards/client_app.py:app"}, "setting 'app'"),
        ({**WARDS, "rate": 1}, "no setting 'rate'"),
        ({**WARDS, "run.x": ["1", "2"]}, "setting 'run.x'"),
        ({}, "needs the setting 'app'"),
    ],
)
def test_a_job_names_no_code_but_an_installed_apps(installed: Path, settings: dict[str, Any], message: str) -> None:
    apps.install_app(installed, "other", "app = 1\n", needs='flwr>=1.20; extra == "simulation"')
    with pytest.raises(UsageError, match=message):
        task(settings)
    if "Flower app" in message:
        with pytest.raises(UsageError, match=message):
            find("flower").code_for(settings)


@pytest.mark.parametrize(
    ("initial", "message"),
    [
        (None, "does not tell its first model"),
        ("wards.task:train", "needs arguments"),
        ("wards.task:csv", "makes nothing that a model could begin with"),
    ],
)
def test_a_first_model_must_be_made_by_something(installed: Path, initial: str | None, message: str) -> None:
    settings = {name: value for name, value in WARDS.items() if name != "initial"}
    with pytest.raises(UsageError, match=message):
        task(settings | ({"initial": initial} if initial else {})).build_model(1)


def test_a_draft_says_the_configurations_as_flower_does() -> None:
    """Nested tables are flattened, decimals are texts in the job, and floats again in the app."""
    from decimal import Decimal

    said = as_settings({"app": "a.b:c", "run": {"lr": Decimal("0.10"), "net": {"depth": 2}}, "config": {"on": True}})
    assert said == {"app": "a.b:c", "run.lr": "0.10", "run.net.depth": 2, "config.on": True}
    read = AppSettings.read("flower", said)
    assert read.run == {"lr": 0.1, "net.depth": 2}
    assert read.config == {"on": True}
    with pytest.raises(Malformed, match="twice"):
        as_settings({"run.a": 1, "run": {"a": 2}})
    assert [of_setting(one) for one in ("0.5", '"0.5"', "5", "-1.0", "1.x", True, 3)] == [
        *(0.5, "0.5", "5", -1.0, "1.x", True, 3)
    ]
    assert [of_setting(one) for one in (["1", "2"], ["1", "2.5"], ["a", "1"])] == [[1, 2], [1.0, 2.5], ["a", "1"]]


def test_the_data_file_may_be_the_nodes_configuration(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    file = tmp_path / "node.toml"
    file.write_text('partition-id = 2\nnum-partitions = 5\ndata-path = "images"\nsite = "north"\n')
    assert read_node(file).config == {
        "partition-id": 2,
        "num-partitions": 5,
        "data-path": str((tmp_path / "images").resolve()),
        "site": "north",
    }
    plain = tmp_path / "rows.csv"
    plain.write_text("a\n1\n")
    assert read_node(plain).config == {"partition-id": 0, "num-partitions": 1, "data-path": str(plain.resolve())}
    for text, message in (("a = [1]", "'a' of the node"), ("a = ", "not TOML"), ('data-path = "no"', "no such data")):
        file.write_text(text)
        with pytest.raises(UsageError, match=message):
            read_node(file)
    with pytest.raises(UsageError, match="no such data file"):
        read_node(tmp_path / "none.csv")


def test_a_flower_without_a_name_that_is_needed_is_refused_by_that_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them: a new flwr must fail here, and say what it lacks."""
    from importlib import import_module

    library.flower.cache_clear()
    library.flower()
    for module, names in library.NAMES.items():
        for name in names:
            with monkeypatch.context() as patch:
                patch.delattr(import_module(module), name.partition(" as ")[0])
                library.flower.cache_clear()
                with pytest.raises(UsageError, match="not one that this bridge was written for") as caught:
                    library.flower()
                assert caught.value.facts["differs"] == f"{module}.{name.partition(' as ')[0]}"
    library.flower.cache_clear()


@pytest.mark.parametrize("version", ["1.41.9", "1.43.0", "2.0"])
def test_another_version_of_flower_is_refused(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    library.flower.cache_clear()
    monkeypatch.setattr(library, "version", lambda _: version)
    with pytest.raises(UsageError) as caught:
        library.flower()
    assert caught.value.facts["expected"] == library.RANGE
    assert caught.value.facts["actual"] == version
    library.flower.cache_clear()


def test_the_range_is_the_extras() -> None:
    import tomllib

    from support.examples import EXAMPLES

    said = tomllib.loads((EXAMPLES.parent / "pyproject.toml").read_text())
    assert library.RANGE in said["project"]["optional-dependencies"]["flower"]


ALONE = """
import json, socket, sys
sys.path.insert(0, sys.argv[1])
asked = []
def refuse(self, address, *rest):
    asked.append(repr(address))
    raise OSError("no network here")
socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = lambda *name, **_: asked.append(repr(name)) or []
from participant.tasks.trial import TrialRequest, run
from pathlib import Path
for settings in json.loads(sys.argv[3]):
    folder = Path(sys.argv[4]) / settings["app"]
    run(TrialRequest(task="flower", settings=settings, data=sys.argv[2], device="cpu"), folder)
from flwr.supercore import telemetry
assert telemetry.FLWR_TELEMETRY_ENABLED == "0"
print(json.dumps(asked))
"""


def test_flower_calls_nobody_and_leaves_nothing_in_the_home_of_the_user(
    installed: Path, data: Path, tmp_path: Path
) -> None:
    (home := tmp_path / "user").mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FLWR_")}
    arguments = [str(installed), str(data), json.dumps([WARDS, HEARTBEATS]), str(tmp_path / "trial")]
    done = subprocess.run(
        [sys.executable, "-c", ALONE, *arguments],
        env={**environment, "HOME": str(home), "FLWR_TELEMETRY_ENABLED": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []
    assert list(home.rglob("*")) == []


def test_the_task_is_found_without_importing_flower() -> None:
    """Neither the list of tasks nor the class imports what takes seconds."""
    code = "import sys; from participant.tasks.discovery import find; find('flower'); print('flwr' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_app_gets_the_seed_on_accelerators_too(monkeypatch: pytest.MonkeyPatch) -> None:
    given = list[int]()
    monkeypatch.setattr(torch, "manual_seed", given.append)
    with seeded(torch.nn.Linear(1, 1), 7):
        pass
    assert given == [7], "its model is on the CPU where this asks, and placed by the app"


def test_global_generators_are_as_they_were(installed: Path, data: Path, tmp_path: Path) -> None:
    import random

    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    trained(task(WARDS), data, tmp_path / "scratch")
    assert random.getstate() == before[0]
    assert np.random.get_state()[1].tolist() == before[1]
    assert torch.equal(torch.get_rng_state(), before[2])
