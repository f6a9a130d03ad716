"""An evaluation report has one encoding, keeps its bounds, and is joined from parties' reports on one model only."""

import json
from fractions import Fraction
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.errors import Malformed, UsageError
from ledger.formats.digest import checksum_address, sha256
from ledger.formats.row_proofs import OpenedRows
from ledger.formats.rows import Draw
from ledger.releases.comparison import ComparedFigures, Comparison
from ledger.releases.counts import Counts, figures_of
from ledger.releases.report import (
    MAX_SIZE,
    Evaluation,
    HeldOutRows,
    PartyFigures,
    RoundFigures,
    check,
    decimal,
    join,
    parse,
)

LEDGER = checksum_address(b"\xab" * 20)


def key(number: int) -> str:
    return checksum_address(bytes([number]) * 20)


def report(number: int = 1, samples: int = 100, accuracy: str = "0.9", rounds: tuple[int, ...] = (1, 2)) -> Evaluation:
    metrics = {"accuracy": accuracy, "loss": "0.25"}
    return Evaluation(
        fedledger="evaluation/1",
        chain=31337,
        ledger=LEDGER,
        job=1,
        round=2,
        root="ab" * 32,
        parties=(
            PartyFigures(
                party=f"Hospital {number}",
                key=key(number),
                samples=samples,
                rows="own_file",
                metrics=metrics,
                rounds=tuple(RoundFigures(round=n, metrics=metrics) for n in rounds),
            ),
        ),
    )


def changed(**fields: Any) -> bytes:
    document = json.loads(report().encode())
    for path, value in fields.items():
        document[path] = value
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def party(**fields: Any) -> bytes:
    (first,) = json.loads(report().encode())["parties"]
    return changed(parties=[first | fields])


def test_the_report_is_its_own_address() -> None:
    data = report().encode()
    assert parse(data) == report()
    assert report().digest == sha256(data) == report().cid.digest
    assert b"license" not in data
    licensed = replace(report(), license="apache-2.0")
    assert parse(licensed.encode()) == licensed


@pytest.mark.parametrize(
    "data",
    [
        changed(fedledger="evaluation/2"),
        changed(chain=0),
        changed(ledger=LEDGER.lower()),
        changed(ledger="0x" + "zz" * 20),
        changed(job=0),
        changed(round=0),
        changed(round=1 << 32),
        changed(root="AB" * 32),
        changed(root="ab"),
        changed(license=""),
        changed(license="Apache 2.0"),
        changed(parties=[]),
        changed(extra=1),
        changed(rounds=[]),
        changed(comparisons=[]),
        party(rounds=[{"round": 1, "metrics": {}}, {"round": 0, "metrics": {}}]),
        party(rounds=[{"round": 1, "metrics": {}}, {"round": 1, "metrics": {}}]),
        party(rounds=[{"round": 3, "metrics": {}}]),
        party(rounds=[{"round": 2, "metrics": {"accuracy": "0.1"}}]),
        party(rounds=[{"round": -1, "metrics": {}}]),
        party(party=""),
        party(party="x" * 201),
        party(party="a\nb"),
        party(party="a\u200fb"),
        party(party=" a"),
        party(key="0x12"),
        party(samples=0),
        party(samples=1.5),
        party(rows="held out"),
        party(rows=None),
        party(counts=None),
        party(counts={"confusion": [[1]]}),
        party(held_out=None),
        party(metrics={}),
        party(metrics={"Accuracy": "0.9"}),
        party(metrics={"accuracy": 0.9}),
        *(party(metrics={"accuracy": text}) for text in ("nan", "1e3", ".5", "1.", "01", "+1", " 1", "1" * 19, "٣")),
        party(metrics={f"m{n}": "1" for n in range(33)}),
        report().encode() + b"\n",
        b"[]",
        b"",
        b"{" * 100_000,
        b" " * (MAX_SIZE + 1),
    ],
)
def test_what_breaks_the_format_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse(data)


