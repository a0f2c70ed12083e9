"""Recognize video files by their first bytes and by their names."""

import re

VIDEO_SUFFIXES = set(
    ".mp4 .m4v .mov .mkv .webm .avi .mpg .mpeg .wmv .asf .flv .ts .m2ts .mts .3gp .3g2 .ogv .vob".split()
)
# MP4 and its kin, but for pictures and sound in that container; Matroska, AVI, MPEG, ASF, FLV, Ogg with Theora, and
# MPEG-TS, whose packets of 188 or 192 bytes begin with G.
_MAGIC = re.compile(
    rb".{4}(?:ftyp(?!hei|hev|mif1|msf1|avi[fs]|M4[AB]|crx)|moov|mdat|wide)|RIFF.{4}AVI |\x1aE\xdf\xa3"
    rb"|\x00\x00\x01[\xb3\xba]|0&\xb2u\x8ef\xcf\x11|FLV\x01|OggS.{24}(?:\x80theora|fishead)|G(?:.{187}G){2}|.{4}G(?:.{191}G){2}",
    re.DOTALL,
)
SOUND_SUFFIXES = {".m4a", ".m4b", ".mka", ".wma"}  # in containers of videos


def looks_like_video(head: bytes) -> bool:
    """Whether a file is in a container of videos, by its first bytes, whatever its name."""
    return bool(_MAGIC.match(head))
