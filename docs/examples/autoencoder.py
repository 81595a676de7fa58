"""A Bayesian convolutional autoencoder: images rebuilt, with a doubt for each pixel.

python docs/examples/autoencoder.py [--epochs 5] [--images 20000] [--output PATH]

Learns to rebuild Fashion-MNIST, or scikit-learn's digits where that is not installed
(`images.py` says how to get it), from a short code. The decoder is of transposed
convolutions; all weights are uncertain. Writes a picture: images, what becomes of them,
and the standard deviation of each pixel over the networks that the posterior allows.
"""

import argparse
from pathlib import Path

import images
import matplotlib.pyplot as plt
import numpy as np

import varlayers as vl

parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
parser.add_argument("--epochs", type=int, help="passes over the images")
parser.add_argument("--images", type=int, default=20_000, help="how many to learn from")
parser.add_argument("--folder", type=Path, default=images.FOLDER, help="of the files")
parser.add_argument("--output", type=Path, default=Path("autoencoder.png"))
options = parser.parse_args()

data = images.load(options.folder)
epochs = options.epochs or (100 if data.name == "digits" else 5)
x, test_x = data.x[: options.images], data.test_x
size, code = x.shape[1] // 4, 32
print(f"{data.name}: {len(x):,} images to learn from, {len(test_x):,} to test on.")

# The model: each half has two steps of stride 2; "same" makes 28 of 14, and 14 of 28.
weights = {"estimator": "flipout", "prior": vl.NormalPrior(scale=0.3)}
slide = {"strides": 2, "padding": "same", **weights}
encoder = vl.Sequential(
    [
        vl.Convolution(1, 16, (5, 5), **slide),
        vl.Activation("relu"),
        vl.Convolution(16, 32, (5, 5), **slide),
        vl.Activation("relu"),
        vl.Flatten(),
        vl.Dense(size * size * 32, code, **weights),
    ]
)
decoder = vl.Sequential(
    [
        vl.Dense(code, size * size * 32, **weights),
        vl.Activation("relu"),
        vl.Reshape((size, size, 32)),
        vl.ConvolutionTranspose(32, 16, (5, 5), **slide),
        vl.Activation("relu"),
        vl.ConvolutionTranspose(16, 1, (5, 5), **slide),
    ]
)
model = vl.Sequential([encoder, decoder])
elbo = vl.ELBO(model, vl.NormalLearnedScale(), num_data=len(x))

steps = epochs * -(-len(x) // 64)
state = vl.fit(
    elbo,
    x,
    x,
    key=vl.key(0),
    epochs=epochs,
    batch_size=64,
    optimizer=vl.Adam(vl.schedules.Cosine(2e-3, steps)),
)

# Two of its answers: how far each rebuilt image is off, and how unsure each pixel is.
rng = np.random.default_rng(0)
shuffled = rng.permuted(test_x.reshape(len(test_x), -1), axis=1).reshape(test_x.shape)
kinds = {data.name: test_x, data.other_name: data.other, "shuffled": shuffled}
answers = {
    kind: vl.predict(elbo, state["params"], pixels[:500], key=vl.key(1), num_samples=32)
    for kind, pixels in kinds.items()
}
known = answers[data.name].epistemic.mean(axis=(1, 2, 3))
print(f"{'':14} error (RMSE)  doubt per pixel  AUROC of doubt")
for kind, answer in answers.items():
    error = np.sqrt(np.mean((answer.mean - kinds[kind][:500]) ** 2))
    doubt = answer.epistemic.mean(axis=(1, 2, 3))
    area = "" if kind == data.name else f"{vl.metrics.auroc(known, doubt):.3f}"
    print(f"{kind:14} {error:12.3f} {np.sqrt(doubt.mean()):16.3f} {area:>15}")

# The picture: four images of each kind in columns.
COUNT = 5
figure, axes = plt.subplots(3, 3 * COUNT, figsize=(15, 3.6), layout="constrained")
most = max(np.sqrt(answer.epistemic[:COUNT]).max() for answer in answers.values())
for part, (kind, answer) in enumerate(answers.items()):
    for number in range(COUNT):
        column = axes[:, part * COUNT + number]
        grey = {"cmap": "gray", "vmin": 0, "vmax": 1}
        column[0].imshow(kinds[kind][number, ..., 0], **grey)
        column[1].imshow(answer.mean[number, ..., 0], **grey)
        doubt = column[2].imshow(
            np.sqrt(answer.epistemic[number, ..., 0]), cmap="magma", vmin=0, vmax=most
        )
    axes[0, part * COUNT + COUNT // 2].set_title(kind)
for row, label in zip(axes, ("image", "rebuilt", "doubt"), strict=True):
    row[0].set_ylabel(label)
    for each in row:
        each.set(xticks=[], yticks=[])
figure.colorbar(doubt, ax=axes[2], label="standard\ndeviation", pad=0.01)
figure.savefig(options.output, dpi=110)
print(f"Picture: {options.output}")
