"""The demo: four hospitals, an aggregator and an auditor, each a process of its own; scores, two lies, a vote."""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec

from ledger.formats.cid import of_file
from ledger.config import HomeSettings, save
from ledger.party.connection import Connection
from ledger.errors import Unavailable
from ledger.history.fold import History
from ledger.history.state import Phase, Round
from ledger.jobs.document import Job, parse
from demo.consortium import LocalConsortium, Resident, found
from demo.damage import damage
from demo.folder import DRAFT, set_rounds
from demo.liar import publish_wrong_model
from demo.process import Fedledger
from demo.release_scene import Cast, ReleaseScene
from demo.result import Result, contributions
from demo.findings import coloured, words
from demo.screen import Metrics, DemoScreen
from ledger.events.records import Role
from ledger.party.gateway import serve_and_announce
from ledger.party.pins import job_pin

HOSPITALS = ("Hospital 1", "Hospital 2", "Hospital 3", "Hospital 4")
COORDINATOR = "Coordinator"
PARTIES = (COORDINATOR, *HOSPITALS)
EVERY_ROLE = Role.PARTICIPANT | Role.AGGREGATOR | Role.SCORER
TAMPERED = "Hospital 2"
POLL = 0.05
WARM = ("node", "job", "release")
"""Commands that are forked from a process with the slow imports done."""


