"""The demo, as a stranger runs it: four hospitals, their scores, audits, a lie, a damaged copy, a vote; and nothing is
left running, however it ends."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from support.processes import left, of_folder

from demo.cli import ENDED
from demo.folder import MASKED_TIMES
from demo.forkserver import PRELOADED, SLOW, Forked
from ledger.audit.report import Check
from ledger.party.interrupts import INTERRUPTED

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]
ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 2
PARTIES = 4 + 1
FILES = ("test", *(f"hospital-{number}" for number in range(1, 5)))


@pytest.fixture(autouse=True)
def torch() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")


def test_what_is_imported_before_the_fork_is_there() -> None:
    """A module that was renamed would be skipped in silence, and only the demo be slower."""
    assert [name for name in (PRELOADED, *SLOW) if find_spec(name) is None] == []


def test_a_signal_to_a_process_that_has_just_ended_does_no_harm() -> None:
    """The server that forked it may know, and not have said so."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    forked = Forked.__new__(Forked)
    forked._process = SimpleNamespace(pid=ended.pid, exitcode=None)  # type: ignore[assignment]
    forked.send_signal(signal.SIGINT)


def start(folder: Path, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "ledger.cli.main", "demo", "--no-live", "--folder", str(folder), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: "subprocess.Popen[str]", seconds: float = 200) -> tuple[str, str]:
    """What it printed, and what on the error stream; whatever happens, it has ended then."""
    try:
        return process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(f"it did not end in {seconds:g} s; it said {process.communicate()}") from None


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A whole demo: its folder, and what it printed."""
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("demo") / "four hospitals"
    process = start(folder, "--rounds", str(ROUNDS), "--json")
    said, errors = ended(process, 280)
    assert process.returncode == 0, errors[-2000:]
    assert "Traceback" not in errors
    return folder, json.loads(said)


def test_no_phase_of_the_masked_demo_is_short() -> None:
    """On a busy machine each has time enough; they end early, or the demo puts the chain's clock forward."""
    assert min(MASKED_TIMES.values()) >= 60


def test_under_masks_the_model_is_the_open_one_and_a_liar_is_named(tmp_path: Path) -> None:
    process = start(tmp_path / "masked", "--masked", "--rounds", "1", "--json")
    said, errors = ended(process, 280)
    assert process.returncode == 0, errors[-2000:]
    result = json.loads(said)
    assert result["audits"] == {"all rounds": {"right": "yes", "lies": "caught", "exit": 0}}
    masked = result["masked"]
    assert masked["twin"]["open"] == masked["twin"]["masked"] != ""
    assert masked["lost"] == {"round": "2", "member": "Hospital 3", "shares": "3", "state": "Finalised"}
    assert masked["convicted"].keys() == {"Hospital 2"}
    assert "value number 7 is 268435456, at most 33554432 allowed" in masked["convicted"]["Hospital 2"]
    assert masked["without"] == ["Hospital 1", "Hospital 3", "Hospital 4"]
    assert not left(tmp_path), "nothing is left running"


def report(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "evidence" / f"{name}.json").read_bytes())
    return found


def evidence(folder: Path) -> list[Path]:
    return sorted((folder / "evidence").glob("*.json"))


