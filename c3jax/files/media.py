"""Files of several pictures: pages of a TIFF, frames of a video or an animation."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from c3jax.files.pictures import MEDIA, PictureError, check_size, list_pages, read_picture

VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")


def is_video(name) -> bool:
    """Whether the suffix is that of a video."""
    return Path(name).suffix.lower() in VIDEOS


def read_pages(path, *, every: int | None = None) -> Iterator[tuple[str, np.ndarray]]:
    """All pictures in a file, upright uint8 RGB `[height, width, 3]`, each with what names it.

    That is "" for the picture of a usual file, "#1", "#2" and so on for the pages of a TIFF of
    several, and "#0", "#1" and so on for the frames of a video or animation.

    Args:
      path: the file.
      every: of videos and animations, each frame whose number is a multiple of it; None: all of a
        video, the first of an animation.

    Raises:
      PictureError: as `read_picture`; a video without the extra `media`, or one that is damaged.
    """
    if is_video(path):
        for number, frame in _frames(path, every or 1):
            yield f"#{number}", frame
        return
    for page_name, page in list_pages(path, every=every):
        yield page_name, read_picture(path, page=page)


def _frames(path, every: int) -> Iterator[tuple[int, np.ndarray]]:
    try:
        import av
    except ImportError:
        raise PictureError(path, f"a video, which needs PyAV ({MEDIA})") from None
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            check_size(path, stream.width, stream.height)
            stream.thread_type = "AUTO"
            for number, frame in enumerate(container.decode(stream)):
                if number % every == 0:
                    turns = round(frame.rotation / 90)  # counter-clockwise, as np.rot90
                    yield number, np.rot90(frame.to_ndarray(format="rgb24"), turns).copy()
    except FileNotFoundError:
        raise PictureError(path, "no such file") from None
    except (av.FFmpegError, IndexError) as error:
        raise PictureError(path, f"a video that cannot be decoded ({error})") from None
