"""What one Bayesian training step costs, beside torch, JAX, and its matrix products.

    python benchmarks/mlp_step.py [--rounds 9] [--steps 40]

784-400-400-10, batch 128, float32, Adam, each estimator, two threads. Every peer has a
process of its own; in every round each takes its turn, so that whatever else the
machine does hits all alike. `benchmarks/README.md` says how to read the table.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from peers.problem import ESTIMATORS

PEERS = {
    "products alone": ("products", "eager"),
    "varlayers on NumPy": ("varlayers_step", "eager"),
    "torch eager": ("torch_step", "eager"),
    "torch compiled": ("torch_step", "compiled"),
    "JAX jit": ("jax_step", "compiled"),
}
FLOOR, OURS = list(PEERS)[:2]
THREADS = 2
PAUSE = 0.3  # seconds in which the last peer's threads stop spinning


def main() -> None:
    """Run the rounds and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args()
    workers = start_workers()
    for estimator in ESTIMATORS:
        ask_all(workers, estimator, 1)  # compiles
        counts = [options.steps] * options.rounds
        print_table(estimator, [ask_all(workers, estimator, n) for n in counts])


def start_workers() -> dict[str, subprocess.Popen[str]]:
    """Start one process per peer; leave out, with the reason, those that cannot run."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    env = os.environ | dict.fromkeys(names, str(THREADS))
    if "OPENBLAS_CORETYPE" in env:
        print("OPENBLAS_CORETYPE slows NumPy's products and no peer's: unset it.")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    workers = {}
    for name, peer in PEERS.items():
        worker = subprocess.Popen(
            [sys.executable, "-m", "peers.worker", *peer],
            cwd=Path(__file__).parent,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        answer = worker.stdout.readline().strip()
        print(f"{name}: {answer or 'skipped, it ended without a word'}")
        if answer.startswith("ready"):
            workers[name] = worker
    return workers


def ask_all(
    workers: dict[str, subprocess.Popen[str]], estimator: str, steps: int
) -> dict[str, tuple[float, float]]:
    """Let each peer take steps in turn; return its first loss and ms per step."""
    answers = {}
    for name, worker in workers.items():
        time.sleep(PAUSE)
        print(estimator, steps, file=worker.stdin, flush=True)
        loss, seconds = worker.stdout.readline().split()
        answers[name] = float(loss), 1e3 * float(seconds)
    return answers


def print_table(estimator: str, rounds: list[dict[str, tuple[float, float]]]) -> None:
    """Print medians over the rounds, of times and of the ratios within a round."""
    print(f"\n{estimator:20s}      ms   least  / products  / varlayers  first loss")
    for name, (loss, _) in rounds[0].items():
        times = [times[name][1] for times in rounds]
        floor, ours = (
            median(times[name][1] / times[base][1] for times in rounds)
            for base in (FLOOR, OURS)
        )
        row = f"{name:20s}{median(times):8.2f}{min(times):8.2f}{floor:12.2f}"
        print(row if name == FLOOR else f"{row}{ours:13.2f}{loss:12.3f}")


if __name__ == "__main__":
    main()
