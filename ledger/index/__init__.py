"""The index: a party's cache of the ledger's events, and the history folded from them.

A cache, never a source of truth: it is rebuilt from the chain at will, notices reorganisations by block hashes (nodes
do not reliably announce them), and drops a file that is damaged or belongs to another ledger. Several processes may
share a file.
"""

from ledger.index.file import BlockTime
from ledger.index.follower import Follower
from ledger.index.sync import Changes, EventSource, Index

__all__ = ["BlockTime", "Changes", "EventSource", "Follower", "Index"]
