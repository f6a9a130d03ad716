"""All that a doctor looks at, one after another: what cannot be looked at stops no other."""

from collections.abc import Callable, Iterator

from ledger.config import Home
from ledger.errors import FedledgerError
from ledger.party.connection import Connection
from participant.doctor import chain, gateways, home, jobs
from participant.doctor.findings import Health, Observation, examined, of_error


def examine(of: Home, *, read: bool = True) -> Iterator[Observation]:
    """Look at a home, its chain and its jobs; with `read` also into the data of open jobs, by the jobs' own tasks,
    which takes seconds. Sends nothing, signs nothing, needs no passphrase.
    """
    yield from examined("software", home.machine)
    yield from examined("key", lambda: home.key(of))
    yield from examined("data", lambda: home.data(of))
    yield from examined("network", lambda: home.joined(of))
    if not of.keystore.exists() or not of.network_file.exists():
        return
    yield from examined("chain node", lambda: chain.nodes(of))
    yield from _on_the_ledger(of, read=read)


def _on_the_ledger(of: Home, *, read: bool) -> Iterator[Observation]:
    """What only the ledger tells."""
    try:
        connection = Connection.open(of)
    except FedledgerError as error:
        yield of_error("ledger", error)
        return
    with connection:
        try:
            connection.refresh()
        except FedledgerError as error:
            yield of_error("ledger", error)
            return
        yield from examined("member", lambda: chain.membership(of, connection))
        yield from examined("clock", lambda: chain.clock(connection))
        yield from examined("log", lambda: chain.history(connection))
        yield from examined("own gateway", lambda: gateways.own(of, connection))
        yield from examined("gateways", lambda: gateways.others(of, connection))
        yield from examined("jobs", lambda: jobs.open_jobs(of, connection, read=read))


def urgent_words(of: Home, connection: Connection) -> list[str]:
    """What is in trouble of the things that take no time to look at: secrets, clock, disk. For a node that starts, and
    a member that approves a job. A line each.
    """
    looks = (
        ("key", lambda: home.key(of)),
        ("clock", lambda: chain.clock(connection)),
        ("jobs", lambda: jobs.room(of, connection)),
    )
    found = [one for thing, look in looks for one in examined(thing, look)]
    return [f"{one.thing}: {one.said}; try: {one.advice}" for one in found if one.state is Health.TROUBLE]


def say_urgent(of: Home, number: int, say: Callable[[str], None]) -> None:
    """`urgent` in words, before a job is approved; `number` is the job's."""
    with Connection.open(of) as connection:
        connection.refresh()
        for said in urgent_words(of, connection):
            say(f"before job {number}: {said}")
