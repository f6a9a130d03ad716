"""The verifier as a stranger runs it: one file, any Python from 3.10, no socket, little memory, whatever the bundle."""

import ast
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from support.alone import FILE, alone
from support.bundles import Staged
from support.processes import closing
from support.worlds.signing import key

from ledger.bundle import verify_bundle
from ledger.bundle.check import BundleCheck, check_bundle
from ledger.bundle.entries import Keys, entries
from ledger.bundle.form import BundleScope, paged
from ledger.bundle.meanings import MEANINGS
from ledger.chain import rlp
from ledger.config import (
    Chain,
    Contract,
    Contracts,
    Founding,
    FoundingMember,
    Network,
    RoleWord,
    load_network,
    save,
)
from ledger.formats.artifact import Tensor
from ledger.formats.cid import raw
from ledger.store.car import frame, header


def pythons() -> Iterator[str]:
    """This interpreter, and the oldest and the newest of those that pyenv has, from 3.10 on."""
    yield sys.executable
    versions = Path.home() / ".pyenv" / "versions"
    known = {tuple(map(int, one.name.split(".")[:2])): one for one in versions.glob("3.*") if one.name.count(".") == 2}
    fit = sorted(version for version in known if (3, 10) <= version <= (3, 14))
    yield from (str(known[version] / "bin" / "python") for version in {*fit[:1], *fit[-1:]})


@pytest.fixture(scope="module")
def staged() -> Staged:
    return Staged(tensors=(Tensor("a", (3, 100_001)),)).honest_round()


