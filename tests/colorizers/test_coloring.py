"""Colouring files: names and folders, transparency, long sides, what is done already, videos."""

import os

import numpy as np
import pytest
from PIL import Image
from skimage import data

from ccc.cli import main
from ccc.color import lightness
from ccc.colorizers import coloring, load
from ccc.colorizers.notes import note
from ccc.colorizers.planning import plan
from ccc.core.errors import CCCError
from ccc.core.files import sha256
from ccc.core.images import read_rgb, read_rgba, software, write_png


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
        plan([photos], tmp_path / "one.jpg")
    with pytest.raises(CCCError, match=r"\*\.gif: no pictures in it"):
        plan([str(photos / "*.gif")], tmp_path / "out")


def test_the_oracle_skips_gray_pictures_but_paints_a_gray_truth_of_a_set(photos, tmp_path, capsys):
    def oracle(source, out) -> int:
        return colorize(source, "--method", "oracle", "-o", tmp_path / out)

    assert main(["prepare", str(photos), "-o", str(tmp_path / "set"), "-n", "all", "--side", "keep"]) == 0
    assert oracle(tmp_path / "set/gray", "a") == 1 and not (tmp_path / "a").exists()
    said = capsys.readouterr().out
    assert "0 coloured by oracle, 0 there already, 3 skipped" in said
    assert f"skipped {tmp_path / 'set/gray/a.png'}: oracle needs the photograph in colour; this one is gray" in said
    Image.open(tmp_path / "set/gray/a.png").save(photos / "gray.jpg")  # among others in colour: its truth is gray
    assert oracle(photos, "b") == 0 and (tmp_path / "b/gray.png").is_file()
    for part in ("gray", "truth"):
        Image.open(photos / "gray.jpg").save(tmp_path / f"set/{part}/a.png")
    for name in ("a.b", "c"):
        (tmp_path / f"set/truth/{name}.png").unlink()
    assert oracle(tmp_path / "set/truth", "c") == 0  # of a benchmark
    (tmp_path / "set/gray/broken.png").write_bytes(b"")
    assert oracle(tmp_path / "set/gray", "d") == 1
    assert "4 skipped" in (said := capsys.readouterr().out) and "broken.png: empty file" in said


def test_transparency_is_kept(tmp_path):
    rgb, opacity = data.astronaut()[:40, :64], np.tile(np.arange(0, 256, 4, dtype=np.uint8), (40, 1))
    Image.fromarray(np.dstack([rgb, opacity])).save(tmp_path / "a.png")
    assert colorize(tmp_path / "a.png", "--method", "gray", "-o", tmp_path / "out") == 0
    colored, kept = read_rgba(tmp_path / "out/a.png")
    np.testing.assert_array_equal(kept, opacity)
    assert (colored[:, 0] == 255).all()  # nothing is seen there
    assert abs(lightness(colored) - lightness(rgb))[:, 1:].mean() < 0.5  # not mixed with white
    assert colorize(tmp_path / "a.png", "--method", "constant", "-o", tmp_path / "tinted") == 0
    assert (np.asarray(Image.open(tmp_path / "tinted/a.png"))[:, 0, :3] == 255).all()
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


