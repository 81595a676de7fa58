"""fit learns, repeats itself, resumes exactly, and refuses what cannot work."""

import numpy as np
import pytest
from support.libraries import assert_same, make_library

import varlayers as vl
from varlayers import tree


def regression(n=48):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (n, 2))
    return x, (x @ np.array([[1.0], [-2.0]]) + 0.1 * rng.standard_normal((n, 1)))


def objective(n=48, **kwargs):
    layers = [vl.Dense(2, 8), vl.Activation("tanh"), vl.Dense(8, 1, bias="normal")]
    return vl.ELBO(vl.Sequential(layers), vl.Normal(scale=0.1), num_data=n, **kwargs)


def run(data=None, elbo=None, **kwargs):
    x, targets = regression() if data is None else data
    settings = {"key": vl.key(3), "epochs": 4, "batch_size": 10, "progress": False}
    elbo = objective() if elbo is None else elbo
    return vl.fit(elbo, x, targets, **(settings | kwargs))


def assert_equal(one, other):
    assert one["step"] == other["step"]
    assert one["history"] == other["history"]
    for part in ("params", "optimizer"):
        assert (
            dict(tree.items(one[part])).keys() == dict(tree.items(other[part])).keys()
        )
        for a, b in zip(tree.leaves(one[part]), tree.leaves(other[part]), strict=True):
            np.testing.assert_array_equal(a, b)


def test_it_learns():
    history = run(epochs=120, optimizer=vl.Adam(2e-2))["history"]
    assert history["nll"][0] > 20
    assert history["nll"][-1] < 2


def test_it_repeats_itself_exactly():
    assert_equal(run(), run())


def test_another_key_gives_another_run():
    assert run()["history"]["nll"] != run(key=vl.key(4))["history"]["nll"]


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_resumed_run_gives_the_very_same_numbers(stop):
    settings = {
        "optimizer": vl.AdamW(vl.schedules.Cosine(1e-2, 20)),
        "elbo": objective(beta=vl.schedules.Linear(0.0, 1.0, 12)),
        "validation": regression(8),
    }
    half = run(epochs=stop, **settings)
    kept = tree.map_leaves(np.copy, half["params"])
    assert_equal(run(state=half, **settings), run(**settings))
    for leaf, copy in zip(tree.leaves(half["params"]), tree.leaves(kept), strict=True):
        np.testing.assert_array_equal(leaf, copy)


def test_resuming_a_finished_run_changes_nothing():
    state = run()
    assert_equal(run(state=state), state)


@pytest.mark.parametrize("name", ["torch", "jax", "strict", "numpy-readonly"])
def test_every_library_gives_the_same_run(name):
    library = make_library(name)
    x, targets = regression(24)
    settings = {"elbo": objective(24), "epochs": 2, "validation": (x[:4], targets[:4])}
    desired = run((x, targets), **settings)
    data = (library.asarray(x), library.asarray(targets))
    settings["validation"] = (library.asarray(x[:4]), library.asarray(targets[:4]))
    state = run(data, **settings)
    assert_same(library, state["params"], desired["params"], 1e-10)
    for figure in desired["history"]:
        assert state["history"][figure] == pytest.approx(desired["history"][figure])


@pytest.mark.parametrize("name", ["numpy", "jax"])
def test_a_saved_state_is_resumed_to_the_same_numbers(name, tmp_path):
    """Counts are Python's, whatever a compiled step makes of them."""
    library = make_library(name)
    data = tuple(map(library.asarray, regression(24)))
    settings = {"data": data, "elbo": objective(24), "validation": data}
    half = run(epochs=2, **settings)
    assert type(half["optimizer"]["step"]) is int
    assert half["optimizer"]["step"] == half["step"] == 6
    vl.save_state(tmp_path / "state.npz", half)
    loaded = vl.load_state(tmp_path / "state.npz", like=data[0])
    assert_equal(run(state=loaded, **settings), run(**settings))


