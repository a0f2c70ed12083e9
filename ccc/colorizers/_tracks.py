"""Copy or recode the sound, subtitles, titles and chapters of a video."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av import Packet
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.stream import Stream

SOUND = {"aac", "mp3", "ac3", "eac3", "alac", "flac", "opus"}  # codecs that an MP4 may hold
_RATES = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}  # of AAC, in Hz


def describe(source: InputContainer, output: OutputContainer, comment: str) -> None:
    """Copy title, date, place and chapters; `comment` replaces the comment, which becomes the description."""
    about = {key: value for key, value in source.metadata.items() if not key.endswith(("brand", "brands", "version"))}
    if about.get("comment"):
        about.setdefault("description", about["comment"])
    output.metadata.update({**about, "comment": comment})
    if chapters := source.chapters():
        output.set_chapters(chapters)


def is_cover(stream: Stream) -> bool:
    return bool(stream.disposition & type(stream.disposition).attached_pic)


def tracks_of(
    source: InputContainer, output: OutputContainer, start: Fraction
) -> tuple[dict[int, Callable[[Packet | None], list[Packet]]], list[str]]:
    """Returns functions from a packet (None at the end) to packets of the MP4, by stream index; and notes."""
    from av import AudioStream

    tracks, kept, notes = {}, 0, []
    for stream in source.streams:
        codec = stream.codec_context.codec.canonical_name if stream.codec_context else "unknown codec"
        if stream.type == "audio" and codec in SOUND or codec == "mov_text":
            tracks[stream.index] = _copier(output, stream, start)
            kept += stream.type == "audio"
        elif isinstance(stream, AudioStream) and stream.codec_context:
            tracks[stream.index] = _recoder(output, stream, start)
            notes.append(f"sound recoded from {codec} to AAC")
        elif stream.type != "video" or is_cover(stream):
            kind = {"audio": "sound", "subtitle": "subtitles", "video": "cover picture"}.get(stream.type, stream.type)
            notes.append(f"{kind} left out ({codec})")
    notes = ["sound kept"] * (kept == 1) + [f"{kept} sound tracks kept"] * (kept > 1) + list(dict.fromkeys(notes))
    return tracks, notes if source.streams.audio else ["no sound", *notes]


def _labelled(output: Stream, stream: Stream) -> None:
    output.metadata.update({key: value for key, value in stream.metadata.items() if key in ("language", "title")})
    output.disposition = stream.disposition


def _copier(output: OutputContainer, stream: Stream, start: Fraction) -> Callable[[Packet | None], list[Packet]]:
    track, last = output.add_stream_from_template(stream), None
    _labelled(track, stream)

    def packets(packet: Packet | None) -> list[Packet]:
        nonlocal last
        if packet is None or not packet.size:
            return []
        shift = round(start / packet.time_base)
        dts = (packet.pts if packet.dts is None else packet.dts) or 0
        last = dts - shift if last is None else max(dts - shift, last + 1)
        packet.pts, packet.dts = max((dts if packet.pts is None else packet.pts) - shift, last), last
        packet.stream = track
        return [packet]

    return packets


def _recoder(output: OutputContainer, stream: AudioStream, start: Fraction) -> Callable[[Packet | None], list[Packet]]:
    rate, channels = stream.codec_context.sample_rate, stream.codec_context.layout.nb_channels
    layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}.get(channels, "stereo")  # AVI and ASF count channels only
    track = output.add_stream("aac", rate=rate if rate in _RATES else 48000, layout=layout)
    track.bit_rate = 96000 * track.codec_context.layout.nb_channels
    _labelled(track, stream)

    def packets(packet: Packet | None) -> list[Packet]:
        if packet is None:
            return track.encode(None)
        found = []
        for frame in packet.decode():
            if frame.pts is not None:
                frame.pts -= round(start / frame.time_base)
            found += track.encode(frame)
        return found

    return packets
