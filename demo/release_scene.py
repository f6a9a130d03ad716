"""How the demo ends: a hospital measures the model and proposes its release, the members vote, anyone fetches it."""

import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from ledger.events.actions import ReleaseModel
from ledger.party.connection import Connection
from ledger.errors import Unavailable
from ledger.party.auditing import require_verified
from demo.consortium import LocalConsortium, Resident
from demo.process import Fedledger
from demo.screen import DemoScreen
from ledger.events.proposals import Proposal
from ledger.party.publishing import read_file, usable, verify, write
from ledger.events.records import Choice
from ledger.party.gateway import serve_and_announce
from ledger.party.pins import report_pin
from ledger.store import disk
from ledger.party.voting import close, execute, proposal, propose, relay, sign, vote

NAME, VERSION, LICENCE = "breast-cancer", "1.0.0", "cc-by-4.0"
POLL = 0.05


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays: one measures, proposes and votes; one votes by the command line; one signs offline; one relays."""

    proposer: Resident
    voter: Resident
    signer: Resident
    relayer: Resident


class ReleaseScene:
    """The scene in its order: `vote`, then, a second later, `carry_out`; `report` is the proposer's figures."""

    def __init__(self, local: LocalConsortium, cast: Cast, view: DemoScreen, stack: ExitStack, report: Path) -> None:
        self.local, self.cast, self.view, self.stack, self.report = local, cast, view, stack, report
        self.proposer = stack.enter_context(Connection.open(cast.proposer.home))

    def propose(self) -> Proposal:
        """The proposer audits the last model and puts it to the vote, with its own figures and the round's scores."""
        connection = self.proposer
        connection.refresh()
        sender = connection.sender(self.cast.proposer.signer)
        self.stack.enter_context(closing(serve_and_announce(connection, sender, self.cast.proposer.home.settings())))
        report = replace(read_file(self.report), license=LICENCE)
        require_verified(connection, report.job, report.round)
        connection.put([report.encode()], report_pin(report.digest))
        root, scores = bytes.fromhex(report.root), connection.history.jobs[report.job].scorings[report.round].root
        action = ReleaseModel(NAME, VERSION, report.job, report.round, root, scores, report.digest)
        made = propose(connection, sender, action)
        (party,) = report.parties
        self.view.say(
            f"{party.party} measured accuracy {party.metrics['accuracy']} on {party.samples} samples and "
            f"proposes to release the model of round {report.round} as {NAME} {VERSION}"
        )
        vote(connection, sender, made, Choice.FOR)
        return made

    def vote(self, made: Proposal, by_command: Fedledger, patience: float) -> None:
        """One more votes by the command line; one signs at home, and another member relays that."""
        path = self.local.folder / "signed-vote.json"
        with Connection.open(self.cast.signer.home) as connection:
            connection.refresh()
            found = proposal(connection, made.number)
            ballot = sign(connection, self.cast.signer.signer, found, Choice.FOR, found.deadline)
        disk.write_whole(path, [ballot.encode()])
        self.relayer = self.stack.enter_context(Connection.open(self.cast.relayer.home))
        self.relayer.refresh()
        self.sender = self.relayer.sender(self.cast.relayer.signer)
        relay(self.relayer, self.sender, [ballot])
        if by_command.wait(patience) != 0:
            raise Unavailable("the vote failed", said=by_command.tail())
        self.relayer.refresh()
        found = proposal(self.relayer, made.number)
        names = [self.relayer.name(index) for index, choice in sorted(found.votes.items()) if choice is Choice.FOR]
        self.view.say(f"for it: {', '.join(names)}")
        signer, relayer = self.cast.signer.name, self.cast.relayer.name
        self.view.say(f"  {signer} only signed its vote, in {path.name}; {relayer} sent it")
        close(self.relayer, self.sender, found)

    def carry_out(self, made: Proposal, visitor: Connection, patience: float) -> dict[str, str]:
        """What passed is executed in the next second; who has the network file fetches the model and checks it."""
        found = proposal(self.relayer, made.number)
        end = time.monotonic() + patience
        while self.relayer.client.time() < found.executable_from:
            if time.monotonic() > end:
                raise Unavailable("the chain's clock stands still")
            time.sleep(POLL)
        execute(self.relayer, self.sender, found)
        card = usable(visitor, NAME)
        folder = self.local.folder / "release"
        model, text = write(visitor, card, folder)
        verify(visitor, folder)
        root = card.file.release.root.hex()
        votes = f"{found.count(Choice.FOR)} of {found.members} members"
        self.view.say(f"released by {votes}: {NAME} {VERSION}, root {root[:16]}…")
        size = f"{model.stat().st_size:,} bytes"
        self.view.say(f"fetched, and verified byte by byte: {folder.name}/{model.name}, {size}, and its model card")
        return {"name": NAME, "version": VERSION, "root": root, "model": str(model), "card": str(text)}
