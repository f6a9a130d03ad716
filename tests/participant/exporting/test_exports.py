"""Exports are read by the tools that they are for, and say which release they are."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import predicted
from support.consortia.voters import refused, said

from ledger.errors import UsageError

torch = pytest.importorskip("torch")
onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.node

from support import trained  # noqa: E402

CLOSE = 1e-5


def export(made: trained.Trained, tmp_path: Path, *options: object) -> Any:
    folder = predicted.folder_of(tmp_path / "fetched", made.released)
    return said("export", folder, *options, "--offline", "--json")


def session_of(path: Path) -> Any:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def prepared(made: trained.Trained, path: Path) -> np.ndarray:
    """A table's numbers before they are scaled, which the graph takes."""
    from participant.tasks.data.preparing.job import preparation_of
    from participant.tasks.data.preparing.table import prepared

    preparation = preparation_of(made.released.job)
    assert preparation is not None
    return prepared(preparation, path).values


def test_onnxruntime_says_what_torch_says(tmp_path: Path, shared_data: Path) -> None:
    made = trained.heart(tmp_path, shared_data)
    out = export(made, tmp_path, "--onnx", tmp_path / "heart.onnx")
    session = session_of(tmp_path / "heart.onnx")
    said_inside = session.get_modelmeta().custom_metadata_map
    assert said_inside["fedledger.root"] == out["root"] == made.released.root.hex()
    assert said_inside["fedledger.job_digest"] == made.released.job.digest.hex()
    assert said_inside["fedledger.card"].startswith("# cardio 1.0")
    assert json.loads(said_inside["fedledger.preparation"])["labels"]
    values = prepared(made, tmp_path / "heart.csv")
    outputs, chances, classes = session.run(["outputs", "probabilities", "class"], {"columns": values})
    with torch.no_grad():
        expected = made.model(made.data.inputs)
    assert np.abs(outputs - expected.numpy()).max() < CLOSE
    assert np.abs(chances - torch.softmax(expected, 1).numpy()).max() < CLOSE
    assert (classes == expected.argmax(1).numpy()).all()


def test_onnx_of_numbers_and_times(tmp_path: Path) -> None:
    from participant.tasks.ready.survival import risks_of

    path = tmp_path / "t.csv"
    path.write_text(
        "dose,age,effect,time,event\n" + "".join(f"{k % 7},{k},{k % 5},{1 + k % 9},{k % 2}\n" for k in range(60))
    )
    inputs = {"columns": ["dose", "age"], "ranges": ["0:10", "0:100"], "model": "mlp"}
    dose = trained.train("regression", inputs | {"targets": ["effect"], "target_ranges": ["0:20"]}, path)
    export(dose, tmp_path / "dose", "--onnx", tmp_path / "dose.onnx")
    (values,) = session_of(tmp_path / "dose.onnx").run(["values"], {"columns": prepared(dose, path)})
    with torch.no_grad():
        assert np.abs(values - (dose.model(dose.data.inputs).double().numpy() + 1) * 10).max() < 20 * CLOSE
    times = trained.train("survival", inputs | {"bins": ["2", "5", "9"]}, path)
    export(times, tmp_path / "times", "--onnx", tmp_path / "times.onnx")
    risk, outlived = session_of(tmp_path / "times.onnx").run(["risk", "outlived"], {"columns": prepared(times, path)})
    with torch.no_grad():
        made = times.model(times.data.inputs)
    assert np.abs(risk - risks_of(made).numpy()).max() < CLOSE
    assert np.abs(outlived - (1 - torch.sigmoid(made)).cumprod(1).numpy()).max() < CLOSE


def test_an_image_models_layers_are_written_where_the_job_tells_them(tmp_path: Path) -> None:
    """Convolutions, maxima and all: the layers that a job with a committed evaluation set has."""
    from ledger.formats.artifact import Layout
    from ledger.jobs.scores import CommittedSet, GroupShapley
    from participant.exporting.onnx_graph import write_onnx
    from participant.integers.tensors import stream_of, table
    from participant.tasks.discovery import find

    task = find("image").create({"height": 9, "width": 8, "channels": 2, "classes": ["a", "b", "c"]})
    model = task.build_model(3)
    tensors = table(model.state_dict(), 24)
    evidence = CommittedSet(cid="", root="", samples=2, shape=(2, 9, 8), classes=3, layers=tuple(task.layers(model)))
    scoring = GroupShapley(utility="accuracy", evidence=evidence)
    job = predicted.job_of("image", {}, tensors, scoring=scoring)
    release = predicted.released(job, np.asarray(stream_of(model.state_dict(), Layout(tensors))))
    write_onnx(tmp_path / "image.onnx", release, None, {"fedledger.root": release.root.hex()})
    images = torch.rand(5, 2, 9, 8)
    (outputs,) = session_of(tmp_path / "image.onnx").run(["outputs"], {"inputs": images.numpy()})
    with torch.no_grad():
        assert np.abs(outputs - model(images).numpy()).max() < CLOSE


