"""A client trusts nothing before chain id and code are the pinned ones, and says exactly what is wrong."""

import http.server
import threading
from collections.abc import Iterator

import msgspec
import pytest
from support.consortia.statements import RoundOnChain

from ledger.chain.build import SOLIDITY_NAMES
from ledger.chain.client import Client
from ledger.chain.rpc import AnswerTooLarge, Rpc, RpcError
from ledger.config import Network
from ledger.errors import Malformed, Refuted, Rejected, Unavailable, UsageError
from ledger.formats.claims import commitment
from ledger.history.state import Phase


def changed(network: Network, **places: object) -> Network:
    """The network with fields of `chain`, `founding` or one contract replaced: `ledger={"code_hash": …}`."""
    contracts = network.contracts
    for place, fields in places.items():
        if place in ("chain", "founding"):
            part = msgspec.structs.replace(getattr(network, place), **fields)
            network = msgspec.structs.replace(network, **{place: part})
        else:
            contract = msgspec.structs.replace(getattr(contracts, place), **fields)
            contracts = msgspec.structs.replace(contracts, **{place: contract})
    return msgspec.structs.replace(network, contracts=contracts)


def test_another_chain_is_a_usage_error_with_both_ids(consortium):
    with pytest.raises(UsageError, match="another chain") as caught:
        Client.connect(changed(consortium.network, chain={"id": 1337}))
    assert (caught.value.facts["expected"], caught.value.facts["actual"]) == (1337, 31337)
    assert caught.value.advice


def test_another_founding_block_is_another_chain_with_both_hashes(consortium):
    pinned = consortium.network.founding
    with pytest.raises(UsageError, match="another founding block") as caught:
        Client.connect(changed(consortium.network, founding={"hash": "0x" + "ab" * 32}))
    assert (caught.value.facts["expected"], caught.value.facts["actual"]) == ("0x" + "ab" * 32, pinned.hash)
    assert caught.value.advice


def test_a_chain_that_ends_before_the_founding_is_unavailable(consortium):
    with pytest.raises(Unavailable, match="does not reach the founding block"):
        Client.connect(changed(consortium.network, founding={"block": 1 << 40}))


@pytest.mark.parametrize("contract", SOLIDITY_NAMES)
def test_other_code_is_refuted_with_both_hashes(consortium, contract):
    pinned = getattr(consortium.network.contracts, contract)
    with pytest.raises(Refuted, match="not the one that the network file pins") as caught:
        Client.connect(changed(consortium.network, **{contract: {"code_hash": "0x" + "ab" * 32}}))
    assert caught.value.facts["expected"] == "0x" + "ab" * 32
    assert caught.value.facts["actual"] == pinned.code_hash


def test_one_contract_in_the_others_place_is_refuted(consortium):
    other = consortium.network.contracts.consortium.address
    with pytest.raises(Refuted, match="RoundLedger"):
        Client.connect(changed(consortium.network, ledger={"address": other}))


def test_no_code_is_unavailable_never_refuted(consortium):
    with pytest.raises(Unavailable, match="no RoundLedger on this chain"):
        Client.connect(changed(consortium.network, ledger={"address": "0x" + "12" * 20}))


def test_no_node_names_its_url_and_a_way_out(consortium):
    with pytest.raises(Unavailable, match="cannot be reached") as caught:
        Client.connect(changed(consortium.network, chain={"rpc": "http://127.0.0.1:9"}))
    assert caught.value.facts["url"] == "http://127.0.0.1:9"
    assert "fedledger up" in caught.value.advice


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:8545", "geth.ipc"])
def test_only_http_addresses_are_taken(url):
    with pytest.raises(UsageError, match="not an http"):
        Rpc(url)


def test_credentials_in_a_url_are_sent_but_never_shown(speaker):
    url, answers, headers = speaker
    answers.append(b'{"jsonrpc":"2.0","id":1,"result":"0x1"}')
    rpc = Rpc(url.replace("//", "//me:secret@"))
    assert rpc.chain_id() == 1
    assert headers[0]["Authorization"] == "Basic bWU6c2VjcmV0"
    assert "secret" not in rpc.url
    rpc.close()


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (b"<html>hello</html>", Unavailable, "did not answer in JSON-RPC"),
        (b'{"jsonrpc":"2.0","id":7,"result":"0x1"}', Unavailable, "another request"),
        (b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no luck"}}', RpcError, "no luck"),
        (b'{"jsonrpc":"2.0","id":1,"result":"soon"}', Unavailable, "does not say which chain"),
        (b'"' + b"x" * 2000 + b'"', AnswerTooLarge, "too large"),
    ],
)
def test_answers_that_are_not_answers(speaker, answer, error, words):
    url, answers, _ = speaker
    answers.append(answer)
    rpc = Rpc(url, ceiling=1000)
    with pytest.raises(error, match=words):
        rpc.chain_id()
    rpc.close()


def test_several_calls_in_one_request_are_answered_in_order_whatever_the_node_s(speaker):
    url, answers, _ = speaker
    refused = b'{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"no such method"}}'
    answers.append(b'[{"jsonrpc":"2.0","id":3,"result":"c"},' + refused + b',{"jsonrpc":"2.0","id":1,"result":"a"}]')
    rpc = Rpc(url)
    first, second, third = rpc.batch([("one", 1), ("two",), ("three",)])
    assert (first, third) == ("a", "c")
    assert isinstance(second, RpcError)
    assert "two" in second.message
    rpc.close()


