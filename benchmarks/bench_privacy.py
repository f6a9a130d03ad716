"""What masks cost: on an update, off a sum, and in the pass over a whole round, beside the open round's; and seals.

And what they are good for: the attacks of examples/privacy, each beside its control. CPU time, so that other processes
count for nothing; ratios are of runs in turn.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from time import process_time
from typing import Any

import measure
import numpy as np
from parts import seals

from ledger import kernel
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.cid import CHUNK, Cid
from ledger.formats.claims import RoundName
from ledger.formats.header import Binding
from ledger.formats.merkle import root_of
from ledger.jobs.document import Admission
from ledger.jobs.rules import WeightedMean
from ledger.kernel.pure import Ints
from ledger.masks.keys import Cast, point_of
from ledger.masks.secret import Secret
from ledger.masks.sharing import draw_secret
from ledger.masks.streams import words
from ledger.masks.sums import Masks, masked, masked_file, masking, unmasked, unmasking
from ledger.rounds.admission import UpdateReading
from ledger.rounds.inputs import Inputs
from ledger.rounds.masking.inputs import MaskedInputs, whole
from ledger.rounds.masking.reading import MaskedReading
from ledger.rounds.model import make_model
from ledger.rounds.rules.arithmetic import BLOCKS
from ledger.rounds.rules.weighted_mean import weighted_sum

MEMBERS, VALUES, TURNS = 10, measure.sized(1 << 21, 1 << 15), measure.sized(5, 1)
LIMITS = Admission(min_updates=2, max_weight=1000, max_value=1 << 20, max_norm=1 << 40)
DEMOS = measure.sized(3, 1)
BAND = 1 << 18
LARGE = measure.sized(10_000_000, 1 << 15)
"""Values of the update that the bound for a member is about."""
MEMORY = measure.sized(2_000_000, 20_000), measure.sized(20_000_000, 200_000)
"""Values of the updates whose pass's memory is compared."""


def cpu(work: Callable[[], object]) -> float:
    """Seconds of CPU that `work` takes, on all threads."""
    began = process_time()
    work()
    return process_time() - began


def in_turn(*works: Callable[[], object]) -> list[float]:
    """The median seconds of each work, run in turn."""
    times = [[cpu(work) for work in works] for _ in range(TURNS)]
    return [measure.median(column) for column in zip(*times, strict=True)]


