"""A digest as words that two people compare by phone: BIP-39's English list, as eth-account ships it.

No two words of the list begin with the same four letters. Eight of them are 88 bits: who would forge a file with the
same words must try 2^88 files.
"""

WORDS = 8
BITS = 11


def words_of(digest: bytes) -> str:
    """The first 88 bits of a digest of 32 bytes, as eight words."""
    from eth_account.hdaccount.mnemonic import Mnemonic
    from eth_account.types import Language

    listed = Mnemonic(Language.ENGLISH).wordlist
    number = int.from_bytes(digest) >> (8 * len(digest) - WORDS * BITS)
    places = [number >> BITS * place & (1 << BITS) - 1 for place in reversed(range(WORDS))]
    return " ".join(listed[place] for place in places)
