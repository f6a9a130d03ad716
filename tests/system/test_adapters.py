"""A transformer's adapter from three parties to a release, on a real chain: the backbone is on none of its parts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')
pytest.importorskip("peft", reason='PEFT is not installed: pip install "fedledger[adapters]"')

from safetensors import safe_open  # noqa: E402
from support import adapters  # noqa: E402
from support.consortia import aggregators  # noqa: E402
from support.consortia.synthetic import Trial  # noqa: E402
from support.consortia.trainers import data_of, drive, node, notes  # noqa: E402
from support.consortia.voters import BOTH, NAMES, Council, refused, run, said  # noqa: E402

from demo.anvil import find_binary  # noqa: E402
from demo.consortium import found  # noqa: E402
from ledger.config import HomeSettings, save  # noqa: E402
from ledger.errors import Refuted, UsageError  # noqa: E402
from ledger.formats.cid import RAW, Cid  # noqa: E402
from ledger.jobs.document import Job  # noqa: E402
from ledger.party.auditing import AuditRequest, inspect  # noqa: E402
from participant.jobs.creation import create  # noqa: E402
from participant.jobs.draft import read  # noqa: E402
from participant.tasks.adapters import backbone as backbones  # noqa: E402
from participant.tasks.adapters.task import Adapter  # noqa: E402

pytestmark = pytest.mark.node
DRAFT = """
name = "Urgent or not"
hold_out = 0

[task]
name = "adapter"

[task.settings]
backbone = "{backbone}"
rank = 4
length = 16
classes = ["calm", "urgent"]
optimiser = "adam"
learning_rate = 0.01
epochs = 6

[admission]
min_updates = 3
max_weight = 1000
max_value = 2.0
max_norm = 16.0

[terms]
rounds = 2
update_seconds = 600
open_seconds = 600
aggregate_seconds = 600
attest_seconds = 600
attempts = 2
"""


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Council]:
    """Two rounds are trained by all four members, and the model of the second is released as `triage` 1.0."""
    try:
        find_binary()
    except UsageError as error:
        pytest.skip(str(error))
    local = found(tmp_path_factory.mktemp("adapters") / "houses", "Four houses", [(name, BOTH) for name in NAMES])
    try:
        made = Council(local)
        with Trial(made, propose=False) as trial:
            made.trial = trial
            train(trial)
            made.release("triage", "1.0", 2)
            yield made
        made.client.close()
    finally:
        local.stop()


def train(trial: Trial) -> None:
    draft = trial.parties[0].member.home.folder / "draft.toml"
    draft.write_text(DRAFT.format(backbone=adapters.backbone()))
    trial.job = create(read(draft), trial.parties[0].connection.put)
    trial.layout = trial.job.layout
    for party in trial.parties:
        data = str(adapters.write_texts(data_of(party), party.index, rows=80, share=0.3 + 0.1 * party.index))
        save(party.member.home.settings_file, HomeSettings(name=party.member.name, data=data))
    trial.propose()
    nodes = [node(party, scores=False, until_complete=True) for party in trial.parties]
    drive(*nodes, aggregators.service(trial.parties[0]), looks=90)
    assert trial.state.complete, [notes(party.member.home, "failed") for party in trial.parties]


def anyone(members: Council, tmp_path: Path) -> tuple[object, ...]:
    return ("--network", members.local.network_file, "--home", tmp_path / "anyone")


def weights(job: Job) -> Path:
    return backbones.places() / str(job.task.settings["backbone"]) / "model.safetensors"


def test_an_audit_finds_the_models_right(members: Council) -> None:
    report = inspect(members.trial.parties[1].connection, AuditRequest(source=False))
    assert report.right.answer == "yes"
    assert all(len(members.trial.state.rounds[number].updates) == 4 for number in (1, 2))


def test_no_update_has_more_than_three_parts_in_a_hundred_of_the_model(members: Council, tmp_path: Path) -> None:
    """Bytes of an update's file against those of the backbone's weights, both with their headers."""
    job, round_ = members.trial.job, members.trial.state.rounds[2]
    for index, update in round_.updates.items():
        file = members.trial.parties[index].connection.fetch(Cid(RAW, update.cid), 0, None)
        size = sum(len(piece) for piece in file)
        assert size > 4 * job.layout.values
        assert size / weights(job).stat().st_size <= 0.03


def test_the_backbone_is_on_no_part_of_the_ledger(members: Council) -> None:
    """Its values are in no home's store, journal or index."""
    with safe_open(weights(members.trial.job), "np") as file:
        secrets = [file.get_tensor(name).tobytes()[:64] for name in file.keys()]  # noqa: SIM118
    found = [secret for secret in secrets if any(secret)]
    assert len(found) > 10
    for member in members.members:
        for path in (one for one in member.home.folder.rglob("*") if one.is_file()):
            content = path.read_bytes()
            assert not any(secret in content for secret in found), path


