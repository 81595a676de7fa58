"""Handwritten digits: from data to a prediction that knows what it does not know.

python docs/examples/digits.py [--epochs 200]
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import varlayers as vl

parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
parser.add_argument("--epochs", type=int, default=200)
epochs = parser.parse_args().epochs

# The data: 8 × 8 images, in units of 8 grey levels, centred.
pixels, digits = load_digits(return_X_y=True)
x, test_x, y, test_y = train_test_split(
    pixels.astype(np.float32) / 8, digits, test_size=500, random_state=0
)
mean = x.mean(axis=0)
x, test_x = x - mean, test_x - mean

# The model: three layers whose weights have a posterior.
weights = {"estimator": "local", "prior": vl.NormalPrior(scale=0.5)}
model = vl.Sequential(
    [
        vl.Dense(64, 64, **weights),
        vl.Activation("relu"),
        vl.Dense(64, 64, **weights),
        vl.Activation("relu"),
        vl.Dense(64, 10, **weights),
    ]
)

# The objective, tempered by beta, and the training.
elbo = vl.ELBO(model, vl.Categorical(), num_data=len(x), beta=0.1)
steps = epochs * -(-len(x) // 128)
optimizer = vl.Adam(vl.schedules.Cosine(1e-2, steps))
state = vl.fit(elbo, x, y, key=vl.key(0), epochs=epochs, optimizer=optimizer)

# The prediction: an average over 64 networks, and how far they disagree.
settings = {"key": vl.key(1), "num_samples": 64}
prediction = vl.predict(elbo, state["params"], test_x, **settings)
print(f"accuracy {vl.metrics.accuracy(prediction.mean, test_y):.1%}")
print(f"NLL {vl.metrics.nll(prediction.mean, test_y):.3f} nats per digit")
error = vl.metrics.expected_calibration_error(prediction.mean, test_y)
print(f"calibration error {error:.3f}")

# What it doubts: mutual information is high where the networks disagree.
doubt = prediction.mutual_information
noise = np.random.default_rng(0).uniform(0, 2, test_x.shape).astype(np.float32)
unknown = vl.predict(elbo, state["params"], noise - mean, **settings).mutual_information
wrong = np.argmax(prediction.mean, axis=1) != test_y
print(f"doubt: digits {doubt.mean():.2f}, wrong answers {doubt[wrong].mean():.2f},")
print(f"noise {unknown.mean():.2f}; AUROC {vl.metrics.auroc(doubt, unknown):.3f}")
