"""How long a command takes before it does anything: the whole process, its interpreter included."""

import subprocess

import measure

RUNS = 15
COMMANDS = (("fedledger --help", ("--help",), 0.5), ("fedledger audit --help", ("audit", "--help"), 0.5))


def run() -> list[measure.Row]:
    rows = []
    for name, arguments, limit in COMMANDS:
        command = [str(measure.FEDLEDGER), *arguments]
        times = [
            measure.timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))  # noqa: B023
            for _ in range(RUNS)
        ]
        middle = measure.median(times)
        rows.append(measure.row(name, f"< {limit}", middle, "s", middle < limit, measure.spread(times)))
    return rows


if __name__ == "__main__":
    measure.show(run())