class Group:
    """Ten members with their secrets of one round, and their updates in memory."""

    def __init__(self, members: int = MEMBERS, values: int = VALUES) -> None:
        self.keys = {member: draw_secret() for member in range(members)}
        self.seeds = {member: draw_secret() for member in range(members)}
        points = {member: point_of(key) for member, key in self.keys.items()}
        self.cast = Cast(RoundName(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3", 1, 1), points)
        random = np.random.default_rng(1)
        self.updates = [random.integers(-1000, 1000, values, "<i4") for _ in range(members)]
        self.weights = [100 + member for member in range(members)]

    def masks(self, member: int) -> Masks:
        return masking(self.cast, member, self.keys[member], self.seeds[member])

    def unmasks(self, dropped: int = 0) -> Masks:
        """What takes the masks off when the first `dropped` members brought nothing."""
        chosen = range(dropped, len(self.keys))
        seeds = {member: self.seeds[member] for member in chosen}
        return unmasking(self.cast, chosen, seeds, {member: self.keys[member] for member in range(dropped)})


def masking_rows(group: Group) -> list[measure.Row]:
    values, masks = np.ones(LARGE, "<i4"), group.masks(4)
    seconds = in_turn(lambda: masked(values, 7, masks, 0), lambda: stream(LARGE))
    each = seconds[0] / LARGE / MEMBERS * 1e9
    note = f"{MEMBERS} streams of {LARGE // 10**6} M words; the words alone {seconds[1] / LARGE * 1e9:.2f} ns"
    return [
        measure.row("mask, a value and peer", "≤ 6", each, "ns", each <= 6, note),
        measure.row("mask 10 M values, 10 members, CPU a member", "≤ 0.8", seconds[0], "s", seconds[0] <= 0.8),
    ]


def stream(count: int) -> None:
    """So many words of one stream, made and dropped."""
    for start in range(0, count, BAND):
        words(Secret(bytes(32)), start, min(BAND, count - start))


def sum_rows(group: Group) -> list[measure.Row]:
    """The sum in memory, band by band, without reading or hashing."""
    hidden = [masked(update, weight, group.masks(m), 0) for m, (update, weight) in enumerate(weighed(group))]
    masks = {dropped: group.unmasks(dropped) for dropped in (0, 2)}

    def plain() -> None:
        for start in range(0, VALUES, BAND):
            weighted_sum(group.weights, lambda k, at=start: group.updates[k][at : at + BAND])

    def unmask(dropped: int) -> None:
        for start in range(0, VALUES, BAND):
            total = hidden[dropped][start : start + BAND].copy()
            for more in hidden[dropped + 1 :]:
                np.add(total, more[start : start + BAND], out=total)
            unmasked(total, masks[dropped], start)

    open_sum, none, two = in_turn(plain, lambda: unmask(0), lambda: unmask(2))
    each = [f"{seconds / VALUES * 1e9:.1f} ns a value" for seconds in (open_sum, none, two)]
    note = f"{each[1]}, nearly all of it AES; the native sum {each[0]}"
    return [
        measure.row("unmask in memory, of the native plain sum", "", none / open_sum, "times", None, note),
        measure.row("… 2 of 10 dropped out", "", two / open_sum, "times", None, each[2]),
    ]


def weighed(group: Group) -> list[tuple[Ints, int]]:
    return list(zip(group.updates, group.weights, strict=True))


class Files:
    """Files in memory, whose blocks are hashed when they are read, as a store's are."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}

    def put(self, data: bytes) -> Cid:
        cid = Cid(0x55, len(self.data).to_bytes(32, "big"))
        self.data[str(cid)] = data
        return cid

    def fetch(self, cid: Cid, start: int, stop: int | None) -> Iterator[memoryview]:
        data = memoryview(self.data[str(cid)])
        end = len(data) if stop is None else min(stop, len(data))
        borders = [start, *range(start - start % CHUNK + CHUNK, end, CHUNK), end]
        for one, other in pairwise(borders):
            kernel.digests([data[one:other]])
            yield data[one:other]


def pass_rows(group: Group) -> list[measure.Row]:
    """The whole pass of aggregator, member and auditor: blocks, leaves, bounds, sum, division, model."""
    layout, files = Layout((Tensor("w", (VALUES,)),)), Files()
    about = {"chain": 31337, "contract": "0x5FbDB2315678afecb367f032d93F642f64180aa3", "job": 1, "round": 1}
    model = Binding(kind="model", base=bytes(32), **about)
    bound = {
        kind: Binding(kind=kind, party="0x" + "1" * 40, base=b"b", rows=1, data=bytes(32), **about)
        for kind in ("update", "masked")
    }
    base = files.put(layout.header(Binding(kind="initial")) + bytes(4 * VALUES))
    head, roots = layout.header(bound["update"]), [root_of(update.data) for update in group.updates]
    open_cids = [files.put(head + update.tobytes()) for update in group.updates]
    masked_files = [
        b"".join(masked_file(layout, bound["masked"], update, weight, group.masks(member)))
        for member, (update, weight) in enumerate(weighed(group))
    ]
    masked_cids = [files.put(file) for file in masked_files]
    masked_roots = [root_of(memoryview(file)[layout.masked.header_size :]) for file in masked_files]

    def open_round() -> None:
        inputs = Inputs(layout, WeightedMean(), base, open_cids, group.weights, files.fetch)
        readings = [
            UpdateReading(
                layout, bound["update"], root, LIMITS, lambda start, c=cid: files.fetch(c, start, None), BLOCKS
            )
            for cid, root in zip(open_cids, roots, strict=True)
        ]
        make_model(inputs, model, 1, None, [*readings, inputs.readers()[-1]])

    def masked_round(dropped: int) -> None:
        chosen = slice(dropped, None)
        weights, masks = group.weights[chosen], group.unmasks(dropped)
        parts = whole(masks, len(weights))
        inputs = MaskedInputs(layout, base, masked_cids[chosen], weights, files.fetch, parts, LIMITS)
        readers = [
            MaskedReading(
                layout, bound["masked"], root, LIMITS, lambda start, c=cid: files.fetch(c, start, None), BLOCKS
            )
            for cid, root in zip(inputs.updates, masked_roots[chosen], strict=True)
        ]
        make_model(inputs, model, 1, None, [*readers, inputs.readers()[-1]])

    plain, none, two = in_turn(open_round, lambda: masked_round(0), lambda: masked_round(2))
    ratio = none / plain
    note = f"{none / VALUES / MEMBERS * 1e9:.1f} ns a value and update, {plain / VALUES / MEMBERS * 1e9:.1f} open"
    return [
        measure.row("unmask in aggregator and audit, of an open round's pass", "≤ 3", ratio, "times", ratio <= 3, note),
        measure.row("… 2 of 10 dropped out", "", two / plain, "times", None),
    ]


def memory_rows() -> list[measure.Row]:
    """Memory of the masked pass, above the interpreter and what is imported: of 20 M values as of 2 M, in the median of
    three processes each.
    """
    small, large = (measure.median([measure.alone("bench_privacy", values) for _ in range(3)]) for values in MEMORY)
    grown = (large - small) / 1e6
    note = f"{large / 1e6:.0f} MB in all, interpreter included; each of 8 files is 144 MB larger, 2 of 10 dropped out"
    return [measure.row("masked pass of 20 M values, memory beyond 2 M", "≤ 8", grown, "MB", grown <= 8, note)]


def worker(values: int) -> int:
    """The most memory, in bytes, of a process that makes a model of masked updates of zeros, made as they are read."""
    group, layout = Group(values=1), Layout((Tensor("w", (values,)),))
    masks, head = [group.masks(member) for member in range(MEMBERS)], layout.masked.header_size

    def fetch(cid: Cid, start: int, stop: int | None) -> Iterator[memoryview]:
        member, end = cid.digest[0], stop or 0
        for at in range(start, end, CHUNK):
            size = min(CHUNK, end - at)
            if member == MEMBERS:
                yield memoryview(bytes(size))
            else:
                words_ = masked(np.zeros(size // 8, "<i4"), 1, masks[member], (at - head) // 8)
                yield words_.data.cast("B")

    *cids, base = (Cid(0x55, bytes([member] * 32)) for member in range(MEMBERS + 1))
    parts = whole(group.unmasks(2), MEMBERS - 2)
    inputs = MaskedInputs(layout, base, cids[2:], group.weights[2:], fetch, parts, LIMITS)
    for band in inputs.bands(2):
        band.model()
    assert inputs.surveys[0].largest == 0
    return measure.high_water()


def attack_rows() -> list[measure.Row]:
    """What examples/privacy reaches where it has a bar."""
    command = [sys.executable, measure.ROOT / "examples" / "privacy", "run", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout, done.stderr
    return [attack_row(row) for row in json.loads(done.stdout)["rows"] if row["bar"]]


def attack_row(row: dict[str, Any]) -> measure.Row:
    control = row["controls"][0]
    note = f"{control['name']} {control['value']:.3f}; {row['repeats']} repeats"
    what = f"{row['attack']}, {row['read']}"
    return measure.row(what, row["bar"], row["value"], row["measure"], row["held"], note)


def demo_rows() -> list[measure.Row]:
    """Ten rounds of the demo under masks as of the open one, whose scores are made beside them; runs alternate."""
    taken: dict[str, list[dict[str, float]]] = {"--masked": [], "": []}
    for _ in range(DEMOS):
        for option, seconds in taken.items():
            with tempfile.TemporaryDirectory(prefix="bench-privacy-") as folder:
                command = [measure.FEDLEDGER, "demo", "--folder", f"{folder}/demo", "--no-lies", "--no-live", "--json"]
                seconds.append(measure.result_of([*command, *filter(None, [option])])["seconds"])
    masked, plain = ([one["training rounds"] for one in taken[option]] for option in ("--masked", ""))
    ratio = measure.median(masked) / measure.median(plain)
    first = measure.median([one["before the first round"] for one in taken["--masked"]])
    note = f"{measure.median(masked):.1f} s ({measure.spread(masked, 1)}) of {measure.median(plain):.1f}"
    note += f"; keys and set-up before, once for 16 rounds: {first:.1f} s"
    return [measure.row("demo: ten rounds under masks, of ten open ones", "≤ 1.3", ratio, "times", ratio <= 1.3, note)]


def run() -> list[measure.Row]:
    group = Group()
    return [
        *masking_rows(group),
        *pass_rows(group),
        *sum_rows(group),
        *memory_rows(),
        *demo_rows(),
        *attack_rows(),
        *seals.run(),
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        print(worker(int(sys.argv[2])))
    else:
        sys.exit(measure.show(run()))
