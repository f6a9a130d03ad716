"""A sandbox, step by step: what a real consortium does on several machines, by the same commands, on one."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from demo.consortium import LocalConsortium, found
from demo.process import Fedledger
from demo.sandbox.observer import RoundObserver
from demo.sandbox.result import SandboxResult
from demo.sandbox.tables import SandboxParty, TableDecisions
from demo.stage import Stage
from ledger.config import HomeSettings, save
from ledger.errors import Unavailable, UsageError
from ledger.events.records import Role
from ledger.formats.text import command, listed, plural
from ledger.jobs.document import Job, parse

EVERYTHING = Role.PARTICIPANT | Role.AGGREGATOR | Role.SCORER
HOLD_OUT = "20"
VERSION = "1.0.0"
USAGE = 2
SAID = ("accuracy", "auc", "mae", "rmse", "r2", "binned_concordance")
"""Figures of all parties' rows that are said, where a task has them."""


class Sandbox:
    """Plays it on `stage`: every step is a command of a party, a process of its own."""

    def __init__(self, stage: Stage, parties: Sequence[SandboxParty], decisions: TableDecisions, release: str) -> None:
        self.stage, self.parties, self.decisions, self._release = stage, list(parties), decisions, release
        self.draft, self.document = stage.folder / "draft.toml", stage.folder / "job.json"
        self.local: LocalConsortium

    def run(self) -> SandboxResult:
        """All of it. Raises UsageError where the tables or the decisions need a person, Unavailable where a process
        fails or nothing moves.
        """
        self._found()
        self._share()
        job = self._open(self._draft())
        comparison = self._begin_comparison()
        result = SandboxResult(
            folder=str(self.stage.folder),
            draft=str(self.draft),
            document=str(self.document),
            digest=job.digest.hex(),
            network=str(self.local.network_file),
            port=self.local.anvil.port,
            rounds=job.terms.rounds,
        )
        observer = RoundObserver(self.stage, self.local, self.stage.folder / "observer")
        result.finalised = observer.until_finalised(job.terms.rounds)
        result.audit = self._audit()
        result.held_out = self._measure()
        if self._release:
            result.released = str(self._publish(result.finalised))
        result.figure, result.accuracy = self._compared(comparison)
        return result

    def _found(self) -> None:
        """Chain, homes, contracts; each party has its table."""
        names = [party.name for party in self.parties]
        state = self.stage.folder / "chain" / "state.json"  # where `fedledger up --home` has it
        self.local = found(self.stage.folder, "Sandbox", [(name, EVERYTHING) for name in names], state)
        self.stage.stack.callback(self.local.stop)
        for party in self.parties:
            party.bring()
            settings = HomeSettings(name=party.name, data=str(party.copy))
            save(self.local.residents[party.name].home.settings_file, settings)
        self._say(f"a chain runs at {self.local.anvil.url}; {plural(len(names), 'member')}: {listed(names)}")

    def _share(self) -> None:
        """What of each table may leave the house."""
        shares = {
            party: self._spawn(f"share {party.name}", "data", "share", party.copy, "--name", party.name, "--yes",
                               "--output", self._profile(party), *self.decisions.sharing)
            for party in self.parties
        }  # fmt: skip
        self._all_tables(shares, "shared", "tables cannot be shared as they are")
        self._say("each looked at its table, and shared a profile of it: counts in steps, no rows (data share)")

    def _draft(self) -> Path:
        """The job that follows from the profiles."""
        profiles = [self._profile(party) for party in self.parties]
        rounds = ("--rounds", str(self.decisions.rounds))
        options: list[str | Path] = ["--output", self.draft, *rounds, *self.decisions.drafting]
        drafting = self._spawn("draft", "job", "draft", "--profiles", *profiles, *options)
        advice = "decide, and give the answer as an option here: --label-map, --drop, --accept, --category"
        self._decided(drafting, "the tables differ where a person must decide", advice)
        creating = self._as(self.parties[0], "job", "create", self.draft, "--output", self.document, key=False)
        self._decided(creating, "the draft is not a job yet", f"look into {self.draft}")
        self._say(f"a job follows from the profiles: {self.draft.name}, {self.document.name} (job draft, job create)")
        return self.document

    def _open(self, document: Path) -> Job:
        """Nodes and aggregator start; one proposes the job, and a majority approves it."""
        job, stage = parse(document.read_bytes()), self.stage
        for party in self.parties:
            stage.lasting[party.name] = self._as(party, "node", "run")
        aggregator = self._as(self.parties[0], "aggregator", "run", "--rounds", str(job.terms.rounds))
        stage.lasting["aggregator"] = aggregator
        first, *others = self.parties[: len(self.parties) // 2 + 1]
        self._decided(
            self._as(first, "job", "propose", document, "--no-wait", "--unchecked"), "the job cannot be proposed", ""
        )
        self._try_tables(others)
        names = listed(party.name for party in (first, *others))
        self._say(f"job 1 is open: {first.name} proposed it, {names} are for it (job propose, job approve)")
        return job

    def _try_tables(self, voices: Sequence[SandboxParty]) -> None:
        """These approve the job, which reads their tables by it; the others read theirs."""
        read = {
            party: self._as(party, "job", "approve", "1", "--yes")
            if party in voices
            else self._as(party, "node", "data", "1", party.copy, key=False)
            for party in self.parties
        }
        self._all_tables(read, "tried", "tables cannot be read as the job reads them")

    def _all_tables(self, processes: dict[SandboxParty, Fedledger], done: str, problem: str) -> None:
        """Wait for what all parties do with their tables. Raises UsageError with what is wrong in each of them."""
        codes = {party: process.wait(self.stage.patience) for party, process in processes.items()}
        if refused := [party for party, code in codes.items() if code == USAGE]:
            said = "\n".join(party.of_the_table(processes[party].said()) for party in refused)
            raise UsageError(problem, said=said, advice=self._mending(refused))
        for party, code in codes.items():
            if code:
                raise Unavailable(f"the table of {party.name} could not be {done}", said=processes[party].tail())

    def _mending(self, refused: Sequence[SandboxParty]) -> str:
        """What a person does about tables that the job cannot read."""
        bare = [party.source for party in refused if not party.source_columns.exists()]
        made = [command("data", "profile", source, *self.decisions.named) for source in bare]
        return (
            "correct the tables where they are, or say it in the columns files beside them"
            + (f", which are made by {listed(made)}" if made else "")
            + "; then the same command again. What it says of job draft is an option here, too"
        )

    def _begin_comparison(self) -> Fedledger:
        """Beside the rounds: what each would have alone, and all together, on rows that each keeps for that."""
        data = [word for party in self.parties for word in ("--data", party.copy)]
        words = ("node", "compare", "--job", self.document, *data, "--hold-out", HOLD_OUT, "--json")
        return self.stage.spawn("comparison", *words, output=self.stage.folder / "comparison.json", aside=True)

    def _compared(self, comparison: Fedledger) -> tuple[str, dict[str, dict[str, float]]]:
        """The figure that is compared, and by method and party what it is."""
        self.stage.finish(comparison, "the comparison failed")
        figure, found = "", dict[str, dict[str, float]]()
        names = {party.copy.stem: party.name for party in self.parties}
        for row in json.loads((self.stage.folder / "comparison.json").read_bytes())["rows"]:
            figure = next(name for name in row if name not in ("method", "party", "samples"))
            found.setdefault(row["method"], {})[names[row["party"]]] = row[figure]
        return figure, found

    def _audit(self) -> str:
        """An outsider recomputes all of it."""
        path = self.stage.folder / "evidence" / "audit.json"
        path.parent.mkdir(exist_ok=True)
        places = ("--network", self.local.network_file, "--home", self.stage.folder / "auditor")
        auditor = self._spawn("audit", "audit", "--all", "--output", path, *places)
        auditor.wait(self.stage.patience)
        if not path.exists():
            raise Unavailable("the audit made no report", said=auditor.tail())
        answer = str(json.loads(path.read_bytes())["right"]["answer"])
        self._say(f"audit of all rounds, by one who has the network file alone: right? {answer} (audit)")
        return answer

    def _measure(self) -> dict[str, str]:
        """Each adds its own figures on the rows that it held out, one after another, to one report."""
        report = self.stage.folder / "report.json"
        for party in self.parties:
            measuring = self._as(party, "node", "evaluate", "--report", report, key=False)
            self._decided(measuring, f"{party.name} could not measure the model", "")
        from ledger.party.publishing import read_file

        found = read_file(report)
        said = ", ".join(f"{name} {value}" for name, value in found.pooled.items() if name in SAID)
        self._say(f"together, on {plural(found.samples, 'row')} that nobody trained on: {said} (node evaluate)")
        return {"rows": str(found.samples), **found.pooled}

    def _publish(self, number: int) -> Path:
        """The members release the model, and anyone fetches it."""
        name, folder = f"{self._release}@{VERSION}", self.stage.folder / "release"
        report = ("--report", self.stage.folder / "report.json", "--no-audit")
        first, *others = self.parties[: len(self.parties) // 2 + 1]
        self._decided(self._as(first, "release", "propose", str(number), name, *report), "no release was proposed", "")
        for voice in [self._as(one, "release", "vote", "1", "for", "--yes") for one in (first, *others)]:
            self._decided(voice, "the vote failed", "")
        self._decided(self._as(first, "proposal", "close", "1"), "the vote could not be closed", "")
        time.sleep(1)  # what passed is carried out from the next second on
        self._decided(self._as(first, "proposal", "execute", "1"), "the release could not be carried out", "")
        places = ("--network", self.local.network_file, "--home", self.stage.folder / "auditor")
        self._decided(self._spawn("fetch", "release", "fetch", name, "--output", folder, *places), "no release", "")
        self._say(f"the members released the model as {name}; it is fetched and verified: {folder.name}")
        return folder

    def _profile(self, party: SandboxParty) -> Path:
        return self.stage.folder / f"{party.copy.stem}.shared.json"

    def _spawn(self, name: str, *words: str | Path) -> Fedledger:
        return self.stage.spawn(name, *words)

    def _as(self, party: SandboxParty, *words: str | Path, key: bool = True) -> Fedledger:
        """A command of a party, in its home, with its key."""
        resident = self.local.residents[party.name]
        passphrase = ("--passphrase-file", resident.passphrase_file) if key else ()
        return self.stage.spawn(f"{party.name} {' '.join(map(str, words[:2]))}", *words,
                                "--home", resident.home.folder, *passphrase)  # fmt: skip

    def _decided(self, process: Fedledger, problem: str, advice: str) -> None:
        """Wait for a command's end. Raises UsageError with all that it said where a person must do something."""
        code = process.wait(self.stage.patience)
        if code == USAGE:
            raise UsageError(problem, advice=advice, said=process.said())
        if code:
            raise Unavailable(problem, said=process.tail())

    @property
    def _say(self) -> Callable[[str], None]:
        return self.stage.screen.say
