"""What a released heart model takes to predict: a cold command on a fetched folder, and a server on this machine.

The model is that of four hospitals' tables (13 columns, of which a preparation makes 24 inputs, 16 hidden units, 2
classes), its integers drawn at random. Requests name the table's columns, words as words. At a steady rate, seconds
count from when a request was due, not from when it was sent: a server that falls behind is seen.

    python benchmarks/bench_serve.py --small
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import measure

sys.path.insert(0, str(measure.ROOT / "tests"))
sys.path.insert(0, str(measure.ROOT))

ROWS, RUNS = 1_000, 7
SECONDS, RATE, CONNECTIONS, BATCH = 15.0, 500, 16, 32
COLD, PREDICTIONS, TAIL = 1.0, 2_000, 20.0


def table(rows: int) -> list[dict[str, str]]:
    """Patients that are nobody: a value within each column's range, a word of its vocabulary."""
    import random

    from support.predicted import HEART

    from ledger.jobs.preparation import Number

    draw = random.Random(1)
    found = []
    for _ in range(rows):
        row = {}
        for one in HEART.inputs:
            number = isinstance(one, Number)
            row[one.column] = (
                f"{draw.uniform(float(one.low), float(one.high)):.1f}" if number else draw.choice(one.vocabulary)
            )
        found.append(row)
    return found


def request(host: str, rows: Sequence[dict[str, str]]) -> bytes:
    """A request with these rows, as it goes over the wire."""
    from support.predicted import HEART

    from ledger.jobs.preparation import Number

    inputs = []
    for one in HEART.inputs:
        number = isinstance(one, Number)
        data = [float(row[one.column]) if number else row[one.column] for row in rows]
        inputs.append(
            {"name": one.column, "shape": [len(rows)], "datatype": "FP64" if number else "BYTES", "data": data}
        )
    body = json.dumps({"inputs": inputs}).encode()
    head = f"POST /v2/models/cardio/infer HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Client:
    """A connection that is kept."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, host: str) -> "Client":
        name, _, port = host.rpartition(":")
        return cls(*await asyncio.open_connection(name, int(port)))

    async def ask(self, data: bytes) -> None:
        self._writer.write(data)
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = next(
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        )
        await self._reader.readexactly(length)

    def close(self) -> None:
        self._writer.close()


async def full(host: str, data: bytes, seconds: float) -> float:
    """Requests a second that so many connections get answered, each asking again at once."""
    clients = [await Client.open(host) for _ in range(CONNECTIONS)]
    end, count = time.perf_counter() + seconds, 0

    async def one(client: Client) -> None:
        nonlocal count
        while time.perf_counter() < end:
            await client.ask(data)
            count += 1

    began = time.perf_counter()
    await asyncio.gather(*map(one, clients))
    for client in clients:
        client.close()
    return count / (time.perf_counter() - began)


async def steady(host: str, data: bytes, seconds: float, rate: int) -> list[float]:
    """Milliseconds of each of `rate` requests a second, from when it was due."""
    free: asyncio.Queue[Client] = asyncio.Queue()
    for _ in range(4 * CONNECTIONS):
        free.put_nowait(await Client.open(host))
    taken: list[float] = []

    async def one(due: float) -> None:
        client = await free.get()
        await client.ask(data)
        taken.append(1e3 * (time.perf_counter() - due))
        free.put_nowait(client)

    began, waiting = time.perf_counter() + 0.1, []
    for number in range(int(seconds * rate)):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        waiting.append(asyncio.create_task(one(due)))
    await asyncio.gather(*waiting)
    while not free.empty():
        free.get_nowait().close()
    return sorted(taken)


@contextmanager
def server(folder: Path, home: Path) -> Iterator[str]:
    """Where `fedledger serve` is; ended by its own id."""
    words = ["serve", str(folder), "--offline", "--port", "0", "--home", str(home), "--json"]
    process = subprocess.Popen([str(measure.FEDLEDGER), *words], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"].removeprefix("http://")
    finally:
        process.terminate()
        process.wait(20)


def cold(folder: Path, work: Path, rows: int) -> list[float]:
    """Seconds of a whole `fedledger predict`, its interpreter included."""
    data = work / "new.csv"
    lines = table(rows)
    data.write_text("\n".join([",".join(lines[0]), *(",".join(row.values()) for row in lines)]) + "\n")
    words = ["predict", str(folder), "--data", str(data), "--output", str(work / "out.csv"), "--offline"]
    command = [str(measure.FEDLEDGER), *words]
    return [
        measure.timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
        for _ in range(measure.sized(RUNS, 1))
    ]


def run() -> list[measure.Row]:
    from support import predicted

    seconds, rows = measure.sized(int(SECONDS), 1), table(BATCH)
    with tempfile.TemporaryDirectory(prefix="bench-serve-") as made:
        work = Path(made)
        folder = predicted.folder_of(work / "cardio-1.0", predicted.released(predicted.heart_job()))
        times = cold(folder, work, ROWS)
        with server(folder, work / "home") as host:
            one, many = request(host, rows[:1]), request(host, rows)
            asyncio.run(full(host, one, 1.0))
            alone = asyncio.run(full(host, one, seconds))
            batched = BATCH * asyncio.run(full(host, many, seconds))
            taken = asyncio.run(steady(host, one, seconds, RATE))
    return list(_rows(times, alone, batched, taken))


def _rows(times: list[float], alone: float, batched: float, taken: list[float]) -> Iterator[measure.Row]:
    middle, tail = measure.median(times), taken[int(0.99 * len(taken))]
    size, kept = f"{ROWS:,} rows of a fetched heart model", f"{CONNECTIONS} connections, server and clients here"
    spread: Any = measure.spread(times)
    yield measure.row(f"predict, cold: {size}", f"≤ {COLD:g} s", middle, "s", middle <= COLD, spread)
    held = batched >= PREDICTIONS
    yield measure.row(f"serve: rows in batches of {BATCH}", f"≥ {PREDICTIONS:,}", batched, "predictions/s", held, kept)
    held = alone >= PREDICTIONS
    yield measure.row("serve: … one row a request", f"≥ {PREDICTIONS:,}", alone, "predictions/s", held, kept)
    how = f"median {measure.median(taken):.1f} ms, from when due, one row a request"
    yield measure.row(f"serve: 99 of 100 answers at {RATE} a second", f"< {TAIL:g} ms", tail, "ms", tail < TAIL, how)


if __name__ == "__main__":
    measure.show(run())
