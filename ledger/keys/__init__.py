"""A member's key: encrypted on disk, used through a signer that never reveals it."""

from ledger.keys.agent_signer import find_agent
from ledger.keys.export_files import create_export_key, open_export_key
from ledger.keys.files import address_of, create, encrypt_again, is_light, is_light_file, put_in_place, unlock
from ledger.keys.passphrases import read_passphrase
from ledger.keys.signers import LocalSigner, Signer, ephemeral

__all__ = [
    "LocalSigner",
    "Signer",
    "address_of",
    "create",
    "create_export_key",
    "encrypt_again",
    "ephemeral",
    "find_agent",
    "is_light",
    "is_light_file",
    "open_export_key",
    "put_in_place",
    "read_passphrase",
    "unlock",
]
