"""Gas of updates, votes, scores and convictions: real contracts, real EVMs. Hardhat's gas tests measure and print it.

An update is its commitment and its share of the openings, a vote is by each of 255 members, scores are by seven scorers
of 64 updates. A refutation is one transaction, on anvil under the rules before Prague and from it.
"""

import re
import subprocess

import measure

TESTS = tuple(f"tests/contracts/hardhat/{name}.js" for name in ("gas", "gas_rounds", "gas_court"))
LINE = re.compile(r"^ {6}(\S.*?) {2,}([\d ]+)$", re.MULTILINE)
LIMITS = (
    ("an update, 4 members", "4 members: each update", 52_000),
    ("an update, 6 members", "6 members: each update", 48_000),
    ("an update, 10 members", "10 members: each update", 48_000),
    ("an update, 255 members", "255 members: each update", 48_000),
    ("attest, 10 members", "10 members: attest, most", 50_000),
    ("attest, finalising, 10 members", "10 members: attest, finalising", 110_000),
    ("publishAggregate, 10 members", "10 members: publishAggregate", 150_000),
    ("60 openings in a call", "255 members: openUpdates", 400_000),
    ("vote, direct", r"vote, members", 36_500),
    ("vote, by signature", r"voteBySignature, members", 42_000),
    ("vote in a batch of 32, each", r"voteBatch of 32", 13_000),
    ("commitScores", r"commitScores", 45_000),
    ("revealScores, 64 updates", r"revealScores", 60_000),
    ("settleScores, 7 scorers × 64 updates, for each update", r"settleScores, for each", 1_800),
    ("refutation, 10 updates of 11.7 M values, before Prague", r"(london|paris), 10 updates", 480_000),
    ("… from Prague on", r"(prague|osaka), 10 updates", 800_000),
    ("refutation, 64 updates of 11.7 M values, before Prague", r"(london|paris), 64 updates", 2_400_000),
    ("… 64 updates, from Prague on", r"(prague|osaka), 64 updates", 4_200_000),
    ("any call for keys and scores, up to 255 members and updates", r"\d+ members", 400_000),
)


def run() -> list[measure.Row]:
    command = ["npx", "--no-install", "hardhat", "test", *TESTS]
    done = subprocess.run(command, cwd=measure.ROOT, capture_output=True, text=True)
    table = {what: [int(used) for used in gas.split()] for what, gas in LINE.findall(done.stdout)}
    if done.returncode != 0 or not table:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return [_limited(table, *limit) for limit in LIMITS]


def _limited(table: dict[str, list[int]], work: str, pattern: str, limit: int) -> measure.Row:
    """The dearest of all lines of that kind, once their slots are in use: the last figure of each."""
    used = [gas[-1] for what, gas in table.items() if re.match(pattern, what)]
    return measure.row(f"gas: {work}", f"≤ {limit:,}", max(used), "gas", max(used) <= limit, "the dearest")


if __name__ == "__main__":
    measure.show(run())
