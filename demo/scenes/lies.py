"""A lie and how it is caught, a wrong global model; and a damaged copy of an update, which is nobody's lie."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Event

from aggregator.service import Service
from demo.damage import damage
from demo.liar import Liar
from demo.lying_node import heavier, lying
from demo.observer import JOB, Observer
from demo.parties import COORDINATOR, HOSPITALS, PARTIES
from demo.result import Result
from demo.scenes.audits import audit, begin_audit, begin_conviction
from demo.scenes.training import await_scores
from demo.standstill import POLL
from ledger.formats.cid import of_file
from ledger.history.state import Phase
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.party.gateway import Serving, serve_and_announce
from ledger.party.journal import Journal
from ledger.party.sharing.exchange import Exchange

TAMPERED = "Hospital 2"
WRONG_VALUE, DAMAGED_VALUE = 10, 7
VALUE_BYTES = 4


def lie_about_a_model(observer: Observer, number: int, result: Result) -> Serving:
    """In one more round the coordinator publishes a model that differs in one value; a hospital takes over.

    An auditor asks while the lie is being attested, after the members refuted it, and once through a lying chain node.
    Returns the coordinator's gateway, which serves what it stored.
    """
    parties, say = observer.parties, observer.stage.screen.say
    parties.stop(COORDINATOR)
    say(f"[bold]lie[/]: in round {number}, {COORDINATOR} publishes a model that differs in one value")
    gateway, liar = _await_updates(observer, number)
    with parties.local.anvil.held() as seal:
        _publish(observer, number, liar, seal)
        audit(parties, result, f"round {number}, while the lie is attested", "lie", *_round(number))
    observer.until(lambda: observer.round(number).aggregates[0].outcome is not None)
    refuters = [a.index for a in observer.round(number).aggregates[0].attestations if not a.agrees]
    say(f"the members refuted it: {', '.join(map(observer.connection.name, refuters))}")
    with lying(parties.local.anvil.url, heavier) as false:
        misled = ("--rpc", false, *_round(number))
        through = begin_audit(parties, result, f"round {number}, by a lying node", "lie-misled", *misled)
        aggregator = parties.aggregator(HOSPITALS[0], "--once")
        observer.until(lambda: observer.round(number).phase is Phase.FINALISED)
        refuted = begin_audit(parties, result, f"round {number}, the lie refuted", "lie-caught", *_round(number))
        convicted = begin_conviction(parties, result, JOB, number)
        aggregator.stop()
        say(f"{HOSPITALS[0]} aggregated round {number} again; the members attested it")
        await_scores(observer, number, result)
        refuted()
        convicted()
        through()
    return gateway


def _round(number: int) -> tuple[str, ...]:
    return "--round", f"{JOB}/{number}", "--no-source"


def damage_a_copy(observer: Observer, job: Job, number: int, coordinator: Serving, result: Result) -> None:
    """One byte of a stored update is changed on its holder's disk; later every good copy is out of reach."""
    parties = observer.parties
    update = observer.round(number).updates[PARTIES.index(TAMPERED)]
    cid = of_file(update.cid, job.update_size)
    path = damage(parties[TAMPERED].home.store, cid, job.update_layout.header_size + VALUE_BYTES * DAMAGED_VALUE)
    done = f"one byte of {TAMPERED}'s update of round {number} is changed in {path.name}; nobody lies"
    observer.stage.screen.say(f"[bold]damage[/]: {done}")
    audit(parties, result, f"round {number}, one copy damaged", "damage", "--round", f"{JOB}/{number}", "--copies")
    for name in HOSPITALS:
        if name != TAMPERED:
            parties.stop(name)
    coordinator.close()
    audit(parties, result, f"round {number}, no good copy left", "damage-alone", "--round", f"{JOB}/{number}")


def _await_updates(observer: Observer, number: int) -> tuple[Serving, Service]:
    """Let the coordinator open a round and its updates; its gateway, and the liar, which publishes at its next look."""
    stack, resident = observer.stage.stack, observer.parties[COORDINATOR]
    connection = stack.enter_context(Connection.open(resident.home))
    connection.refresh()
    sender, settings = connection.sender(resident.signer), resident.home.settings()
    exchange = stack.enter_context(Exchange(connection, resident.signer, settings))
    gateway = stack.enter_context(closing(serve_and_announce(connection, sender, settings, resident.signer)))
    journal = Journal(resident.home.folder / "liar.jsonl", lambda _line: None)
    worker = Liar(connection, sender, journal, exchange, value=WRONG_VALUE)
    liar = Service(connection, worker, journal, serving=gateway)

    def opened() -> bool:
        liar.look()
        round_ = observer.job.rounds.get(number)
        return round_ is not None and len(round_.updates) == len(HOSPITALS)

    observer.until(opened)
    return gateway, liar


def _publish(observer: Observer, number: int, liar: Service, seal: Callable[[], None]) -> None:
    """Let it publish in a block of its own: what the members say about it waits for the next."""

    def published() -> bool:
        return bool(observer.connection.refresh().jobs[JOB].rounds[number].aggregates)

    done = Event()
    with ThreadPoolExecutor(1) as publisher:
        lie = publisher.submit(_look_until, liar, done)
        try:
            while not lie.done() and not published():  # looked at before each block: the next one refutes it
                seal()
                time.sleep(POLL)
        finally:
            done.set()
        lie.result()


def _look_until(liar: Service, done: Event) -> None:
    while not done.is_set():
        liar.look()
        time.sleep(POLL)
