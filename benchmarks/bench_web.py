"""The pages at 200 requests a second: over a ledger of 10,000 rounds with ten updates each, and the product's.

The second is `fedledger web run` on a real chain of 10 members, 50 rounds and five measured releases, which audits in
the background. Each kind of page is asked for alone, too: what it costs the server in CPU, made again and kept. Server
and reader are processes of their own. Requests leave at fixed times, and each is timed from the moment it was due: a
response that keeps the next ones waiting counts against all of them.

`python benchmarks/bench_web.py product` prints the second part alone, kind by kind.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import measure
from parts import recomputed

if TYPE_CHECKING:
    from aiohttp import ClientSession

ROUNDS, UPDATES = 10_000, 10
RATE, SECONDS, RUNS, TRACES = 200, 15, 3, 100
LIST_AND_SHOW = (
    "/",
    "/consortium.json",
    "/members",
    "/jobs",
    "/jobs/1",
    "/jobs/1.json",
    "/jobs/1/rounds",
    "/jobs/1/rounds.json?before=5000&limit=50",
    "/jobs/1/rounds/{round}",
    "/jobs/1/rounds/{round}.json",
    "/jobs/1/models",
    "/jobs/1/models.json?before=7000",
    "/proposals",
    "/proposals/3.json",
    "/activity",
    "/activity.json?member=3",
    f"/search.json?q={180_000:064x}",
    "/releases",
    "/releases/model-1/1.0.0.json",
)
TRACE = "/jobs/1/models/{round}.json"
PRODUCT_ROUNDS, MEMBERS = 50, 10
KINDS = (
    "/",
    "/consortium.json",
    "/members",
    "/members/{member}",
    "/jobs",
    "/jobs/1",
    "/jobs/1.json",
    "/jobs/1/rounds",
    "/jobs/1/rounds/{round}",
    "/jobs/1/rounds/{round}.json",
    "/jobs/1/models",
    "/jobs/1/models/{round}",
    "/jobs/1/models/{round}.json",
    "/jobs/1/weights",
    "/jobs/1/weights/figures.csv",
    "/proposals",
    "/proposals/{release}",
    "/releases",
    "/releases/cardio/1.{release}",
    "/releases/cardio/1.{release}.json",
    "/releases/cardio/1.{release}/figures.svg",
    "/compare?a=1/{round}&b=1/1",
    "/activity",
    "/activity.json?member={member}",
    "/audit",
)
"""Of rounds, releases and members, each in turn: a page of its own."""
SETTLE = 300.0
"""Seconds within which the first audit begins and ends."""


def run() -> list[measure.Row]:
    runs = [measure.alone("bench_web", "read") for _ in range(RUNS)]
    pages = measure.median([one["pages"] for one in runs])
    traces = measure.median([one["traces"] for one in runs])
    middle = measure.median([one["middle"] for one in runs])
    served = f"{ROUNDS:,} rounds, {ROUNDS * UPDATES:,} updates; {RUNS} runs of {SECONDS} s; half within {middle:.1f} ms"
    return [
        measure.row(
            f"list and show pages at {RATE} requests/s, slowest of 100",
            "< 50",
            pages,
            "ms",
            pages < 50,
            f"{measure.spread([one['pages'] for one in runs], 1)}; {served}",
        ),
        measure.row(
            f"trace of a model, ledger of {ROUNDS * UPDATES:,} updates, slowest of {TRACES}",
            "< 100",
            traces,
            "ms",
            traces < 100,
            measure.spread([one["traces"] for one in runs], 1),
        ),
        measure.row("… memory of the server", "", measure.median([one["memory"] for one in runs]), "MB", None),
        *_product_rows(measure.alone("bench_web", "product")),
        *recomputed.rows(),
    ]


def _product_rows(found: dict[str, Any]) -> list[measure.Row]:
    slowest = max(found["kinds"], key=lambda kind: found["kinds"][kind][0])
    new, kept = found["kinds"][slowest]
    return [
        measure.row(
            f"the product's process: every kind of page at {RATE} requests/s, slowest of 100",
            "< 50",
            found["pages"],
            "ms",
            found["pages"] < 50,
            f"{MEMBERS} members, {PRODUCT_ROUNDS} rounds, audits; half within {found['middle']:.1f} ms",
        ),
        measure.row(
            "… CPU of the page that costs most, made again", "", new, "ms", None, f"{slowest}; kept {kept:.1f} ms"
        ),
        measure.row("… memory of the process", "", found["memory"], "MB", None),
    ]


def product() -> dict[str, Any]:
    """All kinds of pages together at the rate, then each alone: milliseconds of the server's CPU, first and again."""
    from scenes.product import pages

    with pages(PRODUCT_ROUNDS, MEMBERS) as (url, process):
        asyncio.run(_until_audited(url))
        taken = sorted(asyncio.run(_at_rate(url, list(map(_filled, range(RATE * SECONDS))))))
        kinds = {kind: asyncio.run(_cost(url, process, kind)) for kind in KINDS}
        memory = measure.high_water(str(process)) / 1e6
    pages_, middle = 1e3 * taken[int(len(taken) * 0.99)], 1e3 * measure.median(taken)
    return {"pages": pages_, "middle": middle, "kinds": kinds, "memory": memory}


