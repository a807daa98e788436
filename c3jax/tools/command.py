"""`c3jax COMMAND`: the commands that come with the package."""

import sys
from importlib import import_module, metadata

from c3jax.tools import cli, process
from c3jax.tools.errors import UsageError

# What each does, and which options make it take less memory.
COMMANDS = {
    "detect": ("find landmarks in pictures, and draw them", "--max-megapixels"),
    "align": ("match two pictures, or many pairs", "--image-size"),
    "evaluate": ("measure a model on annotated pictures or pairs", ""),
    "fit-keypoints": ("fit own key points to the landmarks of a model", ""),
    "demo": ("try a model on photos, on a page in the browser", ""),
}
LISTED = "\n".join(f"  {name:13}  {does}" for name, (does, _) in COMMANDS.items())
HELP = f"""\
usage: c3jax COMMAND [OPTIONS], c3jax COMMAND --help, c3jax --version

{LISTED}

They read exported models, and those that come with c3jax."""


def main() -> None:
    """Runs the command that the first word names."""
    process.fill_standard_streams()
    name, *_ = [*sys.argv[1:], "--help"]
    if name in ("-h", "--help"):
        print(HELP)
    elif name == "--version":
        print(f"c3jax {metadata.version('c3jax')}")
    elif (name := name.replace("_", "-")) in COMMANDS:
        del sys.argv[1]
        cli.guarded(lambda: run(name), smaller=COMMANDS[name][1])
    else:
        cli.fail(f"c3jax has no command '{name}'; choose one of: {', '.join(COMMANDS)}")


def run(name: str) -> None:
    """Imports a command and runs it.

    Raises:
      UsageError: a package of the extra `tools` is not installed.
    """
    try:
        command = import_module(f"c3jax.tools.{name.replace('-', '_')}")
    except ModuleNotFoundError as missing:
        if (missing.name or "").split(".")[0] not in ("PIL", "tyro", "tqdm"):
            raise
        needed = "pip install 'c3jax[tools]'"
        raise UsageError(f"c3jax {name} needs {missing.name}: {needed}") from None
    from c3jax.tools.compilation import keep_compiled

    keep_compiled()
    command.main()
