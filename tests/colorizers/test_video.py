"""What of a video stays as it was: times, pixel aspect, colour tags and matrix, sound; what is refused or said."""

from fractions import Fraction

import numpy as np
import pytest
from skimage import data

from ccc.cli import main
from ccc.colorizers._containers import VIDEO_SUFFIXES
from ccc.colorizers.video import color_video, video_note
from ccc.core.errors import CCCError

pytestmark = pytest.mark.slow

av = pytest.importorskip("av")

EXACT = 4 | 0x40000 | 0x2000 | 0x4000  # bicubic, rounded and with chroma at every pixel: without a shift of its own
BT709 = {"color_primaries": 1, "color_trc": 1, "colorspace": 1, "color_range": 1}


def scene(number: int, height: int = 96, width: int = 128) -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[number : number + height, 100 : 100 + width])


def film(
    path,
    times=range(8),
    base=Fraction(1, 25),
    size=(96, 128),
    codec="libx264",
    pix_fmt="yuv420p",
    tags=None,
    sounds=(),
    options=None,
    interlaced=False,
    **more,
):
    """Write a clip whose frame at `times[i]`, in units of `base`, is `scene(i)`."""
    with av.open(str(path), "w", **more) as made:
        picture = made.add_stream(codec, rate=round(1 / base), options=options or {})
        picture.height, picture.width = size
        picture.pix_fmt, picture.codec_context.time_base = pix_fmt, base
        for name, value in (tags or {}).items():
            setattr(picture.codec_context, name, value)
        tracks = [made.add_stream(name, rate=48000) for name in sounds]
        for track in tracks:
            track.bit_rate = 96000
        for track, language in zip(tracks, ("eng", "deu"), strict=False):
            track.metadata["language"] = language
        matrix = {1: 1, 9: 9}.get((tags or {}).get("colorspace"), 5)
        for number, moment in enumerate(times):
            rgb = scene(number, *size)
            if interlaced:
                rgb[1::2] = scene(number + 9, *size)[1::2]
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
                format=pix_fmt, dst_colorspace=matrix, dst_color_range=(tags or {}).get("color_range", 1)
            )
            frame.pts, frame.time_base = moment, base
            made.mux(picture.encode(frame))
        made.mux(picture.encode())
        seconds = float((max(times) + 1) * base)
        tone = (np.sin(np.arange(round(48000 * seconds)) / 30) * 9000).astype(np.int16)[None]
        for track in tracks:
            sound = av.AudioFrame.from_ndarray(tone, "s16", "mono")
            sound.sample_rate, sound.pts, sound.time_base = 48000, 0, Fraction(1, 48000)
            made.mux(track.encode(sound))
            made.mux(track.encode())
    return path


def colored(source, color=lambda frames: frames, batch=3):
    target = source.parent / "out" / "made.mp4"
    count, said = color_video(source, target, color, batch, "ccc colorize")
    return target, count, said


def shown(path):
    """Times in seconds, and frames as RGB by the matrix and range of the file's own tags (untagged: BT.601)."""
    with av.open(str(path)) as given:
        frames = list(given.decode(video=0))
    matrix = {1: 1, 9: 9}.get(frames[0].colorspace, 5)
    return [frame.time for frame in frames], [
        frame.to_ndarray(format="rgb24", src_colorspace=matrix, interpolation=EXACT).astype(int) for frame in frames
    ]


def shift(before, after) -> float:
    """The largest mean difference of a channel over all frames, in levels."""
    return max(
        np.abs((after[: one.shape[0], : one.shape[1]] - one).mean((0, 1))).max()
        for one, after in zip(before, after, strict=True)
    )


# --- times ---


