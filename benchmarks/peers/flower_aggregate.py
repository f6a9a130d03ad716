"""What Flower takes to average updates that lie in memory, by the function its strategies call.

Run by Flower's own Python: flower_aggregate.py UPDATES VALUES TENSORS RUNS. Prints one JSON object.
"""

import json
import sys
import time

import numpy as np
from flwr.app import Array, ArrayRecord, MetricRecord, RecordDict
from flwr.serverapp.strategy.strategy_utils import aggregate_arrayrecords

UPDATES, VALUES, TENSORS, RUNS = map(int, sys.argv[1:])


def reply(number: int) -> RecordDict:
    random = np.random.default_rng(number)
    size = VALUES // TENSORS
    arrays = {f"layer{index:03}.weight": Array(random.random(size, dtype=np.float32)) for index in range(TENSORS)}
    weight = MetricRecord({"num-examples": 100 + 37 * number})
    return RecordDict({"arrays": ArrayRecord(arrays), "metrics": weight})


def main() -> None:
    replies = [reply(number) for number in range(UPDATES)]
    seconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        aggregate_arrayrecords(replies, "num-examples")
        seconds.append(time.perf_counter() - began)
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
