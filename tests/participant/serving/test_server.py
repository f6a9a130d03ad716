"""A model's server, over real HTTP: the Open Inference Protocol's addresses, bounds, refusals, and its log."""

import hashlib
import json
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from msgspec.structs import replace as changed
from support import predicted

from ledger.errors import Malformed, Refuted, Unavailable, UsageError
from ledger.formats.artifact import Tensor
from ledger.history.names import RevokedRelease
from ledger.http.listening import listen, url_of
from ledger.jobs.permitted_use import PermittedUse
from ledger.jobs.preparation import Category, Missing, Number, Preparation
from ledger.masks.secret import Secret
from participant.predicting.predictor import Predictor
from participant.predicting.table import read_table
from participant.serving import app
from participant.serving.desk import ServedModel, ServingDesk
from participant.serving.log import PredictionLog, check, digests
from participant.serving.metrics import ServingMetrics
from participant.serving.serving import web_server

INFER = "/v2/models/cardio/infer"
USE = PermittedUse(purpose="find it", data_sets=("A",), legal_basis="consent", licence="mit", expires="")


class Served:
    """A running server, its desk and its log."""

    def __init__(self, url: str, desk: ServingDesk, log: Path) -> None:
        self.client, self.desk, self.log = httpx.Client(base_url=url, timeout=60), desk, log

    def post(self, document: object, path: str = INFER, **options: Any) -> httpx.Response:
        return self.client.post(path, json=document, **options)


@contextmanager
def serving(
    folder: Path, found: Any = None, stale: float | None = None, hosts: tuple[str, ...] = (), **clock: Any
) -> Iterator[Served]:
    desk = ServingDesk(ServedModel.of(Predictor.of(found or predicted.released())), stale, **clock)
    path = folder / "log.jsonl"
    log = PredictionLog(path)
    with listen("127.0.0.1", 0) as listening:
        server = web_server(desk, log, ServingMetrics(), hosts)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        served = Served(url_of(listening), desk, path)
        try:
            yield served
        finally:
            served.client.close()
            server.should_exit = True
            thread.join(60)
            log.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path) as made:
        yield made


def tensor(name: str, data: list[Any], datatype: str = "FP64", shape: list[int] | None = None) -> dict[str, Any]:
    return {"name": name, "shape": shape or [len(data)], "datatype": datatype, "data": data}


COLUMNS = {"inputs": [tensor("age", [50, 71, 3]), tensor("pressure", [120, 160.5, 80])], "id": "row-7"}


def test_it_says_what_it_is(served: Served) -> None:
    assert served.client.get("/v2").json()["name"] == "fedledger"
    assert served.client.get("/v2/health/live").status_code == 200
    assert served.client.get("/v2/health/ready").status_code == 200
    said = served.client.get("/v2/models/cardio").json()
    assert said == served.client.get("/v2/models/cardio/versions/1.0").json()
    assert (said["name"], said["versions"]) == ("cardio", ["1.0"])
    assert [one["name"] for one in said["inputs"]] == ["age", "pressure"]
    assert [(one["name"], one["shape"]) for one in said["outputs"]] == [("class", [-1]), ("probabilities", [-1, 2])]
    assert said["parameters"]["root"] == predicted.released().root.hex()
    assert served.client.get("/v2/models/cardio/ready").json()["ready"]


