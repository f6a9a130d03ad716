"""Two lies, and how they are caught: a wrong global model, and a damaged copy of an update."""

from contextlib import closing

from aggregator.service import Service
from demo.damage import damage
from demo.liar import Liar
from demo.observer import Observer
from demo.parties import COORDINATOR, HOSPITALS, PARTIES
from demo.result import Result
from demo.scenes.audits import audit
from demo.scenes.training import await_scores
from ledger.formats.cid import of_file
from ledger.history.state import Phase
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.party.exchange import Exchange
from ledger.party.gateway import Serving, serve_and_announce
from ledger.party.journal import Journal

TAMPERED = "Hospital 2"
WRONG_VALUE, DAMAGED_VALUE = 10, 7
VALUE_BYTES = 4


def lie_about_a_model(observer: Observer, number: int, result: Result) -> Serving:
    """In one more round the coordinator publishes a model that differs in one value; a hospital takes over.

    Returns the coordinator's gateway, which serves what it stored.
    """
    parties, say = observer.parties, observer.stage.screen.say
    parties.stop(COORDINATOR)
    say(f"[bold]lie 1[/]: in round {number}, {COORDINATOR} publishes a model that differs in one value")
    gateway = _publish_wrong_model(observer, number)
    observer.until(lambda: observer.round(number).aggregates[0].outcome is not None)
    refuters = [a.index for a in observer.round(number).aggregates[0].attestations if not a.agrees]
    say(f"the members refuted it: {', '.join(map(observer.connection.name, refuters))}")
    audit(parties, result, f"round {number}, after the lie", "lie-1", "--round", str(number))
    aggregator = parties.aggregator(HOSPITALS[0], "--once")
    observer.until(lambda: observer.round(number).phase is Phase.FINALISED)
    aggregator.stop()
    say(f"{HOSPITALS[0]} aggregated round {number} again; the members attested it")
    await_scores(observer, number, result)
    return gateway


def damage_a_copy(observer: Observer, job: Job, number: int, coordinator: Serving, result: Result) -> None:
    """One byte of a stored update is changed on its holder's disk; later every good copy is out of reach."""
    parties = observer.parties
    update = observer.round(number).updates[PARTIES.index(TAMPERED)]
    cid = of_file(update.cid, job.layout.size)
    path = damage(parties[TAMPERED].home.store, cid, job.layout.header_size + VALUE_BYTES * DAMAGED_VALUE)
    lie = f"one byte of {TAMPERED}'s update of round {number} is changed in {path.name}"
    observer.stage.screen.say(f"[bold]lie 2[/]: {lie}")
    audit(parties, result, f"round {number}, one copy damaged", "lie-2", "--round", str(number), "--copies")
    for name in HOSPITALS:
        if name != TAMPERED:
            parties.stop(name)
    coordinator.close()
    audit(parties, result, f"round {number}, no good copy left", "lie-2-alone", "--round", str(number))


def _publish_wrong_model(observer: Observer, number: int) -> Serving:
    """Let the coordinator open a round and its updates, and lie."""
    stack, resident = observer.stage.stack, observer.parties[COORDINATOR]
    connection = stack.enter_context(Connection.open(resident.home))
    connection.refresh()
    sender, settings = connection.sender(resident.signer), resident.home.settings()
    exchange = stack.enter_context(Exchange(connection, resident.signer, settings))
    gateway = stack.enter_context(closing(serve_and_announce(connection, sender, settings, resident.signer)))
    journal = Journal(resident.home.folder / "liar.jsonl", lambda _line: None)
    worker = Liar(connection, sender, journal, exchange, value=WRONG_VALUE)
    liar = Service(connection, worker, journal, serving=gateway)

    def lied() -> bool:
        liar.look()
        round_ = observer.job.rounds.get(number)
        return round_ is not None and bool(round_.aggregates)

    observer.until(lied)
    return gateway
