"""How a step's time grows with width, batch, posterior samples or threads.

The slope is that of log time by log size, over the larger half of the sizes: 2 where
time grows with the square of the width, 1 where it is proportional to the batch, -1
where threads share the work perfectly.
"""

import math
import os
from collections.abc import Sequence

from benchmarks.rounds import Case, Limits, Measured, Peer, measure
from benchmarks.tables import markdown, short

__all__ = ["SCALES", "scaling_table", "slope"]

# What grows, the workload, and its sizes.
SCALES = {
    "width": ("mlp", (50, 100, 200, 400, 800, 1600)),
    "batch": ("mlp", (16, 32, 64, 128, 256, 512)),
    "samples": ("predict", (1, 3, 10, 30, 100)),
    "threads": ("mlp_big", (1, 2, 4, 8, 16, 32, 64)),
}


def scaling_table(
    scale: str,
    estimator: str,
    peers: list[Peer],
    limits: Limits,
    threads: int,
    device: str,
) -> str:
    """Measure every size, and return median ms by peer, with slopes."""
    name, sizes = SCALES[scale]
    if scale == "threads":
        sizes = tuple(size for size in sizes if size <= (os.cpu_count() or 1))
        cases = [Case(name, estimator, size, device) for size in sizes]
    else:
        named = [f"{name}:{scale}={size}" for size in sizes]
        cases = [Case(each, estimator, threads, device) for each in named]
    runs = [measure(case, peers, limits) for case in cases]
    rows = [[f"{name}, {estimator}, {scale}", *map(str, sizes), "slope"]]
    rows += [row(sizes, results) for results in zip(*runs, strict=True)]
    return markdown(rows)


def row(sizes: Sequence[int], results: Sequence[Measured]) -> list[str]:
    """Return a peer's row."""
    ms = [math.nan if result.skipped else result.ms for result in results]
    cells = ["-" if math.isnan(time) else short(time) for time in ms]
    known = [(size, time) for size, time in zip(sizes, ms, strict=True) if time > 0]
    larger = known[len(known) // 2 if len(known) > 3 else 0 :]
    fitted = f"{slope(larger):.2f}" if len(larger) > 1 else "-"
    return [results[0].peer.name, *cells, fitted]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of log y by log x, fitted by least squares."""
    logs = [(math.log(x), math.log(y)) for x, y in points]
    middle_x, middle_y = (sum(column) / len(logs) for column in zip(*logs, strict=True))
    products = sum((x - middle_x) * (y - middle_y) for x, y in logs)
    return products / sum((x - middle_x) ** 2 for x, _ in logs)
