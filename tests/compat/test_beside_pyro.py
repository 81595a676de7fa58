"""Beside Pyro's own `HiddenLayer`, where Pyro is installed: the same noise gives the
same samples, divergences and gradients.

What Pyro draws is recorded and handed to ours; what differs on purpose is in
docs/how-to/migrate-from-pyro.md.
"""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest

from varlayers.activations import ACTIVATIONS
from varlayers.compat.bnn import HiddenLayer

REASON = "needs Pyro, to run beside it"
torch = pytest.importorskip("torch", reason=REASON)
pytest.importorskip("pyro", reason=REASON)
pyro_bnn = pytest.importorskip("pyro.contrib.bnn", reason=REASON)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3))
MEAN, SCALE = RNG.normal(size=(3, 4)), np.exp(RNG.normal(size=(3, 4)) - 1)
PRIOR = np.exp(RNG.normal(size=(3, 1)))
THEIRS = {"relu": torch.relu, "tanh": torch.tanh, "softplus": torch.nn.Softplus()}
# What is made and used by Pyro's own inference, or raises there whatever the layer.
INFERENCE = {
    *("arg_constraints", "cdf", "conjugate_update", "entropy", "enumerate_support"),
    *("expand", "expand_by", "has_rsample_", "icdf", "independent", "infer_shapes"),
    *("mask", "mean", "mode", "perplexity", "reshape", "rv", "sample_n"),
    *("score_parts", "set_default_validate_args", "stddev", "support", "to_event"),
    "variance",
}


@pytest.fixture
def drawn(monkeypatch):
    """Return a list that every normal that torch draws is added to."""
    found, randn = [], torch.randn

    def record(*arguments, **named):
        found.append(randn(*arguments, **named, dtype=torch.float64))
        return found[-1]

    monkeypatch.setattr(torch, "randn", record)
    return found


@pytest.mark.parametrize("prior", [0.7, PRIOR])
@pytest.mark.parametrize("weight_space", [False, True])
@pytest.mark.parametrize("include_hidden_bias", [False, True])
@pytest.mark.parametrize("name", THEIRS)
def test_samples_divergence_and_gradients(
    name, include_hidden_bias, weight_space, prior, drawn
):
    learned = isinstance(prior, np.ndarray)
    point = {"X": X, "A_mean": MEAN, "A_scale": SCALE}
    point |= {"A_prior_scale": prior} if learned else {}
    arrays = {n: torch.tensor(a, requires_grad=True) for n, a in point.items()}
    options = {
        "KL_factor": 0.3,
        "include_hidden_bias": include_hidden_bias,
        "weight_space_sampling": weight_space,
    }
    options |= {} if learned else {"A_prior_scale": prior}
    theirs = pyro_bnn.HiddenLayer(**arrays, non_linearity=THEIRS[name], **options)
    y = theirs.rsample(torch.Size((2,)))
    dy = RNG.normal(size=y.shape)
    torch.sum(y * torch.tensor(dy)).sub(0.7 * theirs.log_prob(y)).backward()

    mine = HiddenLayer(**point, non_linearity=name, **options)
    own, backward = mine.forward((2,), eps=drawn[0].numpy())
    grads = backward(dy, dlog_prob=-0.7)
    np.testing.assert_allclose(own, y.detach(), rtol=1e-12, atol=1e-14)
    assert float(mine.KL) == pytest.approx(theirs.KL.item(), rel=1e-12)
    assert float(mine.log_prob(own)) == pytest.approx(theirs.log_prob(y).item())
    assert list(grads) == list(arrays)
    for key, array in arrays.items():
        np.testing.assert_allclose(grads[key], array.grad, rtol=1e-10, atol=1e-13)


def test_arguments_and_names_are_pyros():
    theirs, mine = (
        list(inspect.signature(kind).parameters)
        for kind in (pyro_bnn.HiddenLayer, HiddenLayer)
    )
    assert mine == [*theirs, "key"]
    tensors = map(torch.tensor, (X, MEAN, SCALE))
    names = set(dir(pyro_bnn.HiddenLayer(*tensors)))
    public = {name for name in names if not name.startswith("_")}
    assert public - set(dir(HiddenLayer(X, MEAN, SCALE))) == INFERENCE


def test_every_non_linearity_of_torch_by_its_name():
    a = np.linspace(-3, 3, 7)
    layer = HiddenLayer(a[:, None], np.ones((1, 1)), np.full((1, 1), 1e-300))
    for name in sorted(ACTIVATIONS.keys() & set(dir(torch.nn.functional))):
        layer.non_linearity = ACTIVATIONS[name]
        expected = getattr(torch.nn.functional, name)(torch.tensor(a))
        y = layer.rsample()[:, 0]
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_their_example_in_the_page_runs():
    page = Path(__file__).parents[2] / "docs/how-to/migrate-from-pyro.md"
    text = page.read_text()
    (block,) = re.findall(r"^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    names = {"__name__": "__main__"}
    exec(compile(block, str(page), "exec"), names)
    params = dict(names["pyro"].get_param_store().items())
    assert params["out"].abs().max() > 0.1
    assert all(value.isfinite().all() for value in params.values())