def test_what_is_there_already_is_told_by_its_source_and_options(photos, tmp_path, capsys):
    source, target = photos / "a.png", tmp_path / "out/a.png"
    command = (source, "--method", "oracle", "-o", tmp_path / "out")

    def coloured(*more) -> bool:
        assert colorize(*command, *more) == 0
        return "1 coloured" in capsys.readouterr().out

    def refused(why, *more) -> bool:
        before = target.read_bytes()
        assert colorize(*command, *more) == 2 and target.read_bytes() == before
        said = capsys.readouterr().err
        return f"a.png: is there, {why}" in said and "--overwrite" in said

    assert coloured() and not coloured()
    assert coloured("--overwrite")
    for more in (("--option", "map_size=8"), ("--max-size", "16"), ("--depth", "8")):
        assert refused("made with other options", *more)
        assert coloured(*more, "--overwrite") and not coloured(*more) and coloured("--overwrite")
    whole = target.read_bytes()
    target.write_bytes(whole[: len(whole) // 2])
    assert coloured() and target.read_bytes() == whole
    for file, date in ((target, 1), (source, 4e9)):  # dates say nothing of the kind
        os.utime(file, (date, date))
        assert not coloured()
    write_png(source, data.astronaut()[1:61, :80])
    os.utime(source, (1, 1))
    assert refused("made from another picture, or from this one as it was")
    assert refused("made with other options", "--renew", "--depth", "8")
    assert coloured("--renew") and not coloured("--renew")
    write_png(target, read_rgb(target), software(target))
    assert refused("made from another picture"), "its note names no source"
    write_png(target, data.astronaut()[:60, :80])
    assert refused("not from `ccc colorize`")
    assert colorize(photos, *command[1:]) == 3  # the others are coloured
    said = capsys.readouterr().out
    assert "2 coloured by oracle, 0 there already, 0 skipped, 1 kept that are other results" in said
    assert "out/a.png: not from `ccc colorize`" in said
    np.testing.assert_array_equal(read_rgb(target), data.astronaut()[:60, :80])


def test_what_the_options_name_belongs_to_the_note(photos, tmp_path, capsys):
    kept = tmp_path / "kept/a.png"
    write_png(kept, data.astronaut()[:60, :80])
    command = (photos / "a.png", "--method", "gain", "--option", f"folder={kept.parent}", "-o", tmp_path / "out")
    assert colorize(*command) == colorize(*command) == 0
    write_png(kept, data.astronaut()[:60, :80, ::-1])
    assert colorize(*command) == 2 and "made with other options" in capsys.readouterr().err


def test_the_note_does_not_depend_on_the_working_folder(tmp_path, monkeypatch):
    """`paper` is a name of weights, not the folder that happens to be there."""
    monkeypatch.chdir(tmp_path)
    write_png("paper/a.png", data.astronaut()[:6, :8])
    assert note("ddcolor", [], {"model": "paper"}) == "ccc colorize --method ddcolor --option model=paper"
    assert " --option folder=paper --reads paper:" in note("gain", [], {"folder": "../" + tmp_path.name + "/paper"})


def test_the_note_is_the_same_for_a_whole_run_but_for_what_it_was_made_of(photos, tmp_path):
    for suffix in ("png", "jpeg", "tiff"):
        assert colorize(photos, "--method", "oracle", "--format", suffix, "-o", tmp_path / suffix) == 0
        made = [path for path in (tmp_path / suffix).rglob("*") if path.is_file()]
        assert len(made) == 3 and {software(path) for path in made} == {"ccc colorize --method oracle"}
    with Image.open(tmp_path / "png/a.png") as image:
        assert image.info["Software"] == f"ccc colorize --method oracle --from {sha256(photos / 'a.png')}"


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
    assert [frame.shape for frame in before] == [(height, 64, 3)] * 12
    assert [frame.shape for frame in after] == [(height + height % 2, 64, 3)] * 12  # browsers play even sides only
    assert np.abs(after[5][:height].astype(int) - load("gray").colorize(before[5])).mean() < 4
    with av.open(str(tmp_path / "out/film.mp4")) as made:
        assert made.streams.audio[0].codec_context.name == "aac" and made.streams.video[0].average_rate == 10
    assert colorize(*command) == 0 and "0 coloured by gray, 1 there already" in capsys.readouterr().out
    assert (
        colorize(*command, "--compare") == 0 and "--compare: not applied to videos: film.mkv" in capsys.readouterr().out
    )
    whole = source.read_bytes()
    source.write_bytes(b"no film")
    write_png(source.parent / "still.png", data.astronaut()[:48, :64])
    os.rename(tmp_path / "out/film.mp4", tmp_path / "film.mp4")
    assert colorize(*command) == 3  # and the run goes on
    said = capsys.readouterr().out
    assert "1 coloured by gray" in said and "film.mkv: video not coloured (the video cannot be read" in said
    source.write_bytes(whole + b"\0")
    os.rename(tmp_path / "film.mp4", tmp_path / "out/film.mp4")
    assert colorize(*command) == 3 and "out/film.mp4: made from another" in capsys.readouterr().out
    assert colorize(*command, "--renew") == 0 and "1 coloured by gray, 1 there already" in capsys.readouterr().out
    for words in ("2 coloured by ccc, 0 there already, 0 skipped", "0 coloured by ccc, 2 there already, 0 skipped"):
        assert colorize(source.parent, "--keep-ab", "--device", "cpu", "-o", tmp_path / "ab") == 0
        said = capsys.readouterr().out
        assert words in said and "--keep-ab: not applied to videos: film.mkv" in said
    assert {path.name for path in (tmp_path / "ab").iterdir()} == {"still.png", "still.ab.npz", "film.mp4"}
