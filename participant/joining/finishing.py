"""The last step of joining: the network file is what the home was invited to, then `node join` checks the rest."""

from collections import Counter
from pathlib import Path

from msgspec import UNSET

from ledger.config import Home, Network, at_node, load_network
from ledger.errors import Malformed, Refuted
from ledger.events.records import Rules
from participant.joining.answering import answered
from participant.joining.documents import AddressFile, Invite, founding_digest, signer_of_founding
from participant.joining.fingerprint import words_of
from participant.node.join import join


class OtherFounders(Refuted):
    """The consortium was founded with others than the invite named."""


class OtherWords(Refuted):
    """The founding has other words than a member read."""


class OtherFounding(Refuted):
    """The consortium was founded otherwise than the invite said."""


def finish(
    file: Path,
    home: Home,
    *,
    replace: bool = False,
    rpc: tuple[str, ...] = (),
    accept_founders: bool = False,
    words: str | None = None,
) -> dict[str, object]:
    """Join the network of a file, as `node join` does; where the home has answered an invite to a founding, what was
    founded is first held against it, but for its founders where they are accepted as they are. `words`, where they are
    given, are the founding's as a member read them: they cover the founders and their keys, and stand in for those of
    an invite that named nobody. Raises OtherFounding, OtherFounders, OtherWords, and what `node join` raises.
    """
    network = load_network(file)  # read once: what is checked is what is kept
    home.require_key()
    answer = answered(home)
    if words is not None:
        check_words(network, words)
    if answer is not None and answer.invite.rules is not None and not home.network_file.exists():
        check_founded(network, answer)
        if not accept_founders and (words is None or answer.invite.founders is not UNSET):
            check_founders(network, answer.invite, home.command("join", file))
        url = next(iter(rpc or home.settings().rpc), "")
        check_rules_on_chain(at_node(home.reached(network), url), answer.invite.rules)
    return join(network, home, replace=replace, rpc=rpc)


def check_founded(network: Network, answer: AddressFile) -> None:
    """Holds a network file against the invite that was answered.

    1. chain and name of the consortium; 2. the inviter is a founding member, with the key that signed; 3. so is this
    home's key, with the name and roles that it was invited with; 4. the inviter's key signed what the file pins, since
    anybody can found with the keys of others. Raises OtherFounding.
    """
    invite = answer.invite
    members = {(member.name, member.key): member for member in network.founding.members}
    _require("its chain", invite.chain.id, network.chain.id)
    _require("its name", invite.consortium, network.name)
    inviter = invite.inviter
    _require("the inviter's key", inviter.key, _key_of(network, inviter.name))
    _require("this home's key", answer.key, _key_of(network, invite.name))
    own = members[invite.name, answer.key]
    _require("this home's roles", ", ".join(sorted(invite.roles)), ", ".join(sorted(own.roles)))
    _require("its founder's signature", inviter.key, _founder_of(network))


def check_founders(network: Network, invite: Invite, command: str) -> None:
    """Raises OtherFounders where the consortium was founded with others than the invite names, or with one more of a
    name: no contract compares names; or where the invite, of an earlier version, names none. `command` joins it.
    """
    if invite.founders is UNSET:
        raise OtherFounders(
            "the invite did not name who founds the consortium, and their majority decides",
            advice="have a founder whom you know read you the founding's words, by phone, best another than "
            f'{invite.inviter.name}: {command} --words "WORDS"',
            founders=", ".join(sorted(member.name for member in network.founding.members))[:300],
        )
    expected, actual = Counter(invite.founders), Counter(member.name for member in network.founding.members)
    more, fewer = sorted((actual - expected).elements()), sorted((expected - actual).elements())
    if more or fewer:
        raise OtherFounders(
            "the consortium was founded with others than the invite named: their majority decides",
            advice=f"ask {invite.inviter.name}, by phone; if you know and want these: {command} --accept-founders",
            **({"more": ", ".join(more)[:300]} if more else {}),
            **({"missing": ", ".join(fewer)[:300]} if fewer else {}),
        )


def check_words(network: Network, words: str) -> None:
    """Raises OtherWords where a founding's words are not those that a member read: then it is not what that member has
    joined.
    """
    expected, actual = " ".join(words.lower().split()), words_of(founding_digest(network))
    if expected != actual:
        raise OtherWords(
            "the founding has other words than those that you gave",
            advice="join nothing: compare them once more, by phone; if they differ, ask which network file is right",
            expected=expected[:300],
            actual=actual,
        )


def check_rules_on_chain(network: Network, rules: Rules) -> None:
    """Raises OtherFounding where the founding's rules are not those of the invite. No vote changes them before the
    first proposal is made, which keeps those of its making.
    """
    from ledger.chain.client import Client
    from ledger.index import Follower, Index

    with Client.connect(network) as client:
        history = Follower(client, Index(None)).refresh()
    first = next(iter(history.decisions.proposals.values()), None)
    _require("its rules", rules, first.rules if first else history.decisions.rules)


def _founder_of(network: Network) -> str:
    """The key that signed a network file; why there is none, in words."""
    if network.founding.signature is UNSET:
        return "nobody signed the network file"
    try:
        return signer_of_founding(network)
    except Malformed as error:
        return error.message


def _key_of(network: Network, name: str) -> str:
    return next((member.key for member in network.founding.members if member.name == name), "nobody's")


def _require(what: str, expected: object, actual: object) -> None:
    if expected != actual:
        raise OtherFounding(
            f"the consortium was founded otherwise than the invite said: {what}",
            advice="join nothing yet: ask the founder, by phone, which network file is the right one",
            expected=expected,
            actual=actual,
        )
