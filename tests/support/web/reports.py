"""A world whose parties measured every model, with counts, comparisons and two releases: pages with all figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from msgspec.structs import replace
from support.web.server import AT, network, view_of
from support.worlds.decisions import Chamber
from support.worlds.world import NAMES, World

from ledger.config import Network
from ledger.releases.comparison import ComparedFigures, Comparison
from ledger.releases.counts import BINS, Counts, decimal, figures_of
from ledger.releases.report import Evaluation, PartyFigures, RoundFigures
from web.reading.latest import FetchedReport
from web.view import View

ROUNDS = 5


@dataclass
class Measured:
    """The world, the reports on its releases by digest, and the view that shows it."""

    chamber: Chamber
    reports: dict[bytes, FetchedReport]
    view: View


def counts_of(seed: int, rows: int = 60) -> Counts:
    """Counts of so many rows of two classes, most of them right."""
    low, high = [0] * BINS, [0] * BINS
    for row in range(rows):
        draw = int.from_bytes(sha256(b"%d %d" % (seed, row)).digest()[:4], "big")
        side, off = draw & 1, (draw >> 1) % 61 + (3 if (draw >> 8) % 12 else 22)
        (high if side else low)[min(99, max(0, 99 - off if side else off))] += 1
    half = BINS // 2
    confusion = tuple((sum(side[:half]), sum(side[half:])) for side in (low, high))
    return Counts(confusion=confusion, scores=(tuple(low), tuple(high)))


def party(name: str, key: str, place: int, number: int, **more: Any) -> PartyFigures:
    """What a party measured of the model of round `number`, and of those before it."""
    counts = counts_of(place)

    def figures(n: int) -> dict[str, str]:
        short = min(60, (number - n) * (3 + place % 4))
        return {
            "accuracy": decimal(figures_of(counts)["accuracy"] * (100 - short) / 100),
            "auc": decimal(figures_of(counts)["auc"] * (1000 - short) / 1000),
            "loss": f"{0.2 + short / 50 + place / 100:.6f}",
        }

    rounds = tuple(RoundFigures(round=n, metrics=figures(n)) for n in range(number + 1))
    said: dict[str, Any] = {"metrics": figures(number), "counts": counts, "rounds": rounds} | more
    return PartyFigures(party=name, key=key, samples=counts.rows, rows="own_file", **said)


def compared(name: str, key: str, rows: int = 113) -> Comparison:
    """Each of three parties alone, the ledger's model and all data pooled."""

    def figures(right: int) -> dict[str, str]:
        return {"accuracy": f"{right / rows:.6f}", "auc": f"{0.9 + right / 2000:.6f}"}

    models = (
        *(ComparedFigures(kind="alone", name=f"hospital-{n}", metrics=figures(90 + 3 * n)) for n in (1, 2, 3)),
        ComparedFigures(kind="federated", metrics=figures(108)),
        ComparedFigures(kind="pooled", metrics=figures(110)),
    )
    return Comparison(party=name, key=key, data="cd" * 32, samples=rows, rounds=ROUNDS, seed=1, models=models)


def report_of(chamber: Chamber, number: int, names: tuple[str, ...], known: Network, many: int = 4) -> Evaluation:
    """What the first of the parties say of the model of a round."""
    world = chamber.world
    final = world.state.rounds[number].final
    assert final is not None
    members = sorted(zip(names, world.keys, strict=False))[:many]
    return evaluation_of(known, number, final.root, members, (compared(*members[0]),))


def evaluation_of(
    known: Network,
    number: int,
    root: bytes,
    members: Sequence[tuple[str, str]],
    comparisons: tuple[Comparison, ...] = (),
) -> Evaluation:
    """What members, by name and key in the names' order, measured of the model of a round of job 1."""
    return Evaluation(
        fedledger="evaluation/1",
        chain=known.chain.id,
        ledger=known.contracts.ledger.address,
        job=1,
        round=number,
        root=root.hex(),
        parties=tuple(party(name, key, place, number) for place, (name, key) in enumerate(members)),
        comparisons=comparisons,
    )


def measured(names: tuple[str, ...] = NAMES, *, many: int = 4, title: str = "test", **settings: Any) -> Measured:
    """Five models: cardio 1.0 is of the third, and 2.0 of the last; both have reports by `many` parties."""
    world = World().open_job()
    for _ in range(ROUNDS):
        world.honest_round()
    chamber, known = Chamber(world, AT + 3_600), network(names, title)
    reports = {}
    for version, number in (("1.0", 3), ("2.0", ROUNDS)):
        report = report_of(chamber, number, names, known, many)
        reports[report.digest] = FetchedReport(report, report.mean)
        chamber.release(chamber.model("cardio", version, number, report.digest))
    view = view_of(world, known=known, **settings)
    view.latest.post(evaluations=reports)
    return Measured(chamber, reports, view)


def without_counts(report: Evaluation) -> Evaluation:
    """The same figures, without what they follow from."""
    return replace(report, parties=tuple(replace(one, counts=None) for one in report.parties))
