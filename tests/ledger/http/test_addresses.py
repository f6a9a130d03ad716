"""Every spelling of an address that other chain and IPFS tools take is understood, or refused by name."""

import pytest
from support.content.answering import chain
from support.content.holders import Server

from ledger.chain.rpc import Rpc
from ledger.errors import UsageError
from ledger.http import addresses, multiaddrs
from ledger.http.addresses import Address, is_loopback, parse


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:8545", Address(False, "127.0.0.1", 8545)),
        ("HTTPS://Node.Example", Address(True, "node.example", 443)),
        ("http://localhost", Address(False, "localhost", 80)),
        ("http://[::1]:8545/", Address(False, "::1", 8545)),
        ("http://node.example./x/", Address(False, "node.example", 80, "/x")),
        ("https://u%40s:p%3Aw@node.example/v3?key=1", Address(True, "node.example", 443, "/v3", "key=1", "u@s:p:w")),
        ("http://xn--bcher-kva.example", Address(False, "xn--bcher-kva.example", 80)),
    ],
)
def test_urls_are_taken_apart(url: str, address: Address) -> None:
    assert parse(url) == address


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("localhost:8545", "http://localhost:8545"),
        ("node.example/rpc", "https://node.example/rpc"),
        ("ws://127.0.0.1:8546", "HTTP port"),
        ("wss://node.example", "HTTP port"),
        ("geth.ipc", "socket's file"),
        ("/home/me/geth.ipc", "URL"),
        ("/ip4/127.0.0.1/tcp/8545", "URL"),
        ("http://bücher.example", "xn--"),
        ("http://127.1:8545", "write 127.0.0.1"),
        ("http://2130706433", "write 127.0.0.1"),
        ("http://0x7f.0.0.1", "write 127.0.0.1"),
        ("http://1.2.3.256", "four decimal numbers"),
        ("http://10.0.0.0x1", "write 10.0.0.1"),
    ],
)
def test_other_spellings_are_refused_with_the_right_one(url: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        Rpc(url)
    assert words in caught.value.advice


def test_a_zone_of_this_machine_is_refused() -> None:
    with pytest.raises(UsageError, match="zone"):
        addresses.gateway("http://[fe80::1%25eth0]:8080")


@pytest.mark.parametrize("host", ["localhost", "x.localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machine_has_many_names(host: str) -> None:
    assert is_loopback(host)
    assert not is_loopback("localhost.example")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("/ip4/127.0.0.1/tcp/5001", Address(False, "127.0.0.1", 5001)),
        ("/ip6/::1/tcp/5001", Address(False, "::1", 5001)),
        ("/dns/kubo.example/tcp/5001", Address(False, "kubo.example", 5001)),
        ("/dns4/localhost/tcp/5001/http", Address(False, "localhost", 5001)),
        ("/dns6/kubo.example/tcp/443/https", Address(True, "kubo.example", 443)),
        ("/dns4/kubo.example/tcp/443/tls/http", Address(True, "kubo.example", 443)),
        ("http://localhost:5001", Address(False, "localhost", 5001)),
    ],
)
def test_multiaddrs_of_http_servers(text: str, address: Address) -> None:
    assert multiaddrs.server(text, "a Kubo address", "") == address
    assert multiaddrs.server(multiaddrs.written(address), "a Kubo address", "") == address


@pytest.mark.parametrize(
    "text",
    [
        "localhost:5001",
        "/ip4/127.0.0.1",
        "/ip4/127.1/tcp/5001",
        "/ip4/127.0.0.1/udp/4001/quic-v1",
        "/ip4/127.0.0.1/tcp/0",
        "/ip4/127.0.0.1/tcp/5001/p2p/12D3",
        "/dnsaddr/bootstrap.libp2p.io",
        "/unix/run/kubo.sock",
        "",
    ],
)
def test_other_multiaddrs_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"multiaddr|Unix socket") as caught:
        multiaddrs.server(text, "a Kubo address", "/ip4/127.0.0.1/tcp/5001")
    assert caught.value.facts["example"] == "/ip4/127.0.0.1/tcp/5001"


def test_what_may_be_secret_in_an_address_is_not_shown() -> None:
    url = "https://me:hunter2@node.example/v3/0123456789abcdef0123456789abcdef?token=hunter2"
    assert parse(url).shown == "https://node.example/v3/0123…?…"
    for broken in ("ftp://me:hunter2@node.example", "http://me:hunter2@127.1"):
        with pytest.raises(UsageError) as caught:
            parse(broken)
        assert "hunter2" not in f"{caught.value}{caught.value.advice}"


def test_ipv6_is_dialled() -> None:
    with Server(chain, host="::1") as server:
        rpc = Rpc(server.url)
        assert rpc.chain_id() == 1
        rpc.close()
