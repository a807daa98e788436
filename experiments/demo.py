"""`python -m experiments.demo [RUN|EXPORT]`: a page in the browser to try a model on photos."""

import os
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
    that come with c3jax. Where the model matches no pictures, that aligner does"""
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
        print(f"open http://{LOOPBACK}:{listener.getsockname()[1]} (Ctrl-C ends)", flush=True)
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:  # how it is meant to end
            print()


def listen(port: int) -> socket.socket:
    """A socket that only this computer reaches.

    Raises:
      UsageError: a port that is taken, or none at all.
    """
    if not 0 <= port < 2**16:
        raise UsageError(f"--port must lie in 0 to 65535, got {port}")
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise UsageError(f"--port {port}: {reason}; give another, or 0 for any") from None


def load_models(path: Path | None):
    """The `demo_page.Models` of the page; the shipped aligner stands in for one that is missing.

    Raises:
      UsageError: there is no such model, or it is damaged.
    """
    from c3jax.inference import SHIPPED
    from experiments.registry import load_aligner, load_both
    from experiments.show.demo_page import Models

    detector, aligner = load_both(path or SHIPPED / "face_detector")
    detector_name = aligner_name = str(path)
    if path is None:
        detector_name = "the detector of faces that comes with c3jax"
    if aligner is None:
        aligner, aligner_name = (
            load_aligner(SHIPPED / "aligner"),
            "the aligner that comes with c3jax",
        )
    return Models(detector, aligner, detector_name, aligner_name)


if __name__ == "__main__":
    cli.guarded(main)
