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

# How far off it is, how unsure, and whether it is unsure of the pixels it gets wrong.
rng = np.random.default_rng(0)
shuffled = rng.permuted(test_x.reshape(len(test_x), -1), axis=1).reshape(test_x.shape)
kinds = {data.name: test_x, data.other_name: data.other, "shuffled": shuffled}
kinds = {kind: pixels[:500] for kind, pixels in kinds.items()}
answers = {
    kind: vl.predict(elbo, state["params"], pixels, key=vl.key(1), num_samples=32)
    for kind, pixels in kinds.items()
}
print(f"{'':14} error (RMSE)  doubt  correlation of the two by pixel")
for kind, answer in answers.items():
    error, doubt = np.abs(answer.mean - kinds[kind]), np.sqrt(answer.epistemic)
    correlation = np.corrcoef(error.reshape(-1), doubt.reshape(-1))[0, 1]
    rms = np.sqrt(np.mean(error**2)), np.sqrt(np.mean(doubt**2))
    print(f"{kind:14} {rms[0]:12.3f} {rms[1]:6.3f} {correlation:12.2f}")

# The picture: five images of each kind, one in a column.
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
