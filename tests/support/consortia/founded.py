"""What `synthetic.Trial` asks of a consortium, over one that `demo` founded: members and senders."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.consortium import LocalConsortium
from ledger.chain.client import Client
from ledger.chain.sender import Sender
from ledger.config import Home


@dataclass
class Neighbour:
    """A member: its home, its key, and the file with the passphrase."""

    name: str
    home: Home
    signer: Any
    passphrase_file: Path

    @property
    def address(self) -> str:
        return str(self.signer.address)


class Neighbours:
    """All members. Close `client` in the end, and stop `local`."""

    def __init__(self, local: LocalConsortium) -> None:
        self.local, self.network = local, local.network
        self.client = Client.connect(local.network)
        self.members = [Neighbour(r.name, r.home, r.signer, r.passphrase_file) for r in local.residents.values()]
        self.senders = [Sender(self.client, m.signer, m.home.outbox, timeout=60) for m in self.members]

    def send(self, index: int, contract: str, function: str, *arguments: Any) -> Any:
        return self.senders[index].send(contract, function, *arguments)

    def open_job(self, terms: Any, digest: bytes, model: Any) -> int:
        self.send(0, "ledger", "proposeJob", digest, tuple(terms), tuple(model))
        job = int(self.client.jobs())
        for index in range(1, len(self.members) // 2 + 1):
            self.send(index, "ledger", "approveJob", job, digest)
        return job
