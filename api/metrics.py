"""What Prometheus is told: requests, events, previews, and how long compiling and evaluating take."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY: Final = CollectorRegistry()
SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUESTS: Final = Counter("pricing_requests", "Requests answered.", ("method", "route", "status"), registry=REGISTRY)
LATENCY: Final = Histogram("pricing_request_seconds", "Time to answer.", ("route",), buckets=SECONDS, registry=REGISTRY)
IN_WORK: Final = Gauge("pricing_requests_in_work", "Requests in work.", registry=REGISTRY)
SHED: Final = Counter("pricing_requests_shed", "Requests refused because there was too much to do.", registry=REGISTRY)
LATE: Final = Counter("pricing_requests_late", "Requests that took longer than they may.", registry=REGISTRY)
WATCHED: Final = Gauge("pricing_jobs_watched", "Jobs that are watched.", registry=REGISTRY)
EVENTS: Final = Counter("pricing_events", "Events by what became of them.", ("outcome",), registry=REGISTRY)
PREVIEWS: Final = Counter("pricing_previews", "Previews evaluated.", registry=REGISTRY)
COMPILING: Final = Histogram("pricing_compile_seconds", "Time to compile.", buckets=SECONDS, registry=REGISTRY)
EVALUATING: Final = Histogram(
    "pricing_evaluate_seconds", "Time to evaluate a preview.", buckets=SECONDS, registry=REGISTRY
)
JOBS: Final = Counter("pricing_jobs", "Jobs by how they ended.", ("kind", "state"), registry=REGISTRY)

METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Answered:
    """Counts answers. Looking labels up costs more than counting, so each combination is looked up once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """One answer. Methods that nobody knows count as `OTHER`: a caller may not make up series."""
        if method not in METHODS:
            method = "OTHER"
        known = self._known.get((method, route, status))
        if known is None:
            known = REQUESTS.labels(method, route, str(status)), LATENCY.labels(route)
            self._known[method, route, status] = known
        known[0].inc()
        known[1].observe(seconds)