@pytest.fixture(scope="module")
def good(staged: Staged, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return staged.write(tmp_path_factory.mktemp("good") / "good.car")


@pytest.mark.parametrize("python", list(pythons()))
def test_it_runs_alone_and_prints_the_same_bytes(python: str, good: Path) -> None:
    run = alone(good, "--json", python=python)
    assert (run.returncode, run.stderr) == (0, b"")
    assert run.stdout == check_bundle(good).encode()


def test_it_imports_the_standard_library_and_no_module_that_reaches_out() -> None:
    tree = ast.parse(FILE.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names
    assert not names & {"socket", "http", "urllib", "ssl", "asyncio", "subprocess", "pickle", "ctypes", "random"}


def test_people_see_the_scope_first_and_whom_to_compare(good: Path, staged: Staged) -> None:
    run = alone(good)
    lines = run.stdout.decode().splitlines()
    assert lines[0] == "VERIFIED  job 1, all rounds"
    assert all(any(key in line for line in lines) for key in staged.keys)
    assert "No network file was given" in run.stdout.decode()


def test_people_read_what_is_wrong_with_the_file_in_words(tmp_path: Path) -> None:
    """In those of the other readers."""
    assert all(MEANINGS[f"BUNDLE {code}"] == said for code, said in verify_bundle.FAULTS.items())
    bent = tmp_path / "bent.car"
    bent.write_bytes(b"no archive")
    _, whose, *_, fault = alone(bent).stdout.decode().splitlines()
    assert whose == "  bundle not read, chain not read, ledger not read"
    assert fault == "  BUNDLE CAR, The file is cut off, changed, or not a bundle: its block 0 is in no form"


def network_of(staged: Staged, **changes: object) -> Network:
    """The network file that the bundle of a staged consortium is of."""
    draft = staged.draft
    contracts = {name: Contract(address, "0x" + "00" * 32) for name, address in draft.addresses.items()}
    roles: tuple[RoleWord, ...] = ("participant", "aggregator", "scorer")
    members = tuple(FoundingMember(f"member [{place}]", one.key, roles) for place, one in enumerate(draft.founders))
    founding = Founding(draft.founding[0], "0x" + draft.founding[1].hex(), members)
    chain = Chain(draft.chain, "http://127.0.0.1:8545")
    network = Network("network/1", "four [chain]", chain, founding, Contracts(**contracts))
    return msgspec.structs.replace(network, **changes)


def test_a_bundle_of_the_network_is_compared_with_its_file(good: Path, staged: Staged, tmp_path: Path) -> None:
    save(tmp_path / "network.toml", network_of(staged))
    run = alone(good, "--network", tmp_path / "network.toml")
    assert (run.returncode, run.stderr) == (0, b"")
    assert b"No network file" not in run.stdout
    assert check_bundle(good, BundleCheck(load_network(tmp_path / "network.toml"))).verdict == "VERIFIED"


def test_other_founders_under_the_true_ledger_are_found(good: Path, staged: Staged, tmp_path: Path) -> None:
    network = network_of(staged)
    founding, chain = network.founding, network.chain
    members = (*founding.members[:-1], msgspec.structs.replace(founding.members[-1], key=key(9)))
    weaker = (*founding.members[:-1], msgspec.structs.replace(founding.members[-1], roles=("participant",)))
    contracts = msgspec.structs.replace(network.contracts, court=Contract(key(8), "0x" + "00" * 32))
    for changed in (
        {"founding": msgspec.structs.replace(founding, members=members)},
        {"founding": msgspec.structs.replace(founding, members=weaker)},
        {"founding": msgspec.structs.replace(founding, block=founding.block + 1)},
        {"founding": msgspec.structs.replace(founding, hash="0x" + "01" * 32)},
        {"chain": msgspec.structs.replace(chain, id=5)},
        {"contracts": contracts},
    ):
        other = network_of(staged, **changed)
        save(tmp_path / "network.toml", other)
        run = alone(good, "--json", "--network", tmp_path / "network.toml")
        assert (run.returncode, json.loads(run.stdout)["findings"][0]["code"]) == (3, "NETWORK")
        assert run.stdout == check_bundle(good, BundleCheck(other)).encode()


@pytest.mark.parametrize(
    "arguments", [(), ("/nowhere.car",), (str(FILE), "--network", str(FILE)), ("a", "--jobs", "2")]
)
def test_usage_is_exit_2(arguments: tuple[str, ...]) -> None:
    run = alone(*arguments)
    assert (run.returncode, run.stdout) == (2, b"")
    assert b"error" in run.stderr


@pytest.mark.parametrize("stream", [0, 1, 2])
def test_a_closed_stream_changes_no_exit_code(stream: int, good: Path, tmp_path: Path) -> None:
    (bent := tmp_path / "bent.car").write_bytes(good.read_bytes()[:-1])
    for file, code in ((good, 0), (bent, 3)):
        run = closing(stream, [sys.executable, "-I", FILE, file, "--json"])
        assert (run.returncode, run.stderr) == (code, b"")
        assert run.stdout == (b"" if stream == 1 else check_bundle(file).encode())


UNABLE = "import json, sys, runpy\n{}\nsys.argv = sys.argv[1:]\nrunpy.run_path(sys.argv[0], run_name='__main__')"


@pytest.mark.parametrize(
    ("code", "said", "word"),
    [
        ("sys.stdout = open('/dev/full', 'w')", b"No space left", "--json"),
        ("sys.stdout = open('/dev/full', 'w')", b"No space left", "--help"),
        ("def dumps(*_, **__): raise MemoryError\njson.dumps = dumps", b"MemoryError", "--json"),
    ],
)
def test_what_keeps_it_from_a_verdict_is_exit_2(code: str, said: bytes, word: str, good: Path) -> None:
    """Not 1, with which Python ends: that is REFUTED."""
    words = [sys.executable, "-I", "-c", UNABLE.format(code), FILE, good, word]
    run = subprocess.run([*map(str, words)], capture_output=True, check=False, timeout=240)
    assert (run.returncode, run.stdout) == (2, b"")
    assert said in run.stderr


def test_a_network_file_that_is_no_text_is_named(good: Path) -> None:
    run = alone(good, "--network", good)
    assert (run.returncode, run.stdout) == (2, b"")
    assert f"{good} is not a network file" in " ".join(run.stderr.decode().split())


def test_what_is_no_bundle_is_exit_3() -> None:
    run = alone(FILE, "--json")
    assert run.returncode == 3
    assert json.loads(run.stdout)["findings"][0]["code"] == "CAR"


def car(*blocks: bytes) -> bytes:
    return header(raw(blocks[0])) + b"".join(frame(raw(one), len(one)) + one for one in blocks)


def long_number(length: int) -> bytes:
    return b"\xbb" + (length << 20).to_bytes(4) + b"1"


HOSTILE = {
    "nothing": b"",
    "a header alone": header(raw(b"")),
    "a length that lies": header(raw(b"")) + b"\xff\xff\x7f" + bytes(100),
    "a length without an end": header(raw(b"")) + b"\x80" * 1000,
    "many empty lists": car(b"\xfa\x0f\xff\xfc" + b"\xc0" * 1_048_572),
    "deep lists": car(b"\xc1" * 1000 + b"\xc0"),
    "claims 4 GiB": car(b"\xfb\xff\xff\xff\xff"),
    "claims 2^64 bytes": car(b"\xff" * 9),
    "a long number": car(long_number(1)),
    "a text for the manifest": car(b'{"verdict":"VERIFIED"}'),
    "a manifest that states its verdict": car(rlp.encode([b"bundle/1", b"VERIFIED"])),
    "noise": random.Random(3).randbytes(100_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_costs_little(name: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.car"
    path.write_bytes(HOSTILE[name])
    run = alone(path, "--json")
    assert (run.returncode, run.stderr) == (3, b"")
    assert run.stdout == check_bundle(path).encode()


def hostile_pages(staged: Staged) -> dict[str, bytes]:
    manifest = staged.manifest()

    def with_page(page: bytes) -> bytes:
        return car(manifest._replace(keys=staged.written.manifest.keys, pages=(raw(page).digest,)).encode(), page)

    return {
        "a page of nothing": with_page(b"\xc0"),
        "a page of entries that are lists of lists": with_page(rlp.encode([[[b""], [b""], [b""], [b""], [b""]]] * 9)),
        "a page of gaps": with_page(rlp.encode([[b"\x0a", b"", b"\x01" * 32]] * 27_000)),
        "a page of tiny items": with_page(b"\xfa\x0f\xff\xfc" + b"\x01" * 1_048_572),
    }


@pytest.mark.usefixtures("good")
def test_a_hostile_page_costs_little(staged: Staged, tmp_path: Path) -> None:
    for name, data in hostile_pages(staged).items():
        path = tmp_path / "hostile.car"
        path.write_bytes(data)
        run = alone(path, "--json")
        assert (name, run.returncode in (3, 4), run.stderr) == (name, True, b"")
        assert run.stdout == check_bundle(path).encode(), name


def test_a_bundle_of_bad_signatures_costs_little(tmp_path: Path) -> None:
    """Halving looks for the first bad one alone: all of them bad is no slower than one."""
    staged = Staged(20)
    for _ in range(3):
        staged.honest_round()
    path = tmp_path / "bad.car"
    path.write_bytes(rewritten(staged))
    run = alone(path, "--json")
    found = json.loads(run.stdout)["findings"]
    assert (run.returncode, [(one["code"], one["value"]) for one in found]) == (3, [("SIGNATURE", 0)])
    assert run.stdout == check_bundle(path).encode()


def rewritten(staged: Staged) -> bytes:
    """The bundle with every signature's key exchanged for another's."""
    keys = Keys()
    made = list(entries(staged.mined, staged.manifest(BundleScope("evidence", 1)), keys))
    pages = list(paged(made))
    turned = (*keys.points[1:], keys.points[0])
    manifest = staged.manifest(BundleScope("evidence", 1))._replace(
        keys=turned, pages=tuple(raw(page).digest for page in pages)
    )
    return car(manifest.encode(), *pages)