def lies(folder: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = report(folder, name)["lies"]["list"]
    return found


def open_matters(folder: Path, name: str) -> list[dict[str, Any]]:
    """What is open, the sources and events after the last signed head aside."""
    left_out = {(Check.SOURCE, "the contracts' sources"), (Check.SIGNED, "the end of the history")}
    found = report(folder, name)["open"]["list"]
    return [one for one in found if (one["check"], one["what"]) not in left_out]


def test_answers_are_as_announced(played: tuple[Path, dict[str, Any]]) -> None:
    folder, result = played
    assert result["audits"] == {
        "all rounds": {"right": "yes", "lies": "none", "exit": 0},
        f"round {ROUNDS + 1}, while the lie is attested": {"right": "no", "lies": "pending", "exit": 1},
        f"round {ROUNDS + 1}, the lie refuted": {"right": "yes", "lies": "caught", "exit": 0},
        f"round {ROUNDS + 1}, by a lying node": {"right": "unknown", "lies": "none", "exit": 3},
        f"round {ROUNDS}, one copy damaged": {"right": "yes", "lies": "none", "exit": 0},
        f"round {ROUNDS}, no good copy left": {"right": "unknown", "lies": "none", "exit": 3},
    }, [(report(folder, path.stem)["right"], open_matters(folder, path.stem)) for path in evidence(folder)]
    assert all(Path(path).is_file() for path in result["evidence"])
    assert {"federated, on the ledger", "pooled"} < set(result["accuracy"])
    assert len(result["accuracy"]) == 2 + 4
    assert not left(folder)


def test_every_round_is_scored_and_the_audit_recomputes_the_scores(played: tuple[Path, dict[str, Any]]) -> None:
    """Four scorers' reveals and the median of each of the four updates, in every round; all are the same integers."""
    folder, result = played
    whole = report(folder, "all")
    assert (whole["right"]["answer"], whole["lies"]["answer"]) == ("yes", "none")
    assert open_matters(folder, "all") == []
    assert whole["passed"][str(Check.SCORES.value)] == ROUNDS * (4 * 4 + 4)
    found = result["contributions"]
    assert set(found) == {f"Hospital {number}" for number in range(1, 5)}
    assert result["scored"] == ROUNDS + 1
    sums = [one["all"] for one in found.values()]
    assert sums == sorted(sums, reverse=True)
    assert any(one["last"] for one in found.values())


def test_nobody_trains_on_the_set_that_contributions_are_measured_on(played: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = played
    job = json.loads((folder / "job.json").read_bytes())
    scoring = job["scoring"]
    rows = {name: set((folder / "data" / f"{name}.csv").read_text().splitlines()[1:]) for name in FILES}
    assert (scoring["method"], scoring["evidence"]["samples"]) == ("shapley", len(rows["test"]))
    assert not rows.pop("test") & set().union(*rows.values())


def test_the_lie_about_a_model_names_who_and_where(played: tuple[Path, dict[str, Any]]) -> None:
    (finding,) = lies(played[0], "lie")
    assert (finding["check"], finding["who"], finding["state"]) == (9, "Coordinator", "pending")
    assert (finding["round"], finding["chunk"], finding["value"]) == (ROUNDS + 1, 0, 10)
    assert finding["tensor"]
    assert abs(int(finding["expected"]) - int(finding["actual"])) == 1
    signed = json.loads((played[0] / "evidence" / "lie" / "001-publishAggregate.json").read_bytes())
    assert signed == finding["evidence"]
    assert signed["signer"] == finding["key"]


def test_once_refuted_the_lie_is_on_record_and_the_model_right(played: tuple[Path, dict[str, Any]]) -> None:
    """The same signed transaction, forever; nothing rests on it."""
    (pending,), (caught,) = lies(played[0], "lie"), lies(played[0], "lie-caught")
    assert (caught["state"], caught["evidence"]) == ("caught", pending["evidence"])
    claims = {one["claim"]: one["answer"] for one in report(played[0], "lie-caught")["right"]["claims"]}
    assert claims[f"model 1/{ROUNDS + 1}"] == "yes"


def test_a_lying_node_has_nobody_blamed_and_is_told_off(played: tuple[Path, dict[str, Any]]) -> None:
    assert lies(played[0], "lie-misled") == []
    (found,) = open_matters(played[0], "lie-misled")
    assert found["fault"] == "the chain node"
    assert "from another RPC endpoint" in found["why"]
    assert not (played[0] / "evidence" / "lie-misled").exists()


def test_the_damaged_copy_names_its_holder_and_blames_nobody(played: tuple[Path, dict[str, Any]]) -> None:
    assert lies(played[0], "damage") == []
    (notice,) = open_matters(played[0], "damage")
    assert notice["holder"] == notice["fault"] == "Hospital 2"
    assert notice["party"].startswith("Hospital 2")
    assert (notice["round"], notice["chunk"], notice["value"]) == (ROUNDS, 0, 7)
    assert notice["tensor"]
    assert notice["cid"]
    assert "touches" not in notice


def test_without_a_good_copy_it_is_unknown_by_cid(played: tuple[Path, dict[str, Any]]) -> None:
    cid = open_matters(played[0], "damage")[0]["cid"]
    assert lies(played[0], "damage-alone") == []
    unknown = [one for one in open_matters(played[0], "damage-alone") if one.get("touches")]
    assert cid in {one.get("cid") for one in unknown}


def test_it_ends_with_a_vote_and_a_release(played: tuple[Path, dict[str, Any]]) -> None:
    """The file is what safetensors reads; a vote that was only signed is on record beside the others."""
    from huggingface_hub import ModelCard
    from safetensors.numpy import load_file

    folder, result = played
    released = result["release"]
    assert (released["name"], released["version"]) == ("breast-cancer", "1.0.0")
    model, card = Path(released["model"]), ModelCard.load(released["card"])
    assert model.parent == folder / "release"
    assert sum(tensor.size for tensor in load_file(model).values()) > 500
    signed = json.loads((folder / "signed-vote.json").read_bytes())
    assert (signed["fedledger"], signed["choice"]) == ("signed/1", "for")
    assert card.data.license == "cc-by-4.0"
    metrics = {one.metric_type: one.metric_value for one in card.data.eval_results or []}
    assert metrics["accuracy"] > 0.8
    assert {one.dataset_name for one in card.data.eval_results or []} == {
        f"Hospital {number}, held out" for number in range(1, 5)
    }
    assert "3 for, 0 against" in card.text
    assert f"| {ROUNDS + 1} | 4 of 4 |" in card.text
    assert "1 refuted attempt on the way" in card.text


def test_figures_are_of_rows_that_nobody_trained_on(played: tuple[Path, dict[str, Any]]) -> None:
    """The card says which rows, what share, and the salted roots that the updates are bound to."""
    folder, result = played
    text = Path(result["release"]["card"]).read_text()
    assert "each party drew 20 % of its rows" in text
    assert f"All {result['held_out']['rows']} rows together (held out), from the parties' counts" in text
    assert f"| auc | {result['held_out']['auc']} |" in text
    reports = [json.loads((folder / f"report-{number}.json").read_bytes()) for number in range(1, 5)]
    parties = [party for report in reports for party in report["parties"]]
    for party in parties:
        shown = party["held_out"]
        counts = f"{shown['opening']['trained']} | {shown['opening']['held_out']}"
        assert f"| {party['party']} | {ROUNDS + 1} | {counts} | `" in text
        rows = len((folder / "data" / f"{party['party'].lower().replace(' ', '-')}.csv").read_text().splitlines()) - 1
        assert shown["opening"]["trained"] + shown["opening"]["held_out"] == rows
        assert party["samples"] == shown["opening"]["held_out"]
    replayed = json.loads((folder / "replay.json").read_bytes())
    assert (replayed["round"], replayed["rows"]) == (1, parties[0]["held_out"]["opening"]["trained"])


def test_the_release_has_its_rounds_scores(played: tuple[Path, dict[str, Any]]) -> None:
    """The card has the medians of the round, under the root that the chain keeps."""
    _, result = played
    section = Path(result["release"]["card"]).read_text().partition("## Scores")[2].partition("## ")[0]
    assert re.search(r"root `[0-9a-f]{64}`", section)
    for name, one in result["contributions"].items():
        assert f"| {name} | {one['last']} |" in section


def until(condition: Any, seconds: float = 250.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come so far"
        time.sleep(0.02)


def training(folder: Path) -> bool:
    """Whether every hospital's node and the coordinator are at it, and a first round has been submitted to."""
    journals = list(folder.glob("hospital-*/node.jsonl"))
    return len(journals) == PARTIES - 1 and any("committed" in path.read_text() for path in journals)


def scoring(folder: Path) -> bool:
    """Whether hospitals have begun to show the scores that they committed to, while rounds go on."""
    return any("scores revealed" in path.read_text() for path in folder.glob("hospital-*/node.jsonl"))


REACHED = {"founding": lambda folder: (folder / "network.toml").exists(), "training": training, "scoring": scoring}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "demo"
    yield folder
    for number in of_folder(folder):  # only where the test failed
        subprocess.run(["kill", "-9", str(number)], check=False)


@pytest.mark.parametrize(
    ("number", "when"),
    [(signal.SIGINT, "founding"), (signal.SIGTERM, "training"), (signal.SIGINT, "scoring")],
    ids=["Ctrl-C while founding", "SIGTERM while training", "Ctrl-C while scoring"],
)
def test_interrupted_it_stops_everything_it_started(folder: Path, number: signal.Signals, when: str) -> None:
    process = start(folder, "--rounds", "50")
    until(lambda: REACHED[when](folder))
    assert when == "founding" or len(of_folder(folder)) > PARTIES
    process.send_signal(number)
    _, errors = ended(process)
    assert process.returncode == INTERRUPTED, errors
    assert errors.strip().splitlines()[-1] == f"interrupted: {ENDED}"
    assert "Traceback" not in errors
    assert not left(folder)


@pytest.mark.parametrize("when", ["training", "scoring"])
def test_killed_it_leaves_nothing_either(folder: Path, when: str) -> None:
    process = start(folder, "--rounds", "50")
    until(lambda: REACHED[when](folder))
    process.kill()
    ended(process)
    assert not left(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_interrupted_its_pages_end_too(folder: Path, number: signal.Signals) -> None:
    process = start(folder, "--rounds", "50", "--pages", "--port", "0")
    address = folder / "web" / "address.json"
    until(lambda: training(folder) and address.exists() and address.read_text().endswith("}\n"))
    jobs = json.loads(address.read_bytes())["url"] + "/jobs.json"
    until(lambda: httpx.get(jobs, timeout=240).json().get("jobs"))  # the pages have read the ledger so far
    until(lambda: re.search(r"/web/relayer.json\b", " ".join(of_folder(folder).values())))
    process.send_signal(number)
    said, errors = ended(process)
    assert process.returncode == INTERRUPTED, errors
    assert "the pages are at http://127.0.0.1:" in said
    assert "Traceback" not in errors
    assert not left(folder)


def test_a_taken_port_for_the_pages_ends_the_demo_and_is_named(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start(folder, "--rounds", "50", "--pages", "--port", str(port))
        _, errors = ended(process)
    assert process.returncode == 3
    assert f"cannot listen on 127.0.0.1:{port}" in errors
    assert not left(folder)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_web_ends_all_that_it_started(folder: Path) -> None:
    """Pages and demo, though only make is asked."""
    programs = os.path.relpath(Path(sys.executable).parent, ROOT)  # a recipe takes no spaces in it
    current = ["-o", ".venv/.ready", "-o", "node_modules/.ready", f"BIN={programs}"]
    process = subprocess.Popen(
        ["make", *current, "web", f"FOLDER={folder}", "PORT=0"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until(lambda: training(folder) and (folder / "access.jsonl").exists())
    process.terminate()
    said, errors = ended(process)
    assert process.returncode == -signal.SIGTERM, said + errors
    assert f"interrupted: {ENDED}" in errors.splitlines()
    assert not left(folder)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("target", ["demo", "web"])
def test_in_the_background_of_a_script_it_ends_on_sigterm_too(folder: Path, target: str) -> None:
    """There SIGINT is ignored, and so would it be by all that is started; nohup ignores SIGHUP besides."""
    programs = os.path.relpath(Path(sys.executable).parent, ROOT)  # a recipe takes no spaces in it
    current = f"-o .venv/.ready -o node_modules/.ready -o build/.compiled BIN={programs}"
    wanted = f"{target} FOLDER='{folder}' PORT=0"
    script = f"cd '{ROOT}'; nohup make {current} {wanted} & echo $!; wait $!; echo ended with $?"
    process = subprocess.Popen(
        ["bash", "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    make = int(process.stdout.readline())
    until(lambda: training(folder))
    os.kill(make, signal.SIGTERM)
    said, errors = ended(process)
    assert f"interrupted: {ENDED}" in errors.splitlines(), said + errors
    assert f"ended with {128 + signal.SIGTERM}" in said
    assert not left(folder)


def test_a_folder_that_is_not_a_demos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    process = start(tmp_path)
    _, errors = ended(process)
    assert process.returncode == 2
    assert "not empty" in errors
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