def test_columns_and_prepared_inputs_have_the_answers_of_predict(served: Served, tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text(predicted.ROWS)
    predictor = Predictor.of(predicted.released())
    expected = predictor.predict(read_table(path, predictor.description).inputs)
    matrix = {"inputs": [tensor("inputs", [50, 120, 71, 160.5, 3, 80], shape=[3, 2])]}
    nested = {"inputs": [tensor("inputs", [[50, 120], [71, 160.5], [3, 80]], "FP32", [3, 2])]}
    texts = {
        "inputs": [tensor("age", ["50", "71", "3"], "BYTES"), tensor("pressure", [[120], [160.5], [80]], shape=[3, 1])]
    }
    for document in (COLUMNS, matrix, nested, texts):
        made = served.post(document).json()
        outputs = {one["name"]: one for one in made["outputs"]}
        assert outputs["class"]["data"] == expected["class"].tolist()
        assert outputs["probabilities"]["shape"] == [3, 2]
        assert outputs["probabilities"]["data"] == expected["probabilities"].ravel().tolist()
        assert made["parameters"]["root"] == predictor.released.root.hex()
    assert served.post(COLUMNS).json()["id"] == "row-7"


def test_an_output_may_be_asked_for(served: Served) -> None:
    made = served.post(COLUMNS | {"outputs": [{"name": "class"}]}).json()
    assert [one["name"] for one in made["outputs"]] == ["class"]
    assert served.post(COLUMNS | {"outputs": [{"name": "nothing"}]}).status_code == 400


BAD: dict[str, Any] = {
    "no JSON": b"{",
    "nested beyond reading": b"[" * 100_000,
    "a field too many": {"inputs": [], "more": 1},
    "no inputs": {"inputs": []},
    "another column": {"inputs": [tensor("age", [1]), tensor("weight", [2])]},
    "a column twice": {"inputs": [tensor("age", [1]), tensor("age", [1]), tensor("pressure", [120])]},
    "no rows": {"inputs": [tensor("age", [], shape=[0]), tensor("pressure", [], shape=[0])]},
    "too many rows": {"inputs": [tensor("inputs", [1], shape=[1 << 40, 2])]},
    "fewer values than the shape": {"inputs": [tensor("inputs", [1, 100], shape=[2, 2])]},
    "uneven columns": {"inputs": [tensor("age", [1]), tensor("pressure", [120, 130])]},
    "outside the range": {"inputs": [tensor("age", [101]), tensor("pressure", [120])]},
    "outside, prepared": {"inputs": [tensor("inputs", [50, 79], shape=[1, 2])]},
    "no number": {"inputs": [tensor("age", ["old"], "BYTES"), tensor("pressure", [120])]},
    "a text as a number": {"inputs": [tensor("age", ["5"]), tensor("pressure", [120])]},
    "no value": {"inputs": [tensor("age", [None]), tensor("pressure", [120])]},
    "a number beyond float64": {"inputs": [tensor("age", [10**400]), tensor("pressure", [120])]},
    "prepared inputs twice": {"inputs": [tensor("inputs", [1, 100], shape=[1, 2])] * 2},
    "an output twice": COLUMNS | {"outputs": [{"name": "probabilities"}] * 2},
    "lists and numbers": {"inputs": [tensor("age", [[1], 5], shape=[1]), tensor("pressure", [[120], 5], shape=[1])]},
    "a shape that is negative": {"inputs": [tensor("inputs", [1, 100], shape=[-1, 2])]},
}


@pytest.mark.parametrize("document", BAD.values(), ids=BAD.keys())
def test_what_cannot_be_read_is_refused_and_not_logged(served: Served, document: Any) -> None:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    answer = served.client.post(INFER, content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]
    assert check(served.log).lines == 0
    assert served.post(COLUMNS).status_code == 200, "it goes on"


def test_other_addresses_methods_and_bodies_are_refused(served: Served) -> None:
    assert served.post(COLUMNS, "/v2/models/other/infer").status_code == 404
    assert served.post(COLUMNS, "/v2/models/cardio/versions/2.0/infer").status_code == 404
    assert served.client.get("/nothing").status_code == 404
    assert served.client.get(INFER).status_code == 405
    assert served.client.get(INFER).headers["allow"] == "POST"
    assert served.client.post(INFER, content=b"{}", headers={"content-type": "text/plain"}).status_code == 415
    big = served.client.post(INFER, content=b" " * (9 << 20), headers={"content-type": "application/json"})
    assert big.status_code == 413

    def endless() -> Iterator[bytes]:
        for _ in range(9):
            yield b" " * (1 << 20)

    chunked = served.client.post(INFER, content=endless(), headers={"content-type": "application/json"})
    assert chunked.status_code == 413


def test_a_large_batch_is_answered(served: Served) -> None:
    rows = 10_000
    values = np.random.default_rng(1).uniform([0, 80], [100, 200], (rows, 2))
    made = served.post({"inputs": [tensor("inputs", values.ravel().tolist(), shape=[rows, 2])]}).json()
    assert made["outputs"][0]["shape"] == [rows]
    assert check(served.log).rows == {predicted.released().root.hex(): rows}


def test_words_flags_and_clipping_are_the_jobs(tmp_path: Path) -> None:
    preparation = Preparation(
        inputs=(
            Number(
                column="age",
                low="0",
                high="100",
                outside="clip",
                missing=Missing(by="flag", value="50"),
                sentinels=("-1",),
            ),
            Category(column="pain", vocabulary=("none", "some"), unknown="other"),
        )
    )
    job = predicted.job_of(
        settings={"model": "logistic", "label": "ill", "classes": ["no", "yes"]},
        tensors=(Tensor("0.bias", (2,)), Tensor("0.weight", (2, 5))),
        preparation=preparation,
    )
    path = tmp_path / "new.csv"
    path.write_text("age,pain\n200,none\n,some\n-1,worse\n40,none\n")
    predictor = Predictor.of(predicted.released(job))
    expected = predictor.predict(read_table(path, predictor.description).inputs)["probabilities"].ravel().tolist()
    pain = tensor("pain", ["none", "some", "worse", "none"], "BYTES")
    with serving(tmp_path, predicted.released(job)) as served:
        for age in (tensor("age", [200, None, -1, 40]), tensor("age", ["200", "", "-1", "40"], "BYTES")):
            made = served.post({"inputs": [age, pain]}).json()
            assert made["outputs"][1]["data"] == expected


def test_each_answer_is_a_line_bound_to_release_and_line_before(served: Served) -> None:
    answers = [served.post(COLUMNS | {"id": str(k)}) for k in range(3)]
    lines = [json.loads(line) for line in served.log.read_bytes().splitlines()]
    salt = served.log.with_name("log.jsonl.salt")
    assert salt.stat().st_mode & 0o777 == 0o600
    predictor = Predictor.of(predicted.released())
    inputs = predictor.description.integers(np.array([[50, 120], [71, 160.5], [3, 80]]))
    for number, (line, answer) in enumerate(zip(lines, answers, strict=True)):
        assert line["id"] == str(number)
        assert line["root"] == predictor.released.root.hex()
        made = digests(inputs, answer.content, Secret(salt.read_bytes()), line["previous"])
        assert (line["input"], line["output"]) == made
    assert check(served.log).lines == 3
    assert b"160.5" not in served.log.read_bytes()


def test_neither_rows_nor_answers_can_be_tried_out_with_a_log(served: Served) -> None:
    """Answers are few, and a log's reader may ask the server himself: no two lines have equal digests, nor one that is
    made without the salt.
    """
    answers = [served.post(COLUMNS) for _ in range(2)]
    first, second = (json.loads(line) for line in served.log.read_bytes().splitlines())
    assert answers[0].content == answers[1].content
    assert first["input"] != second["input"]
    assert first["output"] != second["output"]
    assert hashlib.sha256(answers[0].content).hexdigest() not in (first["output"], second["output"])


def test_a_log_whose_salt_is_gone_is_not_gone_on_with(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        served.post(COLUMNS)
    served.log.with_name("log.jsonl.salt").unlink()
    with pytest.raises(Malformed, match="salt"):
        PredictionLog(served.log)
    assert not served.log.with_name("log.jsonl.salt").exists()


@pytest.mark.parametrize("content", ["", "a line\n", '{"format":"another/1"}\n'])
def test_another_kind_of_file_is_left_as_it_is(tmp_path: Path, content: str) -> None:
    path = tmp_path / "new.csv"
    path.write_text(content + "no line feed at the end")
    with pytest.raises(Malformed, match="no log"):
        PredictionLog(path)
    assert path.read_text() == content + "no line feed at the end"


LIES = {
    "changed": lambda lines: [lines[0], lines[1].replace(b'"rows":3', b'"rows":2'), lines[2]],
    "taken away": lambda lines: [lines[0], lines[2]],
    "the first taken away": lambda lines: lines[1:],
    "in another order": lambda lines: [lines[1], lines[0], lines[2]],
    "twice": lambda lines: [lines[0], lines[0], *lines[1:]],
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_log_that_was_changed_is_found_out(served: Served, lie: Any) -> None:
    for _ in range(3):
        served.post(COLUMNS)
    served.log.write_bytes(b"".join(lie(served.log.read_bytes().splitlines(keepends=True))))
    with pytest.raises(Refuted):
        check(served.log)


def test_a_line_that_was_torn_off_is_cut_away_and_the_chain_goes_on(tmp_path: Path) -> None:
    for _ in range(2):
        with serving(tmp_path) as served:
            served.post(COLUMNS)
        with served.log.open("ab") as file:
            file.write(b'{"format":"fedledger/prediction-log/1","prev')
    assert check(served.log).lines == 2
    log = PredictionLog(served.log)
    assert log.torn == 44
    log.close()
    with serving(tmp_path) as served:
        served.post(COLUMNS)
    assert check(served.log).lines == 3
    assert served.log.read_bytes().count(b"\n") == 3


def test_a_log_has_one_writer_and_is_a_log(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path / "log.jsonl")
    with pytest.raises(UsageError, match="another server"):
        PredictionLog(tmp_path / "log.jsonl")
    log.close()
    (tmp_path / "other").write_text("something else\n")
    with pytest.raises(Malformed, match="no log"):
        PredictionLog(tmp_path / "other")


def test_nothing_is_answered_that_could_not_be_written_down(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise Unavailable("no space left", file="log.jsonl")

    with monkeypatch.context() as patch:
        patch.setattr("participant.serving.log.disk.write", full)
        answer = served.post(COLUMNS)
    assert answer.status_code == 503
    assert "outputs" not in answer.json()
    assert served.post(COLUMNS).status_code == 200


def test_what_the_ledger_says_against_it_ends_service(served: Served) -> None:
    served.desk.refuse(RevokedRelease("the members revoked cardio 1.0", advice="fedledger release list"))
    for answer in (
        served.post(COLUMNS),
        served.client.get("/v2/health/ready"),
        served.client.get("/v2/models/cardio/ready"),
    ):
        assert answer.status_code == 410
        assert "revoked" in answer.json()["error"]
    assert served.client.get("/v2/health/live").status_code == 200
    assert b"fedledger_serve_usable 0.0" in served.client.get("/metrics").content
    other = replace(predicted.released(), version="0.9", release="cd" * 32)
    served.desk.put(ServedModel.of(Predictor.of(other)), 17)
    made = served.post(COLUMNS).json()
    assert (made["model_version"], made["parameters"]["checked_at_block"]) == ("0.9", 17)


def test_a_refusal_does_not_keep_the_requests_that_it_refused() -> None:
    desk = ServingDesk(ServedModel.of(Predictor.of(predicted.released())), None)
    desk.refuse(RevokedRelease("the members revoked cardio 1.0"))
    lengths = []
    for _ in range(9):
        with pytest.raises(RevokedRelease) as caught:
            desk.usable()
        lengths.append(len(list(traceback.walk_tb(caught.value.__traceback__))))
    assert lengths[0] == lengths[-1]


def test_a_request_for_a_version_is_not_answered_by_another(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other release is put while the request's body is on its way."""
    other = ServedModel.of(Predictor.of(replace(predicted.released(), version="0.9", release="cd" * 32)))
    begun, body = threading.Event(), app._body

    async def reading(request: Any) -> bytes:
        begun.set()
        return await body(request)

    monkeypatch.setattr(app, "_body", reading)

    def slowly() -> Iterator[bytes]:
        content = json.dumps(COLUMNS).encode()
        yield content[:20]
        assert begun.wait(60)
        served.desk.put(other, 17)
        yield content[20:]

    headers = {"content-type": "application/json"}
    asked = served.client.post("/v2/models/cardio/versions/1.0/infer", content=slowly(), headers=headers)
    assert asked.status_code == 404, asked.text
    assert check(served.log).lines == 0


def test_a_chain_that_nobody_could_ask_ends_service(tmp_path: Path) -> None:
    now = [0.0]
    with serving(tmp_path, stale=600, clock=lambda: now[0]) as served:
        assert served.post(COLUMNS).status_code == 200
        now[0] = 601
        assert served.post(COLUMNS).status_code == 503
        served.desk.put(served.desk.model, 5)
        assert served.post(COLUMNS).status_code == 200


def test_a_node_that_stands_still_is_said_and_may_end_service(tmp_path: Path) -> None:
    now = [0.0]
    for moves, status in ((True, 503), (False, 200)):
        folder = tmp_path / str(moves)
        folder.mkdir()
        now[0] = 0
        found = predicted.released(at_block=5)
        with serving(folder, found, stale=600, clock=lambda: now[0], moves=moves) as served:
            assert served.client.get("/v2/health/ready").json()["chain_still_seconds"] == 0
            now[0] = 599
            served.desk.put(served.desk.model, 5)
            assert served.client.get("/v2/health/ready").json()["chain_still_seconds"] == 599
            now[0] = 601
            served.desk.put(served.desk.model, 5)
            assert served.post(COLUMNS).status_code == status
            assert "fedledger_chain_still_seconds 601.0" in served.client.get("/metrics").text
            served.desk.put(served.desk.model, 6)
            assert served.post(COLUMNS).status_code == 200
            assert served.client.get("/v2/health/ready").json()["checked_at_block"] == 6


def test_a_later_block_ends_its_permitted_use_whatever_the_clock_says(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    job = predicted.job_of(permitted_use=changed(USE, expires=now.date().isoformat()))
    with serving(tmp_path, predicted.released(job, at_block=5)) as served:
        assert served.post(COLUMNS).status_code == 200
        served.desk.put(served.desk.model, 6, int((now + timedelta(days=1)).timestamp()))
        assert served.post(COLUMNS).status_code == 403


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("Model.Example:8200", 200),
        ("evil.example", 421),
        ("localhost, evil.example", 421),
        ("", 421),
    ],
)
def test_it_is_asked_by_its_own_names_alone(tmp_path: Path, host: str, status: int) -> None:
    with serving(tmp_path, hosts=("localhost", "model.example")) as served:
        answer = served.client.get("/v2", headers={"host": host})
        assert answer.status_code == status
        if status == 421:
            assert "--host-name" in answer.json()["advice"]


def test_the_end_of_its_permitted_use_ends_service(tmp_path: Path) -> None:
    yesterday = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()
    job = predicted.job_of(permitted_use=changed(USE, expires=yesterday))
    with serving(tmp_path, predicted.released(job)) as served:
        answer = served.post(COLUMNS)
        assert answer.status_code == 403
        assert "permitted use" in answer.json()["error"]
        assert served.client.get("/v2/models/cardio").json()["parameters"]["permitted_use"]["purpose"] == "find it"


def test_metrics_count_what_was_answered(served: Served) -> None:
    served.post(COLUMNS)
    served.post({})
    text = served.client.get("/metrics").text
    assert "fedledger_serve_predictions_total 3.0" in text
    assert 'fedledger_serve_requests_total{status="200"} 1.0' in text
    assert 'fedledger_serve_requests_total{status="400"} 1.0' in text
    assert f'root="{predicted.released().root.hex()}"' in text
