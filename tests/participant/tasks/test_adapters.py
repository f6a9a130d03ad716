"""Adapters: what of a transformer is on the ledger, what is not, and whose backbone it is."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')
pytest.importorskip("peft", reason='PEFT is not installed: pip install "fedledger[adapters]"')

from dataclasses import replace  # noqa: E402

from support import adapters  # noqa: E402
from support.adapters import SETTINGS, write_texts  # noqa: E402
from support.training import context  # noqa: E402

from ledger.errors import Malformed, UsageError  # noqa: E402
from ledger.formats.artifact import Layout  # noqa: E402
from ledger.releases.peft import Lora, config_file  # noqa: E402
from participant.integers.tensors import stream_of, table  # noqa: E402
from participant.tasks.adapters import backbone as backbones  # noqa: E402
from participant.tasks.adapters import libraries  # noqa: E402
from participant.tasks.adapters.model import parameters_of, state  # noqa: E402
from participant.tasks.adapters.task import Adapter  # noqa: E402
from participant.tasks.contract import check  # noqa: E402
from participant.tasks.correction import Correction  # noqa: E402
from participant.tasks.sharing import load_own, load_shared, private_state, shared_state  # noqa: E402
from participant.tasks.trial import TrialRequest  # noqa: E402

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("forked_trials")]


@pytest.fixture(scope="module")
def digest() -> str:
    return adapters.backbone()


@pytest.fixture
def settings(digest: str) -> dict[str, Any]:
    return {**SETTINGS, "backbone": digest, "learning_rate": "0.01", "epochs": 4}


@pytest.fixture
def own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Backbones of this test alone."""
    monkeypatch.setenv("FEDLEDGER_BACKBONES", str(tmp_path / "backbones"))
    return tmp_path / "backbones"


def trained(settings: dict[str, Any], file: Path, folder: Path, **options: Any) -> tuple[Any, Any, Any]:
    """Task, model before and model after a round."""
    task = Adapter(settings)
    before, model = task.build_model(1), task.build_model(1)
    task.train(model, task.load_data(file), replace(context(task, model, folder), **options))
    return task, before, model


def test_the_ledger_has_the_adapter_and_nothing_of_the_backbone(settings: dict[str, Any]) -> None:
    """By PEFT's own names, at most three parts in a hundred of the model's values."""
    task = Adapter(settings)
    model = task.build_model(1)
    layout = Layout(table(shared_state(task, model), 24))
    names = [tensor.name for tensor in layout.tensors]
    assert not set(names) & set(model.state_dict()), "none is a name that torch has for it"
    assert all(".lora_" in name or ".classifier." in name for name in names)
    whole = sum(parameter.numel() for parameter in model.parameters())
    assert layout.values == 2178
    assert layout.values / whole <= 0.03


def test_it_learns_and_the_backbone_stays(settings: dict[str, Any], tmp_path: Path) -> None:
    task, before, after = trained({**settings, "epochs": 12}, write_texts(tmp_path / "x.csv", 1, rows=200), tmp_path)
    other = task.load_data(write_texts(tmp_path / "other.csv", 2))
    assert task.evaluate(after, other)["accuracy"] > 0.9
    counts = task.counts(after, other)
    assert counts is not None
    assert counts.rows == 60
    names = set(parameters_of(after).values())
    for name, parameter in before.named_parameters():
        moved = not torch.equal(parameter, dict(after.named_parameters())[name])
        assert moved == (name in names), name


def test_the_contract_is_kept(settings: dict[str, Any], tmp_path: Path) -> None:
    file = write_texts(tmp_path / "x.csv", 1)
    report = check(TrialRequest(task="adapter", settings={**settings, "epochs": 1}, data=str(file), device="cpu"))
    assert [one for one in report.findings if not one.held] == []


