"""Who may import and name whom, what an import loads, and how large a file may be."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import c3jax

ROOT = Path(__file__).parent.parent
ROOMS = ("c3jax", "experiments", "data_pipelines", "benchmarks")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
NAMES = [path.relative_to(ROOT).as_posix() for path in FILES]

CORE = {"jax", "flax", "numpy", "jaxtyping", "c3jax"}
# What a file of the library may import besides the core, by the beginning of its path.
EXTRAS = {
    "c3jax/training/": {"optax", "orbax"},
    "c3jax/_weight_files.py": {"safetensors"},
    "c3jax/confidence.py": {"scipy"},  # JAX needs it too
    "c3jax/inference/": {"safetensors"},
    "c3jax/files/": {"PIL"},
    "c3jax/files/media.py": {"av"},
    "c3jax/files/pictures.py": {"pillow_heif"},
    "c3jax/files/progress.py": {"tqdm"},
    "c3jax/files/published.py": {"scipy"},  # .mat
    "c3jax/tools/": {"PIL", "tyro"},
    "c3jax/tools/demo.py": {"uvicorn"},
    "c3jax/tools/demo_page.py": {"fastapi"},
}
# Pure functions know no networks, networks know no training, and nobody the commands.
UPPER_FLOORS = {"c3jax.models", "c3jax.weights", "c3jax.training", "c3jax.inference"}
UPPER_FLOORS |= {"c3jax.tools", "c3jax.__main__"}
TENSORFLOW = {"tensorflow", "tensorflow_datasets", "tensorflow_cpu", "keras"}


def imports_of(path):
    """Dotted names of all that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def packages_of(path):
    return {name.split(".")[0] for name in imports_of(path)} - set(sys.stdlib_module_names)


def floor_of(name):
    return next(
        (floor for floor in UPPER_FLOORS if name == floor or name.startswith(floor + ".")), ""
    )


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("c3jax/")])
def test_files_import_only_what_their_room_allows(name):
    extras = {package for start in EXTRAS if name.startswith(start) for package in EXTRAS[start]}
    assert packages_of(ROOT / name) <= CORE | extras
    own = floor_of(name.removesuffix(".py").replace("/", "."))
    floors = {floor_of(imported) for imported in imports_of(ROOT / name)} - {"", own}
    if not own:
        assert not floors, "pure functions know no networks"
    if own == "c3jax.models":
        assert not floors, "networks know no training"
    if own in ("c3jax.models", "c3jax.weights", "c3jax.training"):
        assert "c3jax.inference" not in floors
    assert own == "c3jax.__main__" or "c3jax.tools" not in floors


READING = [name for name in NAMES if name.startswith(("c3jax/files/", "data_pipelines/"))]


@pytest.mark.parametrize("name", READING)
def test_files_are_read_without_jax(name):
    assert not packages_of(ROOT / name) & {"jax", "flax", "optax", "experiments"}
    ours = {each for each in imports_of(ROOT / name) if each.split(".")[0] == "c3jax"}
    assert all(f"{each}.".startswith("c3jax.files.") for each in ours)


def test_tensorflow_lives_in_data_pipelines_only():
    users = {n for n, path in zip(NAMES, FILES, strict=True) if packages_of(path) & TENSORFLOW}
    assert all(name.startswith("data_pipelines/") for name in users), users


def test_nobody_imports_experiments():
    users = {n for n, path in zip(NAMES, FILES, strict=True) if "experiments" in packages_of(path)}
    assert all(name.startswith(("experiments/", "benchmarks/")) for name in users), users


def test_importing_the_library_stays_light():
    heavy = TENSORFLOW | {"optax", "orbax", "jax", "flax", "numpy", "PIL", "safetensors"}
    heavy |= {"experiments", "data_pipelines"}
    code = f"import sys, c3jax; print(sorted({heavy!r} & set(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_networks_and_weights_are_loaded_on_first_use():
    assert c3jax.__getattr__("models") is c3jax.models
    assert {"models", "training", "weights", "soft_argmax"} <= set(dir(c3jax))
    with pytest.raises(AttributeError, match="module 'c3jax' has no attribute 'modles'"):
        _ = c3jax.modles


