"""What the rules of all seals share."""

from ledger.formats.digest import checksum_address
from ledger.formats.signatures import ORDER, recover

ADDRESS = 20


class BadSeal(ValueError):
    """A header that the validators of its chain did not seal as the rule wants it."""


def sealer(digest: bytes, seal: bytes) -> str:
    """The address whose key made a seal: r, s, parity. Raises BadSeal where none did.

    Both forms of a signature are taken, as chains take both: else one validator could make its blocks look unsealed.
    """
    r, s, parity = int.from_bytes(seal[:32]), int.from_bytes(seal[32:64]), seal[64]
    if ORDER // 2 < s < ORDER:
        s, parity = ORDER - s, parity ^ 1
    try:
        return recover(digest, r, s, parity)
    except ValueError as error:
        raise BadSeal("a seal is not a signature") from error


def named(addresses: bytes | tuple[bytes, ...]) -> tuple[str, ...]:
    """Validators by their addresses (EIP-55), as a header lists them. Raises BadSeal where one is listed twice."""
    if isinstance(addresses, bytes):
        addresses = tuple(addresses[at : at + ADDRESS] for at in range(0, len(addresses), ADDRESS))
    if len(set(addresses)) != len(addresses):
        raise BadSeal("a validator is listed twice")
    return tuple(checksum_address(one) for one in addresses)


def by_number(address: str) -> str:
    """The order of addresses: that of their bytes."""
    return address.lower()
