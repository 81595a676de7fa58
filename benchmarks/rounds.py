"""Processes that take their steps in turn, so that what else runs hits all alike."""

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Self

from benchmarks.devices import NAMES, VARIABLE

__all__ = ["FLOOR", "OURS", "PEERS", "Case", "Limits", "Measured", "Peer", "measure"]

ROOT = Path(__file__).parents[1]
PAUSE = 0.2  # seconds in which the last peer's threads stop spinning
POOLS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)


@dataclass(frozen=True)
class Peer:
    """A module of `peers`, how it is run, and by what names it is asked for."""

    name: str
    group: str
    module: str
    mode: str = "-"
    env: dict[str, str] = field(default_factory=dict)
    devices: tuple[str, ...] = ("cpu",)


FLOOR = Peer("products alone", "floor", "floor", devices=NAMES)
OURS = Peer("varlayers", "varlayers", "varlayers_step", devices=NAMES)
PEERS = [
    FLOOR,
    OURS,
    Peer(
        "varlayers plain", "varlayers", "varlayers_step", env={"VARLAYERS_NUMBA": "0"}
    ),
    Peer("varlayers untraced", "varlayers", "varlayers_step", "untraced"),
    Peer(
        *("varlayers graphs", "varlayers", "varlayers_step"),
        env={"VARLAYERS_CUDA_GRAPHS": "1"},
        devices=("gpu",),
    ),
    Peer("torch eager", "torch", "torch_step", "eager", devices=NAMES),
    Peer("torch compiled", "torch", "torch_step", "compiled", devices=NAMES),
    Peer("torch autotuned", "torch", "torch_step", "autotuned", devices=NAMES),
    Peer("JAX jit", "jax", "jax_step", devices=NAMES),
    Peer("TFP graph", "tfp", "tfp_step", "graph"),
    Peer("TFP XLA", "tfp", "tfp_step", "XLA"),
    Peer("bayesian-torch eager", "bayesian-torch", "bayesian_torch_step", "eager"),
    Peer(
        "bayesian-torch compiled", "bayesian-torch", "bayesian_torch_step", "compiled"
    ),
    Peer("NumPyro", "numpyro", "numpyro_step"),
    Peer("Pyro", "pyro", "pyro_step"),
]


@dataclass(frozen=True)
class Case:
    """A workload, with its sizes, an estimator, a number of threads and a device."""

    workload: str
    estimator: str
    threads: int = 2
    device: str = "cpu"


@dataclass(frozen=True)
class Limits:
    """How often, and how long in each round."""

    rounds: int = 9
    steps: int = 40
    seconds: float = 2.0


class Worker:
    """A process that runs one peer."""

    def __init__(self, peer: Peer, case: Case) -> None:
        command = [sys.executable, "-m", "benchmarks.worker", peer.module, peer.mode]
        pools = dict.fromkeys(POOLS, str(case.threads)) | {VARIABLE: case.device}
        path = os.pathsep.join([str(ROOT), str(ROOT / "backends")])
        self.process = subprocess.Popen(
            [*command, case.workload, case.estimator, str(case.threads)],
            env={**os.environ, **pools, "PYTHONPATH": path, **peer.env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def answer(self) -> dict[str, Any]:
        """Return the next answer."""
        line = self.process.stdout.readline()  # type: ignore[union-attr]
        return json.loads(line) if line else {"skipped": "it ended without a word"}

    def ask(self, limits: Limits) -> dict[str, Any]:
        """Let it take its steps; one that has ended meanwhile says so."""
        request = f"{limits.steps} {limits.seconds}\n"
        with suppress(BrokenPipeError):
            self.process.stdin.write(request)  # type: ignore[union-attr]
            self.process.stdin.flush()  # type: ignore[union-attr]
        return self.answer()


@dataclass
class Measured:
    """What came out for one peer: facts of its start, and a time per round, in ms."""

    peer: Peer
    facts: dict[str, Any]
    times: list[float] = field(default_factory=list)

    @property
    def skipped(self) -> str | None:
        """Why it did not run, if it did not."""
        return self.facts.get("skipped")

    @property
    def ms(self) -> float:
        return median(self.times)

    def ratio(self, base: "Measured") -> float:
        """Return the median over the rounds of this time by that of `base`."""
        pairs = zip(self.times, base.times, strict=True)
        return median(mine / other for mine, other in pairs)


def measure(case: Case, peers: list[Peer], limits: Limits) -> list[Measured]:
    """Run a case's rounds, and return what came out by peer."""
    with ExitStack() as stack:
        running, all_of_them = {}, []
        for peer in peers:  # one after the other: their starts are timed
            worker = stack.enter_context(Worker(peer, case))
            result = Measured(peer, worker.answer())
            all_of_them.append(result)
            if result.skipped is None:
                running[peer.name] = worker, result
        for _ in range(limits.rounds):
            for worker, result in running.values():
                time.sleep(PAUSE)
                facts = worker.ask(limits)
                result.facts |= facts
                result.times.append(1e3 * facts.get("seconds", float("nan")))
    return all_of_them
