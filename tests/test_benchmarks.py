"""The benchmarks run, and their peers solve one problem; nothing here is timed."""

import importlib
import itertools
import math
import subprocess
import sys
import warnings
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import fake_cupy
from support.host_kernels import needs_compiler

from benchmarks.__main__ import chosen, main, split_names
from benchmarks.devices import VARIABLE
from benchmarks.peers import floor, varlayers_step
from benchmarks.rounds import (
    FLOOR,
    OURS,
    PEERS,
    Case,
    Limits,
    Measured,
    Peer,
    Worker,
    measure,
)
from benchmarks.scaling import SCALES, slope
from benchmarks.tables import case_table, summary
from benchmarks.worker import root_mean_squares
from benchmarks.workloads import WORKLOADS, Unsupported, Workload, workload

ROOT = Path(__file__).parents[1]
SMALL = [
    "mlp:width=30,batch=32",
    "lenet:batch=4",
    "conv2d:channels=8,batch=8,size=8",
    "conv3d:batch=2,size=6",
    "convT2d:batch=4,size=6",
    "tiny",
    "tiny_fit:epochs=2",
    "predict:width=30,batch=32,samples=20",
]
QUICK = {
    ("mlp", "local"),
    ("mlp", "flipout"),
    ("conv2d", "reparameterization"),
    ("tiny", "reparameterization"),
    ("tiny_fit", "reparameterization"),
    ("predict", "reparameterization"),
}
QUICK_WITHOUT_NOISE = {
    ("conv3d", "local"),
    ("convT2d", "flipout"),
}
STEPS = 4


def comparisons(quick):
    """Yield each peer, uncompiled, with each case; all but quick ones marked slow."""
    others = [p for p in PEERS if p.module not in ("floor", "varlayers_step")]
    for peer, name in itertools.product(others, SMALL):
        for estimator in workload(name).estimators:
            base = name.partition(":")[0]
            if peer.mode in ("compiled", "autotuned", "XLA"):
                continue  # the same functions, and minutes of compilation
            is_quick = (base, estimator) in quick
            yield pytest.param(
                (peer.module, peer.mode),
                name,
                estimator,
                marks=() if is_quick else pytest.mark.slow,
                id=f"{peer.name}-{base}-{estimator}",
            )


def results(peer, small, estimator, steps):
    """Return the root mean squares of what a peer's first steps return."""
    module, mode = peer
    with warnings.catch_warnings(), single_precision(module):
        warnings.simplefilter("ignore")
        module = pytest.importorskip(f"benchmarks.peers.{module}", exc_type=ImportError)
        step = module.make_step(small, estimator, mode)
        taken = [root_mean_squares(step()) for _ in range(steps)]
    return np.sqrt(np.mean(np.square(taken), axis=0))


def single_precision(module):
    """Return JAX's default, which other tests of this process may have changed."""
    if module != "jax_step":
        return nullcontext()
    return pytest.importorskip("jax").enable_x64(False)


@pytest.mark.parametrize(("peer", "name", "estimator"), list(comparisons(QUICK)))
def test_a_peer_gets_what_varlayers_gets_up_to_noise(peer, name, estimator):
    theirs, ours = results_of_both(peer, workload(name), estimator, STEPS)
    # Of a layer: output and gradients by input, by loc (no noise), by rho (all noise).
    within = np.array([0.05, 0.02, 1e-3, 0.3] if len(ours) > 1 else [0.03])
    assert theirs.shape == ours.shape
    assert np.all(abs(theirs - ours) <= within * ours), (theirs, ours)


@pytest.mark.parametrize(
    ("peer", "name", "estimator"), list(comparisons(QUICK_WITHOUT_NOISE))
)
def test_a_peer_gets_what_varlayers_gets(peer, name, estimator, monkeypatch):
    """Small scales, and little divergence, leave the layouts to differ."""
    if workload(name).what == "fit":
        pytest.skip("the order of the data is random as well")
    numbers = Workload.parameters

    def with_little_noise(self):
        return [(loc, 0 * rho - 9, bias) for loc, rho, bias in numbers(self)]

    monkeypatch.setattr(Workload, "parameters", with_little_noise)
    small = replace(workload(name), num_data=10**9)
    theirs, ours = results_of_both(peer, small, estimator, 1)
    np.testing.assert_allclose(theirs[:3], ours[:3], rtol=5e-3)


def results_of_both(peer, small, estimator, steps):
    """Return a peer's results and varlayers'."""
    try:
        theirs = results(peer, small, estimator, steps)
    except Unsupported as reason:
        pytest.skip(str(reason))
    return theirs, results(("varlayers_step", "-"), small, estimator, steps)


