"""The measured times as an HdrHistogram log, for tools that read such."""

from __future__ import annotations

import re
from pathlib import Path

from hdrh.log import HistogramLogWriter  # type: ignore[import-untyped]

from release.load.measurements import ALL, Measurements
from release.redaction import redact

NAME = "latency.hlog"
US_A_MS = 1000.0


def write(folder: Path, measurements: Measurements) -> None:
    """Write an interval a second and endpoint, tagged with the endpoint; values in µs.

    A tag holds neither spaces nor commas: "GET /" is ``GET_/`` (source: HdrHistogram's
    log format, version 1.3, which added tags).
    """
    with (folder / NAME).open("w", encoding="utf-8") as file:
        log = HistogramLogWriter(file)
        log.output_comment("[values in microseconds, tagged by endpoint]")
        log.output_comment("[Histogram log format version 1.3]")
        log.output_base_time(measurements.started * 1000)
        log.output_legend()
        for endpoint in measurements.endpoints.values():
            if endpoint.name == ALL:
                continue
            # Before its spaces go: a secret would not be known without them.
            tag = re.sub(r"[\s,]+", "_", redact(endpoint.name))
            for second in endpoint.seconds:
                file.write(f"Tag={tag},")
                log.output_interval_histogram(
                    *(second.good.hdr(), second.at, second.at + 1, US_A_MS)
                )
