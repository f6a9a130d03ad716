"""A local chain and consortia on it, for every test that needs the real contracts.

`anvil` is one chain for the whole run, `fresh_anvil` one for the test alone. `consortium` is a new deployment with
four members on `anvil`; `found` makes more, of any size. Every member has a home with network file and light keystore.

Property tests are the same on every run, and have all the time; `HYPOTHESIS_PROFILE=thorough` looks further.
"""

import gc
import os
import resource
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from support.consortia.statements import MODEL_TERMS
from support.order import LONGEST, in_order, listed
from support.passphrases import write_passphrase

from ledger.config import Chain, Home, Network, save
from ledger.events.records import Role

PASSPHRASE = "correct horse"
KEYS = 8
DESCRIPTORS = 100
_ALWAYS = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", _ALWAYS, max_examples=40, derandomize=True)
settings.register_profile("thorough", _ALWAYS, max_examples=1500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
BOTH = Role.PARTICIPANT | Role.AGGREGATOR
gc.disable()  # until all is collected: a third of the time of collecting went into looking for garbage


@dataclass
class Member:
    """A member: its home (network file, keystore, passphrase file) and its unlocked key."""

    name: str
    home: Home
    signer: Any
    passphrase_file: Path

    @property
    def address(self) -> str:
        return self.signer.address


@dataclass
class Consortium:
    """A deployed consortium, a client that looks at it, and its members."""

    network: Network
    client: Any
    members: list[Member]
    senders: dict[int, Any] = field(default_factory=dict)

    def sender(self, index: int) -> Any:
        """The sender of a member, made once, with the outbox in its home."""
        from ledger.chain.sender import Sender

        if index not in self.senders:
            member = self.members[index]
            self.senders[index] = Sender(self.client, member.signer, member.home.outbox, timeout=60)
        return self.senders[index]

    def send(self, index: int, contract: str, function: str, *arguments: Any) -> Any:
        """Send as a member; returns the receipt."""
        return self.sender(index).send(contract, function, *arguments)

    def open_job(
        self,
        terms: Sequence[int] = (3, 600, 600, 600, 600, 2),
        digest: bytes = b"\x11" * 32,
        model: Sequence[Any] = MODEL_TERMS,
    ) -> int:
        """Propose a job, without scores where `terms` end early, and approve it by a majority; returns its number."""
        self.send(0, "ledger", "proposeJob", digest, (*terms, 0, 0, 0, 0)[:10], tuple(model))
        job = self.client.jobs()
        for index in range(1, len(self.members) // 2 + 1):
            self.send(index, "ledger", "approveJob", job, digest)
        return int(job)

    def pass_time(self, seconds: int) -> None:
        """Move the chain's clock on, and seal a block with it."""
        self.client.rpc.call("evm_increaseTime", seconds)
        self.client.rpc.call("evm_mine")


Found = Callable[..., Consortium]


def pytest_collection_finish() -> None:
    """A million objects of what was collected live to the end: no garbage collection need go through them."""
    gc.enable()
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of tests that take long begin first."""
    items[:] = in_order(items, listed(LONGEST.read_text(encoding="utf-8")))


@pytest.fixture(scope="session", autouse=True)
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the processes that tests start inherit, however this run was started. And a hundred open files, as where
    hundreds of tests went before: what a test counts is its own, and no number of a file is low.
    """
    os.environ["FEDLEDGER_BACKBONES"] = str(tmp_path_factory.mktemp("backbones"))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    os.umask(0o022)
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(DESCRIPTORS)]
    yield
    for number in held:
        os.close(number)


@pytest.fixture(scope="session", autouse=True)
def no_joining_by_garbage_collection() -> Iterator[None]:
    """A pool whose threads are waited for while garbage is collected fails the test: that may be in the midst of a
    thread's start, which holds the lock that each thread's end takes, and then nothing ever goes on.
    """
    collecting, shutdown = threading.local(), ThreadPoolExecutor.shutdown

    def note(phase: str, _info: dict[str, int]) -> None:
        collecting.now = phase == "start"

    def watched(pool: ThreadPoolExecutor, wait: bool = True, *, cancel_futures: bool = False) -> None:
        shutdown(pool, wait, cancel_futures=cancel_futures)
        if wait and getattr(collecting, "now", False):
            raise RuntimeError("a pool was given up to the garbage collector, which waited for its threads")

    gc.callbacks.append(note)
    with patch.object(ThreadPoolExecutor, "shutdown", watched):
        yield
    gc.callbacks.remove(note)


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_disks() -> Iterator[None]:
    """No test can tell what reached the disk: processes are killed here, not machines."""
    with patch("os.fsync", lambda _file: None):
        yield


@pytest.fixture
def descriptors() -> Iterator[None]:
    """As many as the system allows, where a thousand clients are in this process, too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="session")
def anvil() -> Iterator[Any]:
    """One local chain for the whole run."""
    yield from _chain()


@pytest.fixture
def fresh_anvil() -> Iterator[Any]:
    """A local chain for this test alone."""
    yield from _chain()


def _chain() -> Iterator[Any]:
    from demo.anvil import Anvil, find_binary
    from ledger.errors import UsageError

    try:
        find_binary()
    except UsageError as error:
        pytest.skip(str(error))
    with Anvil.start() as node:
        yield node


@pytest.fixture(scope="session")
def keystores(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, Any]]:
    """Light key files, made once, and their signers."""
    from ledger.keys import create

    folder = tmp_path_factory.mktemp("keystores")
    paths = [folder / f"{number}.json" for number in range(KEYS)]
    return [(path, create(path, PASSPHRASE, light=True)) for path in paths]


@pytest.fixture
def found(anvil: Any, keystores: list[tuple[Path, Any]], tmp_path: Path) -> Iterator[Found]:
    """Makes consortia: `found(members=4, roles=…, url=…)`; the first eight members' keys are the same each time."""
    from ledger.chain.client import Client
    from ledger.chain.consortium_file import Founder
    from ledger.chain.deploy import deploy
    from ledger.keys import create, ephemeral

    made: list[Consortium] = []

    def make(members: int = 4, roles: Role | Sequence[Role] = BOTH, url: str | None = None) -> Consortium:
        root = tmp_path / f"consortium{len(made)}"
        everyone = []
        for number in range(members):
            home = Home(root / f"member{number}")
            home.folder.mkdir(parents=True, mode=0o700)
            if number < KEYS:
                path, signer = keystores[number]
                shutil.copy(path, home.keystore)
            else:
                signer = create(home.keystore, PASSPHRASE, light=True)
            passphrase_file = write_passphrase(home.folder / "passphrase", PASSPHRASE)
            everyone.append(Member(f"member {number}", home, signer, passphrase_file))
        given = [roles] * members if isinstance(roles, Role) else list(roles)
        founders = [Founder(m.name, m.address, role) for m, role in zip(everyone, given, strict=True)]
        network = deploy(Chain(id=31337, rpc=url or anvil.url), ephemeral(), "test", founders, root / "deployer")
        for member in everyone:
            save(member.home.network_file, network)
        made.append(Consortium(network, Client.connect(network), everyone))
        return made[-1]

    yield make
    for consortium in made:
        consortium.client.close()


@pytest.fixture
def consortium(found: Found) -> Consortium:
    """A new consortium of four members, each participant and aggregator."""
    return found()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for all tests of a process: Playwright cannot be started twice in one."""
    from support.web.browsing import chromium

    with chromium() as made:
        yield made
