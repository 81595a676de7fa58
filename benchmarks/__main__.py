"""What a Bayesian step costs, beside its peers and beside the floor.

    python -m benchmarks [--workloads mlp,conv2d] [--peers torch,jax] [--markdown]

Every peer has a process of its own per case; in every round each takes its turn.
`benchmarks/README.md` says how to read the tables.
"""

import argparse
import os
from collections.abc import Sequence

from benchmarks.devices import NAMES
from benchmarks.rounds import FLOOR, OURS, PEERS, Case, Limits, Measured, Peer, measure
from benchmarks.scaling import SCALES, scaling_table
from benchmarks.tables import case_table, summary
from benchmarks.workloads import ESTIMATORS, WORKLOADS, workload

PINS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure case by case and print."""
    options = parse(arguments)
    for pin in PINS:
        if pin in os.environ:
            print(f"Warning: {pin} slows NumPy's products and no peer's. Unset it.\n")
    limits = Limits(options.rounds, options.steps, options.seconds)
    peers = chosen(options.peers, options.device)
    if options.scaling:
        for estimator in of_workload(SCALES[options.scaling][0], options):
            table = scaling_table(
                *(options.scaling, estimator, peers, limits),
                *(options.threads, options.device),
            )
            print(f"{table}\n", flush=True)
        return
    measured, described = [], set()
    for name in split_names(options.workloads):
        for estimator in of_workload(name, options):
            case = Case(name, estimator, options.threads, options.device)
            results = measure(case, peers, limits)
            describe(results, described)
            measured.append((case, results))
            if not options.markdown:
                print(f"{case_table(case, results)}\n", flush=True)
    print(summary(measured))


def of_workload(name: str, options: argparse.Namespace) -> list[str]:
    """Return the estimators asked for that the workload is run with."""
    asked = options.estimators.split(",")
    if set(asked) - set(ESTIMATORS):
        msg = f"--estimators expected some of {ESTIMATORS}, got {options.estimators}."
        raise SystemExit(msg)
    return [e for e in asked if e in workload(name).estimators]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__.splitlines()[0]
    )
    groups = ",".join(dict.fromkeys(peer.group for peer in PEERS[1:]))
    add = parser.add_argument
    add("--workloads", default=",".join(WORKLOADS), help="such as mlp:width=800,lenet")
    add("--estimators", default=",".join(ESTIMATORS))
    add(
        "--peers",
        default=groups,
        help='such as jax,"varlayers plain"; varlayers runs always',
    )
    add("--rounds", type=int, default=Limits.rounds)
    add("--steps", type=int, default=Limits.steps, help="at most, in a round")
    add("--seconds", type=float, default=Limits.seconds, help="at most, in a round")
    add("--threads", type=int, default=2)
    add("--device", choices=NAMES, default=NAMES[0])
    add("--scaling", choices=SCALES, help="step time by size, with its slope")
    add("--markdown", action="store_true", help="print the last table only")
    return parser.parse_args(arguments)


def chosen(groups: str, device: str = NAMES[0]) -> list[Peer]:
    """Return what all are compared with, and the named peers or groups of them.

    Those that do not run on the device are left out.
    """
    known = {name for peer in PEERS for name in (peer.group, peer.name)}
    wanted = set(groups.split(","))
    if wanted - known:
        unknown = ", ".join(sorted(wanted - known))
        msg = f"--peers expected some of {sorted(known)}, got {unknown}."
        raise SystemExit(msg)
    return [
        peer
        for peer in PEERS
        if device in peer.devices
        and (peer in (FLOOR, OURS) or {peer.name, peer.group} & wanted)
    ]


def split_names(names: str) -> list[str]:
    """Return the workloads' names; "a:b=1,c=2,d" has two, with sizes b and c for a."""
    split: list[str] = []
    for part in names.split(","):
        if "=" in part and ":" not in part and split:
            split[-1] += f",{part}"
        else:
            split.append(part)
    return split


def describe(results: list[Measured], known: set[str]) -> None:
    """Print what each peer's process runs, once."""
    for result in results:
        if result.skipped is None and result.peer.name not in known:
            known.add(result.peer.name)
            facts = result.facts
            print(f"{result.peer.name}: {facts['peer']}; {facts['pools']}", flush=True)
    print()


if __name__ == "__main__":
    main()
