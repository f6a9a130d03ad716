"""Passphrase files for tests."""

from pathlib import Path


def write_passphrase(path: Path, passphrase: str) -> Path:
    """A passphrase file that is accepted: mode 0600, one line."""
    path.touch(mode=0o600)
    path.write_text(passphrase + "\n")
    return path
