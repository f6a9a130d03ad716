"""What a home is like by itself: its key, who may read it, its settings, its machine."""

import os
import stat
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from ledger import kernel
from ledger.config import LOCAL_CHAIN, Home
from ledger.keys import address_of
from ledger.keys.files import is_light_file
from participant.doctor.findings import Examination, note, trouble, well
from participant.edge.collected import EdgeFolder
from participant.tasks.data.files import DataFiles

SECRET = ("keystore.json", "passphrase", "secret", "masks", "rows", "private", "seals")
"""What in a home nobody else may read."""


def machine() -> Examination:
    """Versions, and what does the work on every byte."""
    python = ".".join(map(str, sys.version_info[:3]))
    yield well("software", f"fedledger {version('fedledger')}, Python {python}; kernel: {kernel.in_use()}")
    if kernel.in_use().startswith("pure"):
        advice = "install a wheel of this machine's platform, or a C compiler, and install fedledger again"
        yield note("kernel", "the native kernel is not in use: hashing and sums take several times as long", advice)
    if find_spec("torch") is None:
        yield trouble("PyTorch", "is not installed: this home cannot train or score", 'pip install "fedledger[node]"')


def key(home: Home) -> Examination:
    """The key file: there, of an address, not light away from the local chain, and not read by others."""
    home.require_key()
    yield well("key", f"{address_of(home.keystore)}, in {home.keystore}")
    if is_light_file(home.keystore) and home.network_file.exists() and home.network().chain.id != LOCAL_CHAIN:
        advice = home.command("keys", "passphrase")
        yield trouble("key", "its file is light: cheap to guess, and refused away from the local chain", advice)
    open_ = [name for name in SECRET if _is_open(home.folder / name)] if _is_open(home.folder) else []
    if open_:
        places = " ".join(str(home.folder / name) for name in open_)
        yield trouble("secrets", f"others on this machine may read {', '.join(open_)}", f"chmod -R go= {places}")


def _is_open(path: Path) -> bool:
    """Whether a file or folder is there, and its mode lets others in; Windows has no such modes."""
    if os.name == "nt" or not path.exists():
        return False
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def data(home: Home) -> Examination:
    """The files that the settings name: of some no job may be open, so they are only looked for."""
    files = DataFiles(home).named()
    for path in files:
        if path.is_file():
            yield well("data", str(path))
        else:
            yield trouble("data", f"there is no file {path}", home.command("node", "data", "default", "FILE"))
    if not files and EdgeFolder(home.folder).exists:
        yield well("data", "none are named, and an edge needs none: its clients train")
    elif not files:
        advice = home.command("node", "data", "default", "FILE")
        yield note("data", "no file is named: this home trains for no job, but by node run --data FILE", advice)


def joined(home: Home) -> Examination:
    """The network that the home has joined."""
    if not home.network_file.exists():
        raise home.not_joined()
    network = home.network()
    yield well("network", f"{network.name}, chain {network.chain.id}")
