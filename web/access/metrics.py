"""What a Prometheus server reads at /metrics."""

from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from web.reading.latest import State

CONTENT_TYPE = CONTENT_TYPE_LATEST
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


class RelayerStatus(NamedTuple):
    """A relayer at this moment: whether nothing keeps it from sending, messages that wait, and its balance in wei."""

    up: bool
    waiting: int
    balance: int


class Metrics:
    """The counts of one application, in a registry of their own."""

    def __init__(self, *, relays: bool = False) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "fedledger_web_requests", "Responses, by route and status.", ["route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "fedledger_web_request_seconds", "Time to respond.", buckets=_BUCKETS, registry=self._registry
        )
        self._up = self._gauge("fedledger_chain_up", "1 while the chain can be read.")
        self._block = self._gauge("fedledger_chain_block", "The last block read.")
        self._read_at = self._gauge("fedledger_chain_read_timestamp_seconds", "When the chain was last read.")
        self._rounds = self._gauge("fedledger_rounds_ended", "Rounds that have ended.")
        self._right = self._gauge("fedledger_audit_right", "1 if the last audit found all that stands right, else 0.")
        self._audited = self._gauge("fedledger_audit_timestamp_seconds", "When the last audit ended.")
        self.listeners = self._gauge("fedledger_web_listeners", "Connections that wait for events.")
        self._relaying = _RelayMetrics(self._registry) if relays else None

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that took `seconds`."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.observe(seconds)

    def settled(self, kind: str, outcome: str) -> None:
        """Count a message that was relayed or refused."""
        if self._relaying is not None:
            self._relaying.settled.labels(kind, outcome).inc()

    def text(self, state: State, relayer: RelayerStatus | None = None) -> bytes:
        """The exposition, with what the state and the relayer are now."""
        self._up.set(state.snapshot is not None and not state.trouble)
        self._read_at.set(state.read_at)
        if state.snapshot is not None:
            self._block.set(state.snapshot.block)
            self._rounds.set(state.snapshot.ended)
        if state.audited is not None:
            report = state.audited.report
            self._right.set(report is not None and report.right.answer == "yes")
            self._audited.set(state.audited.at)
        if self._relaying is not None and relayer is not None:
            self._relaying.show(relayer)
        return generate_latest(self._registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self._registry)


class _RelayMetrics:
    """The counts of a server that relays."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._up = Gauge("fedledger_relayer_up", "1 while nothing keeps the relayer from sending.", registry=registry)
        self._waiting = Gauge("fedledger_relay_waiting", "Messages that wait to be relayed.", registry=registry)
        self._balance = Gauge("fedledger_relayer_balance_wei", "The relayer's balance, for gas.", registry=registry)
        self.settled = Counter(
            "fedledger_relayed", "Messages relayed, by kind and outcome.", ["kind", "outcome"], registry=registry
        )

    def show(self, relayer: RelayerStatus) -> None:
        self._up.set(relayer.up)
        self._waiting.set(relayer.waiting)
        self._balance.set(relayer.balance)
