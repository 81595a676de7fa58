"""`python -m varlayers`: a Bayesian network reads digits, and says which it doubts."""

import argparse
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from varlayers.demo.data import load
from varlayers.demo.libraries import LIBRARIES, converter
from varlayers.demo.networks import MODELS, networks
from varlayers.demo.picture import draw
from varlayers.demo.report import report
from varlayers.demo.trial import trial
from varlayers.estimators import ESTIMATORS
from varlayers.random import key

__all__ = ["main"]

_EPOCHS = {"mlp": 200, "cnn": 60}
_EXTRAS = {"sklearn": "scikit-learn", "matplotlib": "matplotlib", "tqdm": "tqdm"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo.

    Args:
        arguments: the command line without the program's name; None for sys.argv's.

    Returns:
        0, or 1 if something is missing, which is then said on stderr.
    """
    options = _parser().parse_args(arguments)
    try:
        _check_extras()
        options.output.mkdir(parents=True, exist_ok=True)
        _run(options)
    except (ImportError, RuntimeError, OSError) as error:
        print(f"varlayers: {error}", file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    start = time.perf_counter()
    host = load(options.seed)
    digits = host.moved(converter(options.backend))
    elbos = networks(
        len(host.targets),
        model=options.model,
        estimator=options.estimator,
        beta=options.beta,
    )
    print(f"{len(host.targets)} digits to learn from, {len(host.answers)} to test on.")
    outcomes = {}
    for number, (name, elbo) in enumerate(elbos.items(), 1):
        print(f"{number}/{len(elbos)} {name}", flush=True)
        outcomes[name] = trial(
            elbo, digits, key=key(options.seed), epochs=_epochs(options), progress=True
        )
    path = options.output / "digits.png"
    draw(host, outcomes, path)
    print(f"\n{report(outcomes)}\n\n{_how(options)}")
    print(f"Picture: {path}. All in {time.perf_counter() - start:.0f} s.")


def _how(options: argparse.Namespace) -> str:
    """Return the settings that a reader of the tables must know."""
    posterior = (
        "1, the evidence lower bound"
        if options.beta == 1
        else f"{options.beta:g}, a tempered posterior (1 is Bayes' rule)"
    )
    return (
        f"Bayesian: {options.estimator} estimator, beta = {posterior}.\n"
        f"Model {options.model}, {_epochs(options)} epochs, seed {options.seed}, "
        f"{options.backend} arrays."
    )


def _epochs(options: argparse.Namespace) -> int:
    return options.epochs or _EPOCHS[options.model]


def _check_extras() -> None:
    missing = [name for module, name in _EXTRAS.items() if find_spec(module) is None]
    if missing:
        msg = (
            f"The demo expected {', '.join(_EXTRAS.values())}, got no "
            f"{', '.join(missing)}. pip install 'varlayers[demo]'"
        )
        raise ImportError(msg)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m varlayers",
        description="Train a Bayesian network on handwritten digits, beside the same "
        "network without uncertainty and one with MC dropout.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.set_defaults(epochs=None)
    add = parser.add_argument
    add("--model", choices=list(MODELS), default="mlp", help="dense or convolutional")
    add("--estimator", choices=list(ESTIMATORS), default="local", help="of the noise")
    add("--backend", choices=LIBRARIES, default="numpy", help="library of the arrays")
    default = " or ".join(f"{count} for {name}" for name, count in _EPOCHS.items())
    add(
        "--epochs",
        type=_count,
        default=argparse.SUPPRESS,
        help=f"passes over the training digits (default: {default})",
    )
    add("--seed", type=_seed, default=0, help="of the split, the weights, the noise")
    add("--beta", type=_beta, default=0.1, help="factor of the divergence")
    add("--output", type=Path, default=Path("varlayers-demo"), help="folder to write")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        msg = f"expected an integer >= 1, got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 1 << 32:
        msg = f"expected an integer from 0 to 2**32 - 1, got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _beta(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value < float("inf"):
        msg = f"expected a number >= 0, got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value


if __name__ == "__main__":
    sys.exit(main())
