"""A consortium on this machine whose processes are killed at random, and started again."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from support.consortia import trainers

from demo.anvil import Anvil, PortTaken
from demo.consortium import LocalConsortium, Resident, found
from demo.process import Fedledger
from ledger.audit.report import Check, Report
from ledger.config import HomeSettings, save
from ledger.events.records import Role, UpdateCommitted
from ledger.history.state import JobState
from ledger.party.auditing import AuditRequest, inspect
from ledger.party.connection import Connection

PARTICIPANTS = ("Hospital 1", "Hospital 2", "Hospital 3")
COORDINATOR = "Coordinator"
BOTH = Role.PARTICIPANT | Role.AGGREGATOR


class Consortium:
    """One coordinator and three hospitals, one of which has an aggregator beside its node, in the same home."""

    def __init__(self, folder: Path, rounds: int, *, scoring: str = "") -> None:
        self.folder, self.rounds, self.scoring = folder, rounds, scoring
        scorer = Role.SCORER if scoring else Role(0)
        roles = {COORDINATOR: Role.AGGREGATOR | scorer} | dict.fromkeys(PARTICIPANTS, BOTH | scorer)
        self.local: LocalConsortium = found(folder, "chaos", list(roles.items()))
        self.processes: dict[tuple[str, str], Fedledger] = {}
        self.ended: list[str] = []
        for number, name in enumerate(PARTICIPANTS):
            home = self._of(name).home
            data = trainers.write_data(home.folder / "data.csv", number)
            save(home.settings_file, HomeSettings(name=name, data=str(data)))
        self._open_job()
        self.view = Connection.visit(self.local.network, folder / "view")

    def close(self) -> None:
        for process in self.processes.values():
            process.stop()
        self.view.close()
        self.local.stop()

    def start(self) -> None:
        for name in PARTICIPANTS:
            self._start("node", name)
        for name in (COORDINATOR, PARTICIPANTS[0]):
            self._start("aggregator", name)

    def kill(self, random_: random.Random) -> None:
        """End one process without a word, and start it again a little later."""
        key = random_.choice(sorted(self.processes))
        os.kill(self.processes[key]._process.pid, signal.SIGKILL)  # type: ignore[attr-defined]
        time.sleep(random_.uniform(0, 0.3))
        self._start(*key)

    def kill_node(self, name: str) -> None:
        """The same of one member's node, at once."""
        os.kill(self.processes["node", name]._process.pid, signal.SIGKILL)  # type: ignore[attr-defined]
        self._start("node", name)

    def restart_chain(self, *, politely: bool = True) -> None:
        """The chain ends, its state saved or not, and comes again at the same address with the state that it saved."""
        port = self.local.anvil.port
        if not politely:
            os.kill(self.local.anvil.pid, signal.SIGKILL)
        self.local.anvil.stop()
        self.local.anvil = _started(port, self.folder / "chain.json")

    def tend(self) -> None:
        """What a supervisor does: start again what ended, such as a process that began while the chain was away."""
        for key, process in list(self.processes.items()):
            if not process.running:
                self.ended.append(f"{key}: {process.tail()}")
                self._start(*key)

    def state(self) -> JobState | None:
        return self.view.refresh().jobs.get(1)

    def wait(self, condition: Callable[[JobState], bool], seconds: float = 200) -> None:
        """No bound of what is tested: the machine may be busy."""
        end = time.monotonic() + seconds
        while (state := self.state()) is None or not condition(state):
            assert time.monotonic() < end, f"nothing more happens: {state}"
            self.tend()
            time.sleep(0.2)

    def updates(self) -> list[tuple[int, str]]:
        """Round and key of every update that was ever committed to."""
        logs = self.view.client.read(0, self.view.client.head()[0])
        return [(e.round, e.party) for log in logs for e in log.events if isinstance(e, UpdateCommitted)]

    def audit(self, seconds: float = 200) -> Report:
        """What an auditor finds; again while it could not look, since holders that were killed are still starting."""
        end = time.monotonic() + seconds
        while True:
            self.view.refresh()
            report = inspect(self.view, AuditRequest(source=False, copies=True))
            silent = any(one.check is Check.COPIES and one.holder for one in report.open.list)
            if (report.right.answer != "unknown" and not silent) or time.monotonic() > end:
                return report
            self.tend()
            time.sleep(0.5)

    def pass_time(self, seconds: int) -> None:
        """Move the chain's clock on."""
        self.view.client.rpc.call("evm_increaseTime", seconds)
        self.view.client.rpc.call("evm_mine")

    def _of(self, name: str) -> Resident:
        return self.local.residents[name]

    def _start(self, role: str, name: str) -> None:
        resident = self._of(name)
        arguments: list[Any] = [role, "run", "--home", resident.home.folder, "--poll", "0.2"]
        arguments += ["--passphrase-file", resident.passphrase_file]
        log = self.folder / "log" / f"{role}-{name}.log"
        self.processes[role, name] = Fedledger(name, arguments, log, warm=True)

    def _open_job(self) -> None:
        from participant.jobs.creation import create
        from participant.jobs.draft import read

        draft = self.folder / "draft.toml"
        draft.write_text(
            trainers.DRAFT.format(
                rounds=self.rounds,
                rate=0.1,
                norm=8.0,
                hold_out=0,
                least=2,
                heaviest=1000,
                aggregate=600,
                settings="epochs = 2",
            )
            + self.scoring
        )
        trainers.write_data(self.folder / "rows.csv", 77, rows=40)
        for name in PARTICIPANTS:
            resident = self._of(name)
            with Connection.open(resident.home) as connection:
                connection.refresh()
                sender = connection.sender(resident.signer)
                if name == PARTICIPANTS[0]:
                    job = create(read(draft), connection.put)
                    connection.put([job.encode()], "job")
                    said = map(msgspec.structs.astuple, (job.terms, job.model_terms))
                    sender.send("ledger", "proposeJob", job.digest, *said)
                else:
                    sender.send("ledger", "approveJob", 1, job.digest)


def _started(port: int, state: Path) -> Anvil:
    """A chain at an address that it had before; a connection on its way out may have taken the port meanwhile."""
    end = time.monotonic() + 60
    while True:
        try:
            return Anvil.start(port, state)
        except PortTaken:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