def test_parties_stand_in_one_order_each_once() -> None:
    both = (*report(2).parties, *report(1).parties)
    for parties in (both, report(1).parties * 2):
        with pytest.raises(Malformed, match="ascending"):
            check(replace(report(), parties=parties))


def test_joined_reports_keep_every_party_and_the_rounds_that_all_measured() -> None:
    joined = join([report(2, 300, "0.5", (0, 2)), report(1, 100, "0.9", (1, 2))])
    assert [each.party for each in joined.parties] == ["Hospital 1", "Hospital 2"]
    assert [(each.round, each.metrics) for each in joined.rounds] == [
        (2, {"accuracy": "0.600000", "loss": "0.250000"}),
    ]
    assert (joined.samples, joined.mean["accuracy"]) == (400, "0.600000")
    assert parse(joined.encode()) == joined


def test_the_order_of_joining_changes_nothing() -> None:
    parts = [report(number, number * 7, f"0.{number}1") for number in (1, 2, 3)]
    assert join(parts) == join(parts[::-1])
    assert join(parts[:1]) == parts[0]


@pytest.mark.parametrize(
    ("field", "value"),
    [("chain", 1), ("ledger", key(9)), ("job", 2), ("round", 3), ("root", "cd" * 32), ("license", "mit")],
)
def test_reports_on_different_models_are_not_joined(field: str, value: Any) -> None:
    with pytest.raises(UsageError, match=field) as caught:
        join([report(1), replace(report(2), **{field: value})])
    assert caught.value.facts["actual"] == value


def test_a_party_counts_once() -> None:
    with pytest.raises(UsageError, match="more than one"):
        join([report(1), report(1, 5)])
    with pytest.raises(UsageError, match="no report"):
        join([])


def test_numbers_as_text_are_rounded_once_half_to_even() -> None:
    assert [decimal(Fraction(n, 2_000_000)) for n in (1, 3, -3, 2_000_000, 0)] == [
        "0.000000",
        "0.000002",
        "-0.000002",
        "1.000000",
        "0.000000",
    ]


COUNTS = Counts(confusion=((50, 0), (10, 40)), scores=((50, *[0] * 99), (10, *[0] * 98, 40)))
OPENING = Draw(b"j" * 32, b"s" * 32, 50).tree(2, [n.to_bytes(32, "big") for n in range(300)]).opening


def figures(**fields: Any) -> PartyFigures:
    """What one party measured on a hundred rows."""
    said: dict[str, Any] = {"samples": 100, "rows": "own_file", "metrics": {"accuracy": "0.9", "auc": "0.9"}}
    return PartyFigures(party="Hospital 1", key=key(1), **(said | fields))


def of(*parties: PartyFigures) -> Evaluation:
    return replace(report(), parties=parties)


def test_counts_and_openings_are_kept() -> None:
    shown = HeldOutRows(round=2, opening=OpenedRows.of(OPENING))
    made = of(figures(rows="held_out", counts=COUNTS, held_out=shown))
    assert parse(made.encode()) == made
    assert made.rows == "held out"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"counts": COUNTS, "samples": 101}, "does not add up"),
        ({"counts": COUNTS, "metrics": {"accuracy": "0.91"}}, "accuracy is not that of the counts"),
        ({"counts": COUNTS, "metrics": {"balanced_accuracy": "0.1"}}, "balanced_accuracy is not that of the counts"),
        ({"counts": COUNTS, "metrics": {"accuracy": "0.9", "f1": "1"}}, "f1 is not that of the counts"),
        ({"rows": "held_out"}, "go together"),
        ({"held_out": HeldOutRows(round=2, opening=OpenedRows.of(OPENING))}, "go together"),
        ({"rows": "held_out", "held_out": HeldOutRows(round=3, opening=OpenedRows.of(OPENING))}, "after the model's"),
        ({"rows": "held_out", "held_out": HeldOutRows(round=0, opening=OpenedRows.of(OPENING))}, "out of range"),
        (
            {
                "rows": "held_out",
                "samples": OPENING.held_out + 1,
                "held_out": HeldOutRows(round=2, opening=OpenedRows.of(OPENING)),
            },
            "more rows are said to be held out",
        ),
        (
            {"rounds": tuple(RoundFigures(round=0, metrics={f"m{n}": "1" for n in range(31)}) for _ in "1")},
            "in all rounds",
        ),
    ],
)
def test_a_party_that_contradicts_itself_is_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(Malformed, match=why):
        check(of(figures(**fields)))


