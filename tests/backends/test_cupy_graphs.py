"""Functions captured as graphs: on the host, in a device's place (`fake_streams`)."""

import logging

import numpy as np
import pytest
from support import fake_cupy
from support.fake_streams import Stream
from support.graphs import switched_on

import varlayers as vl
from varlayers import tree
from varlayers.dispatch import kernels_for
from varlayers.optimizers import Clip, Cosine, Exponential, Linear, WarmUp
from varlayers.random import Key, fold_in, split

fake_cupy.kernels_class()


@pytest.fixture(autouse=True)
def graphs(monkeypatch):
    """`cupy_graphs`, switched on, with the stand-in for CuPy."""
    with switched_on(monkeypatch) as module:
        yield module


def on_device(x):
    return fake_cupy.ndarray(np.array(x))


def counted(graphs, function):
    """Return the function, captured, and a list that grows when it is called.

    The description of what is captured goes first, as for a method of a layer.
    """
    calls = []

    def counting(static, *arguments):
        calls.append(1)
        return function(*arguments)

    return graphs.Captured(counting), calls


def mlp(**options):
    layers = [vl.Dense(6, 8, **options), vl.Activation("relu"), vl.Dense(8, 3)]
    return vl.Sequential(layers), (20, 6)


def cnn(**options):
    layers = [
        vl.Convolution(2, 4, (3, 3), padding="same", **options),
        vl.Activation("relu"),
        vl.MaxPool(2),
        vl.Flatten(),
        vl.Dense(100, 3, **options),
    ]
    return vl.Sequential(layers), (6, 10, 10, 2)


ADAM = vl.Adam(Cosine(1e-2, 5))
OPTIMIZERS = [
    ADAM,
    vl.AdamW(WarmUp(Exponential(1e-2, 0.5, 3), 2), weight_decay=0.1),
    vl.SGD(Linear(0.1, 0.01, 3), momentum=0.9),
    Clip(vl.SGD(0.1), 0.5),
]


def trained(elbo, optimizer, params, data, count=4):
    """Return parameters and losses of a few steps, each with data of its own."""
    train, losses = vl.TrainingStep(elbo, optimizer), []
    params = tree.map_leaves(lambda leaf: on_device(leaf), params)
    state = train.rule.init(params)
    for step in range(count):
        x, targets = (on_device(array + step * (array.ndim > 1)) for array in data)
        params, state, loss = train(params, state, x, targets, key=vl.key(3), step=step)
        losses.append(loss)
    return params, state, losses


@pytest.mark.parametrize(
    ("network", "optimizer"), [(cnn, ADAM), *((mlp, each) for each in OPTIMIZERS)]
)
@pytest.mark.parametrize("estimator", ["reparameterization", "local", "flipout"])
def test_steps_are_those_that_are_not_captured(
    graphs, monkeypatch, estimator, network, optimizer
):
    model, shape = network(estimator=estimator)
    elbo = vl.ELBO(model, vl.Categorical(), 100, beta=Linear(0, 1, 3), num_samples=2)
    rng = np.random.default_rng(0)
    data = rng.standard_normal(shape), rng.integers(0, 3, shape[0])
    params = elbo.init(vl.key(0), like=data[0])
    captured = trained(elbo, optimizer, params, data)
    assert graph_of(graphs, "_step") is not None
    monkeypatch.setenv("VARLAYERS_CUDA_GRAPHS", "0")
    plain = trained(elbo, optimizer, params, data)
    for one, other in zip(captured[:2], plain[:2], strict=True):
        assert_same(one, other)
    for one, other in zip(captured[2], plain[2], strict=True):
        assert type(one.beta) is type(other.beta)
        assert_same(one._asdict(), other._asdict())


def assert_same(one, other):
    for (name, actual), (_, desired) in zip(
        tree.items(one), tree.items(other), strict=True
    ):
        if isinstance(desired, int | float):
            assert type(actual) is type(desired), name
            assert actual == desired, name
        else:
            np.testing.assert_allclose(
                actual.get(), desired.get(), rtol=1e-12, atol=1e-12, err_msg=name
            )


def graph_of(graphs, name):
    """Return the only graph of a function of `varlayers.training.step`."""
    from varlayers.training import step

    (graph,) = graphs.captured(getattr(step, name))._graphs.values()
    return graph