@pytest.mark.parametrize("times", [range(8), [0, 1, 2, 7, 8, 20, 21, 50]], ids=["even", "varying"])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov", "a.ts", "a.m2ts", "a.flv", "a.3gp", "a.mts"])
def test_frames_keep_their_times(tmp_path, name, times):
    source = film(tmp_path / name, times, Fraction(1, 50))
    target, count, said = colored(source)
    assert (count, said) == (8, "no sound")
    np.testing.assert_allclose(shown(target)[0], np.array(times) / 50, atol=0.0011)
    assert video_note(target) == "ccc colorize"


@pytest.mark.parametrize("codec", ["mpeg4", "libx264"])
@pytest.mark.parametrize("times", [range(12), [0, 1, 2, 5, 6, 7, 8, 9, 14, 15, 16, 17]], ids=["even", "dropped"])
def test_avi_with_frames_out_of_order_and_dropped_ones(tmp_path, codec, times):
    options = {"bf": "2"} if codec == "mpeg4" else {"bf": "2", "x264-params": "b-adapt=0"}
    source = film(tmp_path / "a.avi", times, codec=codec, options=options)
    target, count, _ = colored(source)
    before, after = shown(source)[1], shown(target)
    assert count == 12 and shift(before, after[1]) < 2
    gaps = np.diff(after[0])
    assert gaps.min() > 0.01 and (gaps.max() < 0.05) == (times == range(12))
    assert after[0][-1] - after[0][0] == pytest.approx((times[-1] - times[0]) / 25, abs=0.09)


CODECS = {"avi": "mpeg4", "wmv": "wmv2", "vob": "mpeg2video", "mpg": "mpeg1video", "webm": "libvpx"}


@pytest.mark.parametrize("container", "mp4 mkv mov ts m2ts flv 3gp avi wmv vob mpg webm".split())
def test_a_video_is_known_by_its_content_under_any_name(tmp_path, container, capsys):
    made = film(tmp_path / f"a.{container}", range(40), codec=CODECS.get(container, "libx264"))
    (tmp_path / "in").mkdir()
    for name in ("film", "film.jpg", "Harbour 12.6.1921"):
        (tmp_path / "in" / name).write_bytes(made.read_bytes())
    (tmp_path / "in/song.m4a").write_bytes(b"\0\0\0\x1cftypM4A ")
    (tmp_path / "in/letter").write_text("Grandmother wrote")
    command = ["colorize", str(tmp_path / "in"), "--method", "gray", "-o", str(tmp_path / "out")]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "3 coloured by gray, 0 there already, 0 skipped, 2 other files ignored" in said
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "film.mp4", "film.jpg.mp4", "Harbour 12.6.1921.mp4"
    }  # fmt: skip
    assert main(command) == 0 and "0 coloured by gray, 3 there already" in capsys.readouterr().out