def test_every_workload_is_compared_in_small():
    assert {name.partition(":")[0] for name in SMALL} == WORKLOADS.keys() - {"mlp_big"}


def test_training_lowers_the_loss():
    step = varlayers_step.make_step(workload(SMALL[0]), "flipout", "-")
    losses = [step() for _ in range(30)]
    assert losses[-1] < 0.9 * losses[0]


def test_the_command_prints_a_table():
    command = "-m benchmarks --workloads tiny --estimators local --peers varlayers"
    done = subprocess.run(
        [sys.executable, *command.split(), "--rounds", "1", "--steps", "2"],
        capture_output=True,
        check=True,
        text=True,
        cwd=ROOT,
    )
    assert "| tiny, local" in done.stdout
    for name in ("products alone", "varlayers", "varlayers plain"):
        assert f"\n| {name} " in done.stdout
        assert f"\n{name}: " in f"\n{done.stdout}"
    assert "Floor: " in done.stdout
    assert "skipped" not in done.stdout


@pytest.mark.parametrize(
    ("name", "estimator", "expected"),
    [
        # three products per layer, two for the first; multiply and add
        ("mlp", "reparameterization", 256 * (2 * 784 * 400 + 3 * 400 * 410)),
        ("mlp", "local", 512 * (2 * 784 * 400 + 3 * 400 * 410)),
        ("conv2d", "reparameterization", 6 * 32 * 32**2 * 9 * 64 * 64),
        ("conv2d", "flipout", 6 * 32 * 32**2 * 9 * 64 * 64),
        ("conv3d", "local", 12 * 8 * 16**3 * 27 * 16 * 32),
        ("convT2d", "flipout", 6 * 32 * 14**2 * 25 * 32 * 16),
        ("predict", "reparameterization", 2e5 * 400 * (784 + 410)),
    ],
)
def test_the_floor_counts_the_products(name, estimator, expected):
    assert floor.gigaflop(workload(name), estimator) == pytest.approx(expected / 1e9)


def test_the_floor_runs():
    tiny = workload("tiny")
    assert math.isnan(floor.make_step(tiny, "flipout", "-")())
    work = floor.work(tiny, "flipout")
    assert work["million normals"] == pytest.approx(450e-6)
    assert work["MB"] == pytest.approx(4e-6 * (12 * 450 + 2 * 32 * (8 + 50 + 50 + 1)))
    assert work["GB/s"] > 0
    assert 0 < work["ns per normal"] < 1000


def test_a_workload_has_sizes():
    wide = workload("mlp:width=800,batch=64")
    assert wide.x_shape == (64, 784)
    assert wide.layers[1].kernel_shape == (800, 800)
    assert workload("convT2d").shapes() == [((32, 14, 14, 32), (32, 28, 28, 16))]


@pytest.mark.parametrize("name", ["mpl", "mlp:depth=3", "mlp:width=wide"])
def test_an_unknown_workload_is_refused(name):
    with pytest.raises(ValueError, match=f"expected one of mlp, .*got '{name}'"):
        workload(name)


def test_names_are_split_but_not_their_sizes():
    names = ["tiny", "mlp:width=8,batch=2", "lenet:batch=2", "predict"]
    assert split_names(",".join(names)) == names


def test_unknown_estimators_are_refused():
    with pytest.raises(SystemExit, match=r"expected some of .*, got local,both\."):
        main(["--estimators", "local,both"])


def test_slopes_are_those_of_powers():
    assert slope([(x, 7 * x**1.5) for x in (1, 2, 4, 8)]) == pytest.approx(1.5)


@pytest.mark.slow
def test_scaling_prints_times_and_a_slope(capsys, monkeypatch):
    monkeypatch.setitem(SCALES, "width", ("tiny", (20, 40)))
    options = "--estimators local --peers varlayers --rounds 1 --steps 2"
    main(["--scaling", "width", *options.split()])
    head, _, *rows = squeezed(capsys.readouterr().out).split(" | | ")
    assert head.startswith("| tiny, local, width | 20 | 40 | slope")
    split = [row.rstrip(" |").split(" | ") for row in rows]
    names = ["products alone", "varlayers", "varlayers plain", "varlayers untraced"]
    assert [name for name, *_ in split] == names
    for name, *numbers in split:
        assert all(math.isfinite(float(number)) for number in numbers), name


