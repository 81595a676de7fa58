"""The measurements as text: one table per case, and one of all for the docs."""

from collections.abc import Iterable

from benchmarks.rounds import FLOOR, OURS, Case, Measured

__all__ = ["GOALS", "case_table", "markdown", "short", "summary"]

# The least ratio of the fastest peer's time to ours that is aimed at.
GOALS = {
    ("mlp", "reparameterization"): 2.2,
    ("mlp", "flipout"): 1.8,
    ("mlp", "local"): 1.4,
    ("mlp_big", "reparameterization"): 2.5,
    ("mlp_big", "flipout"): 2.0,
    ("mlp_big", "local"): 1.5,
    ("lenet", "reparameterization"): 1.4,
    ("lenet", "flipout"): 1.8,
    ("conv2d", "reparameterization"): 1.0,
    ("conv2d", "flipout"): 1.8,
    ("conv3d", "reparameterization"): 1.0,
    ("convT2d", "flipout"): 1.2,
    ("tiny", "reparameterization"): 4.0,
    ("tiny", "local"): 4.0,
    ("tiny_fit", "reparameterization"): 1.0,
    ("tiny_fit", "local"): 1.0,
    ("predict", "reparameterization"): 2.0,
}
GPU_GOALS = {(name, "flipout"): 1.5 for name in ("conv2d", "conv3d", "convT2d")}
COLUMNS = ("ms", "least", "/ products", "/ varlayers", "import s", "first s", "MB")
Row = list[str]


def case_table(case: Case, results: list[Measured]) -> str:
    """Return one row per peer, and below why others did not run."""
    by_name = {result.peer.name: result for result in results}
    floor, ours = by_name[FLOOR.name], by_name[OURS.name]
    rows = [[f"{case.workload}, {case.estimator}", *COLUMNS, "results"]]
    rows += [row(r, floor, ours) for r in results if r.skipped is None]
    skipped = [f"{r.peer.name}: skipped, {r.skipped}" for r in results if r.skipped]
    return "\n".join([markdown(rows), "", floors_line(floor), *skipped])


def row(result: Measured, floor: Measured, ours: Measured) -> Row:
    """Return a peer's row."""
    facts, is_floor = result.facts, result is floor
    return [
        result.peer.name,
        short(result.ms),
        short(min(result.times)),
        ratio(result, floor),
        "" if is_floor else ratio(result, ours),
        f"{facts['import_s']:.1f}",
        f"{facts['first_s']:.2f}",
        f"{facts['memory']:.0f}",
        "" if is_floor else " ".join(f"{number:.4g}" for number in facts["results"]),
    ]


def ratio(one: Measured, other: Measured) -> str:
    """Return the ratio of two times, if both ran."""
    return "" if one.skipped or other.skipped else f"{one.ratio(other):.2f}"


def floors_line(floor: Measured) -> str:
    """Return the floors of a step in words."""
    if floor.skipped:
        return ""
    work = floor.facts["work"]
    moved, drawn = work["MB"], work["million normals"]
    return (
        f"Floor: products {short(floor.ms)} ms ({short(work['GFLOP'])} GFLOP at "
        f"{1e3 * work['GFLOP'] / floor.ms:.0f} GFLOP/s), "
        f"bytes {short(moved / work['GB/s'])} ms ({short(moved)} MB at "
        f"{work['GB/s']:.0f} GB/s), "
        f"normals {short(drawn * work['ns per normal'])} ms ({short(drawn)} million at "
        f"{work['ns per normal']:.2f} ns)."
    )


def short(number: float) -> str:
    """Return three digits, or all before the point."""
    return f"{number:.3g}" if number < 1000 else f"{number:.0f}"


def summary(measured: Iterable[tuple[Case, list[Measured]]]) -> str:
    """Return one row per case: median ms of each peer, and the goal."""
    measured = list(measured)
    names = list(dict.fromkeys(r.peer.name for _, results in measured for r in results))
    head = ["workload", "estimator", *names, "fastest peer / varlayers", "goal"]
    rows = [head]
    for case, results in measured:
        ms = {r.peer.name: short(r.ms) for r in results if r.skipped is None}
        cells = [ms.get(name, "-") for name in names]
        goal = goal_of(case)
        wanted = "" if goal is None else f"{goal:.1f}"
        rows.append([case.workload, case.estimator, *cells, lead(results), wanted])
    return markdown(rows)


def goal_of(case: Case) -> float | None:
    """Return the least ratio that is aimed at, if there is one."""
    name = case.workload.partition(":")[0]
    if case.device == "gpu":
        return GPU_GOALS.get((name, case.estimator), 1.0)
    return GOALS.get((case.workload, case.estimator))


def lead(results: list[Measured]) -> str:
    """Return the ratio of the fastest peer's time to varlayers'."""
    ran = [result for result in results if result.skipped is None]
    ours = [result for result in ran if result.peer.name == OURS.name]
    others = [r for r in ran if r.peer.group not in (FLOOR.group, OURS.group)]
    if not ours or not others:
        return ""
    fastest = min(others, key=lambda result: result.ms)
    return f"{fastest.ratio(ours[0]):.2f} ({fastest.peer.name})"


def markdown(rows: list[Row]) -> str:
    """Return a table, its columns aligned; the first row is the head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    numbers = [f"{'-' * (width - 1)}:" for width in widths[1:]]
    rows = [rows[0], ["-" * widths[0], *numbers], *rows[1:]]
    padded = [map(str.ljust, cells, widths) for cells in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in padded)
