"""Images for the examples: Fashion-MNIST where it is installed, else the digits.

Fashion-MNIST (Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747) has 60,000 + 10,000
pictures of clothes, 28 × 28. On Debian and Ubuntu:

    sudo apt install dataset-fashion-mnist

Elsewhere, put its four files, such as train-images-idx3-ubyte.gz, into a folder and
name that with --folder. Without them, scikit-learn's 1,797 handwritten digits, 8 × 8,
stand in: a small problem that shows the same code at work.

Each comes with images of another kind, which a network trained on it should doubt: for
clothes the digits, for digits crops of two photographs.
"""

import gzip
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

FOLDER = Path("/usr/share/datasets/fashion-mnist")
CLOTHES = (
    *("T-shirt", "trousers", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)


class Images(NamedTuple):
    """Arrays (n, height, width, 1), float32, from 0 to 1, and what they show."""

    name: str
    x: Any
    y: Any
    test_x: Any
    test_y: Any
    other_name: str
    other: Any
    classes: tuple[str, ...]


def load(folder: Path = FOLDER) -> Images:
    """Return Fashion-MNIST from its folder, or the digits where there is none."""
    if not (folder / "train-images-idx3-ubyte.gz").exists():
        return digits()
    x, test_x = (_read(folder / f"{part}-images-idx3") for part in ("train", "t10k"))
    y, test_y = (_read(folder / f"{part}-labels-idx1") for part in ("train", "t10k"))
    x, test_x = (_grey(pixels, 255) for pixels in (x, test_x))
    larger = np.kron(_digit_pixels()[0] / 16, np.ones((3, 3)))  # 24 × 24
    other = _grey(np.pad(larger, ((0, 0), (2, 2), (2, 2))), 1)
    return Images("Fashion-MNIST", x, y, test_x, test_y, "digits", other, CLOTHES)


def _read(path: Path) -> Any:
    """Return the array of a gzipped IDX file of bytes."""
    with gzip.open(f"{path}-ubyte.gz") as file:
        data = file.read()
    shape = np.frombuffer(data, ">i4", count=data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


def digits() -> Images:
    """Return scikit-learn's digits, 500 of them to test on."""
    pixels, y = _digit_pixels()
    order = np.random.default_rng(0).permutation(len(y))
    x, y = _grey(pixels[order], 16), y[order]
    names = tuple(str(digit) for digit in range(10))
    crops = _grey(_crops(500), 255)
    return Images(
        "digits", x[500:], y[500:], x[:500], y[:500], "photographs", crops, names
    )


def _digit_pixels() -> tuple[Any, Any]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images, digits.target


def _crops(count: int) -> Any:
    """Return grey 8 × 8 crops of two photographs, every fourth pixel."""
    from sklearn.datasets import load_sample_images

    photographs = [
        image.mean(axis=2)[::4, ::4] for image in load_sample_images().images
    ]
    rng = np.random.default_rng(0)
    crops = []
    for number in range(count):
        photograph = photographs[number % 2]
        row, column = (rng.integers(size - 8) for size in photograph.shape)
        crops.append(photograph[row : row + 8, column : column + 8])
    return np.stack(crops)


def _grey(pixels: Any, white: float) -> Any:
    """Return pixels (n, h, w) as (n, h, w, 1), from 0 to 1."""
    return (pixels[..., None] / white).astype(np.float32)
