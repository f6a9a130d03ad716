"""What validators signed of a chain: seals in the headers of its blocks, from the founding block on.

A network file may pin how a chain is sealed, and by whom at its founding. Then each later set of validators follows
from headers that the set before it sealed, and a server without their keys cannot make up blocks.
"""

from ledger.chain.seals.bft import Bft
from ledger.chain.seals.clique import Clique
from ledger.chain.seals.rule import BadSeal

__all__ = ["BadSeal", "Bft", "Clique"]
