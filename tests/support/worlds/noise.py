"""What a job in the worlds of tests says of noise."""

from ledger.jobs.noise import ExampleNoise, cost_of

COST = cost_of("2.36", "0.28", 4, 8)


def noise_of(rounds: int, more: int = 0) -> ExampleNoise:
    """Noise whose budget lasts for so many rounds, and some units more."""
    return ExampleNoise(
        clip="1",
        noise="2.36",
        sampling="0.28",
        steps=4,
        delta="0.00001",
        orders=8,
        cost=COST,
        budget=rounds * COST + more,
        scope="patients",
    )
