"""A table as lines of text: left columns aligned left, numbers right, totals last."""

from collections.abc import Sequence

__all__ = ["table"]


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    total: Sequence[str],
    left_aligned: int,
) -> str:
    """Return header, rows and total between rules.

    Args:
        header: the names of the columns.
        rows: the cells of each row.
        total: those of the last.
        left_aligned: how many columns are aligned left; the others are right.

    Returns:
        Lines of text. A column without entries is left out.
    """
    every = [header, *rows, total]
    used = [any(row[i] for row in every[1:]) for i in range(len(header))]
    widths = [max(len(row[i]) for row in every) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = (
            cell.ljust(width) if index < left_aligned else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
            if used[index]
        )
        return "  ".join(cells).rstrip()

    rule = "-" * len(line(header))
    return "\n".join([line(header), rule, *map(line, rows), rule, line(total)])
