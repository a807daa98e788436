"""`python -m experiments.demo [RUN|EXPORT]`: a page in the browser to try a model on photos."""

import socket
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import tyro

from experiments.engine import cli
from experiments.engine.errors import UsageError

LOOPBACK = "127.0.0.1"
NEEDED = ("fastapi", "uvicorn", "python_multipart")


@dataclass(frozen=True)
class Options:
    """Try a model on photos, on a page in the browser.

    The page shows the landmarks in photos, and where points of one photo lie in another. It is
    served to this computer alone, and keeps no photo.
    """

    model: tyro.conf.Positional[Annotated[Path | None, tyro.conf.arg(metavar="RUN|EXPORT")]] = None
    """run folder, step of a run or exported model; by default the detector of faces and the aligner
    that come with c3jax. Where it matches no pictures, that aligner does"""
    port: int = 8000
    """of the page's address; 0 takes any that is free"""


def main() -> None:
    """Serves the page until Ctrl-C."""
    options = tyro.cli(Options, prog="python -m experiments.demo")
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise UsageError(f'the page needs {" and ".join(missing)}: pip install ".[demo]"')

    import uvicorn

    from experiments.show.demo_page import build_app

    with listen(options.port) as listener:
        app = build_app(load_models(options.model))
        config = uvicorn.Config(
            app, lifespan="off", log_level="warning", access_log=False, timeout_graceful_shutdown=1
        )
        print(f"open http://localhost:{listener.getsockname()[1]} (Ctrl-C ends)", flush=True)
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:  # how it is meant to end
            print()


def listen(port: int) -> socket.socket:
    """A socket that only this computer reaches.

    Raises:
      UsageError: a port that is taken, or none at all.
    """
    try:
        return socket.create_server((LOOPBACK, port))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--port {port}: {reason}; give another, or 0 for any") from None


def load_models(path: Path | None):
    """The models of the page, a `demo_page.Models`; what a model does not do, a shipped one does.

    Landmarks are those of the kind that a model learned: the shipped detector of faces takes the
    place of none.

    Raises:
      UsageError: there is no such model, or it is damaged.
    """
    from c3jax.inference import SHIPPED
    from experiments.registry import load_both
    from experiments.show.demo_page import Models

    detector, aligner = load_both(path or SHIPPED / "face_detector")
    detector_name = "the detector of faces that comes with c3jax" if path is None else str(path)
    if aligner is None:
        aligner, aligner_name = (
            load_both(SHIPPED / "aligner")[1],
            "the aligner that comes with c3jax",
        )
    else:
        aligner_name = str(path)
    return Models(detector, aligner, detector_name, aligner_name)


if __name__ == "__main__":
    cli.guarded(main)
