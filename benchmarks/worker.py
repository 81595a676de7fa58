"""One peer at one workload, in a process of its own, so that thread pools do not meet.

    python -m benchmarks.worker MODULE MODE WORKLOAD ESTIMATOR THREADS

Says, as a line of JSON, what runs and how long its first step took, or why it cannot.
Then reads lines "steps seconds", takes as many steps as fit, and answers each with
their median time in seconds. What a step returns is told as root mean squares.
"""

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.devices import to_host
from benchmarks.workloads import Unsupported, workload

WARM_UP_STEPS, WARM_UP_SECONDS = 5, 0.2


def main(module: str, mode: str, name: str, estimator: str, threads: str) -> None:
    """Answer requests until the input ends."""
    limit_cores(int(threads))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer

    def say(**facts: Any) -> None:
        print(json.dumps(facts), file=answers, flush=True)

    try:
        step, facts = started(module, mode, name, estimator)
    except (ImportError, Unsupported) as error:
        say(skipped=str(error))
        return
    except Exception as error:  # a peer's own failure is a result
        first_line = str(error).strip().partition("\n")[0]
        say(skipped=f"{type(error).__name__}: {first_line}")
        return
    say(**facts, pools=pools(), memory=peak_memory())
    steps_in_one = workload(name).steps
    for line in sys.stdin:
        steps, seconds = line.split()
        timed(step, WARM_UP_STEPS, WARM_UP_SECONDS)
        times = timed(step, int(steps), float(seconds))
        say(seconds=median(times) / steps_in_one, memory=peak_memory())


def limit_cores(threads: int) -> None:
    """Keep the process on as many cores as it has threads, where that can be done."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def started(module: str, mode: str, name: str, estimator: str) -> Any:
    """Return the step, after its first call, and what it cost to get there."""
    start, sizes = perf_counter(), workload(name)
    peer = import_module(f"benchmarks.peers.{module}")
    imported = perf_counter()
    if estimator not in sizes.estimators:
        msg = f"{name} is run with {', '.join(sizes.estimators)}"
        raise Unsupported(msg)
    step = peer.make_step(sizes, estimator, mode)
    result = step()
    facts = {
        "peer": peer.describe(),
        "import_s": imported - start,
        "first_s": perf_counter() - imported,
        "results": root_mean_squares(result),
    }
    if module == "floor":
        facts["work"] = peer.work(sizes, estimator)
    return step, facts


def root_mean_squares(result: Any) -> list[float]:
    """Return one number per array, the same however the array is laid out."""
    arrays = result if isinstance(result, tuple | list) else [result]
    hosted = (np.asarray(to_host(array)) for array in arrays)
    return [float(np.sqrt(np.mean(np.square(array)))) for array in hosted]


def timed(step: Callable[[], Any], steps: int, seconds: float) -> list[float]:
    """Return the times of at least one step, until either limit is reached."""
    times: list[float] = []
    while not times or (len(times) < steps and sum(times) < seconds):
        start = perf_counter()
        step()
        times.append(perf_counter() - start)
    return times


def pools() -> str:
    """Return the thread pools in use, and OpenBLAS's choice of kernels."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return "(install threadpoolctl to see the thread pools and BLAS kernels)"
    return ", ".join(
        f"{pool['num_threads']} threads of {pool['internal_api']} "
        f"{pool.get('architecture', '')}".strip()
        for pool in threadpool_info()
    )


def peak_memory() -> float:
    """Return the most memory that the process has held, in MB; NaN where unknown."""
    try:
        import resource
    except ImportError:
        return float("nan")
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    main(*sys.argv[1:])
