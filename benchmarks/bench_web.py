"""The pages at 200 requests a second over a ledger of 10,000 rounds with ten updates each, every model measured.

Server and reader are processes of their own. Requests leave at fixed times, and each is timed from the moment it was
due: a response that keeps the next ones waiting counts against all of them.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from itertools import cycle, islice
from pathlib import Path

import measure

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
    ]


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
    import aiohttp

    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(url, connector=connector, timeout=timeout) as client:

        async def one(path: str, due: float) -> float:
            await asyncio.sleep(due - time.perf_counter())
            async with client.get(path, raise_for_status=True) as answer:
                await answer.read()
            return time.perf_counter() - due

        paths = list(islice(cycle(LIST_AND_SHOW), RATE * SECONDS))
        for path in LIST_AND_SHOW:
            await one(path.format(round=1), time.perf_counter())
        start = time.perf_counter() + 0.1
        asked = [one(p.format(round=1 + 37 * n % ROUNDS), start + n / RATE) for n, p in enumerate(paths)]
        pages = await asyncio.gather(*asked)
        rounds = [ROUNDS - 97 * number for number in range(TRACES)]
        traces = [await one(TRACE.format(round=number), time.perf_counter()) for number in rounds]
    return list(pages), traces


def serve(port: int) -> None:
    """The pages over a ledger in memory, until the process is ended."""
    import uvicorn
    from governed import view

    from web.app import create_app

    app = create_app(view(ROUNDS, UPDATES), quiet=True)
    listening = socket.create_server(("127.0.0.1", port), backlog=512)
    os.write(1, b"ready\n")
    config = uvicorn.Config(app, access_log=False, log_level="warning", timeout_keep_alive=60)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        if sys.argv[2] == "read":
            print(json.dumps(read()))
        else:
            serve(int(sys.argv[3]))
    else:
        measure.show(run())
