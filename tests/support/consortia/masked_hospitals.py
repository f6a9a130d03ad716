"""Four hospitals and a coordinator under masks, each with processes of its own on a real chain, to be killed."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from support.command import fedledger

from demo.folder import MASKED, PLAIN, mask, set_rounds
from demo.observer import JOB, Observer
from demo.parties import COORDINATOR, PARTIES, Parties
from demo.scenes.founding import found_consortium, open_job
from demo.screen import DemoScreen
from demo.stage import Stage
from ledger.chain.rpc import Rpc
from ledger.history.state import Phase, Round
from ledger.history.state.masking import JobMasks, RoundMasks
from ledger.party.connection import Connection

TIMES = dict.fromkeys(("set_up_seconds", "set_seconds", "unmask_seconds", "share_seconds", "open_seconds"), 240)
TIMES |= {"aggregate_seconds": 1200, "update_seconds": 480}
"""Long enough for any machine: where everyone does its part nobody waits for the end of a phase, and where somebody
does not, a test puts the chain's clock forward.
"""
PATIENCE = 400.0


class MaskedHospitals:
    """A masked job of these parties, under way; `go_on` looks until something holds."""

    def __init__(self, parties: Parties, observer: Observer) -> None:
        self.parties, self.observer, self.stage = parties, observer, parties.stage

    @property
    def masks(self) -> JobMasks:
        return self.observer.connection.history.masks[JOB]

    def said(self, number: int) -> RoundMasks:
        """What the board says of a round."""
        return self.masks.rounds.get(number, RoundMasks(number))

    def round(self, number: int) -> Round | None:
        return self.observer.job.rounds.get(number)

    def go_on(self, reached: Callable[[], bool]) -> None:
        self.observer.until(reached)

    def finished(self, number: int) -> bool:
        round_ = self.round(number)
        return round_ is not None and round_.phase is Phase.FINALISED

    def pass_phase(self, name: str) -> None:
        """Put the chain's clock forward by one of the times."""
        self.parties.local.anvil.pass_time(TIMES[name])

    def kill(self, name: str) -> None:
        """At whatever instruction it is."""
        self.parties.kill(name)

    def coordinate(self) -> None:
        """Start the coordinator; it runs until it is killed."""
        self.parties.start(COORDINATOR)

    @contextmanager
    def held(self) -> Iterator["Held"]:
        """The chain makes a block only where it is asked to."""
        rpc = Rpc(self.parties.local.anvil.url, timeout=60)
        try:
            with self.parties.local.anvil.held() as seal:
                yield Held(rpc, seal)
        finally:
            rpc.close()

    def audit(self) -> dict[str, Any]:
        """An audit's report, of everything, by somebody with the network file alone."""
        where = ("--network", self.parties.local.network_file, "--home", self.stage.folder / "auditor")
        done = fedledger("audit", "--all", "--json", *where)
        report: dict[str, Any] = json.loads(done.stdout)
        return report


class Held:
    """A chain that makes no block by itself."""

    def __init__(self, rpc: Rpc, seal: Callable[[], None]) -> None:
        self._rpc, self.seal = rpc, seal

    def waits(self) -> bool:
        """Whether a transaction waits for a block."""
        return bool(self._rpc.call("txpool_status")["pending"] != "0x0")


Drafted = Callable[[str], str]


def as_it_is(draft: str) -> str:
    return draft


@contextmanager
def masked_hospitals(
    folder: Path, rounds: int, drafted: Drafted = as_it_is, segment: int = 2
) -> Iterator[MaskedHospitals]:
    """Found them, and open their job, by the draft that `drafted` makes of the masked one; nobody coordinates yet."""
    with ExitStack() as stack:
        screen = DemoScreen(Console(file=io.StringIO()), PARTIES.__getitem__, live=False)
        stage = Stage(folder, screen, stack, PATIENCE)
        parties = found_consortium(stage, rounds, MASKED)
        mask(stage.data / PLAIN, stage.data / MASKED, segment=segment, **TIMES)
        set_rounds(stage.data / MASKED, rounds)
        draft = stage.data / MASKED
        draft.write_text(drafted(draft.read_text()))
        open_job(parties, 1, MASKED)
        parties.stop(COORDINATOR)
        del stage.lasting[COORDINATOR]
        visit = Connection.visit(parties.local.network, folder / "view")
        observer = Observer(parties, stack.enter_context(visit), folder / "metrics.jsonl")
        observer.connection.refresh()
        yield MaskedHospitals(parties, observer)
        stage.dismiss()
