"""Five members on hosts of their own, of which three cannot be dialled: one behind a proxy, one on a link that drops.

Needs Linux namespaces that a user may make, and `ip`; skips, saying why, where there are none.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
ENTER = ["unshare", "--net", "--map-root-user"]
PROBE = "ip link add probe type veth peer name other && ip link add bridge0 type bridge && unshare --net true"


@pytest.fixture
def outside() -> Iterator["Outside"]:
    """The network between the sites; a namespace of its own, in which all that follows is made."""
    for tool in ("unshare", "nsenter", "ip"):
        if shutil.which(tool) is None:
            pytest.skip(f"there is no {tool} here")
    done = subprocess.run([*ENTER, "sh", "-c", PROBE], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"namespaces are not allowed here: {done.stderr.strip()[:200]}")
    with ExitStack() as stack:
        yield Outside(stack)


class Outside:
    """A namespace with a bridge, and the hosts on it or behind a router of theirs."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.root = self._start([*ENTER, "sh", "-c", "echo ready; read end"])
        self._run("ip link set lo up")
        self._run("ip link add br0 type bridge")
        self._run("ip addr add 10.77.0.254/24 dev br0")
        self._run("ip link set br0 up")

    def host(self, *role: object, **environment: str) -> "Host":
        """A process in a namespace of its own, which waits for its links before it begins."""
        enter = ["nsenter", "-t", str(self.root.pid), "-U", "-n", "--preserve-credentials", "unshare", "--net"]
        command = 'ip link set lo up; echo ready; read begin; exec "$0" -m support.consortia.sites "$@"'
        words = [sys.executable, *map(str, role)]
        return Host(self, self._start([*enter, "sh", "-c", command, *words], **environment))

    def link(self, host: "Host", address: str, name: str) -> None:
        """A cable from a host to the bridge."""
        self._run(f"ip link add {name} type veth peer name {name}x")
        self._run(f"ip link set {name}x netns {host.process.pid}")
        self._run(f"ip link set {name} master br0")
        self._run(f"ip link set {name} up")
        host.run(f"ip addr add {address} dev {name}x")
        host.run(f"ip link set {name}x up")

    def cable(self, one: "Host", other: "Host", name: str, addresses: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
        """A cable between two hosts that is on no bridge."""
        self._run(f"ip link add {name} type veth peer name {name}x")
        for host, end, own in ((one, name, addresses[0]), (other, f"{name}x", addresses[1])):
            self._run(f"ip link set {end} netns {host.process.pid}")
            for address in own:
                host.run(f"ip addr add {address} dev {end}")
            host.run(f"ip link set {end} up")

    def _run(self, command: str) -> None:
        run(self.root, command)

    def _start(self, command: list[str], **environment: str) -> "subprocess.Popen[str]":
        clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**clean, "PYTHONPATH": str(TESTS), **environment},
        )
        self._stack.callback(end, process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process


class Host:
    """A process on its own host."""

    def __init__(self, outside: Outside, process: "subprocess.Popen[str]") -> None:
        self.outside, self.process = outside, process

    def run(self, command: str) -> None:
        """A command on this host."""
        run(self.process, command)

    def begin(self) -> None:
        """Let its work begin, and wait until it is ready."""
        assert self.process.stdin is not None
        self.process.stdin.write("begin\n")
        self.process.stdin.flush()
        assert self.hear() == "ready\n"

    def hear(self) -> str:
        """The next line that it says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()


def run(process: "subprocess.Popen[str]", command: str) -> None:
    enter = ["nsenter", "-t", str(process.pid), "-U", "-n", "--preserve-credentials"]
    subprocess.run([*enter, *command.split()], check=True)


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait(60)
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def dialled(outside: Outside, address: str) -> bool:
    """Whether a connection from outside reaches a host at all: refused is reached."""
    code = f"import socket; socket.create_connection(('{address}', 9), timeout=1)"
    enter = ["nsenter", "-t", str(outside.root.pid), "-U", "-n", "--preserve-credentials", sys.executable, "-c", code]
    return b"refused" in subprocess.run(enter, capture_output=True).stderr


def behind_a_router(outside: Outside, index: int, folder: Path, pause: float) -> tuple[Host, Host]:
    """A member in a site of its own, and the site's router, which is slow."""
    member = outside.host("member", index, folder / str(index))
    router = outside.host("router", outside.root.pid, pause)
    serving = ("10.77.0.1/24", "10.77.0.2/24")
    outside.cable(router, member, f"site{index}", (serving, (f"10.77.0.{index + 1}/24",)))
    router.begin()
    return member, router


def test_three_of_five_members_cannot_be_dialled(outside: Outside, tmp_path: Path) -> None:
    serving = [outside.host("member", index, tmp_path / str(index)) for index in (0, 1)]
    for index, host in enumerate(serving):
        outside.link(host, f"10.77.0.{index + 1}/24", f"north{index}")
        host.begin()
    south, _ = behind_a_router(outside, 2, tmp_path, pause=0.0)
    west, _ = behind_a_router(outside, 3, tmp_path, pause=0.1)
    centre = outside.host("member", 4, tmp_path / "4", http_proxy="http://10.78.0.254:3128")
    proxy = outside.host("proxy", outside.root.pid)
    outside.cable(proxy, centre, "site4", (("10.78.0.254/24",), ("10.78.0.2/24",)))
    proxy.begin()
    for host in (south, centre, west):
        host.begin()
    drop(west, tmp_path / "0" / "arrivals")
    assert [dialled(outside, f"10.77.0.{index + 1}") for index in range(4)] == [True, True, False, False]
    said = [json.loads(host.hear()) for host in (*serving, south, west, centre)]
    assert all({2, 3, 4} <= set(one["certified"]) for one in said)
    assert [one["pushed"] for one in said[2:]] == [["member 0", "member 1"]] * 3
    assert [one["held"] for one in said[:2]] == [[0, 2, 3, 4], [1, 2, 3, 4]]


def drop(member: Host, arrivals: Path) -> None:
    """Pull the cable of a member while its update is under way, and plug it in again."""

    def under_way() -> list[Path]:
        return [path for path in arrivals.glob("*/b*") if path.suffix != ".part"]

    end_ = time.monotonic() + 60
    while not len(under_way()) >= 2:
        assert time.monotonic() < end_
        time.sleep(0.02)
    member.run("ip link set site3x down")
    time.sleep(1)
    member.run("ip link set site3x up")
