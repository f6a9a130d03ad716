"""How the demo ends: a hospital measures the model and proposes its release, the members vote, anyone fetches it."""

import time
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from demo.observer import Observer
from demo.parties import COORDINATOR, HOSPITALS, Parties
from demo.process import Fedledger
from demo.standstill import POLL, Standstill
from ledger.events.actions import ReleaseModel
from ledger.events.proposals import Proposal
from ledger.events.records import Choice
from ledger.formats.text import plural
from ledger.party.auditing import require_right
from ledger.party.connection import Connection
from ledger.party.gateway import serve_and_announce
from ledger.party.pins import report_pin
from ledger.party.publishing import card_in_use, read_file, verify, write
from ledger.party.voting import close, execute, proposal, propose, relay, sign, vote
from ledger.releases.report import Evaluation
from ledger.store import disk

NAME, VERSION, LICENCE = "breast-cancer", "1.0.0", "cc-by-4.0"
PROPOSER, VOTER, SIGNER, *_ = HOSPITALS
"""One measures, proposes and votes; one votes by the command line; one signs its vote, which another member sends."""
MESSENGER = COORDINATOR


def start_measuring(parties: Parties) -> Fedledger:
    """The proposer measures every model, as far as the job has come, for the report that the release names."""
    stage = parties.stage
    options = ("--data", stage.data / "test.csv", "--report", _report(parties), "--home", parties[PROPOSER].home.folder)
    return stage.spawn("measuring", "node", "evaluate", "--follow", *options)


def propose_release(parties: Parties, measuring: Fedledger) -> Proposal:
    """The proposer audits the last model and puts it to the vote, with its own figures and the round's scores."""
    stage, resident = parties.stage, parties[PROPOSER]
    stage.finish(measuring, "the evaluation failed")
    connection = stage.stack.enter_context(Connection.open(resident.home))
    connection.refresh()
    sender = connection.sender(resident.signer)
    stage.stack.enter_context(closing(serve_and_announce(connection, sender, resident.home.settings())))
    report = replace(read_file(_report(parties)), license=LICENCE)
    require_right(connection, report.job, report.round)
    connection.put([report.encode()], report_pin(report.digest))
    made = propose(connection, sender, _release_of(connection, report))
    (party,) = report.parties
    stage.screen.say(
        f"{party.party} measured accuracy {party.metrics['accuracy']} on {plural(party.samples, 'sample')} and "
        f"proposes to release the model of round {report.round} as {NAME} {VERSION}"
    )
    vote(connection, sender, made, Choice.FOR)
    return made


class Messenger:
    """A member that sends what another signed, ends the vote, and carries out what passed."""

    def __init__(self, parties: Parties) -> None:
        self.stage, resident = parties.stage, parties[MESSENGER]
        self.connection = self.stage.stack.enter_context(Connection.open(resident.home))
        self.connection.refresh()
        self.sender = self.connection.sender(resident.signer)

    def end_vote(self, made: Proposal, path: Path) -> None:
        """Say who voted, and close the vote; a signed vote in the file was one of them."""
        self.connection.refresh()
        found = proposal(self.connection, made.number)
        names = [self.connection.name(index) for index, choice in sorted(found.votes.items()) if choice is Choice.FOR]
        self.stage.screen.say(f"for it: {', '.join(names)}")
        self.stage.screen.say(f"  {SIGNER} only signed its vote, in {path.name}; {MESSENGER} sent it")
        close(self.connection, self.sender, found)

    def execute(self, made: Proposal) -> Proposal:
        """Carry out what passed, as soon as the chain's clock allows it: in the next second."""
        found = proposal(self.connection, made.number)
        patience = Standstill(self.stage.patience, self.connection.client.time)
        while self.connection.client.time() < found.executable_from:
            patience.check("the chain's clock")
            time.sleep(POLL)
        execute(self.connection, self.sender, found)
        return found


def vote_on(parties: Parties, made: Proposal) -> Messenger:
    """One more votes by the command line; one signs at home, and another member relays that."""
    stage, signer = parties.stage, parties[SIGNER]
    by_command = parties.command(VOTER, "release", "vote", str(made.number), "for", "--yes")
    path = stage.folder / "signed-vote.json"
    with Connection.open(signer.home) as connection:
        connection.refresh()
        found = proposal(connection, made.number)
        ballot = sign(connection, signer.signer, found, Choice.FOR, found.deadline)
    disk.write_whole(path, [ballot.encode()])
    messenger = Messenger(parties)
    relay(messenger.connection, messenger.sender, [ballot])
    stage.finish(by_command, "the vote failed")
    messenger.end_vote(made, path)
    return messenger


def publish(observer: Observer, messenger: Messenger, made: Proposal) -> dict[str, str]:
    """Carry the release out; then the observer, which has no key, fetches the model and checks it."""
    folder, say = observer.stage.folder / "release", observer.stage.screen.say
    found = messenger.execute(made)
    card = card_in_use(observer.connection, NAME)
    model, text = write(observer.connection, card, folder)
    verify(observer.connection, folder)
    root = card.file.release.root.hex()
    votes = f"{found.count(Choice.FOR)} of {plural(found.members, 'member')}"
    say(f"released by {votes}: {NAME} {VERSION}, root {root[:16]}…")
    size = plural(model.stat().st_size, "byte")
    say(f"fetched, and verified byte by byte: {folder.name}/{model.name}, {size}, and its model card")
    return {"name": NAME, "version": VERSION, "root": root, "model": str(model), "card": str(text)}


def _release_of(connection: Connection, report: Evaluation) -> ReleaseModel:
    """The model that a report is on, with the scores of its round."""
    scores = connection.history.jobs[report.job].scorings[report.round].root.hex()
    return ReleaseModel(NAME, VERSION, report.job, report.round, report.root, scores, report.digest.hex())


def _report(parties: Parties) -> Path:
    return parties.stage.folder / "report.json"
