"""What five banks get out of joining: card fraud found on the day after those that they trained on."""

from typing import Any

import measure
from scenes import examples

from participant.comparing.paired import above_all, leads

SURE = 2.54
"""Student's t at 1 %, one-sided, of twenty divisions (examples/fraud/README.md)."""


def rows_of(found: list[Any], real: bool) -> list[measure.Row]:
    where = "all banks' payments" if real else "all banks' payments, made up"
    rows = examples.rows(found, "all_banks", where, "AUC-PR")
    alone, joined = (
        next(line for line in found if line.arm == arm).figures["all_banks"] for arm in ("local", "federated")
    )
    many = len(joined.seeds)
    for lead in leads(joined, alone):
        held = lead.t > SURE if real and many > 1 else None
        note = f"± {lead.error:.4f}, t = {lead.t:.1f}; above in {lead.above} of {many} divisions"
        work = f"FedAvg above {lead.party} alone"
        rows.append(measure.row(work, f"t > {SURE}" if held is not None else "", lead.mean, "AUC-PR", held, note))
    above, mean = above_all(joined, alone)
    note = f"above all five in {above} of {many} divisions"
    rows.append(measure.row("FedAvg above the best of the five, known afterwards", "", mean, "AUC-PR", None, note))
    return rows + examples.rows(found, "cost", "100 payments, own thresholds", "false alarms")


def run() -> list[measure.Row]:
    return rows_of(*examples.lines("fraud", "banks"))
