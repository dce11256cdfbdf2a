"""What a monitor reads: intake, log, sealing, tables, sources, pulls and processes, looked up when it asks.

Figures of the processes beside the server come from what they last said (`pipeline/pulse.py`), those of the disk from
the disk. A figure that cannot be known now is left out, not made up.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from regard.board import health
from regard.errors import RegardError
from regard.ledger import Ledger
from regard.ledger.log import Gauges
from regard.pipeline import pull_states
from regard.pipeline.pulse import FOLLOW, REFRESH, Pulse, lives, pulse
from regard.store import Store
from regard.web.site import Site

MOST_LABELS = 200
"""Sources or pulls that are listed at most, the first by name: a monitor keeps every one of them for ever."""
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
COUNTED = {
    "interactions": "Interactions brought into the ledger.",
    "known": "Interactions that were in the ledger already, word for word.",
    "rejects": "Rows set aside as rejects.",
    "records": "Accepted requests brought into the ledger.",
}


@dataclass(frozen=True, eq=False)
class Figures(Collector):
    """Everything that is not counted by request. gauges : of this process's intake."""

    site: Site
    store: Store
    gauges: Gauges

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: what there is depends on the workspace."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All of it as it is now."""
        now = self.site.clock()
        yield _gauge("regard_info", "The version that runs.", 1, version=version("regard"))
        yield from _intake(self.gauges)
        for part in (self._log, self._sealing, self._tables, self._sources, self._pulls):
            with suppress(RegardError, OSError):  # the others are told all the same
                yield from list(part(now))

    def _log(self, now: dt.datetime) -> Iterator[Metric]:
        ledger = Ledger.open(self.site.workspace)
        damage = ledger.damage()
        bad = [one for one in damage if not one.torn]
        yield _gauge("regard_log_waiting_bytes", "Accepted and not in the ledger yet.", ledger.waiting_bytes)
        yield _gauge("regard_log_segments", "Files of the log.", len(ledger.archive.log.all()))
        yield _gauge("regard_log_damaged_records", "Stretches set aside: no checksum vouched for them.", len(bad))
        yield _gauge("regard_log_damaged_bytes", "Bytes of those.", sum(one.end - one.start for one in bad))
        yield _gauge("regard_log_torn_records", "Writes cut off by a kill; never acknowledged.", len(damage) - len(bad))
        yield _gauge(
            "regard_disk_free_bytes", "Left where the log is.", shutil.disk_usage(self.site.workspace.root).free
        )

    def _sealing(self, now: dt.datetime) -> Iterator[Metric]:
        said = pulse(self.site.workspace, FOLLOW)
        yield from self._process(FOLLOW, said)
        if said is not None:
            yield from _turns("regard_seal", "Bringing what was accepted into the ledger", said, now)
            for name, says in COUNTED.items():
                yield _counter(f"regard_sealed_{name}", says, said.counts.get(name, 0))

    def _tables(self, now: dt.datetime) -> Iterator[Metric]:
        said = pulse(self.site.workspace, REFRESH)
        yield from self._process(REFRESH, said)
        if said is not None:
            yield from _turns("regard_refresh", "Bringing the tables up to date", said, now)
            yield _counter("regard_refresh_runs", "Times everything was worked out.", said.counts.get("runs", 0))
        published = self.site.reader.now().published
        if published is not None:
            yield _gauge("regard_tables_as_of_seconds", "Time of knowing of the tables, since 1970.",
                         published.as_of.timestamp())  # fmt: skip

    def _sources(self, now: dt.datetime) -> Iterator[Metric]:
        here, age = self.site, GaugeMetricFamily(
            "regard_source_age_seconds", "Since a source's newest interaction.", labels=["source"]
        )  # fmt: skip
        allowed = GaugeMetricFamily(
            "regard_source_age_allowed_seconds", "How old that may be, as the blueprint says.", labels=["source"]
        )
        count = GaugeMetricFamily("regard_source_interactions", "Interactions of a source.", labels=["source"])
        held = here.reader.now()
        if held.published is None:
            return
        found = health.sources(held.ask(health.arrivals()), here.blueprint, now)
        for one in sorted(found, key=lambda one: one.source)[:MOST_LABELS]:
            age.add_metric([one.source], one.age_s)
            count.add_metric([one.source], one.n)
            if one.limit_s is not None:
                allowed.add_metric([one.source], one.limit_s)
        yield from (age, allowed, count)

    def _pulls(self, now: dt.datetime) -> Iterator[Metric]:
        failures = GaugeMetricFamily("regard_pull_failures", "Failures in a row; 0 after success.", labels=["pull"])
        age = GaugeMetricFamily("regard_pull_age_seconds", "Since a pull last went well.", labels=["pull"])
        ill = GaugeMetricFamily("regard_pull_ill", "1: it fails, is late, or its file is wrong.", labels=["pull"])
        for one in pull_states(self.site.workspace, self.store)[:MOST_LABELS]:
            ill.add_metric([one.name], one.state(now) in ("wrong", "failing", "late"))
            if one.last is not None:
                failures.add_metric([one.name], one.last.failures)
            if one.last is not None and one.last.succeeded_at is not None:
                age.add_metric([one.name], one.age_s(now))
        yield from (failures, age, ill)

    def _process(self, name: str, said: Pulse | None) -> Iterator[Metric]:
        alive = lives(self.site.workspace, name)
        yield _gauge(f"regard_{name}_alive", "1: the process lives.", alive)
        if said is not None:
            yield _gauge(f"regard_{name}_trouble", "1: its last turn could not be done.", bool(said.trouble))
        if said is not None and alive and (resident := _resident(said.pid)) is not None:
            yield _gauge(f"regard_{name}_resident_bytes", "Memory of the process.", resident)


def _intake(gauges: Gauges) -> Iterator[Metric]:
    yield _counter("regard_ingest_requests", "Requests whose content is on the disk.", gauges.requests)
    yield _counter("regard_ingest_events", "Interactions in them.", gauges.events)
    yield _counter("regard_ingest_rejected_rows", "Rows in them that did not fit.", gauges.rejects)
    yield _counter("regard_ingest_bytes", "Bytes written to the log for them.", gauges.bytes_appended)
    yield _counter("regard_ingest_syncs", "Syncs of the log; each covers all requests that wait.", gauges.syncs)
    yield _counter("regard_ingest_failures", "Writes to the log that failed.", gauges.failures)
    yield _gauge("regard_ingest_in_flight_bytes", "Bodies that are not answered yet.", gauges.bytes_in_flight)


def _turns(name: str, says: str, said: Pulse, now: dt.datetime) -> Iterator[Metric]:
    yield _counter(f"{name}_turns", f"{says}: turns.", said.turns)
    yield _counter(f"{name}_seconds", f"{says}: seconds together.", said.busy_s)
    yield _gauge(f"{name}_last_seconds", f"{says}: seconds of the last turn.", said.last_s)
    if said.caught_up_at is not None:
        yield _gauge(f"{name}_behind_seconds", f"{says}: seconds since nothing was left to do.", said.behind_s(now))


def _resident(pid: int) -> int | None:
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES
    return None


def _gauge(name: str, says: str, value: float, **labels: str) -> Metric:
    family = GaugeMetricFamily(name, says, labels=list(labels))
    family.add_metric(list(labels.values()), value)
    return family


def _counter(name: str, says: str, value: float) -> Metric:
    return CounterMetricFamily(name, says, value=value)
