"""The lines of a table."""

from varlayers.tables import table


def test_columns_are_aligned_and_empty_ones_left_out():
    rows = [("a", "", "1"), ("bcd", "", "23")]
    lines = table(("Name", "None", "Size"), rows, ("", "", "24"), 1).split("\n")
    assert lines == [
        "Name  Size",
        "----------",
        "a        1",
        "bcd     23",
        "----------",
        "        24",
    ]


def test_without_rows_the_total_remains():
    assert table(("A", "B"), [], ("all", "0"), 1) == "A    B\n------\n------\nall  0"