LAYOUTS = {
    "read-only": lambda x: np.lib.stride_tricks.as_strided(x, writeable=False),
    "Fortran-ordered": np.asfortranarray,
    "of every other row": lambda x: np.repeat(x, 2, axis=0)[::2],
    "of every other column": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "backwards": lambda x: x[::-1].copy()[::-1],
    "of one number, spread": lambda x: np.broadcast_to(x[:1, :1], x.shape),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_the_layout_of_data_changes_nothing(layout, dtype):
    given = [layout(x.astype(dtype)) for x in regression()]
    assert given[0].strides != np.empty_like(given[0], order="C").strides or (
        not given[0].flags.writeable
    )
    kept = [np.array(x, order="C") for x in given]
    assert_equal(run(given), run(kept))
    for x, copy in zip(given, kept, strict=True):
        np.testing.assert_array_equal(x, copy)


@pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
def test_inputs_may_be_the_targets(name):
    library, x = make_library(name), regression(24)[0]
    model = vl.Sequential([vl.Dense(2, 3), vl.Activation("tanh"), vl.Dense(3, 2)])
    settings = {"elbo": vl.ELBO(model, vl.Normal(scale=0.1), num_data=24), "epochs": 2}
    placed = library.asarray(x)
    state = run((placed, placed), **settings)
    desired = run((x, x.copy()), **settings)
    assert_same(library, state["params"], desired["params"], 1e-10)
    np.testing.assert_array_equal(library.to_numpy(placed), x)


def test_each_epoch_sees_every_example_once_in_a_new_order():
    from varlayers.training.loop import _batches

    x = np.zeros((23, 1), np.float32)
    orders = [
        [int(row) for rows in _batches(x, step, vl.key(0), 5) for row in rows]
        for step in (0, 5)
    ]
    assert all(sorted(order) == list(range(23)) for order in orders)
    assert orders[0] != orders[1]


def test_the_history_has_a_figure_for_each_epoch():
    state = run(validation=regression(8), elbo=objective(beta=0.5))
    assert {name: len(values) for name, values in state["history"].items()} == {
        "loss": 4,
        "nll": 4,
        "kl": 4,
        "beta": 4,
        "validation_nll": 4,
    }
    loss, nll, kl = (state["history"][name][-1] for name in ("loss", "nll", "kl"))
    assert loss == pytest.approx(nll + 0.5 * kl / 48)


def test_callbacks_see_the_state_and_may_end_the_run():
    seen = []

    def callback(state):
        seen.append(state["step"])
        return state["step"] >= 10

    assert run(callbacks=[callback])["step"] == 10
    assert seen == [5, 10]


def test_early_stopping_ends_the_run_and_keeps_the_best_parameters():
    stopping = vl.EarlyStopping(patience=2, min_delta=1e3)
    state = run(early_stopping=stopping, validation=regression(8), epochs=50)
    assert len(state["history"]["validation_nll"]) == 3
    first = run(epochs=1, validation=regression(8))
    assert_same(make_library("numpy"), state["best"], first["params"], 0.0)
    again = run(
        early_stopping=stopping, validation=regression(8), epochs=50, state=state
    )
    assert_equal(again, state)


def test_a_loss_that_is_no_longer_finite_is_an_error():
    with (
        np.errstate(all="ignore"),
        pytest.raises(FloatingPointError, match="fit expected a finite loss, got nll"),
    ):
        run(optimizer=vl.SGD(1e20), epochs=20)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"key": vl.native(np.random.default_rng(0))}, TypeError, "got Native"),
        ({"key": 3}, TypeError, "expected a random key, got int"),
        ({"epochs": 0}, ValueError, "expected `epochs` >= 1, got 0"),
        ({"batch_size": 2.0}, TypeError, "expected an integer `batch_size`, got 2.0"),
        ({"elbo": objective(47)}, ValueError, r"num_data to be .* 48, got 47"),
        ({"early_stopping": vl.EarlyStopping()}, ValueError, "`validation` data"),
        ({"data": (regression()[0], regression(5)[1])}, ValueError, r"\(5, 1\)"),
        ({"data": (np.zeros(()), np.zeros(()))}, ValueError, r"got shapes \(\)"),
        ({"data": (np.full((48, 2), np.nan), regression()[1])}, ValueError, "NaN"),
        (
            {"data": (regression()[0], regression()[1][:, 0])},
            ValueError,
            r"Normal expected `targets` of shape \(10, 1\), got \(10,\)\. Nothing is",
        ),
        ({"optimizer": vl.Adam}, TypeError, r"got the class Adam\. Write Adam\(\)\."),
        ({"optimizer": "sdg"}, ValueError, r"`optimizer` in \['adam', .*got 'sdg'"),
        (
            {"validation": (regression()[0], regression(5)[1])},
            ValueError,
            r"`validation\[0\]` and `validation\[1\]` with .* \(48, 2\) and \(5, 1\)",
        ),
        ({"validation_samples": 0}, ValueError, "`validation_samples` >= 1, got 0"),
        (
            {"state": {"step": 0}},
            ValueError,
            r"an earlier call returned it, got \['step'\] without \['history', 'opt",
        ),
    ],
)
def test_bad_arguments(change, error, message):
    with pytest.raises(error, match=message):
        run(**change)


def test_a_batch_may_be_larger_than_the_data():
    state = run(epochs=2, batch_size=1000)
    assert state["step"] == 2
    assert_equal(state, run(epochs=2, batch_size=48))


def test_a_name_is_the_optimizer_that_it_names():
    assert_equal(run(optimizer="adam"), run(optimizer=vl.Adam()))


def test_a_state_of_another_batch_size_is_refused():
    with pytest.raises(ValueError, match="end of an epoch of 3 steps, got step 5"):
        run(state=run(epochs=1), batch_size=16)


def test_strided_data_is_copied_once_and_not_in_every_step(monkeypatch):
    seen, on_rows = [], vl.TrainingStep.on_rows

    def watched(self, params, state, x, targets, rows, **rest):
        seen.append((x, targets))
        return on_rows(self, params, state, x, targets, rows, **rest)

    monkeypatch.setattr(vl.TrainingStep, "on_rows", watched)
    x, targets = regression()
    state = run((np.asfortranarray(x), np.repeat(targets, 2, axis=0)[::2]))
    assert len({(id(x), id(targets)) for x, targets in seen}) == 1
    assert all(data.flags.c_contiguous for data in seen[0])
    assert_equal(state, run((x, targets)))
