"""One peer in a process of its own, so that thread pools do not meet.

    python -m peers.worker MODULE eager|compiled

Says "ready" and with what pools, or why it cannot run. Then reads lines "estimator
steps" and answers each with the first loss and the median seconds of that many steps.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from statistics import median
from time import perf_counter

WARM_UP = 5


def main(module: str, mode: str) -> None:
    """Answer requests until the input ends."""
    try:
        peer = import_module(f"peers.{module}")
    except ImportError as error:
        print("skipped", error, flush=True)
        return
    print("ready", pools(), flush=True)
    running = {}
    for line in sys.stdin:
        estimator, count = line.split()
        if estimator not in running:
            step = peer.make_step(estimator, mode == "compiled")
            running[estimator] = step, step()
        step, loss = running[estimator]
        times = [seconds(step) for _ in range(WARM_UP + int(count))]
        print(loss, median(times[WARM_UP:]), flush=True)


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


def seconds(step: Callable[[], float]) -> float:
    """Return how long one step takes."""
    start = perf_counter()
    step()
    return perf_counter() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