def test_an_area_is_not_averaged_but_made_from_the_counts() -> None:
    both = of(figures(counts=COUNTS), replace(figures(counts=COUNTS), party="Hospital 2", key=key(2)))
    check(both)
    assert both.mean == {"accuracy": "0.900000"}
    assert both.pooled["auc"] == decimal(figures_of(COUNTS)["auc"])
    assert of(figures(counts=COUNTS)).mean == {"accuracy": "0.900000", "auc": "0.900000"}
    assert of(figures(counts=COUNTS), replace(figures(), party="Hospital 2", key=key(2))).pooled == {}


def test_rounds_that_are_joined_keep_no_mean_of_areas() -> None:
    rounds = (RoundFigures(round=1, metrics={"accuracy": "0.5", "auc": "0.5"}),)
    parts = [of(replace(report(number).parties[0], rounds=rounds)) for number in (1, 2)]
    assert [one.metrics for one in join(parts).rounds] == [{"accuracy": "0.500000"}]
    assert join(parts[:1]).rounds == rounds


def test_rows_of_unlike_kinds_are_said_each() -> None:
    other = replace(figures(rows="trained_on", samples=7), party="Hospital 2", key=key(2))
    assert of(figures(), other).rows == "7 trained on, 100 own file"


ALONE, LEDGER_S, POOLED = (
    ComparedFigures(kind="alone", name="hospital-1", metrics={"accuracy": "0.8"}),
    ComparedFigures(kind="federated", metrics={"accuracy": "0.9"}),
    ComparedFigures(kind="pooled", metrics={"accuracy": "0.91"}),
)


def comparison(number: int = 1, models: tuple[ComparedFigures, ...] = (ALONE, LEDGER_S, POOLED), **fields: Any) -> Any:
    said: dict[str, Any] = {"data": "cd" * 32, "samples": 113, "rounds": 2, "seed": 1} | fields
    return Comparison(party=f"Hospital {number}", key=key(number), models=models, **said)


def test_a_comparison_is_kept_and_joined_with_who_vouches_for_it() -> None:
    parts = [replace(report(number), comparisons=(comparison(number),)) for number in (2, 1)]
    joined = join(parts)
    assert [one.party for one in joined.comparisons] == ["Hospital 1", "Hospital 2"]
    assert parse(joined.encode()) == joined


@pytest.mark.parametrize(
    "compared",
    [
        (comparison(), comparison()),
        (comparison(2), comparison(1)),
        (comparison(models=(ALONE, POOLED)),),
        (comparison(models=(LEDGER_S,)),),
        (comparison(models=(ALONE, ALONE, LEDGER_S)),),
        (comparison(models=(LEDGER_S, POOLED, POOLED)),),
        (comparison(models=(replace(ALONE, name=""), LEDGER_S)),),
        (comparison(models=(ALONE, replace(LEDGER_S, name="x"))),),
        (comparison(models=(replace(ALONE, name="a\nb"), LEDGER_S)),),
        (comparison(models=(replace(ALONE, metrics={}), LEDGER_S)),),
        (comparison(models=(replace(ALONE, metrics={"accuracy": "NaN"}), LEDGER_S)),),
        (comparison(samples=0),),
        (comparison(rounds=0),),
        (comparison(data="cd"),),
        (replace(comparison(), key="0x12"),),
    ],
)
def test_a_comparison_that_says_too_little_or_too_much_is_refused(compared: tuple[Any, ...]) -> None:
    with pytest.raises(Malformed):
        check(replace(report(), comparisons=compared))
