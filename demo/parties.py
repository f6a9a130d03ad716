"""The parties of the demo: their homes and keys, and the processes that they run."""

from collections.abc import Callable

from demo.consortium import LocalConsortium, Resident
from demo.process import Fedledger
from demo.stage import Stage
from ledger.events.records import Role

HOSPITALS = ("Hospital 1", "Hospital 2", "Hospital 3", "Hospital 4")
COORDINATOR = "Coordinator"
PARTIES = (COORDINATOR, *HOSPITALS)
"""By member index."""
ROLES = {COORDINATOR: Role.AGGREGATOR} | dict.fromkeys(HOSPITALS, Role.PARTICIPANT | Role.AGGREGATOR | Role.SCORER)


class Parties:
    """A coordinator and four hospitals, by name."""

    def __init__(self, stage: Stage, local: LocalConsortium) -> None:
        self.stage, self.local = stage, local

    def __getitem__(self, name: str) -> Resident:
        return self.local.residents[name]

    def command(self, name: str, *command: str, first: Callable[[], None] | None = None) -> Fedledger:
        """Start a command as a party, with its home and its key."""
        resident = self[name]
        files = ("--home", resident.home.folder, "--passphrase-file", resident.passphrase_file)
        return self.stage.spawn(f"{name} {command[0]}", *command, *files, first=first)

    def aggregator(self, name: str, *options: str) -> Fedledger:
        """Start a party's aggregator."""
        return self.command(name, "aggregator", "run", *options)

    def start(self, name: str, *options: str) -> None:
        """Start what a party runs all the time: a hospital its node, the coordinator its aggregator."""
        role = "node" if name in HOSPITALS else "aggregator"
        self.stage.lasting[name] = self.command(name, role, "run", *options)

    def start_lying(self, name: str, first: Callable[[], None]) -> None:
        """Start a hospital's node that `first` makes a liar's."""
        self.stage.lasting[name] = self.command(name, "node", "run", first=first)

    def stop(self, name: str) -> None:
        """End what a party runs all the time."""
        self.stage.lasting[name].stop()

    def kill(self, name: str) -> None:
        """End it as a power cut does; it is no longer expected to run."""
        self.stage.lasting.pop(name).kill()

    def restart_ended(self) -> None:
        """Start again what scenes have ended, so that one can look around."""
        for name in PARTIES:
            if name not in self.stage.lasting or not self.stage.lasting[name].running:
                self.start(name)
