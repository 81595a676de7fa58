"""What `import varlayers` costs beside `import numpy`, in milliseconds.

    python benchmarks/import_time.py

Every round starts one interpreter per program, in turn; the medians are printed. The
budget is 30 ms over numpy. "every public name" is the most that any use can import.
"""

import subprocess
import sys
from statistics import median

ROUNDS = 21
PROGRAMS = {
    "numpy": "import numpy",
    "varlayers": "import numpy, varlayers",
    "every public name": "import numpy; from varlayers import *",
}
TIMER = """
from time import perf_counter
start = perf_counter()
{}
print(perf_counter() - start)
"""


def seconds(program: str) -> float:
    """Return how long a program's imports take in a fresh interpreter."""
    command = [sys.executable, "-c", TIMER.format(program)]
    return float(subprocess.run(command, capture_output=True, check=True).stdout)


def main() -> None:
    """Print the medians, and the differences to numpy's."""
    rounds = [{k: seconds(code) for k, code in PROGRAMS.items()} for _ in range(ROUNDS)]
    base = median(times["numpy"] for times in rounds)
    for name in PROGRAMS:
        middle = median(times[name] for times in rounds)
        print(f"{name:20s}{1e3 * middle:8.1f} ms{1e3 * (middle - base):+8.1f} ms")


if __name__ == "__main__":
    main()
