"""One gateway a home, announced when its address changed; and the lies that are possible on the local chain alone."""

import os
import socket
from contextlib import closing

import pytest

from demo.liar import Liar
from ledger.config import GatewaySettings, HomeSettings
from ledger.errors import Unavailable, UsageError
from ledger.keys import ephemeral
from ledger.party.connection import Connection
from ledger.party.gateway import last_port, serve_and_announce
from ledger.rounds.facts import Place
from ledger.store.remote import Remote

EVERYWHERE = "0.0.0.0"  # noqa: S104


@pytest.fixture
def home(consortium):
    """A member's connection and sender."""
    with Connection.open(consortium.members[0].home) as connection:
        connection.refresh()
        yield connection, connection.sender(consortium.members[0].signer)


def announced(connection: Connection) -> str:
    return connection.refresh().members[0].gateway


def settings(**gateway: object) -> HomeSettings:
    return HomeSettings(gateway=GatewaySettings(**gateway))


def test_serves_and_announces(home) -> None:
    connection, sender = home
    cid = connection.put([b"hello"], "greeting")
    serving = serve_and_announce(connection, sender, HomeSettings())
    assert announced(connection) == serving.url
    with closing(Remote("other", serving.url)) as other:
        assert bytes(other.get(cid)) == b"hello"
    serving.close()
    serving.close()


def test_a_lock_that_cannot_be_opened_now_is_unavailable_and_serves_later(home, monkeypatch) -> None:
    connection, sender = home
    opened = os.open

    def crowded(path, *arguments, **options) -> int:
        if str(path).endswith("gateway.lock"):
            raise OSError(24, "Too many open files")
        return opened(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", crowded)
        with pytest.raises(Unavailable, match="the gateway cannot be locked"):
            serve_and_announce(connection, sender, HomeSettings())
    serving = serve_and_announce(connection, sender, HomeSettings())
    assert announced(connection) == serving.url
    serving.close()


def test_a_restart_keeps_its_address_and_announces_nothing(home) -> None:
    connection, sender = home
    serve_and_announce(connection, sender, HomeSettings()).close()
    before = (announced(connection), connection.client.head())
    again = serve_and_announce(connection, sender, HomeSettings())
    assert (again.url, connection.client.head()) == before
    again.close()


def test_another_port_where_the_last_one_is_taken(home) -> None:
    connection, sender = home
    serve_and_announce(connection, sender, HomeSettings()).close()
    with socket.create_server(("127.0.0.1", last_port(announced(connection), "127.0.0.1"))):
        again = serve_and_announce(connection, sender, HomeSettings())
    assert announced(connection) == again.url
    again.close()


def test_one_process_of_a_home_serves(home) -> None:
    connection, sender = home
    first = serve_and_announce(connection, sender, HomeSettings())
    connection.refresh()
    second = serve_and_announce(connection, sender, HomeSettings())
    assert (first.here, second.here) == (True, False)
    assert second.url == first.url
    first.close()
    second.check()
    assert second.here
    second.close()


def test_a_taken_port_is_an_error_and_leaves_the_lock(home) -> None:
    connection, sender = home
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(Unavailable, match="cannot serve"):
        serve_and_announce(connection, sender, settings(port=other.getsockname()[1]))
    serving = serve_and_announce(connection, sender, HomeSettings())
    assert serving.here
    serving.close()


def test_the_public_address_is_announced(home) -> None:
    connection, sender = home
    with pytest.raises(UsageError, match="must say by which one"):
        serve_and_announce(connection, sender, settings(host=EVERYWHERE))
    serving = serve_and_announce(connection, sender, settings(host=EVERYWHERE, public_url="https://north.example/ipfs"))
    assert announced(connection) == "https://north.example/ipfs"
    serving.close()


def test_a_stranger_serves_nothing(home) -> None:
    connection, _ = home
    with pytest.raises(UsageError, match="does not speak for a member"):
        serve_and_announce(connection, connection.sender(ephemeral()), HomeSettings())


@pytest.mark.parametrize(
    ("address", "port"),
    [("http://127.0.0.1:81", 81), ("http://127.0.0.1", 0), ("http://other:81", 0), ("http://127.0.0.1:x", 0), ("", 0)],
)
def test_last_port(address, port) -> None:
    assert last_port(address, "127.0.0.1") == port


def test_no_lies_on_another_chain(home) -> None:
    connection, sender = home
    connection.place = Place(1, connection.place.contract)
    with pytest.raises(UsageError, match="local chain only"):
        Liar(connection, sender)