def test_a_text_under_the_name_of_a_video_is_told(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/module.ts").write_text("export const answer = 42;\n")
    assert main(["colorize", str(tmp_path / "in"), "--method", "gray", "-o", str(tmp_path / "out")]) == 1
    assert "module.ts: video not coloured" in (said := capsys.readouterr().out)
    assert "its first bytes are not a video's" in said


def test_other_containers_are_read(tmp_path):
    for name, codec, pix_fmt in (
        ("a.wmv", "wmv2", "yuv420p"),
        ("a.vob", "mpeg2video", "yuv420p"),
        ("a.mpg", "mpeg1video", "yuv420p"),
        ("a.webm", "libvpx", "yuv420p"),
    ):
        assert f".{name.split('.')[1]}" in VIDEO_SUFFIXES
        source = film(tmp_path / name, codec=codec, pix_fmt=pix_fmt)
        target, count, _ = colored(source)
        times = shown(target)[0]
        assert count == 8 and np.diff(times) == pytest.approx([0.04] * 7, abs=0.0011), name


# --- shape and colours ---


@pytest.mark.parametrize(
    "tags",
    [BT709, BT709 | {"color_range": 2}, {"color_primaries": 5, "color_trc": 6, "colorspace": 5, "color_range": 1}, {}],
    ids=["bt709", "full range", "bt470bg", "untagged"],
)
@pytest.mark.parametrize("size", [(96, 128), (95, 127)])
def test_colours_stay_and_so_do_their_tags(tmp_path, tags, size):
    pix_fmt = "yuv420p" if size[0] % 2 == 0 else "yuv444p"
    source = film(tmp_path / "a.mp4", size=size, tags=tags, pix_fmt=pix_fmt, options={"crf": "4"})
    target, _, said = colored(source)
    assert shift(shown(source)[1], shown(target)[1]) < 1.5
    with av.open(str(target)) as made:
        context = made.streams.video[0].codec_context
        assert context.pix_fmt in ("yuv420p", "yuvj420p") and (context.width, context.height) == (128, 96)
        for name, value in (tags or {"colorspace": 6, "color_primaries": 2, "color_trc": 2}).items():
            assert getattr(context, name) == value, name
    assert ("size 127x95 made 128x96" in said) == (size[0] == 95)


def test_new_colours_are_written_by_the_matrix_that_the_tags_name(tmp_path):
    target, _, _ = colored(film(tmp_path / "a.mp4", tags=BT709), lambda frames: [scene(60)] * len(frames))
    assert shift([scene(60).astype(int)] * 8, shown(target)[1]) < 1


def test_the_reported_videos_keep_colours_times_and_aspect(shared, tmp_path):
    for name in ("bt709", "iso_vfr_0", "odd", "pal_sar"):
        source = shared(f"field/video/{name}.mp4")
        color_video(source, tmp_path / "a.mp4", lambda frames: frames)
        before, after = shown(source), shown(tmp_path / "a.mp4")
        assert shift(before[1], after[1]) < 1 and np.allclose(before[0], after[0], atol=0.001), name
        with av.open(str(source)) as given, av.open(str(tmp_path / "a.mp4")) as made:
            assert given.streams.video[0].sample_aspect_ratio == made.streams.video[0].sample_aspect_ratio


def test_pixels_keep_their_shape(tmp_path):
    source = film(tmp_path / "a.mp4", tags={"sample_aspect_ratio": Fraction(16, 11)})
    with av.open(str(colored(source)[0])) as made:
        assert made.streams.video[0].sample_aspect_ratio == Fraction(16, 11)


def test_ten_bits_and_transparency_are_said(tmp_path):
    source = film(tmp_path / "a.mkv", pix_fmt="yuv420p10le", tags=BT709)
    target, _, said = colored(source)
    assert said == "no sound; 10 bits brought to 8" and shift(shown(source)[1], shown(target)[1]) < 1
    assert "transparency left out" in colored(film(tmp_path / "b.mov", codec="qtrle", pix_fmt="argb"))[2]


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_refused(tmp_path, transfer, name):
    tags = {"color_primaries": 9, "color_trc": transfer, "colorspace": 9, "color_range": 1}
    source = film(tmp_path / "a.mp4", pix_fmt="yuv420p10le", tags=tags)
    with pytest.raises(CCCError, match=rf"a.mp4: HDR video \({name}\).*tonemap"):
        colored(source)
    assert not list((tmp_path / "out").iterdir())


def test_a_matrix_that_cannot_be_converted_by_is_refused(tmp_path):
    source = film(tmp_path / "a.mp4", tags=BT709 | {"colorspace": 8})  # YCgCo
    with pytest.raises(CCCError, match="a.mp4: its colours have matrix 8 .* cannot be converted: bring it to BT.709"):
        colored(source)


def test_interlaced_frames_are_made_whole_and_it_is_said(tmp_path):
    def combing(frames):
        return np.mean([np.abs(np.diff(frame[..., 1], axis=0)).mean() for frame in frames])

    options = {"flags": "+ildct+ilme", "top": "1", "x264-params": "tff=1"}
    source = film(tmp_path / "a.mp4", options=options, interlaced=True)
    target, count, said = colored(source)
    (before_times, before), (times, after) = shown(source), shown(target)
    assert said == "no sound; interlaced frames deinterlaced (bwdif)" and count == 8
    np.testing.assert_allclose(times, before_times, atol=0.001)
    assert combing(after) < 0.6 * combing(before)


# --- sound ---


def tracks(path):
    with av.open(str(path)) as given:
        return [
            (track.codec_context.codec.canonical_name, track.language, float(track.duration * track.time_base))
            for track in given.streams.audio
        ]


@pytest.mark.parametrize("name", ["aac", "libmp3lame", "ac3", "flac", "libopus"])
def test_all_sound_is_copied_where_mp4_holds_it(tmp_path, name):
    source = film(tmp_path / "a.mkv", range(50), sounds=(name, "aac"))
    target, _, said = colored(source)
    assert said == "2 sound tracks kept"
    found = tracks(target)
    assert found[0][0] == name.removeprefix("lib").replace("mp3lame", "mp3") and found[1][0] == "aac"
    assert [language for _, language, _ in found] == ["eng", "deu"]
    assert [seconds for *_, seconds in found] == pytest.approx([2, 2], abs=0.06)


@pytest.mark.parametrize(
    ("name", "sound"), [("a.avi", "pcm_s16le"), ("a.mkv", "pcm_s24le"), ("a.mpg", "mp2"), ("a.wmv", "wmav2")]
)
def test_other_sound_is_recoded_and_it_is_said(tmp_path, name, sound):
    source = film(
        tmp_path / name, range(50), codec={"wmv": "wmv2", "mpg": "mpeg2video"}.get(name[2:], "libx264"),
        sounds=(sound,), options={"bf": "0"},
    )  # fmt: skip
    target, _, said = colored(source)
    assert said == f"sound recoded from {sound.removeprefix('lib')} to AAC"
    ((codec, _, seconds),) = tracks(target)
    assert codec == "aac" and seconds == pytest.approx(2, abs=0.1)
    with av.open(str(target)) as made:
        loud = np.concatenate([frame.to_ndarray().ravel() for frame in made.decode(audio=0)])
    assert np.sqrt(np.mean(loud**2)) == pytest.approx(9000 / 32768 / 2, rel=0.1)  # both halves of a mono tone


def test_sound_and_picture_of_a_broadcast_start_together(tmp_path):
    source = film(tmp_path / "a.ts", range(50), sounds=("aac",))
    with av.open(str(colored(source)[0])) as made:
        starts = [float(stream.start_time * stream.time_base) for stream in made.streams]
    assert starts == pytest.approx([0, 0], abs=0.05)


# --- what cannot be coloured ---


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_a_video_that_is_cut_off_is_named_and_leaves_nothing(tmp_path, name):
    more = {"container_options": {"movflags": "faststart"}} if name == "a.mp4" else {}
    source = film(tmp_path / name, range(100), options={"bf": "0"}, sounds=("libmp3lame",), **more)
    whole = source.read_bytes()
    source.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(CCCError, match=rf"{name}: the video cannot be read to its end"):
        colored(source)
    assert not list((tmp_path / "out").iterdir())


def test_a_broadcast_may_begin_amid_its_frames(tmp_path):
    source = film(tmp_path / "a.ts", range(60), options={"g": "20", "bf": "0"})
    whole = source.read_bytes()
    source.write_bytes(whole[len(whole) // 3 // 188 * 188 :])
    target, count, said = colored(source)
    assert 15 < count < 45 and len(shown(target)[0]) == count


def test_a_file_without_a_video_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no film")
    with pytest.raises(CCCError, match="a.mp4: the video cannot be read"):
        colored(tmp_path / "a.mp4")
    with av.open(str(tmp_path / "b.mkv"), "w") as made:
        track = made.add_stream("aac", rate=48000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.float32), "fltp", "mono")
        sound.sample_rate = 48000
        made.mux(track.encode(sound))
        made.mux(track.encode())
    with pytest.raises(CCCError, match="b.mkv: no video in it"):
        colored(tmp_path / "b.mkv")
