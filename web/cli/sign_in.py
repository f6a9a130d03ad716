"""`fedledger web sign-in`: a member signs in at a server with the key at home, for a browser that has no wallet."""

import json
import re
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ledger.cli.options import home_option, json_option, passphrase_option
from ledger.config import Home
from ledger.errors import UsageError, plain

if TYPE_CHECKING:
    from ledger.http.answers import Answer
    from ledger.http.outgoing import Outgoing

SILENCE, CEILING = 20.0, 1 << 16
"""Seconds for the server to answer, and bytes of an answer."""
NAME = "the web server"
ASK = "ask the server's operator"
_LINK = re.compile("/sign-in/[A-Za-z0-9_-]{43}")
_COOKIE = re.compile("((?:__Host-)?session=[A-Za-z0-9_-]{43})(;.*)?")


@click.command("sign-in")
@click.argument("url")
@click.option("--open/--no-open", "opens", default=True, help="Open the link in the browser.  [default: open]")
@passphrase_option
@home_option
@json_option
def sign_in(url: str, opens: bool, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Sign in at the server at URL, for a browser without a wallet.

    It is this home's member that signs in.

    Prints a link that signs a browser in, once and within a minute, and opens it. With --json it prints the session's
    cookie instead, for curl: it is worth as much as being signed in. The key stays here, and signs only for that URL.

    \b
    Example:  fedledger web sign-in https://ledger.example
    """
    from ledger.cli.connect import signer_of
    from ledger.http.outgoing import outgoing_of

    network = home.network()
    server = Server.at(url, outgoing_of(network))
    signer = signer_of(home.keystore, passphrase_file, network.chain.id)
    text = server.text_for(signer.address, network.chain.id)
    signed = {"message": text, "signature": "0x" + signer.sign_in(text).hex()}
    if as_json:
        click.echo(json.dumps(server.session(signed)))
        return
    link = server.link(signed)
    click.echo(f"this link signs a browser in, once and within a minute:\n{link}")
    if opens:
        with suppress(webbrowser.Error):
            webbrowser.open(link)


class Server(NamedTuple):
    """A server at `origin`, of which nothing is believed that is not checked here."""

    origin: str
    road: Any

    @classmethod
    def at(cls, url: str, outgoing: "Outgoing") -> "Server":
        """The server at a URL: https, or on this machine. Raises UsageError."""
        from ledger.http.addresses import parse
        from ledger.http.road import Road

        address = parse(url, "the server's address")
        origin = f"{address.scheme}://{address.place}"
        if address.path or address.query or address.login:
            raise UsageError("the server's address is more than a scheme and a name", advice=f"write {origin}")
        if not address.secure and not address.is_loopback:
            raise UsageError(
                "over plain http, others on the way could take the session",
                advice=f"use its https address: https://{address.host}",
                url=origin,
            )
        return cls(origin, Road(NAME, address, outgoing))

    def text_for(self, address: str, chain: int) -> str:
        """The server's text for that key to sign, which is of this server, for this chain and key, and says no more.

        Raises UsageError for any other, which another server may have written.
        """
        from web.access.sign_in import require_text_of
        from web.documents.refusals import NotAuthentic, WrongChain
        from web.documents.relay import SignInText

        found: SignInText = self._ask("GET", f"/sign-in.json?address={address}", None, SignInText)[1]
        try:
            said = require_text_of(found.message, self.origin, chain)
        except (NotAuthentic, WrongChain) as error:
            raise UsageError(
                "the server's text to sign is not one for this address and chain: nothing was signed",
                advice="use the address that the server is started with: --origin of `fedledger web run`",
                url=self.origin,
                **error.facts,
            ) from error
        if said.address != address:
            raise UsageError(
                "the server's text is for another key: nothing was signed",
                advice=ASK,
                expected=address,
                actual=said.address,
            )
        return found.message

    def link(self, signed: dict[str, str]) -> str:
        """The link that signs a browser in."""
        from ledger.http.trouble import between
        from web.documents.relay import SignInLink

        answer, found = self._ask("POST", "/sign-in-link.json", signed, SignInLink)
        if not _LINK.fullmatch(found.url):
            raise between(NAME, answer, "a link to sign in with", self.origin)
        return f"{self.origin}{found.url}"

    def session(self, signed: dict[str, str]) -> dict[str, Any]:
        """A session: its cookie, its member, and its last second since 1970."""
        from ledger.http.trouble import between
        from web.documents.relay import SessionPage, builtins

        answer, found = self._ask("POST", "/sign-in.json", signed, SessionPage)
        cookie = _COOKIE.fullmatch(answer.headers.get("set-cookie", ""))
        if cookie is None or found.member is None:
            raise between(NAME, answer, "a session", self.origin)
        return {"url": self.origin, "cookie": cookie[1], "member": builtins(found.member), "expires": found.expires}

    def _ask(self, method: str, target: str, body: dict[str, str] | None, kind: Any) -> "tuple[Answer, Any]":
        """An answer, and its document. Raises UsageError where the server refuses, Trouble where it does not answer."""
        import msgspec

        from ledger.http.trouble import between

        headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if body else {})
        answer: Answer = self.road.ask(
            method,
            target,
            silence=SILENCE,
            ceiling=CEILING,
            headers=headers,
            body=json.dumps(body).encode() if body else None,
        )
        if not answer.good:
            raise self._refusal(answer)
        try:
            return answer, msgspec.json.decode(answer.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise between(NAME, answer, "what signing in has", self.origin) from error

    def _refusal(self, answer: "Answer") -> Exception:
        """What the server refuses with: its own words where it is one of ours."""
        import msgspec

        from ledger.http.trouble import refused
        from web.documents.common import Problem

        try:
            problem: Problem = msgspec.json.decode(answer.body, type=Problem)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return refused(NAME, answer, self.origin)
        if problem.status >= 429:
            return refused(NAME, answer, self.origin)
        words = f"the server refuses: {problem.detail[:300]} ({problem.error[:40]})"
        return UsageError(words, advice=plain(problem.advice[:300]) or ASK, url=self.origin)
