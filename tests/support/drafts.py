"""A draft of a job, and a store in memory to make it in."""

from collections.abc import Iterable

from ledger.formats import unixfs
from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid

DRAFT = """
name = "two columns"
seed = 3
fraction_bits = 20

[task]
name = "tabular"

[task.settings]
model = "mlp"
hidden = [4, 3]
learning_rate = 0.05
proximal_mu = 1e-3
epochs = 2
columns = ["a", "b"]
ranges = ["0:1", "-1:1"]
classes = ["x", "y"]

[admission]
min_updates = 2
max_weight = 500
max_value = 0.1
max_norm = 2

[terms]
rounds = 4
update_seconds = 60
aggregate_seconds = 30
attest_seconds = 30
attempts = 2
"""


class Memory:
    """A store in memory, by pin."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def put(self, pieces: Iterable[Buffer], pin: str) -> Cid:
        self.files[pin] = b"".join(bytes(piece) for piece in pieces)
        return unixfs.cid_of([self.files[pin]])[0]
