"""Names count up, and give layers of one seed keys of their own."""

import varlayers as vl
from varlayers.compat.naming import absent, key_of, name_of


class Kind2DOfMine:
    """Nobody else's name."""


def test_names_are_in_snake_case_and_numbered():
    names = [name_of(Kind2DOfMine, None) for _ in range(3)]
    assert names == ["kind2d_of_mine", "kind2d_of_mine_1", "kind2d_of_mine_2"]
    assert name_of(Kind2DOfMine, "mine") == "mine"


def test_keys_follow_seed_and_name():
    assert key_of(1, "a") == key_of(1, "a") == key_of(vl.key(1), "a")
    assert len({key_of(1, "a"), key_of(1, "b"), key_of(2, "a")}) == 3
    assert key_of(None, "a") != key_of(None, "a")


def test_what_is_absent_says_where_else_it_is():
    elsewhere = {"this": "Look there."}
    assert absent("here", "this", elsewhere) == "here has no 'this'. Look there."
    assert absent("here", "that", elsewhere) == "here has no 'that'."