def test_a_frozen_a_makes_the_mean_of_products_the_product_of_means(settings: dict[str, Any], tmp_path: Path) -> None:
    """FFA-LoRA (Y. Sun et al. 2024); without it they differ by far."""
    errors = {}
    for frozen in (True, False):
        said = {**settings, "freeze_a": frozen}
        files = [write_texts(tmp_path / f"{seed}.csv", seed, share=0.2 + 0.6 * (seed % 2)) for seed in (1, 2)]
        found = [trained(said, file, tmp_path) for file in files]
        start, ends = state(found[0][1]), [state(after) for _, _, after in found]
        names = [name for name in start if ".lora_A." in name]
        for end in ends:
            assert all(torch.equal(start[name], end[name]) == frozen for name in names)
            assert not any(torch.equal(start[name], end[name]) for name in start if name not in names)
        errors[frozen] = max(_error(name, ends) for name in names)
    assert errors[True] < 1e-5
    assert errors[False] > 1e-3


def _error(name: str, ends: list[dict[str, Any]]) -> float:
    """How far the product of the means is from the mean of the products, relative to that."""
    pairs = [(end[name.replace("lora_A", "lora_B")].double(), end[name].double()) for end in ends]
    mean = sum(b @ a for b, a in pairs) / len(pairs)
    product = (sum(b for b, _ in pairs) / len(pairs)) @ (sum(a for _, a in pairs) / len(pairs))
    return float((product - mean).norm() / mean.norm())


def test_fedprox_and_corrections_find_their_tensors(settings: dict[str, Any], tmp_path: Path) -> None:
    """The ledger's names are not those of the parameters: a pull towards the backbone must hold all the same."""
    file = write_texts(tmp_path / "x.csv", 1)
    plain = {**settings, "optimiser": "sgd", "learning_rate": "0.05"}
    _, before, free = trained(plain, file, tmp_path)
    task, _, held = trained({**plain, "proximal_mu": "10"}, file, tmp_path)
    start = state(before)
    assert _moved(start, state(held)) < 0.7 * _moved(start, state(free))
    shift = {name: torch.full_like(tensor, 0.125) for name, tensor in shared_state(task, before).items()}
    _, _, shifted = trained(plain, file, tmp_path, correction=Correction(shift))
    name = next(name for name in start if name.endswith("classifier.weight"))
    assert float((state(shifted)[name] - state(free)[name]).mean()) == pytest.approx(0.125, abs=0.03)


def _moved(start: dict[str, Any], end: dict[str, Any]) -> float:
    return float(sum((end[name] - start[name]).square().sum() for name in start) ** 0.5)


def test_private_tensors_and_adapters_go_together(settings: dict[str, Any], tmp_path: Path) -> None:
    """A head that stays at home, by the names that the ledger would have for it."""
    task, _, model = trained(settings, write_texts(tmp_path / "x.csv", 1), tmp_path)
    private = ["base_model.model.classifier.*"]
    shared, own = shared_state(task, model, private), private_state(task, model, private)
    assert own.keys() == {"base_model.model.classifier.bias", "base_model.model.classifier.weight"}
    assert not shared.keys() & own.keys()
    other = task.build_model(2)
    layout = Layout(table(shared, 24))
    load_shared(task, other, layout, stream_of(shared, layout), private)
    load_own(task, other, own)
    assert all(torch.equal(tensor, state(other)[name]) for name, tensor in own.items())
    alternate = {**settings, "personal": "alternate"}
    base = {name: tensor.clone() for name, tensor in shared.items()}
    trained(alternate, tmp_path / "x.csv", tmp_path, base=base)


