"""The manifest of a released model's files as OpenSSF model signing v1.0 has it, for `model_signing verify key`."""

from collections.abc import Mapping

from ledger.exports.envelope import statement
from ledger.exports.facts import RELEASED, ExportFacts
from ledger.formats.digest import sha256

PREDICATE = "https://model_signing/signature/v1.0"


def manifest(facts: ExportFacts) -> bytes:
    """The statement on the released files; its subject is the SHA-256 of their digests, in the order of their names."""
    files = dict(sorted(facts.files.items()))
    return statement({RELEASED: _root(files)}, PREDICATE, _predicate(files))


def _root(files: Mapping[str, str]) -> str:
    return sha256(b"".join(bytes.fromhex(digest) for digest in files.values())).hex()


def _predicate(files: Mapping[str, str]) -> dict[str, object]:
    return {
        "serialization": {
            "method": "files",
            "hash_type": "sha256",
            "allow_symlinks": False,
            "ignore_paths": [],
        },
        "resources": [{"name": name, "algorithm": "sha256", "digest": digest} for name, digest in files.items()],
    }