def test_a_step_launches_the_graph_alone(graphs):
    elbo = vl.ELBO(mlp()[0], vl.Categorical(), 100)
    params = tree.map_leaves(on_device, elbo.init(vl.key(0)))
    train = vl.TrainingStep(elbo)
    state = train.rule.init(params)
    x, targets = on_device(np.ones((9, 6), "f4")), on_device(np.arange(9) % 3)
    kept = []
    for step in range(5):
        fake_cupy.LAUNCHES.clear()
        fake_cupy.TRANSFERS.clear()
        kept.append(on_device(np.arange(4) + step))  # its place is never the same
        params, state, _ = train.on_rows(
            params, state, x, targets, kept[-1], key=vl.key(3), step=step
        )
        if step > 1:
            assert fake_cupy.LAUNCHES == ["put", "derive"]
            assert not fake_cupy.TRANSFERS


def test_function_runs_twice_for_a_place_and_then_for_all(graphs):
    run, calls = counted(graphs, lambda x, y: x * y + 1)
    x, y = np.arange(6.0), np.linspace(0, 1, 6)
    fixed, kept = on_device(y), []
    for factor in (1, 2, 3, 4):
        kept.append(on_device(factor * x))
        np.testing.assert_array_equal(
            run((), kept[-1], fixed).get(), factor * x * y + 1
        )
    assert len(calls) == 4
    (graph,) = run._graphs.values()
    assert (graph.copied, graph.overwritten) == ({0}, set())


def test_results_outlive_the_next_run(graphs):
    run, _ = counted(graphs, lambda x: {"double": 2 * x})
    first = run((), on_device([1.0, 2.0]))
    second = run((), on_device([3.0, 4.0]))
    assert first["double"].get().tolist() == [2, 4]
    assert second["double"].get().tolist() == [6, 8]


def test_arguments_are_left_as_they_are(graphs):
    run, _ = counted(graphs, lambda x: x + 1)
    given = [on_device([float(i)]) for i in range(4)]
    assert [run((), x).get().item() for x in given] == [1, 2, 3, 4]
    assert [x.get().item() for x in given] == [0, 1, 2, 3]


def test_views_of_one_place_are_not_taken_for_each_other(graphs):
    run, _ = counted(graphs, lambda x: x + 1)
    x = on_device(np.arange(9.0).reshape(3, 3))
    for given in (x, x.T, x, x.T):
        np.testing.assert_array_equal(run((), given).get(), given.get() + 1)


def added(x, y):
    x += y
    return x, y * 2


def test_what_is_overwritten_is_so_where_it_lies(graphs):
    run, calls = counted(graphs, added)
    x, y = on_device([1.0]), on_device([10.0])
    for _ in range(2):
        same, double = run((), x, y)
        assert same is x
        assert double.get().item() == 20
    assert x.get().item() == 21
    other = on_device([5.0])
    assert run((), other, y)[0] is other
    assert (x.get().item(), other.get().item()) == (21, 15)
    assert len(calls) == 4  # for another place the function is captured again


NUMBERS = {
    "sum": lambda x, n: x + (n + 1),
    "quotient": lambda x, n: (2 / n) * x / n - n**2,
    "turned": lambda x, n: (1 - n) - x + 3 % n + 7 // n + abs(-n),
    "constant": lambda x, n: x * min(float("inf"), 2.0) + n,
    "half": lambda x, n: x.astype("f2") * n,
    "kernel": lambda x, n: kernels_for(x).xp.astype(n, x.dtype) * x,
}


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_differ_from_run_to_run(graphs, name, dtype):
    function = NUMBERS[name]
    run, calls = counted(graphs, function)
    x = np.array([1.5, -2.0], dtype)
    given = on_device(x)
    for n in (3, 5, 2):
        made = run((), given, n)
        eager = fake_cupy.ndarray(np.array(x))
        desired = function(
            eager, on_device(np.asarray(n, dtype)) if name == "kernel" else n
        )
        assert made.dtype == desired.dtype
        np.testing.assert_allclose(made.get(), desired.get(), rtol=1e-6)
    assert len(calls) == 2


def test_numbers_return_as_numbers(graphs):
    def function(x, n):
        return x * 1, {"next": n + 1, "same": n, "half": n / 2, "fixed": 7}

    run, _ = counted(graphs, function)
    for n in (3, 4):
        _, made = run((), on_device([1.0]), n)
        assert made == {"next": n + 1, "same": n, "half": n / 2, "fixed": 7}
        assert [type(x) for x in made.values()] == [int, int, float, int]


def draws(x, key, step):
    k, shape = kernels_for(x), (70,)
    child = fold_in(fold_in(key, step), 5)
    one, other = split(child, 2)
    return (
        k.normal(key, shape, x),
        k.normal(one, shape, x),
        k.uniform(other, shape, x),
        k.signs(child, shape, x),
        k.words(fold_in(other, 2**32 - 1), 70, x),
    )


