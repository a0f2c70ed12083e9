"""Colour videos frame by frame with PyAV; keep other tracks, or report them as left out."""

from __future__ import annotations

import heapq
import itertools
import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from ccc.colorizers._containers import VIDEO_SUFFIXES, looks_like_video
from ccc.colorizers._tracks import describe, is_cover, tracks_of
from ccc.core.errors import CCCError
from ccc.core.files import written_whole
from ccc.data.files import head_of

if TYPE_CHECKING:
    from av import Packet, VideoFrame, VideoStream
    from av.container import InputContainer, OutputContainer
    from av.filter import Graph

_UNSPECIFIED, _LIMITED, _FULL = 2, 1, 2  # colour tag; ranges (ITU-T H.273 and libavutil/pixfmt.h)
_BT709, _BT601 = 1, 6
_MATRICES = {_BT709: 1, 4: 4, 5: 5, _BT601: 5, 7: 7, 9: 9}  # H.273 matrix to swscale's number, where supported
_HDR = {16: "PQ", 18: "HLG"}
_HEADED = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi"}  # formats whose header holds the duration


def _av() -> ModuleType:
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
    """Colour a video frame by frame, so colours may flicker, into an MP4 (H.264), written atomically.

    `color`: maps a list of `batch` frames, uint8 RGB `(H, W, 3)`, to as many coloured ones; `comment` is stored in the
    file; `told` is called with the number of frames after each batch.

    Keeps frame times, pixel aspect ratio, colour tags (an untagged matrix becomes BT.709 from 720 lines up, else
    BT.601, as players assume), titles, chapters, `mov_text` subtitles and all sound tracks, which are copied if an MP4
    can hold them, else recoded to AAC. Frames are rotated upright, deinterlaced (bwdif), of 8 bits, and of even sides
    as browsers require: an odd side repeats its last row or column.

    Returns the number of frames, and notes on the sound and on what was changed or left out. Raises CCCError if the
    file cannot be read to its end, is HDR (PQ or HLG), or has a matrix that swscale does not support.
    """
    av = _av()
    count, waiting, named = 0, [], Path(source).suffix.lower() in VIDEO_SUFFIXES
    try:
        with (
            written_whole(target) as scratch,
            open(os.open(source, os.O_RDONLY), "rb") as file,  # as a descriptor, without a name
            # Hides misleading names: FFmpeg would take an MPEG named .jpg for a picture.
            av.open(str(source) if named else file, metadata_errors="replace") as container,
            av.open(str(scratch), "w") as output,
        ):
            reader = _Reader(str(source), container)
            head = _head(str(source), events := reader.events())
            describe(container, output, comment)
            writer = _Writer(str(source), output, reader, head[-1])
            tracks, notes = tracks_of(container, output, reader.start)

            def flush():
                nonlocal count
                colored = color([writer.rgb(frame) for frame in waiting]) if waiting else []
                for frame, rgb in zip(waiting, colored, strict=True):
                    output.mux(writer.packets(frame, rgb))
                count += len(waiting)
                told(len(waiting))
                waiting.clear()

            for event in itertools.chain(head, events):
                if isinstance(event, av.VideoFrame):
                    waiting.append(event)
                    if len(waiting) == batch:
                        flush()
                elif event.stream.index in tracks:
                    output.mux(tracks[event.stream.index](event))
            flush()
            output.mux(writer.encoder.encode())
            for track in tracks.values():
                output.mux(track(None))
    except av.FFmpegError as error:
        raise _unreadable(source, error.strerror) from None
    return count, "; ".join(notes + writer.notes + reader.notes())


def _unreadable(source: str | os.PathLike, reason: str) -> CCCError:
    strange = "" if looks_like_video(head_of(source)) else "; its first bytes are not a video's"
    return CCCError(f"{source}: the video cannot be read to its end ({reason}{strange})")


def _head(source: str, events: Iterator[VideoFrame | Packet]) -> list:
    """Returns the events up to the first frame, whose size must be known before writing."""
    head = []
    for event in events:
        head.append(event)
        if isinstance(event, _av().VideoFrame):
            return head
    raise CCCError(f"{source}: no frame in it")


