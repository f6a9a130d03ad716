"""What an app keeps for its next round, Flower's `Context.state`, in the task's scratch folder.

The folder is in step with rounds across crashes (`participant.tasks.scratch`): a round that is trained again starts
from the state that the round before it left. Records are written as Flower's own protocol buffers; nothing is pickled.
"""

from pathlib import Path
from typing import Any

from ledger.errors import Malformed, UsageError
from participant.tasks.flower.library import flower

FILE = "flower-state.pb"


def kept(scratch: Path) -> Any:
    """The state that the round before left, a RecordDict; an empty one in the first. Raises Malformed for a file that
    holds none.
    """
    known, path = flower(), scratch / FILE
    if not path.exists():
        return known.RecordDict()
    try:
        return known.recorddict_from_proto(known.RecordsProto.FromString(path.read_bytes()))
    except (known.DecodeError, ValueError, TypeError, KeyError) as error:
        raise Malformed(
            f"what the app kept cannot be read: {error}",
            advice="restore the home's folder `scratch` from a copy, or delete the job's folder in it: the app then "
            "starts with an empty state",
            file=str(path),
        ) from error


def keep(scratch: Path, state: Any) -> None:
    """Write down what the app's context holds now. Raises UsageError for what is not records."""
    known = flower()
    if not isinstance(state, known.RecordDict):
        raise UsageError(
            "the app put something else in place of its context's state",
            expected="a RecordDict",
            actual=type(state).__name__,
        )
    (scratch / FILE).write_bytes(known.recorddict_to_proto(state).SerializeToString(deterministic=True))
