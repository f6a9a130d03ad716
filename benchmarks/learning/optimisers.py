"""How many rounds unlike parties need, by server optimiser: digits, two classes a party, 5 of 20 parties in a round."""

from statistics import median

import measure
from scenes import unlike

from ledger.jobs.server import NONE, Adagrad, Adam, Dyn, Momentum, Scaffold, Server, Yogi

BAR, MOST, SEEDS = 0.85, 80, 3
LEAST = 0.55
"""Of FedAvg's rounds, by at least one optimiser."""
OPTIMISERS: list[Server] = [
    Momentum(rate="1", beta="0.9"),
    Adam(rate="0.1", beta1="0.9", beta2="0.99", tau="0.001"),
    Adam(rate="0.03", beta1="0.9", beta2="0.99", tau="0.001"),
    Yogi(rate="0.03", beta1="0.9", beta2="0.99", tau="0.001"),
    Adagrad(rate="0.3", tau="0.001"),
    Dyn(alpha="0.1"),
    Scaffold(rate="1"),
]


def run() -> list[measure.Row]:
    plain = unlike.rounds_to(NONE, BAR, MOST, SEEDS)
    rows = [measure.row(f"rounds to {BAR}, FedAvg", "", median(plain), "rounds", None, f"seeds: {plain}")]
    shares = []
    for server in OPTIMISERS:
        found = unlike.rounds_to(server, BAR, MOST, SEEDS)
        shares.append(median(found) / median(plain))
        numbers = ", ".join(f"{field} {getattr(server, field)}" for field in server.__struct_fields__)
        work = f"rounds to {BAR}, {server.name}, {numbers}"
        note = f"{shares[-1]:.2f} of FedAvg's; seeds: {found}"
        rows.append(measure.row(work, "", median(found), "rounds", None, note))
    best = min(shares)
    rows.append(measure.row("the best of these", f"≤ {LEAST}", best, "of FedAvg's rounds", best <= LEAST, "digits"))
    return rows