class _Reader:
    """Reads frames, deinterlaced if necessary, and the packets between them; times count from the file's start."""

    def __init__(self, source: str, container: InputContainer):
        pictures = [stream for stream in container.streams.video if not is_cover(stream)]
        if not pictures:
            raise CCCError(f"{source}: no video in it")
        self.source, self.container, self.stream = source, container, pictures[0]
        if self.stream.codec_context is None:
            raise CCCError(f"{source}: its video is of a codec that this build of PyAV does not read")
        self.stream.thread_type = "AUTO"
        self.start = Fraction(max(container.start_time or 0, 0), 1_000_000)
        self.others, self.unread, self.moments = len(pictures) - 1, 0, []
        self.first: VideoFrame | None = None
        self.graph: Graph | None = None  # the deinterlacer, from the first interlaced frame on

    def events(self) -> Iterator[VideoFrame | Packet]:
        """Yields video frames and packets of all other streams in file order.

        Raises CCCError if the file ends before the duration in its header.
        """
        end = self.start
        for packet in self.container.demux():
            moments = [moment for moment in (packet.pts, packet.dts) if moment is not None]
            if moments and (base := packet.time_base):
                end = max(end, (max(moments) + (packet.duration or 0)) * base)
            if packet.stream.index != self.stream.index:
                yield packet
            elif packet.size or not moments:  # an empty packet with a time is a frame dropped in an AVI
                yield from self._frames(packet)
        whole = Fraction(self.container.duration or 0, 1_000_000)
        if self.container.format.name == "avi":  # from the header: the index may be lost with the end
            whole = max(whole, self.stream.frames * (self.stream.time_base or 0))
        missing = whole - (end - self.start)
        if self.container.format.name in _HEADED and missing > max(Fraction(1, 4), whole / 50):
            raise CCCError(
                f"{self.source}: the video cannot be read to its end (it stops {float(missing):.1f} s before the "
                f"{float(whole):.1f} s of its header; to colour what there is: ffmpeg -i IN -c copy OUT.mkv, and that)"
            )

    def _frames(self, packet: Packet) -> Iterator[VideoFrame]:
        av = _av()
        if packet.dts is not None:
            heapq.heappush(self.moments, packet.dts)
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            if self.first:
                raise
            self.unread += 1  # a cut broadcast begins with packets that depend on earlier frames
            self.moments.clear()
            return
        for frame in frames:
            moment = heapq.heappop(self.moments) if self.moments else None
            if frame.pts is None or self.container.format.name == "avi":
                frame.pts = moment  # AVI has packet times only: frames take them in display order
            self.first = self.first or frame
            if frame.interlaced_frame and not self.graph:
                self.graph = _deinterlacer(self.stream)
            yield from _filtered(self.graph, frame) if self.graph else [frame]
        if not packet.size and self.graph:
            yield from _filtered(self.graph, None)

    def notes(self) -> list[str]:
        notes = ["interlaced frames deinterlaced (bwdif)"] if self.graph else []
        notes += [f"{self.unread} unreadable packets before the first whole frame left out"] if self.unread else []
        return notes + ([f"{self.others} more video tracks left out"] if self.others else [])


def _filtered(graph: Graph, frame: VideoFrame | None) -> Iterator[VideoFrame]:
    """Yields the frames that a filter graph returns for a frame, or for None at the end."""
    av = _av()
    graph.vpush(frame)
    while True:
        try:
            yield graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return


def _deinterlacer(stream: VideoStream) -> Graph:
    from av.filter import Graph

    graph = Graph()
    nodes = [graph.add_buffer(template=stream), graph.add("bwdif", "mode=send_frame:deint=interlaced")]
    graph.link_nodes(*nodes, graph.add("buffersink")).configure()
    return graph


def _exact() -> int:
    """Flags for an exact conversion by swscale, whose defaults lower all channels by a level or two."""
    from av.video.reformatter import Interpolation as By

    return By.BICUBIC | By.ACCURATE_RND | By.FULL_CHR_H_INT | By.FULL_CHR_H_INP


