"""Videos frame by frame, through PyAV."""

import os
from collections.abc import Callable
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
    count, waiting = 0, []
    try:
        with written_whole(target) as aside, av.open(str(source)) as given, av.open(str(aside), "w") as made:
            if not given.streams.video:
                raise CCCError(f"{source}: no video in it")
            made.metadata["comment"] = comment
            pictures = given.streams.video[0]
            pictures.thread_type = "AUTO"
            kept, sound = _sound(given)
            encoder = _encoder(made, pictures, *_first(source).shape[:2])
            audio = made.add_stream_from_template(kept) if kept else None

            def flush():
                nonlocal count
                colored = color([_upright(frame) for frame in waiting]) if waiting else []
                for frame, rgb in zip(waiting, colored, strict=True):
                    picture = av.VideoFrame.from_ndarray(rgb, format="rgb24")
                    picture.pts, picture.time_base = frame.pts, frame.time_base
                    made.mux(encoder.encode(picture))
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
                    packet.stream = audio
                    made.mux(packet)
            flush()
            made.mux(encoder.encode())
    except av.FFmpegError as error:
        raise CCCError(f"{source}: the video cannot be read to its end ({error.strerror})") from None
    return count, sound


def _sound(given):
    """The stream of sound that an MP4 can hold, or None, and what becomes of it in words."""
    if not given.streams.audio:
        return None, "no sound"
    audio = given.streams.audio[0]
    if audio.codec_context.name not in _SOUND:
        return None, f"sound left out, MP4 holds no {audio.codec_context.name}"
    return audio, "sound kept"


def _first(source: str | os.PathLike) -> np.ndarray:
    """The first frame as it is shown, whose size the encoder must know before anything is written."""
    with _av().open(str(source)) as given:
        for frame in given.decode(video=0):
            return _upright(frame)
    raise CCCError(f"{source}: no frame in it")


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


def video_note(path: Path) -> str | None:
    """The comment in a video, "" where there is none; None where it is no whole video."""
    av = _av()
    try:
        with av.open(str(path)) as given:
            return given.metadata.get("comment", "") if given.streams.video else None
    except av.FFmpegError:
        return None
