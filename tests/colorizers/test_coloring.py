"""Colouring files: names and folders, transparency, long sides, what is done already, videos."""

import os

import numpy as np
import pytest
from PIL import Image
from skimage import data

from ccc.cli import main
from ccc.color import lightness
from ccc.colorizers import coloring, load
from ccc.core.errors import CCCError
from ccc.core.images import read_rgb, read_rgba, write_png


@pytest.fixture
def photos(tmp_path):
    write_png(tmp_path / "photos/a.png", data.astronaut()[:60, :80])
    Image.fromarray(data.coffee()[:40, :50]).save(tmp_path / "photos/a.b.jpg")
    (tmp_path / "photos/deep").mkdir()
    Image.fromarray(data.chelsea()[:30, :70]).save(tmp_path / "photos/deep/c.tif")
    return tmp_path / "photos"


def colorize(*words) -> int:
    return main(["colorize", *map(str, words)])


def test_names_and_folders_are_kept_and_the_output_is_no_input(photos, tmp_path, capsys):
    wanted = ["a.b.png", "a.png", "deep/c.png"]
    for given, out in ((photos / "**/*", tmp_path / "out"), (photos, photos / "out")):
        for _ in range(2):  # the second time nothing of what was written is taken for a photograph
            assert colorize(given, "--method", "oracle", "-o", out) == 0
            assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png")) == wanted
    assert "0 coloured by oracle" in capsys.readouterr().out.splitlines()[-1]
    assert colorize(photos / "a.b.jpg", "--method", "oracle", "-o", tmp_path / "one.png") == 0
    assert (tmp_path / "one.png").is_file()
    with pytest.raises(CCCError, match="give a folder with -o"):
        coloring.plan([photos], tmp_path / "one.jpg")
    with pytest.raises(CCCError, match=r"\*\.gif: no pictures in it"):
        coloring.plan([str(photos / "*.gif")], tmp_path / "out")


def test_transparency_is_kept(tmp_path):
    rgb, opacity = data.astronaut()[:40, :64], np.tile(np.arange(0, 256, 4, dtype=np.uint8), (40, 1))
    Image.fromarray(np.dstack([rgb, opacity])).save(tmp_path / "a.png")
    assert colorize(tmp_path / "a.png", "--method", "gray", "-o", tmp_path / "out") == 0
    colored, kept = read_rgba(tmp_path / "out/a.png")
    np.testing.assert_array_equal(kept, opacity)
    assert (colored[:, 0] == 255).all()  # nothing is seen there
    assert abs(lightness(colored) - lightness(rgb))[:, 1:].mean() < 0.5  # not mixed with white
    palette = Image.fromarray(rgb).convert("P")
    palette.save(tmp_path / "p.gif", transparency=int(np.asarray(palette)[0, 0]))
    assert colorize(tmp_path / "p.gif", "--method", "gray", "-o", tmp_path / "out") == 0
    assert read_rgba(tmp_path / "out/p.png")[1][0, 0] == 0


def test_only_ab_is_enlarged_above_the_largest_size(tmp_path):
    picture = data.astronaut()
    seen = []

    class Spy(type(load("oracle"))):
        def _colorize(self, rgb):
            seen.append(rgb.shape)
            return super()._colorize(rgb)

    small = coloring.color_arrays(Spy(56, "bilinear"), [picture, picture[:50, :60]], ["a", "b"], max_size=128)
    assert seen == [(128, 128, 3), (50, 60, 3)]
    assert [one.shape for one in small] == [picture.shape, (50, 60, 3)]
    assert abs(lightness(small[0]) - lightness(picture)).mean() < 1  # but for colours outside of sRGB
    write_png(tmp_path / "kept/a.png", picture)
    with pytest.raises(CCCError, match="--max-size does not go with"):
        coloring.color_arrays(load("gain", folder=tmp_path / "kept"), [picture], ["a.png"], max_size=128)


def test_what_was_coloured_otherwise_or_before_or_by_half_is_not_taken_for_done(photos, tmp_path, capsys):
    source, target = photos / "a.png", tmp_path / "out/a.png"
    command = (source, "--method", "oracle", "-o", tmp_path / "out")

    def coloured(*more) -> bool:
        assert colorize(*command, *more) == 0
        return "1 coloured" in capsys.readouterr().out

    assert coloured() and not coloured()
    assert coloured("--overwrite")
    assert coloured("--option", "map_size=8") and coloured() and coloured("--max-size", "16") and coloured()
    whole = target.read_bytes()
    target.write_bytes(whole[: len(whole) // 2])
    assert coloured() and target.read_bytes() == whole
    os.utime(target, (1, 1))  # older than its photograph
    assert coloured()
    write_png(target, data.astronaut()[:60, :80])  # of somebody else
    assert colorize(*command) == 2
    assert "a.png: is there, and not from `ccc colorize`" in capsys.readouterr().err
    np.testing.assert_array_equal(read_rgb(target), data.astronaut()[:60, :80])


def test_wrong_numbers_are_refused(photos, tmp_path, capsys):
    for words in (("--batch", "0"), ("--max-size", "3")):
        assert colorize(photos, "--method", "gray", "-o", tmp_path / "out", *words) == 2
        assert f"{words[0]} must be at least" in capsys.readouterr().err


@pytest.mark.parametrize("height", [48, 49])
def test_a_video_keeps_frames_size_and_sound(tmp_path, capsys, height):
    av = pytest.importorskip("av")

    def frames(path):
        with av.open(str(path)) as film:
            return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]

    source = tmp_path / "in/film.mkv"
    source.parent.mkdir()
    with av.open(str(source), "w") as film:
        picture = film.add_stream("libx264", rate=10)
        picture.width, picture.height, picture.pix_fmt = 64, height, "yuv444p"
        sound = film.add_stream("aac", rate=44100)
        for number in range(12):
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(data.astronaut()[number : number + height, :64]), format="rgb24"
            )
            frame.pts = number
            film.mux(picture.encode(frame))
        film.mux(picture.encode())
        tone = av.AudioFrame.from_ndarray(np.sin(np.arange(44100) / 30).astype(np.float32)[None], "fltp", "mono")
        tone.sample_rate = 44100
        film.mux(sound.encode(tone))
        film.mux(sound.encode())
    command = (source.parent, "--method", "gray", "--batch", "5", "-o", tmp_path / "out")
    assert colorize(*command) == 0
    assert "12 frames, each coloured by itself; sound kept" in capsys.readouterr().out
    before, after = frames(source), frames(tmp_path / "out/film.mp4")
    assert [frame.shape for frame in after] == [frame.shape for frame in before] == [(height, 64, 3)] * 12
    assert np.abs(after[5].astype(int) - load("gray").colorize(before[5])).mean() < 4
    with av.open(str(tmp_path / "out/film.mp4")) as made:
        assert made.streams.audio[0].codec_context.name == "aac" and made.streams.video[0].average_rate == 10
    assert colorize(*command) == 0 and "0 coloured by gray, 1 there already" in capsys.readouterr().out
    source.write_bytes(b"no film")
    assert colorize(*command) == 2 and "film.mkv: the video cannot be read" in capsys.readouterr().err