class _Writer:
    """Converts frames to displayed RGB, and back to an H.264 track with the same times, aspect and colour tags."""

    def __init__(self, source: str, output: OutputContainer, reader: _Reader, frame: VideoFrame):
        stream, first = reader.stream, reader.first or frame
        self.start, self.base = reader.start, stream.time_base or Fraction(1, 90000)
        if self.base.denominator > 1_000_000:
            self.base = Fraction(1, 90000)
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        self.step, self.last = max(round(1 / rate / self.base), 1), None
        self._colors(source, first, stream)
        height, width = self.rgb(frame).shape[:2]
        self.shown, (height, width) = (height, width), (height + height % 2, width + width % 2)
        self.encoder = output.add_stream("libx264", rate=rate, options={"crf": "16"})
        self.encoder.width, self.encoder.height, self.encoder.pix_fmt = width, height, "yuv420p"
        self.encoder.time_base = self.encoder.codec_context.time_base = self.base
        if aspect := stream.sample_aspect_ratio:
            self.encoder.codec_context.sample_aspect_ratio = 1 / aspect if first.rotation % 180 else aspect
        for name in ("color_primaries", "color_trc"):
            setattr(self.encoder.codec_context, name, self._tag(name, first, stream))
        self.encoder.codec_context.colorspace, self.encoder.codec_context.color_range = self.matrix, self.range
        if (height, width) != self.shown:
            note = "size {1}x{0} made {3}x{2} by repeating the last row or column: browsers play even sides only"
            self.notes.append(note.format(*self.shown, height, width))

    def _tag(self, name: str, frame: VideoFrame, stream: VideoStream) -> int:
        tag = getattr(frame, name)
        return getattr(stream.codec_context, name) if tag == _UNSPECIFIED else tag

    def _colors(self, source: str, frame: VideoFrame, stream: VideoStream) -> None:
        """Set the matrix and range of the frames; note which colour properties are not kept."""
        bits = max(part.bits for part in frame.format.components)
        self.notes = [f"{bits} bits brought to 8"] if bits > 8 else []
        if any(part.is_alpha for part in frame.format.components) and frame.format.name != "pal8":
            self.notes.append("transparency left out")
        if kind := _HDR.get(self._tag("color_trc", frame, stream)):
            raise CCCError(
                f"{source}: HDR video ({kind}), which methods for ordinary pictures would colour wrongly: bring it to "
                "SDR first, for instance with ffmpeg's filters zscale and tonemap"
            )
        self.is_rgb = frame.format.is_rgb or frame.format.name == "pal8"
        self.matrix = self._tag("colorspace", frame, stream)
        if self.is_rgb or self.matrix == _UNSPECIFIED:
            self.matrix = _BT709 if frame.height >= 720 else _BT601
        if self.matrix not in _MATRICES:
            raise CCCError(
                f"{source}: its colours have matrix {self.matrix} of H.273, which cannot be converted: bring it to "
                "BT.709 first, for instance with ffmpeg's filter zscale"
            )
        full = frame.format.name.startswith(("yuvj", "gray")) and frame.color_range != _LIMITED
        self.range = _FULL if not self.is_rgb and (full or frame.color_range == _FULL) else _LIMITED

    def rgb(self, frame: VideoFrame) -> np.ndarray:
        """Returns the frame as displayed, uint8 RGB `(H, W, 3)`: phones store rotation as metadata."""
        matrix, span = (None, None) if self.is_rgb else (_MATRICES[self.matrix], self.range)
        rgb = frame.to_ndarray(format="rgb24", interpolation=_exact(), src_colorspace=matrix, src_color_range=span)
        return np.ascontiguousarray(np.rot90(rgb, frame.rotation // 90 % 4))

    def packets(self, frame: VideoFrame, rgb: np.ndarray) -> list[Packet]:
        """Encodes the coloured picture of a frame with the frame's time."""
        if rgb.shape[:2] == self.shown:
            rgb = np.pad(rgb, ((0, rgb.shape[0] % 2), (0, rgb.shape[1] % 2), (0, 0)), mode="edge")
        elif (note := "frames of another size brought to that of the first") not in self.notes:
            self.notes.append(note)
        picture = _av().VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
            self.encoder.width, self.encoder.height, "yuv420p",
            dst_colorspace=_MATRICES[self.matrix], dst_color_range=self.range, interpolation=_exact(),
        )  # fmt: skip
        base = frame.time_base or self.base
        moment = None if frame.pts is None else round((frame.pts * base - self.start) / self.base)
        if self.last is not None and (moment is None or moment <= self.last):
            moment = self.last + self.step
        picture.pts = self.last = moment or 0
        picture.time_base = self.base
        picture.duration = round((frame.duration or 0) * base / self.base)
        return self.encoder.encode(picture)


def video_note(path: Path) -> str | None:
    """Returns the comment in a video, "" if there is none; None if the file is not a complete video."""
    av = _av()
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            return container.metadata.get("comment", "") if container.streams.video else None
    except av.FFmpegError:
        return None
