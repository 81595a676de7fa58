"""Every name of TFP's is there, or says where to look."""

import pytest

from varlayers.compat import tfl

# The layers of tfp.layers that are not here, in TFP 0.25.
ABSENT = """
    AutoregressiveTransform BlockwiseInitializer CategoricalMixtureOfOneHotCategorical
    DistributionLambda IndependentBernoulli IndependentLogistic IndependentNormal
    IndependentPoisson KLDivergenceAddLoss KLDivergenceRegularizer MixtureLogistic
    MixtureNormal MixtureSameFamily MultivariateNormalTriL OneHotCategorical
    VariableLayer VariationalGaussianProcess util weight_norm
"""


@pytest.mark.parametrize("name", ABSENT.split())
def test_what_is_left_out_says_where_to_look(name):
    with pytest.raises(AttributeError, match=rf"has no '{name}'\. [A-Z]"):
        getattr(tfl, name)


def test_other_names_are_unknown():
    with pytest.raises(
        AttributeError, match=r"varlayers\.compat\.tfl has no 'Dens'\.$"
    ):
        _ = tfl.Dens
