"""What is masked stays to the bit; the rest moves as it would alone."""

import pickle

import numpy as np
import pytest
from support.descent import descend, gradient, start

import varlayers as vl
from varlayers.tree import items, map_leaves, unflatten

KEPT = {
    "dense.kernel.loc": np.array([[True, False], [False, True], [True, True]]),
    "wide": np.arange(64 * 65).reshape(64, 65) % 3 > 0,
    "s": np.array(False),
}
MASK = unflatten(KEPT)
RULES = [
    vl.SGD(0.1, momentum=0.9),
    vl.Adam(0.1),
    vl.AdamW(0.1, weight_decay=0.1),
]


@pytest.mark.parametrize("inner", RULES)
def test_only_the_rest_moves_and_as_it_would_alone(inner, library):
    params, state = descend(vl.Masked(inner, MASK), 3, library)
    free, _ = descend(inner, 3)
    before, alone = dict(items(start())), dict(items(free))
    assert state["step"] == 3
    for path, leaf in items(params):
        kept = KEPT.get(path, np.ones(leaf.shape, bool))
        np.testing.assert_array_equal(leaf[~kept], before[path][~kept])
        np.testing.assert_allclose(leaf[kept], alone[path][kept], rtol=1e-12)
        assert np.all(leaf[kept] != before[path][kept])


def test_what_is_held_enters_no_norm():
    params, grads = start(), gradient(start(), 0)
    free = map_leaves(np.copy, grads)
    for path, kept in KEPT.items():
        *parents, name = path.split(".")
        node = free
        for parent in parents:
            node = node[parent]
        node[name] = np.where(kept, node[name], 0)
    rule = vl.Clip(vl.SGD(1.0), 0.1)
    masked = vl.Masked(rule, MASK)
    actual, _ = masked.update(grads, masked.init(params), params)
    expected, _ = rule.update(free, rule.init(params), start())
    map_leaves(np.testing.assert_array_equal, actual, expected)


def test_gradients_that_are_not_numbers_do_not_matter_where_they_are_masked():
    params, grads = {"w": np.ones(2)}, {"w": np.array([np.nan, 1.0])}
    masked = vl.Masked(vl.Adam(0.1), {"w": np.array([False, True])})
    new, _ = masked.update(grads, masked.init(params), params)
    assert new["w"][0] == 1
    assert new["w"][1] == pytest.approx(0.9)


def test_takes_the_masks_of_any_library(library):
    mask = map_leaves(
        library.xp.asarray if library.device is None else _on(library), MASK
    )
    assert vl.Masked(vl.Adam(), mask) == vl.Masked(vl.Adam(), MASK)


def _on(library):
    return lambda leaf: library.xp.asarray(leaf, device=library.device)


def test_hashes_pickles_and_saves(tmp_path):
    masked = vl.Masked(vl.Adam(0.1), MASK)
    assert hash(masked) == hash(vl.Masked(vl.Adam(0.1), MASK))
    assert pickle.loads(pickle.dumps(masked)) == masked
    vl.save_state(tmp_path / "state", {"optimizer": masked})
    assert vl.load_state(tmp_path / "state")["optimizer"] == masked


def test_runs_inside_jit():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    masked = vl.Masked(vl.Adam(0.1), MASK)
    params, grads = (
        map_leaves(jax.numpy.asarray, t) for t in (start(), gradient(start(), 0))
    )
    new, _ = jax.jit(masked.update)(grads, masked.init(params), params)
    desired, _ = masked.update(grads, masked.init(params), params)
    map_leaves(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), new, desired)


def test_a_mask_of_another_model_is_refused():
    params = {"w": np.ones(2)}
    with pytest.raises(ValueError, match=r"with 'v', .* got \['w'\]\. For .* ELBO"):
        vl.Masked(vl.Adam(), {"v": np.ones(2, bool)}).init(params)
    masked = vl.Masked(vl.Adam(), {"w": np.ones(3, bool)})
    with pytest.raises(ValueError, match=r"shape \(2,\) for 'w', got \(3,\)"):
        masked.update(params, {}, params)


def test_a_mask_is_a_dict():
    with pytest.raises(TypeError, match=r"`mask`, a dict of arrays .* got ndarray"):
        vl.Masked(vl.Adam(), np.ones(2, bool))