def test_onnx_of_several_questions_and_of_images(tmp_path: Path) -> None:
    (path := tmp_path / "t.csv").write_text("dose,age,pain\n" + "".join(f"{k % 7},{k},{k % 2}\n" for k in range(60)))
    inputs = {"columns": ["dose", "age"], "ranges": ["0:10", "0:100"]}
    each = trained.train("multitask", inputs | {"tasks": ["pain"], "hidden": ["4"]}, path)
    export(each, tmp_path / "each", "--onnx", tmp_path / "each.onnx")
    (chances,) = session_of(tmp_path / "each.onnx").run(["probabilities"], {"columns": prepared(each, path)})
    with torch.no_grad():
        assert np.abs(chances - torch.sigmoid(each.model(each.data.inputs)).numpy()).max() < CLOSE
    np.savez(tmp_path / "i.npz", x=np.random.default_rng(1).integers(0, 256, (9, 8, 9)), y=np.arange(9) % 2)
    image = trained.train("image", {"height": 8, "width": 9, "classes": ["a", "b"]}, tmp_path / "i.npz")
    export(image, tmp_path / "image", "--onnx", tmp_path / "image.onnx")
    (classes,) = session_of(tmp_path / "image.onnx").run(["class"], {"inputs": image.data.inputs.numpy()})
    with torch.no_grad():
        assert (classes == image.model(image.data.inputs).argmax(1).numpy()).all()


def test_the_hubs_tools_read_the_folder(tmp_path: Path, shared_data: Path) -> None:
    from huggingface_hub import ModelCard
    from safetensors.torch import load_file

    made = trained.heart(tmp_path, shared_data)
    out = export(made, tmp_path, "--huggingface", tmp_path / "hub")
    assert {Path(name).name for name in out["files"]} == {"model.safetensors", "README.md", "job.json", "config.json"}
    state = load_file(tmp_path / "hub" / "model.safetensors")
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == {
        name: tuple(tensor.shape) for name, tensor in made.model.state_dict().items()
    }
    config = json.loads((tmp_path / "hub" / "config.json").read_text())
    assert config["fedledger"]["root"] == made.released.root.hex()
    assert [layer["layer"] for layer in config["layers"]["layers"]] == ["linear", "relu", "linear"]
    assert "cardio" in ModelCard.load(tmp_path / "hub" / "README.md", ignore_metadata_errors=True).text


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_torch_loads_the_script_without_the_task(tmp_path: Path, shared_data: Path, norm: str) -> None:
    made = trained.heart(tmp_path, shared_data, norm=norm)
    export(made, tmp_path, "--torchscript", tmp_path / "heart.pt")
    inside = {"README.md": "", "fedledger.json": ""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        loaded = torch.jit.load(tmp_path / "heart.pt", _extra_files=inside)
    assert json.loads(inside["fedledger.json"])["fedledger.root"] == made.released.root.hex()
    assert b"cardio" in inside["README.md"]
    with torch.no_grad():
        assert torch.allclose(loaded(made.data.inputs), made.model(made.data.inputs), atol=CLOSE)


def test_a_model_that_is_no_row_of_layers_is_no_onnx(tmp_path: Path, shared_data: Path) -> None:
    made = trained.heart(tmp_path, shared_data, norm="batch")
    folder = predicted.folder_of(tmp_path / "fetched", made.released)
    error = refused(UsageError, "export", folder, "--onnx", tmp_path / "x.onnx", "--offline")
    assert "torchscript" in error.advice
    assert not (tmp_path / "x.onnx").exists()


def test_mlflow_reads_the_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow")
    from participant.tracking.library import client_of

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = (tmp_path / "mlruns").as_uri()
    found = predicted.released()
    folder = predicted.folder_of(tmp_path / "fetched", found)
    out = said("export", folder, "--mlflow", uri, "--offline", "--json")
    assert out["files"] == ["cardio version 1 in MLflow"]
    assert said("export", folder, "--mlflow", uri, "--offline", "--json")["files"] == out["files"], "once"
    client = client_of(uri)
    (version,) = client.search_model_versions("name = 'cardio'")
    assert found.root.hex() in version.tags.values()
    listed = {Path(one.path).name for one in client.list_artifacts(str(version.run_id), "files")}
    assert listed == {"model.safetensors", "README.md", "job.json"}


@pytest.mark.parametrize("classifies", [True, False])
def test_linear_models_of_scikit_learn_predict_and_are_onnx(tmp_path: Path, classifies: bool) -> None:
    """Their task's rows are those of tabular and regression, and so is their one layer."""
    from ledger.formats.artifact import Tensor
    from participant.predicting.predictor import Predictor

    rows = {"columns": ["age", "pressure"], "ranges": ["0:100", "80:200"]}
    more = {"label": "ill", "classes": ["a", "b"]} if classifies else {"targets": ["x"], "target_ranges": ["0:8"]}
    outputs = 2 if classifies else 1
    tensors = (Tensor("0.bias", (outputs,)), Tensor("0.weight", (outputs, 2)))
    job = predicted.job_of("sklearn", {"estimator": "any"} | rows | more, tensors)
    found = predicted.released(job)
    folder = predicted.folder_of(tmp_path / "fetched", found)
    said("export", folder, "--onnx", tmp_path / "linear.onnx", "--offline", "--json")
    name = "probabilities" if classifies else "values"
    values = np.array([[50.0, 120.0], [71.0, 160.5]])
    (made,) = session_of(tmp_path / "linear.onnx").run([name], {"columns": values})
    predictor = Predictor.of(found)
    assert predictor.network.exact
    assert np.abs(made - predictor.predict(predictor.description.integers(values))[name]).max() < 8 * 2e-5
