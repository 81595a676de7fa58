"""Bayesian neural-network layers for any array library.

Everything a user needs is here. A name is imported when it is first used, so
`import varlayers` costs little more than `import numpy`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from varlayers import metrics
    from varlayers.conversion import from_deterministic
    from varlayers.dispatch import kernels_for, register_kernels
    from varlayers.divergences import (
        ClosedForm,
        FDivergence,
        MonteCarlo,
        Quadrature,
        Renyi,
    )
    from varlayers.elbo import ELBO, Loss
    from varlayers.estimators import (
        Flipout,
        LocalReparameterization,
        Reparameterization,
    )
    from varlayers.initializers import VarianceScaling
    from varlayers.layers import (
        Activation,
        AveragePool,
        Convolution,
        ConvolutionTranspose,
        Dense,
        Dropout,
        Flatten,
        GlobalAveragePool,
        GlobalMaxPool,
        LayerNorm,
        MaxPool,
        Reshape,
        Residual,
        Sequential,
        UpSampling,
    )
    from varlayers.likelihoods import (
        Bernoulli,
        Categorical,
        HeteroscedasticNormal,
        Normal,
        NormalLearnedScale,
        Poisson,
    )
    from varlayers.optimizers import (
        SGD,
        Adam,
        AdamW,
        Clip,
        Frozen,
        Masked,
        schedules,
    )
    from varlayers.posteriors import (
        FullCovarianceNormal,
        LowRankNormal,
        MatrixNormal,
        MeanFieldLaplace,
        MeanFieldNormal,
        MultiplicativeNormal,
        Point,
        Radial,
        Rank1Normal,
    )
    from varlayers.prediction import (
        Prediction,
        log_predictive_density,
        posterior_outputs,
        predict,
    )
    from varlayers.priors import (
        HorseshoePrior,
        LaplacePrior,
        LogUniformPrior,
        NormalPrior,
        ScaleMixturePrior,
        StudentTPrior,
    )
    from varlayers.pruning import Pruned, prune
    from varlayers.random import fold_in, key, native, split
    from varlayers.serialization import (
        describe,
        load,
        load_state,
        rebuild,
        register_class,
        save,
        save_state,
    )
    from varlayers.stateful import Stateful
    from varlayers.summary import summarize
    from varlayers.training import EarlyStopping, TrainingStep, fit

__version__ = "0.1.0"

_HOME = {
    "conversion": ("from_deterministic",),
    "dispatch": ("kernels_for", "register_kernels"),
    "divergences": (
        "ClosedForm",
        "FDivergence",
        "MonteCarlo",
        "Quadrature",
        "Renyi",
    ),
    "elbo": ("ELBO", "Loss"),
    "estimators": ("Flipout", "LocalReparameterization", "Reparameterization"),
    "initializers": ("VarianceScaling",),
    "layers": (
        "Activation",
        "AveragePool",
        "Convolution",
        "ConvolutionTranspose",
        "Dense",
        "Dropout",
        "Flatten",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "LayerNorm",
        "MaxPool",
        "Reshape",
        "Residual",
        "Sequential",
        "UpSampling",
    ),
    "likelihoods": (
        "Bernoulli",
        "Categorical",
        "HeteroscedasticNormal",
        "Normal",
        "NormalLearnedScale",
        "Poisson",
    ),
    "optimizers": ("SGD", "Adam", "AdamW", "Clip", "Frozen", "Masked", "schedules"),
    "posteriors": (
        "FullCovarianceNormal",
        "LowRankNormal",
        "MatrixNormal",
        "MeanFieldLaplace",
        "MeanFieldNormal",
        "MultiplicativeNormal",
        "Point",
        "Radial",
        "Rank1Normal",
    ),
    "prediction": (
        "Prediction",
        "log_predictive_density",
        "posterior_outputs",
        "predict",
    ),
    "priors": (
        "HorseshoePrior",
        "LaplacePrior",
        "LogUniformPrior",
        "NormalPrior",
        "ScaleMixturePrior",
        "StudentTPrior",
    ),
    "pruning": ("Pruned", "prune"),
    "random": ("fold_in", "key", "native", "split"),
    "serialization": (
        "describe",
        "load",
        "load_state",
        "rebuild",
        "register_class",
        "save",
        "save_state",
    ),
    "stateful": ("Stateful",),
    "summary": ("summarize",),
    "training": ("EarlyStopping", "TrainingStep", "fit"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "ELBO",
    "SGD",
    "Activation",
    "Adam",
    "AdamW",
    "AveragePool",
    "Bernoulli",
    "Categorical",
    "Clip",
    "ClosedForm",
    "Convolution",
    "ConvolutionTranspose",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "FDivergence",
    "Flatten",
    "Flipout",
    "Frozen",
    "FullCovarianceNormal",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "HeteroscedasticNormal",
    "HorseshoePrior",
    "LaplacePrior",
    "LayerNorm",
    "LocalReparameterization",
    "LogUniformPrior",
    "Loss",
    "LowRankNormal",
    "Masked",
    "MatrixNormal",
    "MaxPool",
    "MeanFieldLaplace",
    "MeanFieldNormal",
    "MonteCarlo",
    "MultiplicativeNormal",
    "Normal",
    "NormalLearnedScale",
    "NormalPrior",
    "Point",
    "Poisson",
    "Prediction",
    "Pruned",
    "Quadrature",
    "Radial",
    "Rank1Normal",
    "Renyi",
    "Reparameterization",
    "Reshape",
    "Residual",
    "ScaleMixturePrior",
    "Sequential",
    "Stateful",
    "StudentTPrior",
    "TrainingStep",
    "UpSampling",
    "VarianceScaling",
    "describe",
    "fit",
    "fold_in",
    "from_deterministic",
    "kernels_for",
    "key",
    "load",
    "load_state",
    "log_predictive_density",
    "metrics",
    "native",
    "posterior_outputs",
    "predict",
    "prune",
    "rebuild",
    "register_class",
    "register_kernels",
    "save",
    "save_state",
    "schedules",
    "split",
    "summarize",
]


def __getattr__(name: str) -> Any:
    if name == "metrics":
        return import_module("varlayers.metrics")
    if name not in _MODULE_OF:
        msg = f"module 'varlayers' has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(import_module(f"varlayers.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
