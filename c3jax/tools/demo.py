"""`c3jax demo [MODEL]`: a page in the browser to try a model on photos."""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import tyro

from c3jax import inference
from c3jax.inference import AlignmentModel, LandmarkModel
from c3jax.tools.errors import UsageError
from c3jax.tools.models import load_aligner, load_both

LOOPBACK = "127.0.0.1"
Load = Callable[[Path], tuple[LandmarkModel | None, AlignmentModel | None]]
NEEDED = ("fastapi", "uvicorn", "python_multipart")


@dataclass(frozen=True)
class Options:
    """Try a model on photos, on a page in the browser.

    The page shows the landmarks in photos, and where points of one photo lie in another. It is
    served to this computer alone, and keeps no photo.
    """

    model: tyro.conf.Positional[Annotated[Path | None, tyro.conf.arg(metavar="MODEL")]] = None
    """exported model, or with python -m experiments.demo run folder or step of a run; by default
    the detector of faces and the aligner that come with c3jax. Where the model matches no pictures,
    that aligner does"""
    port: int = 8000
    """of the page's address; 0 takes any that is free"""


def main(load: Load = load_both, *, prog: str = "c3jax demo") -> None:
    """Serves the page until Ctrl-C; `load` reads the model, and `prog` is how it is called."""
    options = tyro.cli(Options, prog=prog)
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise UsageError(f'the page needs {" and ".join(missing)}: pip install "c3jax[demo]"')

    import uvicorn

    from c3jax.tools.demo_page import build_app

    with listen(options.port) as listener:
        app = build_app(load_models(options.model, load))
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


def load_models(path: Path | None, load: Load = load_both):
    """The `demo_page.Models` of the page; the shipped aligner stands in for one that is missing.

    Raises:
      UsageError: there is no such model, or it is damaged.
    """
    from c3jax.tools.demo_page import Models

    detector, aligner = load(path or inference.SHIPPED / "face_detector")
    detector_name = aligner_name = str(path)
    if path is None:
        detector_name = "the detector of faces that comes with c3jax"
    if aligner is None:
        aligner, aligner_name = (
            load_aligner(inference.SHIPPED / "aligner"),
            "the aligner that comes with c3jax",
        )
    return Models(detector, aligner, detector_name, aligner_name)