def test_a_backbone_of_another_digest_is_refused_before_training(
    settings: dict[str, Any], tmp_path: Path, own_place: Path
) -> None:
    made = backbones.keep(adapters.drawn(tmp_path / "backbone"))
    task, file = Adapter({**settings, "backbone": made}), write_texts(tmp_path / "x.csv", 1)
    task.load_data(file)
    weights = own_place / made / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.unlink()
    weights.write_bytes(data)
    for method in (lambda: task.load_data(file), lambda: task.build_model(1)):
        with pytest.raises(backbones.OtherBackbone) as caught:
            method()
        assert caught.value.facts["expected"] == made
        assert caught.value.facts["actual"] not in ("", made)
        assert "fedledger task backbone" in caught.value.advice
    (own_place / made / "config.json").unlink()
    with pytest.raises(backbones.OtherBackbone, match=r"no config\.json"):
        task.build_model(1)
    assert backbones.keep(tmp_path / "backbone") == made, "and it is put there again"
    task.build_model(1)


def test_a_backbone_that_is_not_here_is_named(settings: dict[str, Any], own_place: Path) -> None:
    with pytest.raises(UsageError, match="not on this machine") as caught:
        Adapter(settings).build_model(1)
    assert caught.value.facts["backbone"] == settings["backbone"]
    assert "fedledger task backbone FOLDER" in caught.value.advice


def test_what_the_digest_does_not_cover_is_never_read(
    settings: dict[str, Any], tmp_path: Path, own_place: Path
) -> None:
    """Pickles, code, somebody else's adapter: they stay where they are."""
    folder = adapters.drawn(tmp_path / "backbone")
    plain = backbones.keep(folder)
    for name in ("pytorch_model.bin", "modeling_evil.py", "adapter_config.json", "adapter_model.bin"):
        (folder / name).write_bytes(b"\x80\x04cos\nsystem\n")
    assert backbones.keep(folder) == plain
    assert sorted(path.name for path in (own_place / plain).iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    (folder / "model.safetensors").unlink()
    with pytest.raises(UsageError, match=r"no model\.safetensors") as caught:
        backbones.keep(folder)
    assert "safetensors" in caught.value.advice


@pytest.mark.parametrize("name", ["auto_map", "quantization_config"])
def test_a_configuration_that_asks_for_code_is_refused(name: str, tmp_path: Path) -> None:
    folder = adapters.drawn(tmp_path / "backbone")
    (folder / "config.json").write_text(json.dumps(adapters.CONFIG | {name: {"AutoModel": "evil.Model"}}))
    with pytest.raises(Malformed, match=f"other code or kernels: {name}"):
        backbones.keep(folder)


def test_shards_are_covered_by_their_index(tmp_path: Path, own_place: Path) -> None:
    folder = adapters.drawn(tmp_path / "backbone")
    shard = "model-00001-of-00001.safetensors"
    (folder / "model.safetensors").rename(folder / shard)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": {"embeddings": "../../secret"}}))
    with pytest.raises(Malformed, match="not an index"):
        backbones.keep(folder)
    index.write_text(json.dumps({"metadata": {}, "weight_map": {"embeddings": shard}}))
    made = backbones.keep(folder)
    assert (own_place / made / shard).is_file()
    (folder / shard).unlink()
    with pytest.raises(UsageError, match="shard of the backbone is missing"):
        backbones.keep(folder)


def test_nobody_is_asked_for_anything(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    trained({**settings, "epochs": 1}, write_texts(tmp_path / "x.csv", 1, rows=8), tmp_path)


def test_the_same_seed_draws_the_same_backbone(digest: str, tmp_path: Path, own_place: Path) -> None:
    assert backbones.digest_of(adapters.drawn(tmp_path / "again")) == digest
    assert backbones.digest_of(adapters.drawn(tmp_path / "other", seed=8)) != digest


def test_a_backbone_that_lacks_what_nobody_would_train_is_refused(settings: dict[str, Any], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = adapters.drawn(tmp_path / "backbone")
    weights = load_file(folder / "model.safetensors")
    weights.pop("pooler.dense.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(Malformed, match="drawn at random and stay so") as caught:
        Adapter({**settings, "backbone": backbones.keep(folder)}).build_model(1)
    assert "pooler.dense.weight" in str(caught.value.facts["tensors"])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"backbone": "short"}, "not the digest of a backbone"),
        ({"target_modules": ["q_proj"]}, "no linear module of the backbone is called 'q_proj'"),
        ({"length": 65}, "does not take rows of so many tokens"),
        ({"freeze_a": "yes"}, "true or false"),
        ({"rank": 0}, "an integer from 1"),
    ],
)
def test_impossible_settings(settings: dict[str, Any], changed: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed) as caught:
        Adapter({**settings, **changed}).build_model(1)
    assert message in str(caught.value)


