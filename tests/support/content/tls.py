"""A private authority, and servers that speak TLS with its certificates."""

import ssl
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import trustme
from support.content.holders import Server


class Authority:
    """An authority that no system knows. `file` has its certificate."""

    def __init__(self, folder: Path) -> None:
        self._made, self._folder = trustme.CA(), folder
        self.file = folder / "authority.pem"
        self._made.cert_pem.write_to_path(self.file)

    def server(
        self, answer: Callable[[BaseHTTPRequestHandler], None], name: str = "127.0.0.1", *, asks: bool = False
    ) -> Server:
        """A server with a certificate for `name`, which `asks` for one of a client's."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._made.issue_cert(name).configure_cert(context)
        if asks:
            self._made.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return Server(answer, context)

    def client(self) -> tuple[Path, Path]:
        """A client's certificate and its key, as files."""
        made = self._made.issue_cert("client@north.example")
        certificate, key = self._folder / "client.pem", self._folder / "client.key"
        made.cert_chain_pems[0].write_to_path(certificate)
        made.private_key_pem.write_to_path(key)
        return certificate, key
