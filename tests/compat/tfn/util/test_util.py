"""Each name of TFP's is there, or says where to look."""

import pytest

from varlayers.compat import tfn

# The names of tfp.experimental.nn.util that are not here, in TFP 0.25.
ABSENT = [
    *("CallOnce", "RandomVariable", "batchify_op", "display_imgs", "im2row"),
    *("im2row_index", "make_convolution_fn"),
    "make_convolution_transpose_fn_with_dilation",
    "make_convolution_transpose_fn_with_subkernels",
    "make_convolution_transpose_fn_with_subkernels_matrix",
    *("prepare_conv_args", "prepare_tuple_argument", "tfcompile", "tune_dataset"),
    *("variables_load", "variables_save", "variables_summary"),
]


@pytest.mark.parametrize("name", ABSENT)
def test_what_is_left_out_says_where_to_look(name):
    assert name not in tfn.util.__all__
    with pytest.raises(AttributeError, match=rf"tfn\.util has no '{name}'\. [A-Z]"):
        getattr(tfn.util, name)


def test_other_names_are_unknown():
    with pytest.raises(AttributeError, match=r"tfn\.util has no 'tfcompiled'\.$"):
        _ = tfn.util.tfcompiled
