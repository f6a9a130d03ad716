"""What a Prometheus server reads of a model's server at /metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from ledger.errors import FedledgerError
from participant.serving.desk import ServingDesk

CONTENT_TYPE = CONTENT_TYPE_LATEST
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0)


class ServingMetrics:
    """The counts of one server, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter("fedledger_serve_requests", "Responses, by status.", ["status"], registry=registry)
        self._rows = Counter("fedledger_serve_predictions", "Rows predicted.", registry=registry)
        self._saturated = Counter(
            "fedledger_serve_saturated", "Rows of which an output was cut at its bound.", registry=registry
        )
        self._seconds = Histogram(
            "fedledger_serve_request_seconds", "Time to predict.", buckets=_BUCKETS, registry=registry
        )
        self._usable = Gauge("fedledger_serve_usable", "1 while the release may be used.", registry=registry)
        self._age = Gauge("fedledger_chain_age_seconds", "Since the chain was asked last.", registry=registry)
        self._still = Gauge(
            "fedledger_chain_still_seconds", "Since the chain's node showed a further block.", registry=registry
        )
        self._release = Gauge(
            "fedledger_served_release", "1 for the release served.", ["name", "version", "root"], registry=registry
        )
        self._by_status: dict[int, Counter] = {}

    def answered(self, status: int) -> None:
        """Count a response."""
        if status not in self._by_status:
            self._by_status[status] = self._requests.labels(str(status))
        self._by_status[status].inc()

    def predicted(self, rows: int, seconds: float) -> None:
        """Count what took so long to predict."""
        self._rows.inc(rows)
        self._seconds.observe(seconds)

    def saturated(self, rows: int) -> None:
        """Count rows of which an output was cut."""
        if rows:
            self._saturated.inc(rows)

    def text(self, desk: ServingDesk) -> bytes:
        """The exposition, with what the desk says now."""
        try:
            desk.usable()
            self._usable.set(1)
        except FedledgerError:
            self._usable.set(0)
        self._age.set(desk.age if desk.block is not None else -1)
        self._still.set(-1 if desk.still is None else desk.still)
        released = desk.model.predictor.released
        self._release.clear()
        self._release.labels(released.name, released.version, released.root.hex()).set(1)
        return generate_latest(self._registry)