def _filled(number: int, kind: str = "") -> str:
    """The address of the request of that number."""
    kind, turn = kind or KINDS[number % len(KINDS)], number // (1 if kind else len(KINDS))
    return kind.format(round=1 + 7 * turn % PRODUCT_ROUNDS, release=1 + turn % 5, member=turn % MEMBERS)


async def _until_audited(url: str) -> None:
    async with _client(url) as client:
        until = time.monotonic() + SETTLE
        while time.monotonic() < until:
            async with client.get("/audit.json") as answer:
                if answer.status == 200 and (await answer.json())["audit"]:
                    return
            await asyncio.sleep(0.5)
    raise RuntimeError("the server has made no audit")


async def _cost(url: str, process: int, kind: str) -> tuple[float, float]:
    """Milliseconds of CPU of a request that is the first of its address, and of one that is not."""
    fresh = [f"{path}{'&' if '?' in path else '?'}q={turn}" for turn in range(20) for path in [_filled(0, kind)]]
    costs = []
    async with _client(url) as client:
        for paths in (fresh, fresh * 10):
            before = _cpu(process)
            for path in paths:
                async with client.get(path, raise_for_status=True) as answer:
                    await answer.read()
            costs.append(1e3 * (_cpu(process) - before) / len(paths))
    return costs[0], costs[1]


def _cpu(process: int) -> float:
    """Seconds of CPU that a process and its threads have taken."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read() -> dict[str, float]:
    """One run: start the server, send the requests, end it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(Path(__file__)), "--worker", "serve", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sys.stderr)
    try:
        assert server.stdout is not None and server.stdout.readline() == b"ready\n", "the server does not come up"
        pages, traces = asyncio.run(_ask(f"http://127.0.0.1:{port}"))
        memory = measure.high_water(str(server.pid)) / 1e6
    finally:
        server.terminate()
        server.wait(10)
    pages.sort()
    return {
        "pages": 1e3 * pages[int(len(pages) * 0.99)],
        "middle": 1e3 * measure.median(pages),
        "traces": 1e3 * max(traces),
        "memory": memory,
    }


async def _ask(url: str) -> tuple[list[float], list[float]]:
    """Seconds of each page and of each trace. Raises if a response is an error."""
    paths = islice(cycle(LIST_AND_SHOW), RATE * SECONDS)
    pages = await _at_rate(url, [path.format(round=1 + 37 * n % ROUNDS) for n, path in enumerate(paths)])
    rounds = [ROUNDS - 97 * number for number in range(TRACES)]
    async with _client(url) as client:
        traces = [await _one(client, TRACE.format(round=number), time.perf_counter()) for number in rounds]
    return pages, traces


async def _at_rate(url: str, paths: Sequence[str]) -> list[float]:
    """Seconds of each request, from when it was due, after the server has answered some of them."""
    async with _client(url) as client:
        for path in paths[:40]:
            await _one(client, path, time.perf_counter())
        start = time.perf_counter() + 0.1
        return await asyncio.gather(*(_one(client, path, start + n / RATE) for n, path in enumerate(paths)))


async def _one(client: "ClientSession", path: str, due: float) -> float:
    await asyncio.sleep(due - time.perf_counter())
    async with client.get(path, raise_for_status=True) as answer:
        await answer.read()
    return time.perf_counter() - due


def _client(url: str) -> "ClientSession":
    import aiohttp

    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=20)
    return aiohttp.ClientSession(url, connector=connector, timeout=timeout)


def serve(port: int) -> None:
    """The pages over a ledger in memory, until the process is ended."""
    import uvicorn
    from scenes.governed import view

    from web.app import create_app

    app = create_app(view(ROUNDS, UPDATES), quiet=True)
    listening = socket.create_server(("127.0.0.1", port), backlog=512)
    os.write(1, b"ready\n")
    config = uvicorn.Config(app, access_log=False, log_level="warning", timeout_keep_alive=60)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        if sys.argv[2] == "serve":
            serve(int(sys.argv[3]))
        else:
            print(json.dumps({"read": read, "product": product}[sys.argv[2]]()))
    elif sys.argv[1:2] == ["product"]:
        found = product()
        for kind, (new, kept) in found["kinds"].items():
            print(f"{kind:45} {new:8.1f} ms {kept:8.1f} ms")
        measure.show(_product_rows(found))
    else:
        measure.show(run())
