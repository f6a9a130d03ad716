"""What a real ledger finalised and released, in an MLflow without a server, read back by MLflow's own client."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("mlflow", reason='MLflow is not installed: pip install "fedledger[mlflow]"')

from support.consortia.refuted import agree, begin, publish_false
from support.consortia.synthetic import Trial
from support.consortia.voters import Council, council, refused, run, said

from ledger.chain.consortium_file import DEFAULT_RULES
from ledger.errors import Refuted, Unavailable, UsageError
from ledger.formats.cid import of_file
from participant.tracking import writing
from participant.tracking.facts import TrackedLedger, read
from participant.tracking.library import client_of, shown_uri, translated
from participant.tracking.model import export_model
from participant.tracking.tracking import follow, track
from participant.tracking.writing import Writer


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Council]:
    """Two finalised rounds; `cardio` 1.0 with two parties' report is released, and 2.0 after it."""
    with council(tmp_path_factory.mktemp("tracked") / "houses") as made:
        report = tmp_path_factory.mktemp("report") / "report.json"
        report.write_bytes(made.report(0, 1).encode())
        made.release("cardio", "1.0", 2, "--report", report)
        made.release("cardio", "2.0", 1)
        yield made


@pytest.fixture
def uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return (tmp_path / "mlruns").as_uri()


def tracked(members: Council, uri: str, tmp_path: Path, *more: object) -> Any:
    where = ("--network", members.local.network_file, "--home", tmp_path / "anyone")
    return said("track", "mlflow", "--tracking", uri, *where, *more, "--json")


def contents(uri: str) -> dict[str, Any]:
    """All that MLflow has, as its client says: times that MLflow itself takes are left out."""
    client, found = client_of(uri), dict[str, Any]()
    for experiment in client.search_experiments():
        for run_ in client.search_runs([experiment.experiment_id]):
            history = {
                key: [(one.step, one.timestamp, one.value) for one in client.get_metric_history(run_.info.run_id, key)]
                for key in run_.data.metrics
            }
            tags = {key: value for key, value in run_.data.tags.items() if key != "mlflow.parentRunId"}
            found[f"{experiment.name}/{run_.info.run_name}"] = (tags, history, run_.info.status)
    for model in client.search_registered_models():
        versions = client.search_model_versions(f"name = '{model.name}'")
        aliases = client.get_registered_model(model.name).aliases
        found[model.name] = (dict(model.tags), {one.version: (one.source, dict(one.tags)) for one in versions}, aliases)
    return found


def test_rounds_and_releases_are_read_back(members: Council, uri: str, tmp_path: Path) -> None:
    made = tracked(members, uri, tmp_path)
    assert (len(made["experiments"]), len(made["runs"]), len(made["versions"])) == (1, 3, 2)
    assert made["troubles"] == []
    client, state = client_of(uri), members.trial.state
    (experiment,) = [one for one in client.search_experiments() if one.name != "Default"]
    assert experiment.tags["fedledger.job_digest"] == state.digest.hex()
    assert experiment.tags["fedledger.chain"] == str(members.network.chain.id)
    runs = {one.info.run_name: one for one in client.search_runs([experiment.experiment_id])}
    for number in (1, 2):
        one, final = runs[f"round {number}"], state.rounds[number].final
        assert one.info.status == "FINISHED"
        assert one.info.start_time <= one.info.end_time
        assert one.data.tags["fedledger.root"] == final.root.hex()
        assert one.data.tags["fedledger.tx"] == final.tx.hex()
        assert one.data.tags["fedledger.cid"] == str(of_file(final.cid, members.trial.layout.size))
        assert one.data.tags["mlflow.parentRunId"] == runs["all rounds"].info.run_id
        assert one.data.metrics["admitted"] == len(state.rounds[number].admitted())
    assert runs["round 2"].data.metrics["cardio 1.0/accuracy"] == 0.9
    assert runs["round 1"].data.metrics["cardio 1.0/party_0/accuracy"] == 0.1
    curve = client.get_metric_history(runs["all rounds"].info.run_id, "cardio 1.0/party_1/accuracy")
    assert [(one.step, one.value) for one in curve] == [(1, 0.1), (2, 0.9)]
    versions = {one.tags["fedledger.version"]: one for one in client.search_model_versions("name = 'cardio'")}
    assert {name: one.tags["fedledger.root"] for name, one in versions.items()} == {
        "1.0": state.rounds[2].final.root.hex(),
        "2.0": state.rounds[1].final.root.hex(),
    }
    assert client.get_model_version_by_alias("cardio", "released").version == versions["2.0"].version