def test_keys_differ_from_run_to_run(graphs):
    run, calls = counted(graphs, draws)
    x = on_device(np.zeros(1, "float32"))
    for seed, step in ((1, 0), (2**63 + 5, 7), (3, 2**32 - 1)):
        made = run((), x, vl.key(seed), step)
        plain = draws(x, vl.key(seed), step)
        for one, other in zip(made, plain, strict=True):
            np.testing.assert_array_equal(one.get(), other.get())
    assert len(calls) == 2


UNCAPTURED = {
    "looks at an array": lambda x, _: x * (2 if float(x[0]) > 0 else 3),
    "looks at a number": lambda x, n: x * (2 if n > 3 else 3),
    "counts to a number": lambda x, n: x * len(range(n)),
    "counts with an integer array": lambda x, n: x * (x.astype("i4") * n),
    "returns another thing": lambda x, _: (x * 1, {1, 2}),
    "draws from a word": lambda x, n: x * (fold_in(Key(n, n), 1).k0 * 2),
}


@pytest.mark.parametrize("name", UNCAPTURED)
def test_what_cannot_be_captured_is_called(graphs, name, caplog):
    caplog.set_level(logging.DEBUG, "varlayers")
    function = UNCAPTURED[name]
    run, _ = counted(graphs, function)
    for n in (3, 4):
        x = np.array([1.0, 2.0])
        made, desired = run((), on_device(x), n), function(on_device(x), n)
        first = [
            each[0] if isinstance(each, tuple) else each for each in (made, desired)
        ]
        np.testing.assert_array_equal(*(each.get() for each in first))
    assert set(run._graphs.values()) == {None}
    assert "is not captured" in caplog.text


def test_what_differs_each_time_is_called(graphs):
    count = iter(range(100))
    run, _ = counted(graphs, lambda x, n: x * (n + next(count)))
    run((), on_device([1.0]), 2)
    assert set(run._graphs.values()) == {None}


def test_generators_and_strange_numbers_go_to_the_function(graphs):
    run, calls = counted(graphs, lambda x, n: x + fold_in(vl.key(0), n).k0 % 2)
    run((), on_device([1.0]), np.int64(3))
    run([], on_device([1.0]), 3)  # cannot be hashed
    assert len(calls) == 2
    drawing, calls = counted(graphs, draws)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"0 <= data < 2\*\*32, got"):
            drawing((), on_device([1.0]), vl.key(1), 2**32)


def constants(x):
    k = kernels_for(x)
    return x * k.asarray([1.0, 2.0], x) + k.asarray([5.0, 7.0], x)


def test_constants_are_sent_once(graphs):
    run, _ = counted(graphs, constants)
    x = on_device([1.0, 1.0])
    for count in (2, 0, 0):
        fake_cupy.TRANSFERS.clear()
        made = run((), x)
        sent = list(fake_cupy.TRANSFERS)
        assert made.get().tolist() == [6, 9]
        assert sent.count("asarray") == count + (count > 0)  # and the board's table


def test_graphs_are_launched_on_the_stream_in_use(graphs):
    run, _ = counted(graphs, lambda x: x + 1)
    for _ in range(3):
        with Stream(non_blocking=True):
            assert run((), on_device([1.0])).get().item() == 2


def test_few_graphs_are_kept(graphs):
    run, _ = counted(graphs, lambda x: x + 1)
    for size in range(1, graphs.KEPT + 4):
        run((), on_device(np.ones(size)))
    assert len(run._graphs) == graphs.KEPT


def test_predictions_are_those_that_are_not_captured(graphs, monkeypatch):
    model, shape = cnn(estimator="flipout")
    elbo = vl.ELBO(model, vl.Categorical(), 100)
    x = np.random.default_rng(0).standard_normal(shape)
    params = tree.map_leaves(on_device, elbo.init(vl.key(0), like=x))
    captured = vl.predict(elbo, params, on_device(x), key=vl.key(1), num_samples=4)
    monkeypatch.setenv("VARLAYERS_CUDA_GRAPHS", "0")
    plain = vl.predict(elbo, params, on_device(x), key=vl.key(1), num_samples=4)
    for one, other in zip(captured[:7], plain[:7], strict=True):
        np.testing.assert_allclose(one.get(), other.get(), rtol=1e-10, atol=1e-12)


def test_graphs_are_off_unless_asked_for(graphs, monkeypatch):
    monkeypatch.delenv("VARLAYERS_CUDA_GRAPHS")
    assert kernels_for(on_device([1.0])).compile(added) is added
