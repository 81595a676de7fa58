"""A Bayesian LeNet reads images, and doubts those of another kind.

python docs/examples/lenet.py [--epochs 4] [--images 60000] [--folder PATH]

Learns Fashion-MNIST, or scikit-learn's digits where that is not installed (`images.py`
says how to get it), with uncertain weights and, for comparison, with the same network's
point weights.
"""

import argparse
import time
from pathlib import Path

import images

import varlayers as vl

parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
parser.add_argument("--epochs", type=int, help="passes over the images")
parser.add_argument("--images", type=int, help="how many to learn from")
parser.add_argument("--folder", type=Path, default=images.FOLDER, help="of the files")
options = parser.parse_args()

data = images.load(options.folder)
small = data.name == "digits"
epochs = options.epochs or (60 if small else 4)
x, y = data.x[: options.images], data.y[: options.images]
center = x.mean()
print(f"{data.name}: {len(x):,} images to learn from, {len(data.test_x):,} to test on.")


# The model: two convolutions and two dense layers, all of one kind of weights.
def lenet(**weights):
    """Return LeNet for the images' size."""
    filters, channels, hidden = (
        ((3, 3), (16, 32), 64) if small else ((5, 5), (32, 64), 512)
    )
    convolve = {"padding": "same", **weights}
    layers = [
        vl.Convolution(1, channels[0], filters, **convolve),
        vl.Activation("relu"),
        vl.MaxPool(2),
        vl.Convolution(*channels, filters, **convolve),
        vl.Activation("relu"),
        vl.MaxPool(2),
        vl.Flatten(),
    ]
    features = vl.Sequential(layers).out_shape(x.shape)[1]
    return vl.Sequential(
        [
            *layers,
            vl.Dense(features, hidden, **weights),
            vl.Activation("relu"),
            vl.Dense(hidden, len(data.classes), **weights),
        ]
    )


# The prior's scale, and beta: below 1 it tempers the posterior; 1 is Bayes' rule.
scale, beta = (0.3, 0.1) if small else (0.1, 0.3)
bayesian = lenet(estimator="flipout", prior=vl.NormalPrior(scale=scale))
networks = {
    "Bayesian": (bayesian, beta),
    "deterministic": (lenet(posterior="point", prior=None), 1.0),
}

# Two AUROCs tell images of another kind apart: by the entropy of the answer, and by
# its mutual information with the weights, how far the networks of a posterior disagree.
print(f"AUROC: {data.other_name} told apart by their doubt, in two measures")
print(f"{'':14} accuracy    NLL    ECE  entropy  mutual information  seconds")
for name, (model, beta) in networks.items():
    start = time.perf_counter()
    elbo = vl.ELBO(model, vl.Categorical(), num_data=len(x), beta=beta)
    steps = epochs * -(-len(x) // 64)
    state = vl.fit(
        elbo,
        x - center,
        y,
        key=vl.key(0),
        epochs=epochs,
        batch_size=64,
        optimizer=vl.Adam(vl.schedules.Cosine(1e-3, steps)),
    )
    seconds = time.perf_counter() - start
    # All 10,000 images at once would take 3.5 GB, a thousand at a time 0.5 GB.
    settings = {"key": vl.key(1), "num_samples": 16, "batch_size": 1000}
    known, other = (
        vl.predict(elbo, state["params"], pixels - center, **settings)
        for pixels in (data.test_x, data.other)
    )
    accuracy = vl.metrics.accuracy(known.mean, data.test_y)
    nll = vl.metrics.nll(known.mean, data.test_y)
    error = vl.metrics.expected_calibration_error(known.mean, data.test_y)
    by_entropy = vl.metrics.auroc(known.entropy, other.entropy)
    by_information = "none"
    if model is bayesian:
        area = vl.metrics.auroc(known.mutual_information, other.mutual_information)
        by_information = f"{area:.3f}"
    print(
        f"{name:14} {accuracy:8.1%} {nll:6.3f} {error:6.3f} {by_entropy:8.3f} "
        f"{by_information:>19} {seconds:8.0f}",
        flush=True,
    )