def test_missing_libraries_name_the_way_out(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "peft" else True)
    with pytest.raises(UsageError, match="needs the libraries PEFT and transformers") as caught:
        Adapter(settings)
    assert caught.value.advice == 'pip install "fedledger[adapters]"'
    assert caught.value.facts["missing"] == "peft"


@pytest.mark.parametrize(
    ("content", "message", "line"),
    [
        ("", "the file is empty", 1),
        ("text,label\n", "no rows", None),
        ("text,label\nthe person,calm\n  ,calm\n", "a text is missing", 3),
        ("text,label\nthe person,Calm\n", "none of the job's classes", 2),
        ("text,label\nthe, person,calm\n", "another number of fields", 2),
        ('text,label\n"the person,calm\n', "not CSV", None),
        ("text,text,label\na,b,calm\n", "more than once", 1),
    ],
)
def test_files_that_cannot_be_learnt_from(
    settings: dict[str, Any], tmp_path: Path, content: str, message: str, line: int | None
) -> None:
    file = tmp_path / "x.csv"
    file.write_text(content)
    with pytest.raises(Malformed, match=message) as caught:
        Adapter(settings).load_data(file)
    assert caught.value.facts["file"] == str(file)
    if line:
        assert caught.value.facts["line"] == line


def test_rows_of_tokens_need_no_tokenizer(settings: dict[str, Any], tmp_path: Path) -> None:
    task, file = Adapter({**settings, "reads": "ids", "length": 4}), tmp_path / "x.csv"
    file.write_text("text,label\n2 5 3,calm\n2 9 8 7 6 3,urgent\n")
    data = task.load_data(file)
    assert data.inputs.tolist() == [[2, 5, 3, 0], [2, 9, 8, 7]]
    file.write_text("text,label\n2 5 400,calm\n")
    with pytest.raises(Malformed, match="not numbers of tokens") as caught:
        task.load_data(file)
    assert caught.value.facts["line"] == 2


def test_rows_that_read_the_same_are_one_leaf(settings: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("text,label\nthe  person,calm\nthe person,calm\nthe person,urgent\n")
    task = Adapter(settings)
    first, second, third = task.leaves(task.load_data(file))
    assert first == second != third


def test_peft_reads_the_configuration_that_follows_from_the_job(tmp_path: Path) -> None:
    from types import SimpleNamespace

    from peft import LoraConfig, PeftConfig

    said = {"rank": 3, "alpha": 9, "target_modules": ["key"], "modules_to_save": ["classifier"]}
    job: Any = SimpleNamespace(task=SimpleNamespace(name="adapter", settings=said))
    (tmp_path / "adapter_config.json").write_bytes(config_file(job) or b"")
    read = PeftConfig.from_pretrained(str(tmp_path))
    assert isinstance(read, LoraConfig)
    assert (read.r, read.lora_alpha, read.target_modules, read.modules_to_save) == (3, 9, {"key"}, ["classifier"])
    assert Lora.of({}) == Lora(8, 16, ("query", "value"), ("classifier", "score"))
    assert config_file(SimpleNamespace(task=SimpleNamespace(name="tabular", settings={}))) is None  # type: ignore[arg-type]


def test_libraries_say_nothing_but_errors(settings: dict[str, Any], capfd: pytest.CaptureFixture[str]) -> None:
    Adapter(settings).build_model(1)
    assert libraries.transformers().utils.logging.get_verbosity() >= 40
    assert capfd.readouterr() == ("", "")
