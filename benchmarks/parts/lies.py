"""All lies of the generator (tests/support/lies), and honest rounds by the thousand: none may break a property.

`python benchmarks/parts/lies.py [ROUNDS]` prints counts and seconds of CPU; it ends with 1 where a property does not
hold.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random

import msgspec

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from support.lies import base, fields, structure
from support.lies.classes import MEMBERS
from support.lies.masked import masked_truth
from support.lies.parties import PARTIES
from support.lies.served import serve
from support.lies.servers import SERVERS
from support.lies.told import Told, Violation, judge

SEEDS = 5
ROUNDS = 10_000
ROUNDS_IN_A_HISTORY = 20

Lie = tuple[str, Callable[[], Told | None]]


def classes() -> Iterator[Lie]:
    """Each named class from each seed."""
    for name, tell in (MEMBERS | PARTIES | SERVERS).items():
        for seed in range(SEEDS):
            yield f"{name}, seed {seed}", lambda tell=tell, seed=seed: tell(Random(seed))  # type: ignore[misc]


def singles() -> Iterator[Lie]:
    """Each field of each event, changed alone."""
    truth = serve(base.honest())
    for mutation in fields.mutations(truth.events):
        yield str(mutation), lambda mutation=mutation: fields.told(truth, mutation)  # type: ignore[misc]


def shapes() -> Iterator[Lie]:
    """Each change of the sequence of events."""
    for shape in structure.shapes(serve(base.honest())):
        yield shape.name, shape.make


def masked() -> Iterator[Lie]:
    """The same two, of the history of a masked job."""
    truth = masked_truth()
    for mutation in fields.mutations(truth.events):
        yield str(mutation), lambda mutation=mutation: fields.told(truth, mutation)  # type: ignore[misc]
    for shape in structure.sequences(truth):
        yield shape.name, shape.make


def honest(rounds: int) -> Iterator[Lie]:
    """Histories of honest rounds, each with values of its own: nobody may be said to lie."""
    terms = msgspec.structs.replace(base.TERMS, rounds=ROUNDS_IN_A_HISTORY)
    for seed in range(rounds // ROUNDS_IN_A_HISTORY):
        yield f"honest rounds, seed {seed}", lambda seed=seed: _of_honest(seed, terms)  # type: ignore[misc]


def _of_honest(seed: int, terms: base.r.Terms) -> Told:
    random, world = Random(seed), base.Consortium(terms)
    world.random = base.np.random.default_rng(seed)
    world.open_job()
    for _ in range(ROUNDS_IN_A_HISTORY):
        world.begin(random.randrange(base.MEMBERS)).finish(random.randrange(base.MEMBERS), late=random.random() < 0.5)
    served = serve(world)
    return Told(served, served, right="yes")


def tell(lies: Iterable[Lie]) -> tuple[Counter[str], list[str]]:
    """How the audits of lies ended, and what broke a property."""
    ends, broken = Counter[str](), list[str]()
    for name, make in lies:
        lie = make()
        try:
            report = None if lie is None else judge(lie)
        except Violation as violation:
            broken.append(f"{name}: {violation}")
            continue
        ends["no log says so" if lie is None else "refused" if report is None else report.right.answer] += 1
    return ends, broken


def main(rounds: int) -> int:
    """Print a line for each family; the exit code."""
    failed = 0
    families = {
        "classes": classes(),
        "fields": singles(),
        "sequences": shapes(),
        "masked": masked(),
        "honest": honest(rounds),
    }
    for name, lies in families.items():
        start = time.process_time()
        ends, broken = tell(lies)
        failed += len(broken)
        count = ends.total() + len(broken)
        print(f"{name}: {count} in {time.process_time() - start:.1f} s, {len(broken)} broken; {dict(ends)}", flush=True)
        print(*broken[:20], sep="\n")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))
