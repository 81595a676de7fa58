"""How many weights does a network need? Pruned by what it is sure of, or by size.

python docs/examples/sparsity.py [--epochs 100] [--seeds 3] [--output PATH]
python docs/examples/sparsity.py --fashion [--images 60000] [--epochs 30] ...

Networks of one shape learn scikit-learn's handwritten digits or, with --fashion, the
clothes of Fashion-MNIST (`images.py` says how to get it). Then more and more of their
weights are set to zero:

    by |loc|/scale   a Bayesian network, normal prior
    by log alpha     a Bayesian network, log-uniform prior, which drives weights to zero
    by |w|           points; once with the same normal prior, that is with weight decay

Writes a picture of the accuracy at each sparsity, averaged over the seeds.
"""

import argparse
from pathlib import Path

import images
import matplotlib.pyplot as plt
import numpy as np

import varlayers as vl

parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
parser.add_argument("--fashion", action="store_true", help="learn Fashion-MNIST")
parser.add_argument("--images", type=int, help="how many to learn from")
parser.add_argument("--epochs", type=int, help="passes over the images")
parser.add_argument("--seeds", type=int, default=3, help="networks of each kind")
parser.add_argument("--output", type=Path, default=Path("sparsity.png"))
options = parser.parse_args()

data = images.load() if options.fashion else images.digits()
rate, hidden = (2e-3, (300, 100)) if options.fashion else (1e-2, (128, 128))
epochs = options.epochs or (30 if options.fashion else 100)
x, test_x = (pixels.reshape(len(pixels), -1) * 2 for pixels in (data.x, data.test_x))
x, y, test_y = x[: options.images], data.y[: options.images], data.test_y
center = x.mean(axis=0)
x, test_x = x - center, test_x - center
STEPS = -(-len(x) // 128)  # of an epoch
print(f"{data.name}: {len(x):,} images to learn from, {len(test_x):,} to test on.")


def network(**weights):
    """Return the network: pixels, two layers of hidden units, ten kinds of images."""
    return vl.Sequential(
        [
            vl.Dense(x.shape[1], hidden[0], **weights),
            vl.Activation("relu"),
            vl.Dense(*hidden, **weights),
            vl.Activation("relu"),
            vl.Dense(hidden[1], len(data.classes), **weights),
        ]
    )


# Of each kind: the network, and what its weights are compared by. Beta tempers the
# posterior; that of the log-uniform prior comes in slowly, so that the network learns
# before it forgets.
normal, beta = vl.NormalPrior(scale=0.2), 0.3
slowly = vl.schedules.Linear(0.0, beta, epochs * STEPS // 2)
kinds = {
    "|loc|/scale, normal prior": (
        network(estimator="local", prior=normal),
        beta,
        "snr",
    ),
    "log alpha, log-uniform prior": (
        network(estimator="local", prior=vl.LogUniformPrior()),
        slowly,
        "log alpha",
    ),
    "|w|, weight decay": (network(posterior="point", prior=normal), beta, "magnitude"),
    "|w|": (network(posterior="point", prior=None), beta, "magnitude"),
}
FRACTIONS = (0.0, 0.5, 0.75, 0.9, 0.95, 0.97, 0.98, 0.99)


def train(elbo, seed, epochs, optimizer=None, params=None):
    """Return trained parameters; those of a new network, or of one that goes on."""
    steps = epochs * STEPS
    optimizer = optimizer or vl.Adam(vl.schedules.Cosine(rate, steps))
    state = None
    if params is not None:
        state = {"params": params, "optimizer": optimizer.init(params)}
        state |= {"step": 0, "history": {}}
    settings = {"epochs": epochs, "optimizer": optimizer, "state": state}
    done = vl.fit(elbo, x, y, key=vl.key(seed), progress=False, **settings)
    return done["params"]["model"]


def accuracy(layer, params):
    """Return the share of test images that the network names, at its mean weights."""
    scores, _ = layer.at_mean().forward(params, test_x, {})
    return np.mean(np.argmax(scores, axis=1) == test_y)


# The curves, and what 95 % pruned becomes when the rest is trained on, under a mask.
curves = {name: [] for name in kinds}
again = {name: [] for name in kinds}
trained = {}
for name, (model, tempered, criterion) in kinds.items():
    elbo = vl.ELBO(model, vl.Categorical(), num_data=len(x), beta=tempered)
    after = vl.ELBO(model, vl.Categorical(), num_data=len(x), beta=beta)
    for seed in range(options.seeds):
        params = trained[name] = train(elbo, seed, epochs)
        curve = []
        for fraction in FRACTIONS:
            pruned = vl.prune(model, params, fraction=fraction, criterion=criterion)
            curve.append(accuracy(pruned.layer, pruned.params))
        curves[name].append(curve)
        pruned = vl.prune(model, params, fraction=0.95, criterion=criterion)
        optimizer = vl.Masked(vl.Adam(1e-3), {"model": pruned.mask})
        start = {"model": pruned.params}
        params = train(after, seed, max(epochs // 5, 1), optimizer, start)
        again[name].append(accuracy(model, params))

heads = "".join(f"{fraction:7.0%}" for fraction in FRACTIONS)
print(f"accuracy, % pruned by{'':8}{heads}   95%, trained on")
for name, curve in curves.items():
    cells = "".join(f"{value:7.1%}" for value in np.mean(curve, axis=0))
    print(f"{name:28} {cells} {np.mean(again[name]):12.1%}")

# Molchanov, Ashukha & Vetrov's cut, and the small network that is left.
name = "log alpha, log-uniform prior"
model, params = kinds[name][0], trained[name]
small = vl.prune(
    model,
    params,
    threshold=3,
    criterion="log alpha",
    to="deterministic",
    shrink=True,
)
print(f"\nlog alpha > 3 pruned, units without use cut out; the last {name}:")
print(small.table)
print(
    f"accuracy {accuracy(model, params):.1%} before, "
    f"{accuracy(small.layer, small.params):.1%} after"
)

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
left = 1 - np.array(FRACTIONS)
styles = zip(curves.items(), ("o-", "s-", "^--", "v--"), strict=True)
for (name, curve), style in styles:
    axes.plot(left, np.mean(curve, axis=0), style, label=name, markersize=5)
    axes.fill_between(left, np.min(curve, axis=0), np.max(curve, axis=0), alpha=0.15)
axes.set_xscale("log")
axes.set_xlim(1.1, 0.009)
axes.set_xticks(left, [f"{share:.0%}" for share in left])
axes.minorticks_off()
axes.set_xlabel("weights that remain")
axes.set_ylabel(f"accuracy on {len(test_x):,} test images")
axes.legend(title="pruned by", loc="lower left")
figure.savefig(options.output, dpi=110)
print(f"Picture: {options.output}")