class Demo:
    """Runs in `folder`, which must be new or an earlier demo's. Everything started is stopped when `stack` closes."""

    def __init__(self, folder: Path, view: DemoScreen, stack: ExitStack, *, rounds: int, lies: bool, patience: float) -> None:
        self.folder, self.view, self.stack = folder, view, stack
        self.rounds, self.lies, self.patience = rounds, lies, patience
        self.result = Result()
        self.nodes: dict[str, Fedledger] = {}
        self._began = time.monotonic()

    def run(self) -> Result:
        """The whole play, act by act."""
        self._found()
        self._start()
        self._train()
        comparison = self._spawn_comparison()
        self._await_scores(self.rounds)
        self._audit("all rounds", "all", "--all")
        if self.lies:
            self._lie_about_a_model()
        evaluation = self._spawn_evaluation()
        if self.lies:
            self._tamper_with_a_copy()
        self._release(evaluation, comparison)
        self.result.seconds["whole demo"] = round(time.monotonic() - self._began, 2)
        return self.result

    def revive(self) -> None:
        """Start again what the last act stopped, for who wants to look around."""
        for name in PARTIES:
            if not self.nodes[name].running:
                self.nodes[name] = self._node(name) if name in HOSPITALS else self._aggregator(name)

    def dismiss(self) -> None:
        """Ask everything to end at once; whoever closes the stack waits for it."""
        for process in self.nodes.values():
            process.interrupt()

    def _found(self) -> None:
        data = self.folder / "data"
        example = self._spawn("example data", "node", "example", "breast-cancer", data)
        roles = {COORDINATOR: Role.AGGREGATOR} | dict.fromkeys(HOSPITALS, EVERY_ROLE)
        self.local: LocalConsortium = found(self.folder, "Four hospitals", [(name, roles[name]) for name in PARTIES])
        self.stack.callback(self.local.stop)
        for number, name in enumerate(HOSPITALS, 1):
            home = self._of(name).home
            settings = HomeSettings(name=name, data=str((data / f"hospital-{number}.csv").resolve()))
            save(home.settings_file, settings)
        if example.wait(self.patience) != 0:
            raise Unavailable("there is no example data", said=example.tail())
        set_rounds(data / DRAFT, self.rounds + self.lies)
        self.view.say(f"a chain runs at {self.local.anvil.url}; five members, five contracts")

    def _start(self) -> None:
        """Start the hospitals' nodes, and agree on the job meanwhile."""
        self.nodes[COORDINATOR] = self._aggregator(COORDINATOR, "--rounds", str(self.rounds))
        author = self._of(HOSPITALS[0])
        document = self.folder / "job.json"
        creation = self._spawn(
            "job",
            "job",
            "create",
            self.folder / "data" / DRAFT,
            "--output",
            document,
            "--home",
            author.home.folder,
        )
        self.view.say("four nodes, an aggregator and an evaluator start, each a process of its own")
        for name in HOSPITALS:
            self.nodes[name] = self._node(name)
        if creation.wait(self.patience) != 0:
            raise Unavailable("the job could not be created", said=creation.tail())
        self.job: Job = parse(document.read_bytes())
        self._agree(document)
        self.metrics = self.folder / "metrics.jsonl"
        self.nodes["evaluation"] = self._spawn(
            "evaluation",
            *("node", "evaluate", "--follow", "--json", "--data", self.folder / "data" / "test.csv"),
            *("--network", self.local.network_file),
            output=self.metrics,
        )

    def _agree(self, document: Path) -> None:
        """One hospital proposes, two more approve: a majority of five."""
        for name in HOSPITALS[:3]:
            resident = self._of(name)
            with Connection.open(resident.home) as connection:
                connection.refresh()
                sender = connection.sender(resident.signer)
                if name == HOSPITALS[0]:
                    connection.put([document.read_bytes()], job_pin(self.job.digest))
                    terms = msgspec.structs.astuple(self.job.terms)
                    sender.send("ledger", "proposeJob", self.job.digest, terms)
                else:
                    sender.send("ledger", "approveJob", 1)
        self.view.say(f"job 1 ({self.job.name}) was proposed by {HOSPITALS[0]} and approved by a majority")

    def _train(self) -> None:
        began = time.monotonic()
        self.connection = self.stack.enter_context(Connection.visit(self.local.network, self.folder / "view"))

        def trained(history: History) -> bool:
            round_ = history.round(1, self.rounds)
            return round_ is not None and round_.phase.terminal and self.rounds in self._measured()

        self._watch(trained)
        self.result.seconds["training rounds"] = round(time.monotonic() - began, 2)
        self.result.accuracy["federated, on the ledger"] = self._measured()[self.rounds]["accuracy"]

    def _await_scores(self, number: int) -> None:
        """Wait until every round up to `number` is scored: the hospitals do that beside the rounds."""
        began = time.monotonic()

        def settled(history: History) -> bool:
            scoring = history.jobs[1].scorings.get(number)
            return scoring is not None and scoring.medians is not None

        self._watch(settled)
        state = self.connection.history.jobs[1]
        self.result.contributions = contributions(state, number, self.connection.name)
        self.result.scored = number
        scorers = len(state.scorings[number].reveals)
        best = next(iter(self.result.contributions))
        self.view.say(f"round {number} is scored by {scorers} hospitals: {best} has contributed most so far")
        self.result.seconds[f"scores of round {number}, waited for"] = round(time.monotonic() - began, 2)

    def _lie_about_a_model(self) -> None:
        """One more round: the aggregator publishes a model that differs in one value."""
        number = self.rounds + 1
        self.nodes[COORDINATOR].stop()
        self.view.say(f"[bold]lie 1[/]: in round {number}, {COORDINATOR} publishes a model that differs in one value")
        coordinator = self._of(COORDINATOR)
        connection = self.stack.enter_context(Connection.open(coordinator.home))
        connection.refresh()
        sender = connection.sender(coordinator.signer)
        serving = serve_and_announce(connection, sender, coordinator.home.settings())
        self.liar = self.stack.enter_context(closing(serving))
        sender.send("ledger", "openRound", 1)
        self._watch(lambda history: len(self._round(history, number).updates) == len(HOSPITALS))
        publish_wrong_model(connection, sender, 1, number, value=10)
        self._watch(lambda history: self._round(history, number).aggregates[0].outcome is not None)
        refuters = [
            a for a in self.connection.history.jobs[1].rounds[number].aggregates[0].attestations if not a.agrees
        ]
        self.view.say(f"the members refuted it: {', '.join(self.connection.name(a.index) for a in refuters)}")
        self._audit(f"round {number}, after the lie", "lie-1", "--round", str(number))
        aggregator = self._aggregator(HOSPITALS[0], "--once")
        self._watch(lambda history: self._round(history, number).phase is Phase.FINALISED)
        aggregator.stop()
        self.view.say(f"{HOSPITALS[0]} aggregated round {number} again; the members attested it")
        self._await_scores(number)

    def _tamper_with_a_copy(self) -> None:
        """One byte of a stored update is changed on its holder's disk."""
        number, holder = min(5, self.rounds), TAMPERED
        round_ = self.connection.history.jobs[1].rounds[number]
        update = round_.updates[PARTIES.index(holder)]
        cid = of_file(update.cid, self.job.layout.size)
        path = damage(self._of(holder).home.store, cid, self.job.layout.header_size + 4 * 7)
        self.view.say(f"[bold]lie 2[/]: one byte of {holder}'s update of round {number} is changed in {path.name}")
        self._audit(f"round {number}, one copy damaged", "lie-2", "--round", str(number), "--copies")
        for name in HOSPITALS:
            if name != holder:
                self.nodes[name].stop()
        self.liar.close()
        self._audit(f"round {number}, no good copy left", "lie-2-alone", "--round", str(number))

    def _audit(self, what: str, name: str, *arguments: str) -> None:
        """An auditor with nothing but the network file."""
        began = time.monotonic()
        report = self.folder / "evidence" / f"{name}.json"
        report.parent.mkdir(exist_ok=True)
        common = ("--network", self.local.network_file, "--home", self.folder / "auditor", "--output", report)
        auditor = self._spawn(f"audit-{name}", "audit", *arguments, *common)
        auditor.wait(self.patience)
        if not report.exists():
            raise Unavailable("the audit gave no report", said=auditor.tail())
        document = json.loads(report.read_bytes())
        self.result.verdicts[what] = document["verdict"]
        self.result.evidence.append(str(report))
        self.result.seconds[f"audit: {what}"] = round(time.monotonic() - began, 2)
        self.view.say(f"audit of {what}: {coloured(document['verdict'])}")
        for finding in document["findings"]:
            for line in words(finding):
                self.view.say(f"  {line}")

    def _spawn_comparison(self) -> Fedledger:
        """What each hospital would have got alone, and all of them if they had pooled their data."""
        data = self.folder / "data"
        files = [part for number in range(1, 5) for part in ("--data", data / f"hospital-{number}.csv")]
        job = ("--job", self.folder / "job.json", "--rounds", str(self.rounds))
        test = ("--test", data / "test.csv", "--json")
        return self._spawn("comparison", "node", "compare", *job, *files, *test, output=self.folder / "comparison.json")

    def _spawn_evaluation(self) -> Fedledger:
        """One hospital measures every model, as far as the job has come, for the report that the release names."""
        self.report = self.folder / "report.json"
        data = ("--data", self.folder / "data" / "test.csv", "--report", self.report)
        home = ("--home", self._of(HOSPITALS[0]).home.folder)
        return self._spawn("measuring", "node", "evaluate", "--follow", *data, *home)

    def _release(self, evaluation: Fedledger, comparison: Fedledger) -> None:
        """The last model is put to the vote, and released; what is compared meanwhile takes no time of its own."""
        began = time.monotonic()
        if evaluation.wait(self.patience) != 0:
            raise Unavailable("the evaluation failed", said=evaluation.tail())
        first, second, third, _ = map(self._of, HOSPITALS)
        cast = Cast(first, second, third, self._of(COORDINATOR))
        scene = ReleaseScene(self.local, cast, self.view, self.stack, self.report)
        made = scene.propose()
        scene.vote(made, self._member(HOSPITALS[1], "release", "vote", str(made.number), "for", "--yes"), self.patience)
        self._compare(comparison)
        self.result.release = scene.carry_out(made, self.connection, self.patience)
        self.result.seconds["release"] = round(time.monotonic() - began, 2)

    def _compare(self, comparison: Fedledger) -> None:
        if comparison.wait(self.patience) != 0:
            raise Unavailable("the comparison failed", said=comparison.tail())
        for row in json.loads((self.folder / "comparison.json").read_bytes())["rows"]:
            self.result.accuracy[row["name"]] = row["accuracy"]

    def _watch(self, until: Callable[[History], bool]) -> None:
        """Follow the ledger until something holds. Raises Unavailable where a process died or nothing comes."""
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
            self.local.anvil.check()
            for process in self.nodes.values():
                process.check()
            history = self.connection.refresh()
            self.view.show(history, 1, self._measured())
            if until(history):
                return
            time.sleep(POLL)
        raise Unavailable("nothing more happens", advice=f"look into {self.folder}/log", waited=f"{self.patience:g} s")

    def _measured(self) -> Metrics:
        """What the evaluation printed so far, by round."""
        lines = self.metrics.read_text().splitlines() if self.metrics.exists() else []
        rows = [json.loads(line) for line in lines if line.endswith("}")]
        return {row["round"]: row for row in rows}

    def _round(self, history: History, number: int) -> Round:
        return history.jobs[1].rounds[number]

    def _of(self, name: str) -> Resident:
        return self.local.residents[name]

    def _node(self, name: str) -> Fedledger:
        return self._member(name, "node", "run")

    def _aggregator(self, name: str, *arguments: str) -> Fedledger:
        return self._member(name, "aggregator", "run", *arguments)

    def _member(self, name: str, *command: str) -> Fedledger:
        resident = self._of(name)
        files = ("--home", resident.home.folder, "--passphrase-file", resident.passphrase_file)
        return self._spawn(f"{name} {command[0]}", *command, *files)

    def _spawn(self, name: str, *arguments: str | Path, output: Path | None = None) -> Fedledger:
        log = self.folder / "log" / f"{name.lower().replace(' ', '-')}.log"
        process = Fedledger(name, arguments, log, output=output, warm=str(arguments[0]) in WARM)
        self.stack.callback(process.stop)
        return process