@pytest.mark.parametrize(
    "answer",
    [
        b'{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"no batches"}}',
        b'[{"jsonrpc":"2.0","id":1,"result":"a"}]',
        b'[{"jsonrpc":"2.0","id":1,"result":"a"},{"jsonrpc":"2.0","id":1,"result":"b"}]',
        b'[{"jsonrpc":"2.0","id":1,"result":"a"},{"jsonrpc":"2.0","id":7,"result":"b"}]',
        b"[]",
    ],
)
def test_a_node_that_does_not_answer_each_of_several_calls_is_unavailable(speaker, answer):
    url, answers, _ = speaker
    answers.append(answer)
    rpc = Rpc(url)
    with pytest.raises(Unavailable):
        rpc.batch([("one",), ("two",)])
    rpc.close()


def test_a_silent_node_is_unavailable_in_time(speaker):
    url, answers, _ = speaker
    answers.append(None)
    rpc = Rpc(url, timeout=0.2)
    with pytest.raises(Unavailable, match="cannot be reached"):
        rpc.call("eth_blockNumber")
    rpc.close()


def test_a_connection_that_went_stale_is_replaced(speaker):
    url, answers, _ = speaker
    answers += [b'{"jsonrpc":"2.0","id":1,"result":"0x1"}', b'{"jsonrpc":"2.0","id":2,"result":"0x2"}']
    rpc = Rpc(url)  # the speaker closes after each answer, and keeps quiet about it
    assert [rpc.chain_id(), rpc.chain_id()] == [1, 2]
    rpc.close()


def test_views_are_what_the_contract_says(consortium):
    client, members = consortium.client, consortium.members
    assert client.jobs() == 0
    assert client.round(1) is None
    job = consortium.open_job()
    round_ = RoundOnChain(consortium, job).open(2).commit(1)
    view = client.round(job)
    assert (view.round, view.epoch, view.since, view.phase, view.members, view.attempt) == (
        1,
        1,
        1,
        Phase.COLLECTING,
        4,
        0,
    )
    assert (view.committed, view.opened, view.participants, view.aggregators) == (1, 0, 4, 4)
    course = client.course(job)
    assert (course.opener, course.opener_index, course.finalised) == (members[2].address, 2, 0)
    assert client.strikes(job, 2) == 0
    assert client.commitment(job, members[1].address) == (commitment(round_.name, round_.openings[0]), 1)
    assert client.commitment(job, members[0].address) == (bytes(28), 0)
    assert client.model(job, 1) == bytes(32)
    membership = client.membership(members[3].address)
    assert (membership.index, membership.roles, membership.since, membership.roles_since) == (3, 3, 1, 1)
    assert client.membership("0x" + "12" * 20) is None


def test_every_view_agrees_with_web3(consortium):
    from web3 import Web3

    from ledger.chain.build import committed

    web3 = Web3(Web3.HTTPProvider(consortium.client.rpc.url))

    address = consortium.network.contracts.ledger.address
    contract = web3.eth.contract(address=address, abi=committed("ledger").abi)
    job = consortium.open_job()
    digest, terms, is_open = consortium.client.view("ledger", "jobOf", job)
    assert (digest, tuple(terms), is_open) == tuple(contract.functions.jobOf(job).call())
    assert tuple(consortium.client.view("ledger", "roundOf", job)[0]) == contract.functions.roundOf(job).call()


def test_a_view_that_reverts_is_rejected_by_name(consortium):
    with pytest.raises(Rejected) as caught:
        consortium.client.view("ledger", "jobOf", 99)
    assert dict(caught.value.facts) == {"error": "RoundLedger_UnknownJob", "job": 99}


@pytest.mark.parametrize("arguments", [(), (1, 2), (-1,), (1 << 32,), ("1",)])
def test_a_view_is_asked_by_its_types(consortium, arguments):
    with pytest.raises(UsageError):
        consortium.client.view("ledger", "jobOf", *arguments)


def test_an_answer_of_other_types_is_malformed():
    from ledger.chain.views import decode_view

    with pytest.raises(Malformed, match="more than 32 bits"):
        decode_view("ledger", "jobs", (1 << 32).to_bytes(32, "big"))
    with pytest.raises(Malformed):
        decode_view("ledger", "jobs", b"")


def test_the_clock_runs_though_no_block_is_sealed(consortium):
    client = consortium.client
    before = client.latest()
    client.rpc.call("evm_increaseTime", 100)
    assert client.time() >= before.time + 100
    assert client.latest().number == before.number


def test_reading_loads_no_encoder_and_no_keys(consortium):
    import subprocess
    import sys

    code = (
        "import sys; from pathlib import Path; from ledger.config import load_network;"
        "from ledger.chain.client import Client; from ledger.index import Follower, Index;"
        f"client = Client.connect(load_network(Path({str(consortium.members[0].home.network_file)!r})));"
        "assert len(Follower(client, Index(None)).refresh().members) == 4; client.jobs();"
        "assert not {'eth_abi', 'eth_account', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def speaker() -> Iterator[tuple[str, list[bytes | None], list[dict[str, str]]]]:
    """A server that sends what a test says, once per connection; None keeps it silent."""
    answers: list[bytes | None] = []
    headers: list[dict[str, str]] = []
    done = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            headers.append(dict(self.headers))
            answer = answers.pop(0)
            if answer is None:
                done.wait(60)
                answer = b""
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", answers, headers
    done.set()
    server.shutdown()
    thread.join()
    server.server_close()
