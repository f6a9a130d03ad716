"""Records headers of a real QBFT chain: python tests/vectors/make_qbft.py > tests/vectors/qbft.json

Four validators vote a fifth in and out; then one of them is silent for some blocks. Needs GoQuorum
(`support.content.quorum`). Every run makes another chain.
"""

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.content.quorum import QbftNetwork, find_quorum

LEFT_OUT = ("transactions", "uncles", "size", "totalDifficulty")
"""What a node shows beside the header."""
STRANGER = "0x00000000000000000000000000000000000000AA"


def main() -> None:
    binary = find_quorum()
    if binary is None:
        sys.exit("no quorum on PATH")
    with tempfile.TemporaryDirectory() as folder:
        chain = QbftNetwork(binary, Path(folder))
        try:
            first = chain.number()
            chain.vote(STRANGER, True)
            chain.vote(STRANGER, False)
            chain.pause(3, on=True)
            silent = chain.number()
            chain.wait(lambda: chain.number() >= silent + 6)
            chain.pause(3, on=False)
            shown = [
                chain.nodes[0].call("eth_getBlockByNumber", hex(number), False)
                for number in range(first, chain.number() + 1)
            ]
        finally:
            chain.stop()
    headers = [{name: value for name, value in block.items() if name not in LEFT_OUT} for block in shown]
    print(json.dumps(headers, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
