"""Videos frame by frame, through PyAV."""

import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from ccc.core.errors import CCCError
from ccc.core.files import written_whole

VIDEO_SUFFIXES = {".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mpg", ".mpeg"}
_SOUND = {"aac", "mp3", "ac3", "eac3", "alac", "flac", "opus"}  # what an MP4 may hold as it is


def _av():
    try:
        import av
    except ImportError:
        raise CCCError("videos need PyAV: pip install av, or give pictures") from None
    return av


def color_video(
    source: str | os.PathLike,
    target: str | os.PathLike,
    color: Callable[[list[np.ndarray]], list[np.ndarray]],
    batch: int = 1,
    comment: str = "",
    told: Callable[[int], None] = lambda count: None,
) -> tuple[int, str]:
    """Colour a video, each frame by itself, so that colours may flicker, into an MP4 (H.264), whole or not at all.

    `color`: frames, uint8 RGB `(H, W, 3)`, to as many coloured ones; it is given `batch` at a time; `comment` is kept
    in the file; `told` is called with the number of frames after each batch. Times of frames are kept, and the sound,
    copied, where an MP4 can hold it. Returns how many frames, and what became of the sound. Raises CCCError where the
    file cannot be read to its end.
    """
    av = _av()
    count, sound = 0, "no sound"
    try:
        with written_whole(target) as aside, av.open(str(source)) as given, av.open(str(aside), "w") as made:
            if not given.streams.video:
                raise CCCError(f"{source}: no video in it")
            made.metadata["comment"] = comment
            pictures = given.streams.video[0]
            pictures.thread_type = "AUTO"
            heard = kept = given.streams.audio[0] if given.streams.audio else None
            if heard and heard.codec_context.name not in _SOUND:
                sound, kept = f"sound left out, MP4 holds no {heard.codec_context.name}", None
            copy = made.add_stream_from_template(kept) if kept else None
            sound = "sound kept" if kept else sound
            encoded, waiting, early = None, [], []

            def flush():
                nonlocal encoded, count
                colored = color([_upright(frame) for frame in waiting]) if waiting else []
                for frame, rgb in zip(waiting, colored, strict=True):
                    encoded = encoded or _encoder(made, pictures, *rgb.shape[:2])
                    picture = av.VideoFrame.from_ndarray(rgb, format="rgb24")
                    picture.pts, picture.time_base = frame.pts, frame.time_base
                    made.mux(encoded.encode(picture))
                count += len(waiting)
                told(len(waiting))
                waiting.clear()

            for packet in given.demux([stream for stream in (pictures, kept) if stream]):
                if packet.stream is pictures:
                    for frame in packet.decode():
                        waiting.append(frame)
                        if len(waiting) == batch:
                            flush()
                elif packet.dts is not None:
                    packet.stream = copy
                    early.append(packet)
                if encoded:  # nothing can be written before all streams are known
                    made.mux(early)
                    early.clear()
            flush()
            if encoded is None:
                raise CCCError(f"{source}: no frame in it")
            made.mux(early)
            made.mux(encoded.encode())
    except av.FFmpegError as error:
        raise CCCError(f"{source}: the video cannot be read to its end ({error.strerror})") from None
    return count, sound


def _upright(frame) -> np.ndarray:
    """A frame as it is shown, uint8 RGB `(H, W, 3)`: telephones turn their videos by a note beside the frames."""
    return np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90 % 4))


def _encoder(made, pictures, height: int, width: int):
    stream = made.add_stream("libx264", rate=pictures.average_rate or Fraction(25))
    stream.width, stream.height = width, height
    stream.pix_fmt = "yuv420p" if height % 2 == 0 == width % 2 else "yuv444p"  # half the colours need even sides
    stream.options = {"crf": "16"}
    stream.time_base = pictures.time_base
    return stream


def frames(path: str | os.PathLike) -> Iterator[np.ndarray]:
    """The frames of a video, uint8 RGB `(H, W, 3)`. Raises CCCError where it cannot be read to its end."""
    av = _av()
    try:
        with av.open(str(path)) as given:
            for frame in given.decode(video=0):
                yield _upright(frame)
    except (av.FFmpegError, IndexError) as error:
        raise CCCError(f"{path}: the video cannot be read to its end ({error})") from None


def video_note(path: Path) -> str | None:
    """The comment in a video, "" where there is none; None where it is no whole video."""
    av = _av()
    try:
        with av.open(str(path)) as given:
            return given.metadata.get("comment", "") if given.streams.video else None
    except av.FFmpegError:
        return None