def test_unknown_peers_are_refused():
    with pytest.raises(SystemExit, match=r"expected some of .*'torch'.*got keras\."):
        chosen("torch,keras")


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("jax", ["JAX jit"]),
        ("torch eager", ["torch eager"]),
        ("tfp,JAX jit", ["JAX jit", "TFP graph", "TFP XLA"]),
        ("varlayers", ["varlayers plain", "varlayers untraced"]),
        ("varlayers plain,Pyro", ["varlayers plain", "Pyro"]),
    ],
)
def test_peers_are_chosen_by_name_or_group(asked, names):
    assert chosen(asked)[:2] == [FLOOR, OURS]
    assert [peer.name for peer in chosen(asked)[2:]] == names


def test_every_peer_can_be_asked_for():
    for peer in PEERS:
        assert peer in chosen(peer.name, peer.devices[0])


def test_a_peer_that_dies_is_left_out():
    limits, dead = Limits(rounds=2, steps=1), Peer("dead", "dead", "absent")
    _, result = measure(Case("tiny", "local"), [FLOOR, dead], limits)
    assert "absent" in result.skipped
    with Worker(FLOOR, Case("tiny", "local")) as worker:
        worker.answer()
        worker.process.kill()
        worker.process.wait()
        assert worker.ask(limits) == {"skipped": "it ended without a word"}


def test_every_peer_has_a_module_that_says_why_it_is_fast():
    for module in {peer.module for peer in PEERS}:
        path = Path(importlib.import_module("benchmarks.peers").__file__).parent
        assert (path / f"{module}.py").read_text().startswith('"""')


def test_ratios_are_taken_within_a_round():
    tables = [case_table(*case()), summary([case()])]
    # Medians alone would say 3 / 2 and 3 / 1.
    assert "| torch | 3 " in squeezed(tables[0])
    assert "| 4.00 | 2.00 |" in squeezed(tables[0])
    assert "jax: skipped, not there" in tables[0]
    assert "products 1 ms (0.2 GFLOP at 200 GFLOP/s), bytes 3 ms (30 MB" in tables[0]
    assert "normals 1 ms (2 million at 0.50 ns)." in tables[0]
    assert "| mlp | local | 1 | 2 | 3 | - | 2.00 (torch) | 1.4 |" in squeezed(tables[1])


def case():
    """Return a case of three rounds, the last of them slow for torch alone."""
    work = {"GFLOP": 0.2, "MB": 30, "GB/s": 10, "million normals": 2}
    work["ns per normal"] = 0.5
    facts = {"import_s": 1, "first_s": 1, "memory": 1, "results": [1], "work": work}
    return Case("mlp", "local"), [
        Measured(FLOOR, facts, [0.5, 1.0, 2.0]),
        Measured(OURS, facts, [1.0, 2.0, 3.0]),
        Measured(Peer("torch", "torch", "-"), facts, [2.0, 3.0, 9.0]),
        Measured(Peer("jax", "jax", "-"), {"skipped": "not there"}),
    ]


def squeezed(table):
    """Return a table without its alignment."""
    return " ".join(table.split())


@pytest.mark.parametrize("name", [*SMALL[:3], SMALL[-1]])
def test_a_step_on_a_gpu_is_the_same(name, monkeypatch):
    """On the host, in a device's place."""
    needs_compiler()
    fake_cupy.kernels_class()
    small = workload(name)
    expected = results(("varlayers_step", "-"), small, "reparameterization", 1)
    monkeypatch.setenv(VARIABLE, "gpu")
    with fake_cupy.installed() as cupy:
        monkeypatch.setattr(cupy.cuda, "is_available", lambda: True)
        actual = results(("varlayers_step", "-"), small, "reparameterization", 1)
        floor.make_step(small, "reparameterization", "-")()
        assert floor.work(small, "reparameterization")["GB/s"] > 0
    np.testing.assert_allclose(actual, expected, rtol=1e-4)


def test_the_gpu_table_says_what_is_missing(capsys):
    options = "--device gpu --workloads conv2d,mlp_big:batch=4 --estimators flipout"
    main([*options.split(), "--peers", "varlayers,tfp", "--rounds", "1"])
    printed = capsys.readouterr().out
    assert "varlayers graphs: skipped" in printed
    assert "plain" not in printed
    assert "TFP" not in printed
    *_, one, other = printed.strip().split("\n")
    assert one.rstrip(" |").endswith("1.5")
    assert other.rstrip(" |").endswith("1.0")


def test_peers_are_those_of_the_device():
    names = [peer.name for peer in chosen("varlayers,jax,pyro", "gpu")]
    both = ["products alone", "varlayers", "varlayers graphs", "JAX jit"]
    assert names == both
