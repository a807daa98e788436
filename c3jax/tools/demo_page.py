"""The page of `c3jax demo`, and what it asks for: landmarks and matches as JSON."""

import base64
import io
import secrets
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from fastapi import FastAPI, HTTPException, Request, UploadFile
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.responses import FileResponse, JSONResponse
from PIL import Image

from c3jax.coordinates import to_pixels
from c3jax.files.pictures import PictureError, decode_picture
from c3jax.inference import AlignmentModel, LandmarkModel, Matches
from c3jax.tools.overlays import colors, shrink

PAGE = Path(__file__).with_name("demo_page.html")
HOSTS = ("localhost", "127.0.0.1")
MEGABYTES = 20  # of a picture
KEPT = 16  # pairs whose points can be carried
# The page asks nobody but this program, and nobody else may show it or ask.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# FastAPI would report to whatever collector the environment names.
TELEMETRY: Any = dict.fromkeys(
    ("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False
)


class Models(NamedTuple):
    """What finds landmarks, if anything does, and what matches; what the page calls them."""

    detector: LandmarkModel | None
    aligner: AlignmentModel
    detector_name: str
    aligner_name: str


def build_app(models: Models) -> FastAPI:
    """The page and its answers, for requests of this computer's browser.

    What is wrong with a request is in the field `detail` of the answer, a sentence for people.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, telemetry=TELEMETRY)
    pairs: OrderedDict[str, Matches] = OrderedDict()

    @app.middleware("http")
    async def check(request: Request, answer):
        refused = refuse(request)
        detail = JSONResponse({"detail": refused[1]}, refused[0]) if refused else None
        response = detail or await answer(request)
        response.headers.update(HEADERS)
        return response

    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False)

    @app.get("/")
    def page():
        return FileResponse(PAGE)

    @app.get("/about")
    def about():
        return {
            "detector": models.detector and models.detector_name,
            "aligner": models.aligner_name,
            "megabytes": MEGABYTES,
            "colors": ["#{:02x}{:02x}{:02x}".format(*color) for color in colors(100)],
        }

    @app.post("/landmarks")
    def landmarks(picture: UploadFile):
        pixels = read(picture)
        return shown(pixels) | find_landmarks(models.detector, pixels)

    @app.post("/matches")
    def matches(source: UploadFile, target: UploadFile):
        pictures = [read(source), read(target)]
        found = models.aligner.align(*pictures)
        key = secrets.token_urlsafe()
        pairs[key] = found
        while len(pairs) > KEPT:
            pairs.popitem(last=False)
        return {
            "pair": key,
            "source": shown(pictures[0]),
            "target": shown(pictures[1]),
            "warped": as_uri(warp_shrunken(found, *map(shrink, pictures))),
        }

    @app.get("/carry/{pair}")
    def carry(pair: str, x: float, y: float):
        if (found := pairs.get(pair)) is None:
            raise HTTPException(404, "this pair is forgotten: choose the two photos again")
        try:
            return carry_point(found, x, y)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None

    return app


def refuse(request: Request) -> tuple[int, str] | None:
    """Status and reason for a request of another site, or one that is too large; else None."""
    headers, own = request.headers, str(request.base_url).rstrip("/")
    if headers.get("origin", own) != own:
        return 403, "only the page of this program may ask"
    if "transfer-encoding" in headers:
        return 411, "the request does not say how long it is"
    if int(headers.get("content-length", 0)) > 1e6 * (2 * MEGABYTES + 1):
        return 413, f"a picture may have {MEGABYTES} MB"
    return None


def read(upload: UploadFile) -> np.ndarray:
    """The picture of an upload, uint8 `[H, W, 3]`."""
    name = upload.filename or "the picture"
    if upload.size is None or upload.size > 1e6 * MEGABYTES:
        raise HTTPException(413, f"{name} is larger than {MEGABYTES} MB")
    try:
        return decode_picture(upload.file, name)
    except PictureError as error:
        raise HTTPException(422, f"{name}: {error.reason}") from None


def find_landmarks(detector: LandmarkModel | None, picture: np.ndarray) -> dict[str, Any]:
    """`landmarks` with x and y in pixels of the picture; where it is known how sure they are.

    So is `object`, whether the picture shows what the model learned from.
    """
    if detector is None:
        raise HTTPException(404, "this model finds no landmarks")
    found = detector.find([picture])
    points = to_pixels(found.landmarks[0], picture.shape[:2])
    rows = [dict(zip("xy", point, strict=True)) for point in points.tolist()]
    for name in ("confidence", "spread_percent"):
        if (values := getattr(found, name)) is not None:
            rows = [row | {name: v} for row, v in zip(rows, values[0].tolist(), strict=True)]
    return {"landmarks": rows, "object": None if found.object is None else bool(found.object[0])}


def carry_point(found: Matches, x: float, y: float) -> dict[str, float | None]:
    """Where a point of the source lies in the target, its score, and confidence if it is known."""
    (place,), (score,) = found.carry([[x, y]]), found.confidence([[x, y]])
    known = found.probability
    confidence = None if known is None else float(known(np.array([score]))[0])
    return dict(zip("xy", place.tolist(), strict=True)) | {
        "score": float(score),
        "confidence": confidence,
    }


def shown(picture: np.ndarray) -> dict[str, Any]:
    """The size of a picture, and its `src` for the page: the browser may not read its format."""
    height, width = picture.shape[:2]
    return {"width": width, "height": height, "src": as_uri(shrink(picture))}


def warp_shrunken(found: Matches, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The source on the target, at the sizes of these, whatever the sizes that were matched."""
    smaller = replace(found, source_shape=source.shape[:2], target_shape=target.shape[:2])
    return smaller.warp_source(source)


def as_uri(picture: np.ndarray) -> str:
    """A picture as the `src` of an image."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=92)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