def test_public_names_exist_and_are_sorted():
    for module in (c3jax, c3jax.losses):
        assert module.__all__ == sorted(module.__all__)
        assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("name", NAMES)
def test_files_are_short_and_none_is_called_utils(name):
    assert Path(name).stem not in ("utils", "util", "helpers", "misc", "common")
    assert len((ROOT / name).read_text().splitlines()) <= 300


EXPERIMENTS = sorted(path.parent.name for path in (ROOT / "experiments").glob("*/recipe.py"))
DERIVED = {"imm_faces": "c3_faces", "c3_cars": "c3_faces", "c3_bedrooms": "c3_faces"}
# Files that may name experiments: what was published, by its tables, and their list.
NAMING = {"registry", "published", "tables"}
# Where `jlad` is a family of networks, as an exported model names it, and no experiment.
FAMILIES = "c3jax/models/families.py"
# The floors of experiments/, from above; who stands on one may look at those below it.
FLOORS = ("commands", "registry", "experiment", "recipe", "show", "measure", "terms", "engine")
LAYERS = {"show", "measure", "terms", "engine"}


def own_floor(dotted):
    """The floor of a module of experiments/, by its dotted name; None for other modules."""
    room, *rest = dotted.split(".")
    if room != "experiments" or not rest or rest[0] == "common":
        return None
    if rest[0] in LAYERS or rest[0] in ("registry", "recipe"):
        return rest[0]
    return "experiment" if rest[0] in EXPERIMENTS else "commands"


def strings_of(path):
    """String constants of a file, but for docstrings."""
    tree = ast.parse(path.read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and id(node) not in docstrings
    ]


def experiment_of(name):
    """The experiment in whose folder a file lies, if any."""
    folder = Path(name).parts[1] if name.startswith("experiments/") else ""
    return folder if folder in EXPERIMENTS else None


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("benchmarks/")])
def test_experiments_are_named_in_their_folders_alone(name):
    own = experiment_of(name)
    allowed = {own, DERIVED.get(own)}
    if Path(name).stem not in NAMING and not name.startswith(FAMILIES):
        assert not {s for s in strings_of(ROOT / name) if s in EXPERIMENTS} - allowed
    imported = {".".join(each.split(".")[:2]) for each in imports_of(ROOT / name)}
    others = {f"experiments.{each}" for each in EXPERIMENTS if each not in allowed}
    assert not imported & others


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("experiments/")])
def test_floors_look_down_only(name):
    dotted = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    own = own_floor(dotted)
    if own is None:
        return
    below = FLOORS[FLOORS.index(own) :]
    for imported in imports_of(ROOT / name):
        floor = own_floor(imported)
        assert floor is None or floor in below, f"{own} looks up: {imported}"


def test_inference_and_precision_know_no_classes_of_networks():
    models = {
        name
        for path in (ROOT / "c3jax/models").rglob("*.py")
        for name in re.findall(r"^class (\w+)\(nn.Module\)", path.read_text(), re.MULTILINE)
    }
    files = [*(ROOT / "c3jax/inference").rglob("*.py"), ROOT / "c3jax/training/precision.py"]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            named = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & models
            assert not (isinstance(node, ast.Tuple | ast.List | ast.Set) and len(named) > 1), path
            asked = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance"
            assert not (asked and named), f"{path}:{node.lineno}"


def test_experiments_have_no_common_folder():
    assert not (ROOT / "experiments/common").exists()


def test_no_folder_of_experiments_is_large():
    lines = dict.fromkeys((*LAYERS, *EXPERIMENTS), 0)
    total = 0
    for name, path in zip(NAMES, FILES, strict=True):
        if name.startswith("experiments/"):
            count = len(path.read_text().splitlines())
            total += count
            folder = Path(name).parts[1]
            if folder in lines:
                lines[folder] += count
    assert {folder: n for folder, n in lines.items() if n > 0.2 * total} == {}
