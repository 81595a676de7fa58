"""The rules of the house, each a function from one source module to its complaints.

They read syntax trees and run nothing. `tests/test_house_rules.py` holds every module
of `varlayers` and `varlayers_backends` to them.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

# Who may import whom: a part of varlayers imports from the tiers above its own line
# here and from itself, so neighbors on a line do not know each other.
TIERS = (
    {"types"},
    {"precision", "random", "tables", "tree", "two_products", "windows"},
    {"sliding_kernels"},
    {"convolution_kernels", "optimizer_kernels", "output_kernels", "pooling_kernels"},
    {"kernels"},
    {"activations", "constants", "dispatch", "initializers"},
    {"checks"},
    {"estimators", "maps", "posteriors", "priors"},
    {"divergences"},
    {"layers", "likelihoods", "metrics", "optimizers"},
    {"elbo", "serialization"},
    {"conversion", "prediction", "summary"},
    {"pruning", "stateful", "training"},
    {"compat"},
    {"demo"},
    {"__main__"},
)
RANK = {part: rank for rank, parts in enumerate(TIERS) for part in parts}

# What a backend may see of varlayers.
BACKENDS_SEE = {
    *("varlayers.convolution_kernels", "varlayers.kernels"),
    "varlayers.pooling_kernels",
    *("varlayers.random", "varlayers.types", "varlayers.windows"),
}

# What the core may import: anywhere, and inside the function that needs it.
ANYWHERE = {"varlayers", "numpy", "array_api_compat", *sys.stdlib_module_names}
IN_FUNCTIONS = {
    *("matplotlib", "safetensors", "scipy"),
    *("sklearn", "threadpoolctl", "tqdm"),
}

MAX_FILE, MAX_FUNCTION = 300, 50


@dataclass(frozen=True)
class Module:
    """A source file: its path below the root of the repository, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def name(self) -> str:
        """The dotted name; a package's is that of its `__init__`."""
        path = PurePosixPath(self.path.removeprefix("backends/"))
        return ".".join(path.with_suffix("").parts).removesuffix(".__init__")

    @property
    def is_core(self) -> bool:
        return self.path.startswith("varlayers/")


def imports_point_down(module: Module) -> Iterator[str]:
    """A part of varlayers imports from lower tiers, save for type checkers."""
    own = part_of(module.name)
    if not module.is_core or module.name == "varlayers":
        return
    if own not in RANK:
        yield f"{module.path} has no place in TIERS"
        return
    for name, where in _imports(module.tree):
        if _top(name) == "varlayers" and where != "typing":
            part = part_of(name)
            if part != own and not RANK.get(part, len(TIERS)) < RANK[own]:
                yield f"{module.path} imports {name}, which is not below it"


def core_imports_no_framework(module: Module) -> Iterator[str]:
    """The core imports numpy and array_api_compat; a few others inside functions."""
    for name, where in _imports(module.tree):
        allowed = ANYWHERE | IN_FUNCTIONS if where == "function" else ANYWHERE
        if module.is_core and _top(name) not in allowed:
            yield f"{module.path} imports {name} ({where})"


def backends_see_little(module: Module) -> Iterator[str]:
    """A backend knows the kernels, the keys and the types."""
    for name, _ in _imports(module.tree):
        if (
            not module.is_core
            and _top(name) == "varlayers"
            and name not in BACKENDS_SEE
        ):
            yield f"{module.path} imports {name}"


def raises_carry_one_string(module: Module) -> Iterator[str]:
    """`raise Kind(message)`, or a bare `raise`."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Raise) and node.exc and not _one_string(node.exc):
            yield f"{module.path}:{node.lineno} {ast.unparse(node)}"


def has_a_docstring(module: Module) -> Iterator[str]:
    """The first screen says what the file is."""
    if not ast.get_docstring(module.tree):
        yield f"{module.path} has no docstring"


def all_is_what_is_public(module: Module) -> Iterator[str]:
    """`__all__` names the public definitions; a package's may add what it imports."""
    listed, defined = set(), set(_defined(module.tree))
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            listed = set(ast.literal_eval(node.value))
    wrong = (defined - listed) | (listed - defined - _taken_in(module))
    if wrong:
        yield f"{module.path}: __all__ is wrong about {sorted(wrong)}"


def is_short(module: Module) -> Iterator[str]:
    """Files and functions fit the head."""
    lines = module.text.splitlines()
    if len(lines) > MAX_FILE:
        yield f"{module.path} has {len(lines)} lines"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = _code_lines(node, lines)
            if length > MAX_FUNCTION:
                yield f"{module.path}: {node.name} has {length} code lines"


RULES = (
    imports_point_down,
    core_imports_no_framework,
    backends_see_little,
    raises_carry_one_string,
    has_a_docstring,
    all_is_what_is_public,
    is_short,
)


def mirror(path: str) -> str:
    """Return where the tests of a source file live."""
    *folders, name = PurePosixPath(path).parts
    inner = [folder for folder in folders if not folder.startswith("varlayers")]
    stem = name.removesuffix(".py").strip("_")
    return "/".join(["tests", *inner, f"test_{stem}.py"])


def untested(paths: list[str], tests: set[str], exempt: dict[str, str]) -> list[str]:
    """Return the sources without a test, and the exemptions that nobody needs."""
    sources = {path for path in paths if not path.endswith("__init__.py")}
    missing = {path for path in sources if mirror(path) not in tests}
    return sorted(missing ^ exempt.keys())


def part_of(name: str) -> str:
    """Return the part of varlayers that a dotted name belongs to."""
    return f"{name}.__init__".split(".")[1]


def _top(name: str) -> str:
    return name.split(".")[0]


def _imports(node: ast.AST, where: str = "module") -> Iterator[tuple[str, str]]:
    """Yield (dotted name, "module", "function" or "typing") of each import."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, where) for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module == "varlayers":
            yield from ((f"varlayers.{alias.name}", where) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield "." * child.level + (child.module or ""), where
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _imports(child, "function")
        elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            yield from _imports(child, "typing")
        else:
            yield from _imports(child, where)


def _one_string(call: ast.expr) -> bool:
    if not isinstance(call, ast.Call) or call.keywords or len(call.args) != 1:
        return False
    (message,) = call.args
    if isinstance(message, ast.Constant):
        return isinstance(message.value, str)
    return isinstance(message, ast.Name | ast.JoinedStr | ast.Call)


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            nodes = [inner for target in targets for inner in ast.walk(target)]
            names = [inner.id for inner in nodes if isinstance(inner, ast.Name)]
        else:
            names = []
        yield from (name for name in names if not name.startswith("_"))


def _taken_in(module: Module) -> set[str]:
    if not module.path.endswith("__init__.py"):
        return set()
    nodes = (node for node in ast.walk(module.tree) if isinstance(node, ast.ImportFrom))
    return {alias.asname or alias.name for node in nodes for alias in node.names}


def _code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> int:
    first = node.body[0]
    docstring = range(first.lineno, (first.end_lineno or 0) + 1)
    return sum(
        bool(re.match(r"\s*[^\s#]", lines[number - 1]))
        for number in range(node.lineno, (node.end_lineno or 0) + 1)
        if not ast.get_docstring(node) or number not in docstring
    )