def test_a_second_run_adds_nothing(members: Council, uri: str, tmp_path: Path) -> None:
    tracked(members, uri, tmp_path)
    before = contents(uri)
    made = tracked(members, uri, tmp_path)
    assert not any(made.values()), made
    assert contents(uri) == before
    assert "nothing that is missing" in run("track", "mlflow", "--tracking", uri, *members.home(0), "--job", 1).stdout


class Killed(BaseException):
    """The process ends here."""


def killed_after(calls: int) -> type[writing.Writer]:
    """A writer whose process ends after so many calls that write."""

    class Dying(writing.Writer):
        def __init__(self, client: Any, prefix: str = "") -> None:
            super().__init__(Counting(client), prefix)

    class Counting:
        def __init__(self, client: Any) -> None:
            self.client, self.left = client, calls

        def __getattr__(self, name: str) -> Any:
            method = getattr(self.client, name)

            def called(*arguments: Any, **options: Any) -> Any:
                if not name.startswith(("get_", "search_")):
                    if not self.left:
                        raise Killed
                    self.left -= 1
                return method(*arguments, **options)

            return called

    return Dying


def test_a_writer_killed_at_any_write_is_gone_on_from(
    members: Council, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the end MLflow has what an undisturbed run has, and nothing twice."""
    connection = members.trial.parties[0].connection
    whole = (tmp_path / "whole").as_uri()
    track(connection, whole)
    for calls in range(30):
        with monkeypatch.context() as patch:
            patch.setattr("participant.tracking.tracking.Writer", killed_after(calls))
            store = (tmp_path / f"killed-{calls}").as_uri()
            try:
                track(connection, store)
            except Killed:
                pass
            else:
                assert calls > 10
                return
        track(connection, store)
        assert contents(store) == contents(whole), calls
    raise AssertionError("a pass needs fewer writes")


def test_where_all_releases_are_revoked_the_alias_goes(members: Council, uri: str, tmp_path: Path) -> None:
    """Of a name of its own: the others need theirs."""
    members.release("once", "1.0", 2)
    tracked(members, uri, tmp_path)
    client = client_of(uri)
    assert client.get_registered_model("once").aliases == {"released": "1"}
    number = int(said("release", "revoke", "once@1.0", "--reason", "leak", *members.key(0), "--json")["proposal"])
    members.decide(number)
    made = tracked(members, uri, tmp_path)
    assert made["aliases"] == ["once 1.0: revoked", "once: released removed"]
    assert client.get_registered_model("once").aliases == {}
    assert client.get_model_version("once", "1").tags["fedledger.revoked"] == "leak"
    assert tracked(members, uri, tmp_path)["aliases"] == []


def test_an_mlflow_that_is_away_is_said_so_and_nothing_is_lost(
    members: Council, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    error = refused(Unavailable, "track", "mlflow", "--tracking", "http://127.0.0.1:9", *members.home(0))
    assert "could not be written to" in error.message
    assert "run the same command again" in error.advice
    tracked(members, uri, tmp_path)


def test_it_waits_for_an_mlflow_that_comes_back(members: Council, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from participant.tracking import tracking as module

    real, tries, heard = module.client_of, iter([Unavailable("MLflow is away"), Unavailable("MLflow is away")]), []

    def sometimes(where: str) -> Any:
        for error in tries:
            raise error
        return real(where)

    monkeypatch.setattr(module, "client_of", sometimes)
    monkeypatch.setattr(module, "RETRY", 0.01)
    passes = follow(members.trial.parties[0].connection, uri, None, "", heard.append)
    assert next(passes).written.runs
    assert heard == ["MLflow is away"]


def test_a_round_that_somebody_changed_there_is_refuted(members: Council, uri: str, tmp_path: Path) -> None:
    tracked(members, uri, tmp_path)
    client = client_of(uri)
    (experiment,) = [one for one in client.search_experiments() if one.name != "Default"]
    runs = {one.info.run_name: one for one in client.search_runs([experiment.experiment_id])}
    client.set_tag(runs["round 1"].info.run_id, "fedledger.root", "ab" * 32)
    error = refused(Refuted, "track", "mlflow", "--tracking", uri, *members.home(0))
    assert error.facts["actual"] == "ab" * 32
    assert error.facts["round"] == "round 1"


def test_a_name_that_is_not_this_ledgers_is_refused(members: Council, uri: str, tmp_path: Path) -> None:
    client_of(uri).create_registered_model("cardio")
    error = refused(UsageError, "track", "mlflow", "--tracking", uri, *members.home(0))
    assert "--prefix" in error.advice
    tracked(members, uri, tmp_path, "--prefix", "ours.")
    assert client_of(uri).get_registered_model("ours.cardio").aliases == {"released": "2"}


def test_a_store_of_files_needs_mlflows_own_leave(members: Council, tmp_path: Path) -> None:
    error = refused(UsageError, "track", "mlflow", "--tracking", (tmp_path / "mlruns").as_uri(), *members.home(0))
    assert "MLFLOW_ALLOW_FILE_STORE=true" in error.advice
    assert refused(UsageError, "track", "mlflow", "--tracking", "nowhere://x", *members.home(0)).advice


def test_a_password_in_the_address_is_not_shown() -> None:
    assert shown_uri("https://me:secret@tracking.example/x") == "https://…@tracking.example/x"
    assert shown_uri("sqlite:///mlflow.db") == "sqlite:///mlflow.db"


def test_a_password_is_not_repeated_where_mlflow_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    tracking = "http://me:secret@127.0.0.1:9"
    client = client_of(tracking)
    with pytest.raises(Unavailable) as told, translated(tracking):
        client.get_experiment_by_name("fedledger")
    assert "127.0.0.1:9" in str(told.value)
    assert "secret" not in str(told.value)


def test_a_fetched_release_is_a_version_with_its_files(members: Council, uri: str, tmp_path: Path) -> None:
    folder = tmp_path / "cardio"
    run("release", "fetch", "cardio@1.0", "--output", folder, *members.home(0))
    made = export_model(folder, uri)
    assert (made.name, made.version, made.new) == ("cardio", "1", True)
    client = client_of(uri)
    version = client.get_model_version("cardio", made.version)
    assert version.tags["fedledger.root"] == members.trial.state.rounds[2].final.root.hex()
    back = Path(client.download_artifacts(made.run, "files", str(tmp_path)))
    assert {path.name: path.read_bytes() for path in back.iterdir()} == {
        path.name: path.read_bytes() for path in folder.iterdir()
    }
    assert export_model(folder, uri) == type(made)("cardio", "1", made.run, False)
    with pytest.raises(UsageError, match="not the folder of a fetched release"):
        export_model(tmp_path / "nothing", uri)


def test_export_puts_a_checked_release_there(members: Council, uri: str, tmp_path: Path) -> None:
    """Once; and what track has there of the same name is left as it is."""
    tracked(members, uri, tmp_path)
    asked = ("export", "cardio@1.0", "--mlflow", uri, *members.home(0), "--json")
    assert said(*asked)["files"] == ["cardio version 3 in MLflow"]
    client = client_of(uri)
    made = client.get_model_version("cardio", "3")
    names = {one.path.rpartition("/")[2] for one in client.list_artifacts(made.run_id, "files")}
    assert {"model.safetensors", "README.md", "job.json"} <= names
    assert made.tags["fedledger.root"] == members.trial.state.rounds[2].final.root.hex()
    assert said(*asked)["files"] == ["cardio version 3 in MLflow"]
    assert not any(tracked(members, uri, tmp_path).values())


class LastPage(list[Any]):
    """A page of an answer, and no more."""

    token = ""


class Senseless(LastPage):
    """A page that says that there is always one more."""

    token = "again"


@pytest.mark.parametrize("runs", [[], [SimpleNamespace(data=SimpleNamespace(tags={}))]], ids=["empty", "the same"])
def test_pages_that_lead_nowhere_end(runs: list[Any]) -> None:
    client = SimpleNamespace(search_runs=lambda *_, **__: Senseless(runs))
    with pytest.raises(Unavailable, match="as no MLflow does"):
        list(Writer(client)._runs("1"))


def test_a_version_that_is_no_number_is_said_so() -> None:
    found = [SimpleNamespace(version=version, name="cardio") for version in ("2", "abc")]
    model = SimpleNamespace(name="cardio", tags={"fedledger.chain": "1"}, aliases={})
    client = SimpleNamespace(
        search_registered_models=lambda _: [model], search_model_versions=lambda *_, **__: LastPage(found)
    )
    ledger = TrackedLedger(tags={"chain": "1"}, jobs=(), releases=(), current=frozenset(), troubles=())
    with pytest.raises(Unavailable, match="as no MLflow does"):
        Writer(client)._model(ledger, "cardio", [])


def false(trial: Trial) -> None:
    begin(trial)
    publish_false(trial, one_more)
    agree(trial, 1, 2)


def one_more(values: Any) -> None:
    values[7] += 1


def marks(uri: str) -> dict[str, tuple[str, str]]:
    """Status, and why it is not to be used, of each round's run."""
    runs = {name.split("/")[-1]: found for name, found in contents(uri).items() if name.split("/")[-1][:6] == "round "}
    return {name: (status, tags.get("fedledger.convicted", "")) for name, (tags, _, status) in runs.items()}


def test_what_the_court_convicted_and_a_rewind_left_out_is_marked(consortium: Any, uri: str, tmp_path: Path) -> None:
    home = ("--network", consortium.members[0].home.network_file, "--home", tmp_path / "anyone")
    keys = [("--home", one.home.folder, "--passphrase-file", one.passphrase_file) for one in consortium.members]

    def look() -> Any:
        return said("track", "mlflow", "--tracking", uri, *home, "--json")

    with Trial(consortium, rounds=4) as trial:
        begin(trial)
        trial.parties[0].publish()
        trial.attest(1, 2)
        false(trial)
        begin(trial)
        trial.parties[0].publish()
        trial.attest(1, 2)
        assert look()["marks"] == []
        assert set(marks(uri).values()) == {("FINISHED", "")}
        said("refute", "--round", 2, "--output", tmp_path / "conviction", *keys[3], "--json")
        consortium.pass_time(1)
        assert len(look()["marks"]) == 2
        above = "it stands on a model that the court convicted"
        convicted = {"round 2": ("FAILED", "the court convicted it"), "round 3": ("FAILED", above)}
        assert marks(uri) == {"round 1": ("FINISHED", "")} | convicted
        assert look()["marks"] == [], "once"
        number = said("proposal", "propose", "rewind", 1, *keys[0], "--json")["proposal"]
        for key in keys[:3]:
            run("proposal", "vote", number, "for", "--yes", *key)
        run("proposal", "close", number, *keys[3])
        consortium.pass_time(DEFAULT_RULES.delay_seconds + 2)
        run("proposal", "execute", number, *keys[3])
        assert len(look()["marks"]) == 2
        assert marks(uri)["round 3"] == ("FAILED", above + ", and a rewind left it out")
        facts = read(trial.parties[0].connection)
        stands = tuple(replace(one, convicted="") for one in facts.jobs[0].rounds)
        again = Writer(client_of(uri)).write(replace(facts, jobs=(replace(facts.jobs[0], rounds=stands),)))
        assert len(again.marks) == 2
        assert set(marks(uri).values()) == {("FINISHED", "")}, "a reorganisation took the conviction back"
