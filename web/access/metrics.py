"""What a Prometheus server reads at /metrics."""

from collections.abc import Callable, Sized
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from ledger.audit.report import AuditVerdict
from web.reading.latest import State

CONTENT_TYPE = CONTENT_TYPE_LATEST
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


class Waiting(Protocol):
    """What waits to be relayed."""

    def waiting(self) -> Sized: ...


class CountedRelayer(Protocol):
    """What is counted of a relayer. `settled` is called with a message's kind and outcome."""

    settled: Callable[[str, str], None]
    balance: int

    @property
    def queue(self) -> Waiting: ...

    @property
    def trouble(self) -> object: ...


class Metrics:
    """The counts of one application, in a registry of their own."""

    def __init__(self, relayer: CountedRelayer | None = None) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "fedledger_web_requests", "Answers, by route and status.", ["route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "fedledger_web_request_seconds", "Time to answer.", buckets=_BUCKETS, registry=self._registry
        )
        self._up = self._gauge("fedledger_chain_up", "1 while the chain can be read.")
        self._block = self._gauge("fedledger_chain_block", "The last block read.")
        self._read_at = self._gauge("fedledger_chain_read_timestamp_seconds", "When the chain was last read.")
        self._rounds = self._gauge("fedledger_rounds_ended", "Rounds that have ended.")
        self._verified = self._gauge("fedledger_audit_verified", "1 where the last audit VERIFIED, 0 where not.")
        self._audited = self._gauge("fedledger_audit_timestamp_seconds", "When the last audit ended.")
        self.listeners = self._gauge("fedledger_web_listeners", "Connections that wait for events.")
        self._relayer = relayer
        if relayer is not None:
            self._count_messages(relayer)

    def request(self, route: str, status: int, seconds: float) -> None:
        self._requests.labels(route, str(status)).inc()
        self._seconds.observe(seconds)

    def text(self, state: State) -> bytes:
        """The exposition, with what the state says now."""
        self._up.set(state.snapshot is not None and not state.trouble)
        self._read_at.set(state.read_at)
        if state.snapshot is not None:
            self._block.set(state.snapshot.block)
            self._rounds.set(state.snapshot.ended)
        if state.audited is not None:
            report = state.audited.report
            self._verified.set(report is not None and report.verdict is AuditVerdict.VERIFIED)
            self._audited.set(state.audited.at)
        if self._relayer is not None:
            self._waiting.set(len(self._relayer.queue.waiting()))
            self._balance.set(self._relayer.balance)
            self._relays.set(self._relayer.trouble is None)
        return generate_latest(self._registry)

    def _count_messages(self, relayer: CountedRelayer) -> None:
        self._relays = self._gauge("fedledger_relayer_up", "1 while nothing keeps the relayer from sending.")
        self._waiting = self._gauge("fedledger_relay_waiting", "Messages that wait to be relayed.")
        self._balance = self._gauge("fedledger_relayer_balance_wei", "What the relayer has to pay for gas.")
        relayed = Counter(
            "fedledger_relayed", "Messages relayed, by kind and outcome.", ["kind", "outcome"], registry=self._registry
        )
        relayer.settled = lambda kind, outcome: relayed.labels(kind, outcome).inc()

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self._registry)