def test_peft_loads_what_was_released(members: Council, tmp_path: Path) -> None:
    """PEFT itself, on the backbone, gives what the task makes of the same integers."""
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification

    where, folder = anyone(members, tmp_path), tmp_path / "released"
    out = said("release", "fetch", "triage", "--output", folder, *where, "--json")
    names = {"adapter_config.json", "adapter_model.safetensors", "README.md", "job.json"}
    assert {Path(path).name for path in out["files"]} == names == {path.name for path in folder.iterdir()}
    with safe_open(folder / "adapter_model.safetensors", "pt") as file:
        assert file.metadata()["root"] == out["root"]
        released = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    job = members.trial.job
    task = Adapter(job.task.settings)
    data = task.load_data(adapters.write_texts(tmp_path / "test.csv", 99, rows=200))
    expected = task.build_model(job.initial_model.seed)
    task.load(expected, released)
    assert task.evaluate(expected, data)["accuracy"] > 0.9
    base = AutoModelForSequenceClassification.from_pretrained(weights(job).parent, num_labels=2)
    loaded = _put_on(PeftModel, base, folder).eval()
    with torch.no_grad():
        mask = (data.inputs != 0).long()
        assert torch.allclose(loaded(data.inputs, mask).logits, expected.eval()(data.inputs), atol=1e-5)


def _put_on(kind: Any, base: Any, folder: Path) -> Any:
    from participant.tasks.adapters.libraries import of_one_another

    with of_one_another():
        return kind.from_pretrained(base, folder)


def test_the_card_says_how_and_on_which_backbone(members: Council, tmp_path: Path) -> None:
    folder = tmp_path / "released"
    run("release", "fetch", "triage", "--output", folder, *anyone(members, tmp_path))
    card = (folder / "README.md").read_text()
    assert 'PeftModel.from_pretrained(base, ".")' in card
    assert card.count(str(members.trial.job.task.settings["backbone"])) == 3, "in the use, the settings and the lineage"


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "adapter_config.json", "README.md"])
def test_verify_compares_every_file(members: Council, tmp_path: Path, name: str) -> None:
    where, folder = anyone(members, tmp_path), tmp_path / "released"
    run("release", "fetch", "triage", "--output", folder, *where)
    assert said("release", "verify", folder, *where, "--json")["verified"]
    data = bytearray((folder / name).read_bytes())
    data[-2] ^= 1
    (folder / name).write_bytes(data)
    error = refused(Refuted, "release", "verify", folder, *where)
    assert name in error.message
    assert error.facts["byte"] == len(data) - 2


def test_the_command_keeps_a_backbone_and_says_the_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDLEDGER_BACKBONES", str(tmp_path / "backbones"))
    folder = adapters.describe(tmp_path / "described")
    refused(UsageError, "task", "backbone", folder)
    made = said("task", "backbone", folder, "--seed", 7, "--json")
    assert made["backbone"] == adapters.backbone()
    assert made["files"] == ["config.json", "model.safetensors", "tokenizer.json"]
    text = run("task", "backbone", made["folder"]).stdout
    assert f'backbone = "{made["backbone"]}"' in text
    assert json.loads((Path(made["folder"]) / "config.json").read_text()) == adapters.CONFIG
    error = refused(UsageError, "task", "backbone", made["folder"], "--seed", 7)
    assert "has weights already" in error.message
