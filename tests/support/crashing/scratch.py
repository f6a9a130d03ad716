"""Rounds of work in a scratch folder, in a process that kills itself (SIGKILL) at a named point of one of them."""

from pathlib import Path

from support.crashing import children
from support.crashing.aggregator import FLAVOURS
from support.crashing.children import die

PRELOADED = ["support.crashing.scratch", "participant.tasks.scratch"]
POINTS = ["before copy", "after copy", "in training", "before sync", "before publish", "after publish", "after prune"]


def work(folder: str, rounds: list[int], point: str) -> None:
    """The rounds, in order; with a point, die there in the last of them."""
    for number in rounds:
        train(Path(folder), number, point if number == rounds[-1] else "")


def train(folder: Path, number: int, point: str = "") -> int:
    """What a round makes of all the rounds before it. It writes in place, and a new file each round."""
    from participant.tasks import scratch

    if point and point != "in training":
        flavour, _, name = point.partition(" ")
        owner, attribute = (scratch, "_sync") if name == "sync" else (scratch.Scratch, f"_{name}")
        setattr(owner, attribute, FLAVOURS[flavour](getattr(owner, attribute)))
    with scratch.Scratch(folder).training(number) as working:
        total = working / "total"
        before = int(total.read_text()) if total.exists() else 1
        with total.open("r+" if total.exists() else "w") as file:
            file.write(f"{3 * before + number}")
            file.flush()
            if point == "in training":
                die()
        (working / "rounds").mkdir(exist_ok=True)
        (working / "rounds" / str(number)).write_text(str(before))
        return before


def run(folder: Path, rounds: list[int], point: str = "") -> int:
    """Run them in a process; its exit code, minus the signal's number where it was killed."""
    return children.run(PRELOADED, work, str(folder), rounds, point)
