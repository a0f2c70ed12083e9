"""Segmenters, their masks as COCO encodings, and masks on disk."""

import importlib.util
import inspect
import json
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image
from pycocotools import mask as coco
from pycocotools.coco import COCO
from random_sam import random_checkpoint, tiny_sam
from segment_anything import SamAutomaticMaskGenerator

from ccc.assets.weights import known
from ccc.cli import main
from ccc.color import gray_of
from ccc.core.errors import CCCError, ImageError, MissingWeights
from ccc.core.images import write_png
from ccc.segment import load, names, read_masks, segment_folder, write_masks
from ccc.segment.regions import Regions
from ccc.segment.rle import decode, encode, from_labels, record, runs
from ccc.segment.sam import build, load_network
from ccc.settings.segmenter import SamParameters

STAND_INS = ["felzenszwalb", "slic"]


@pytest.fixture
def gray(astronaut):
    return gray_of(astronaut[::2, ::2])


@settings(max_examples=200, deadline=None)
@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_encodings_agree_with_pycocotools(mask):
    encoding = encode(mask)
    assert (decode(encoding) == mask).all() and (coco.decode(encoding) == mask).all()
    unpacked = {"size": encoding["size"], "counts": runs(encoding).tolist()}
    assert (decode(unpacked) == mask).all() and record(unpacked) == record(encoding)
    assert record(encoding)["area"] == mask.sum() and record(encoding)["segmentation"] == encoding


def test_long_runs(gray):
    mask = np.zeros((3000, 2000), bool)
    mask[1000:2900, 3:1990] = True
    assert (decode(encode(mask)) == mask).all()


@pytest.mark.parametrize("counts", ["", "11", "garbage!!", "P1", "zzzzzzzzzzz", "é", [3, 3], [-1, 21], [[20]], None, 7])
def test_an_encoding_that_does_not_cover_its_picture_is_refused(counts):
    with pytest.raises(CCCError):
        runs({"size": [5, 4], "counts": counts})


@pytest.mark.parametrize("name", STAND_INS)
def test_stand_ins_cover_the_picture_once(name, gray):
    segmenter = load(name)
    records = segmenter.segment(gray)
    assert segmenter.stand_in and segmenter.name == name
    assert (sum(coco.decode(found["segmentation"]).astype(int) for found in records) == 1).all()
    areas = [found["area"] for found in records]
    assert areas == sorted(areas, reverse=True) and sum(area > 500 for area in areas) > 5
    assert records == load(name).segment(gray)
    for found in records:
        assert found["area"] == coco.area(found["segmentation"])
        assert found["bbox"] == coco.toBbox(found["segmentation"]).tolist()
        assert found["score"] is None


@pytest.mark.parametrize("name", STAND_INS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (40, 30)])
def test_stand_ins_on_tiny_and_flat_pictures(name, shape):
    records = load(name).segment(np.full(shape, 200, np.uint8))
    assert sum(found["area"] for found in records) == shape[0] * shape[1]


def test_unknown_names_and_parameters_get_a_suggestion():
    sams = {"sam_vit_h", "sam_vit_l", "sam_vit_b", "mobile_sam"}
    assert sams | {"felzenszwalb", "slic", "masks"} == set(names())
    with pytest.raises(CCCError, match="did you mean 'sam_vit_b'"):
        load("sam_vitb")
    with pytest.raises(CCCError, match="felzenszwalb: unknown key 'scal': did you mean 'scale'"):
        load("felzenszwalb", scal=3)
    with pytest.raises(CCCError, match="n_segments: Input should be a valid integer"):
        load("slic", n_segments="many")
    with pytest.raises(CCCError, match="takes no checkpoint"):
        load("slic", "x.pth")
    with pytest.raises(CCCError, match="must be uint8"):
        load("slic").segment(np.zeros((4, 4, 3), np.uint8))


LOOSE = {  # random weights promise nothing: keep what they give
    "points_per_side": 4,
    "pred_iou_thresh": 0,
    "stability_score_thresh": 0,
    "box_nms_thresh": 1,
}


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A maker of segmenters of a tiny network with seeded random weights, from a checkpoint as every SAM."""
    torch.set_num_threads(1)
    checkpoint = tmp_path / "tiny.pth"
    random_checkpoint(tiny_sam, checkpoint)

    def make(**parameters):
        with monkeypatch.context() as patch:
            patch.setattr("ccc.segment.sam.build", tiny_sam)
            return load("sam_vit_b", checkpoint, "cpu", **(LOOSE | parameters))

    return make


def test_sam_from_checkpoint_to_masks(tiny, gray):
    segmenter = tiny()
    records = segmenter.segment(gray[:90, :70])
    assert segmenter.parameters["points_per_side"] == 4 and segmenter.device == "cpu"
    assert len(records) > 3
    for found in records:
        mask = coco.decode(found["segmentation"])
        assert mask.shape == (90, 70) and mask.sum() == found["area"] > 0
        assert isinstance(found["score"], float)
    assert tiny().segment(gray[:90, :70]) == records


def test_mobile_sam_with_random_weights_from_checkpoint_to_masks(tmp_path, gray):
    random_checkpoint(partial(build, "mobile_sam"), tmp_path / "mobile_sam.pt")
    segmenter = load("mobile_sam", tmp_path / "mobile_sam.pt", "cpu", **(LOOSE | {"points_per_side": 2}))
    records = segmenter.segment(gray[:90, :70])
    assert records and not segmenter.stand_in
    assert all(coco.decode(found["segmentation"]).sum() == found["area"] for found in records)


@pytest.mark.parametrize("shape", [(1, 1), (3, 50)])
def test_sam_on_tiny_pictures(tiny, shape):
    for found in tiny().segment(np.full(shape, 128, np.uint8)):
        assert coco.decode(found["segmentation"]).shape == shape


def test_sam_that_finds_nothing(tiny, gray):
    assert tiny(pred_iou_thresh=1e9).segment(gray) == []


def test_out_of_gpu_memory_halves_the_points_and_goes_on(tiny, gray, monkeypatch):
    segmenter = tiny()
    generator, tried = segmenter._generator, []
    whole = type(generator).generate

    def cramped(self, image, room=5):
        tried.append(self.points_per_batch)
        if self.points_per_batch > room:
            raise torch.cuda.OutOfMemoryError("out of memory")
        return whole(self, image)

    monkeypatch.setattr(type(generator), "generate", cramped)
    assert segmenter.segment(gray[:64, :64]) and tried == [64, 32, 16, 8, 4]
    monkeypatch.setattr(type(generator), "generate", partial(cramped, generator, room=0))
    with pytest.raises(CCCError, match="out of GPU memory at 64x64 even with one point"):
        segmenter.segment(gray[:64, :64])


def test_a_missing_checkpoint_says_where_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("CCC_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingWeights, match="^no weights: sam_vit_b_01ec64.pth .*`ccc weights fetch sam_vit_b`"):
        load("sam_vit_b")
    with pytest.raises(MissingWeights, match="^no weights: .*none.pth is not there"):
        load("sam_vit_b", tmp_path / "none.pth")


def test_a_checkpoint_is_found_where_ccc_weights_keeps_it(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("CCC_WEIGHTS", str(tmp_path))
    (tmp_path / "tiny.pth").rename(tmp_path / "sam_vit_b_01ec64.pth")
    with pytest.raises(CCCError, match="sam_vit_b_01ec64.pth: not the weights of this network"):
        load("sam_vit_b")


@pytest.mark.parametrize("name", ["sam_vit_h", "sam_vit_l", "sam_vit_b", "mobile_sam"])
def test_every_published_checkpoint_has_its_address_size_and_checksum(name):
    facts = known()[name]
    assert facts["urls"] and facts["size"] and len(facts["sha256"]) == 64


def test_a_checkpoint_that_does_not_fit_names_file_and_key(tmp_path):
    path = tmp_path / "weights.pth"

    def refused(name, weights, match):
        torch.save(weights, path)
        with pytest.raises(CCCError, match=match):
            load_network(name, path)

    refused("sam_vit_b", tiny_sam().state_dict(), "weights.pth: not the weights of this network: Missing key.*blocks.2")
    with torch.device("meta"):
        shapes = {key: tensor.shape for key, tensor in build("sam_vit_b").state_dict().items()}
    # Tensors without storage of their own: the true shapes of a ViT-B in a small file.
    large = {key: torch.zeros(()).expand(shape) for key, shape in shapes.items()}
    refused(
        "sam_vit_h", large, "weights.pth: not the weights .*Missing key.*blocks.12.*by its encoder it is of sam_vit_b"
    )
    lacking = {key: tensor for key, tensor in large.items() if key != "image_encoder.neck.0.weight"}
    refused("sam_vit_b", lacking, "Missing key.*image_encoder.neck.0.weight")
    refused("sam_vit_b", large | {"optimizer.step": torch.zeros(1)}, "Unexpected key.*optimizer.step")
    refused("sam_vit_b", [1, 2], "holds no state dict")
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(CCCError, match="not a file of weights that can be loaded safely"):
        load_network("sam_vit_b", path)


def test_a_pickle_that_runs_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("harm").touch, ())

    torch.save({"image_encoder.pos_embed": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(CCCError, match="refused: its pickle names getattr"):
        load_network("sam_vit_b", tmp_path / "evil.pth")
    assert not (tmp_path / "harm").exists()


def test_mobile_sam_has_the_published_shape():
    with torch.device("meta"):
        network = build("mobile_sam")
        state = network.state_dict()
        assert network.image_encoder(torch.zeros(1, 3, 1024, 1024)).shape == (1, 256, 64, 64)
    assert sum(not key.startswith("image_encoder.") for key in state) == 137  # SAM's own prompt encoder and decoder
    assert sum(parameter.numel() for parameter in network.parameters()) == 10130092
    assert state["image_encoder.layers.2.blocks.5.attn.attention_biases"].shape == (5, 196)


def test_mobile_sams_encoder_gives_what_an_independent_one_gave(shared):
    """Seeded weights under the published names; the values are of an implementation that shared no code with timm's."""
    path = shared("parity/recipe.py")
    spec = importlib.util.spec_from_file_location("recipe", path)
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    encoder = build("mobile_sam").image_encoder.eval()
    encoder.load_state_dict(recipe.fill(encoder.state_dict()))
    with torch.no_grad():
        output = encoder(recipe.draw(7, (1, 3, 1024, 1024)))
    assert [output.mean().item(), output.std().item(), output[0, 3, 5, 7].item()] == pytest.approx(
        [0.018863, 1.010032, 1.066905], abs=1e-4
    )


MASKS = np.zeros((2, 6, 8), bool)
MASKS[0, 1:3, 2:7] = MASKS[1, 4:, :2] = True
LABELS = (MASKS[0] * 7 + MASKS[1] * 300).astype(np.uint16)


def given_masks(folder, kind):
    path = folder / f"photo.{kind.split()[0]}"
    encodings = [encode(mask) for mask in MASKS]
    if kind == "npy":
        np.save(path, LABELS)
    elif kind == "npy stack":
        np.save(path.with_suffix(".npy"), MASKS)
    elif kind == "npz":
        np.savez_compressed(path, masks=MASKS)
    elif kind == "png":
        Image.fromarray(LABELS).save(path)
    elif kind == "json encodings":
        path.write_text(json.dumps(encodings))
    elif kind == "json records":
        path.write_text(json.dumps({"annotations": [record(encoding) | {"id": 1} for encoding in encodings]}))
    elif kind == "json uncompressed":
        unpacked = [{"size": [6, 8], "counts": runs(encoding).tolist()} for encoding in encodings]
        path.write_text(json.dumps([{"segmentation": entry, "predicted_iou": 0.5} for entry in unpacked]))
    else:
        polygons = [[[2, 1, 7, 1, 7, 3, 2, 3]], [[0, 4, 2, 4, 2, 6, 0, 6]]]
        path.write_text(json.dumps([{"segmentation": polygon} for polygon in polygons]))


KINDS = ["npy", "npy stack", "npz", "png", "json encodings", "json records", "json uncompressed", "json polygons"]


@pytest.mark.parametrize("kind", KINDS)
def test_masks_of_any_tool(kind, tmp_path):
    given_masks(tmp_path, kind)
    records = load("masks", tmp_path).segment(np.zeros((6, 8), np.uint8), "photo")
    assert [coco.decode(found["segmentation"]).tolist() for found in records] == MASKS.astype(int).tolist()
    assert records[0]["score"] == (0.5 if kind == "json uncompressed" else None)
    if kind != "json polygons":  # polygons carry no size
        with pytest.raises(CCCError, match=r"photo\..*: is 6 x 8, the picture 6 x 9"):
            load("masks", tmp_path).segment(np.zeros((6, 9), np.uint8), "photo")


def test_given_masks_that_are_missing_or_broken_are_named(tmp_path):
    flat = np.zeros((6, 8), np.uint8)
    with pytest.raises(CCCError, match="none: no such folder or file of masks"):
        load("masks", tmp_path / "none")
    with pytest.raises(CCCError, match="no masks for photo"):
        load("masks", tmp_path).segment(flat, "photo")
    for suffix, data in ((".json", b"{"), (".npz", b"PK"), (".npy", b""), (".png", b"png")):
        path = tmp_path / f"photo{suffix}"
        path.write_bytes(data)
        with pytest.raises(CCCError, match=f"photo{suffix}: (cannot be read as|no readable file of) masks"):
            load("masks", tmp_path).segment(flat, "photo")
        path.unlink()
    np.save(tmp_path / "photo.npy", np.zeros((6, 8), np.float32))
    with pytest.raises(CCCError, match="got float32"):
        load("masks", tmp_path).segment(flat, "photo")


def amg_folder(folder):
    """What segment-anything's amg.py writes of one picture."""
    folder.mkdir(parents=True)
    rows = ["id,area,bbox_x0,bbox_y0,bbox_w,bbox_h,point_input_x,point_input_y,predicted_iou,stability_score"]
    for number, mask in enumerate(MASKS):
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"{number}.png")
        rows.append(f"{number},{mask.sum()},0,0,1,1,1,1,{1.01 - number / 2},0.97")
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n")


def test_folders_of_amg(tmp_path):
    flat = np.zeros((6, 8), np.uint8)
    amg_folder(tmp_path / "photo")
    for place in (tmp_path, tmp_path / "photo"):
        records = load("masks", place).segment(flat, "photo")
        assert [coco.decode(found["segmentation"]).tolist() for found in records] == MASKS.astype(int).tolist()
        assert [found["score"] for found in records] == [1.01, 0.51]
    with pytest.raises(CCCError, match=r"photo: is 6 x 8, the picture 6 x 9"):
        load("masks", tmp_path).segment(np.zeros((6, 9), np.uint8), "photo")
    (tmp_path / "photo/1.png").unlink()
    with pytest.raises(CCCError, match=r"photo: cannot be read as masks .*1\.png"):
        load("masks", tmp_path).segment(flat, "photo")
    for text in ("name\nfirst\n", "name\n", ""):
        (tmp_path / "photo/metadata.csv").write_text(text)
        with pytest.raises(CCCError, match=r"metadata.csv: no table of amg.py"):
            load("masks", tmp_path).segment(flat, "photo")


def test_whether_label_0_is_background_can_be_chosen(tmp_path):
    np.save(tmp_path / "photo.npy", LABELS)
    flat = np.zeros((6, 8), np.uint8)
    assert len(load("masks", tmp_path).segment(flat, "photo")) == 2
    records = load("masks", tmp_path, background="none").segment(flat, "photo")
    assert sorted(found["area"] for found in records) == sorted(np.unique(LABELS, return_counts=True)[1])
    with pytest.raises(CCCError, match="background: "):
        load("masks", tmp_path, background=7)


@given(arrays(np.int16, array_shapes(min_dims=2, max_dims=2, max_side=12), elements={"min_value": -2, "max_value": 3}))
def test_a_label_map_gives_the_mask_of_each_label(labels):
    wanted = [record(encode(labels == label)) for label in np.unique(labels) if label != 0]
    assert from_labels(labels, background=0) == wanted


def outside(value):
    """Polygons, runs and sizes with this number in them."""
    polygon = [[0, 0, 4, 0, value, 4]]
    yield {"segmentation": polygon}
    yield {"segmentation": {"size": [6, 8], "counts": [0, value, 48]}}
    yield {"segmentation": {"size": [6, value], "counts": [48]}}
    yield {"segmentation": polygon[0] + [value] * 3, "score": value}
    yield {"segmentation": {"size": [6, 8], "counts": [48]}, "score": value}


NUMBERS = ["NaN", "Infinity", "-Infinity", "1e999", "1e9", "-1e9", '"5"', "null", "[1]", "true"]
NUMBERS += [str(number) for number in (2**31, 2**63 - 1, 2**64, 10**30)]


@pytest.mark.parametrize("value", NUMBERS)
def test_numbers_that_are_no_mask_never_reach_pycocotools(value, tmp_path):
    for entry in outside("VALUE"):
        text = json.dumps([entry]).replace('"VALUE"', value)
        (tmp_path / "photo.json").write_text(text)
        if entry.get("score") and value == "null":  # no score
            continue
        with pytest.raises(CCCError, match=r"photo\.json: "):
            load("masks", tmp_path).segment(np.zeros((6, 8), np.uint8), "photo")


def test_the_masks_of_one_picture_in_a_file_of_any_name(tmp_path):
    given_masks(tmp_path, "npy")
    (tmp_path / "photo.npy").rename(tmp_path / "other.npy")
    for name in ("photo", None):
        assert len(load("masks", tmp_path / "other.npy").segment(np.zeros((6, 8), np.uint8), name)) == 2
    (tmp_path / "masks.txt").touch()
    with pytest.raises(CCCError, match="masks come as .json, "):
        load("masks", tmp_path / "masks.txt")


def test_one_coco_file_of_all_pictures_that_pycocotools_loads(pictures, tmp_path, tiny, capsys):
    source, target = pictures
    for segmenter in (load("slic"), tiny()):
        segment_folder(source, target, segmenter, coco=tmp_path / "all.json")
        api = COCO(tmp_path / "all.json")
        assert api.dataset["info"]["segmenter"] == segmenter.name and api.getCatIds() == [1]
        given = load("masks", tmp_path / "all.json")
        for image in api.loadImgs(api.getImgIds()):
            name = image["file_name"].removesuffix(".png")
            stored = read_masks(target / f"{name}.json")["masks"]
            found = api.loadAnns(api.getAnnIds(image["id"]))
            assert len(found) == len(stored) > 2
            for annotation, kept in zip(found, stored, strict=True):
                mask = api.annToMask(annotation)
                assert mask.shape == (image["height"], image["width"]) and mask.sum() == annotation["area"]
                assert annotation["bbox"] == kept["bbox"] and annotation.get("score") == kept["score"]
            flat = np.zeros((image["height"], image["width"]), np.uint8)
            assert given.attributed(flat, name) == (stored, segmenter.name)
    with pytest.raises(CCCError, match="all.json: no masks for three"):
        given.require(["one", "three"])
    image = {"id": 1, "file_name": "a.png"}
    for broken, message in (
        ({"annotations": [{"image_id": 7}]}, "image_id 7, which is the id of no image"),
        ({"images": [image, image]}, "two images have the same id"),
        ({"images": [image | {"file_name": ""}]}, "empty name"),
        ({"info": {"segmenter": "slic\n\x1b[31m"}}, "info.segmenter: String should match"),
        ({"info": [1]}, "info: Input should be a valid dictionary"),
    ):
        (tmp_path / "all.json").write_text(json.dumps({"images": [], "annotations": []} | broken))
        with pytest.raises(CCCError, match=f"all.json: broken COCO file .*{message}.*; make it again"):
            load("masks", tmp_path / "all.json")
    for info in ([], "", None, {}, {"year": 2026}):  # as other tools write it
        (tmp_path / "all.json").write_text(json.dumps({"images": [image], "annotations": [], "info": info}))
        load("masks", tmp_path / "all.json").require(["a"])


def test_pictures_of_a_coco_file_that_differ_by_suffix_alone_keep_their_own_masks(tmp_path):
    images = [{"id": number, "file_name": f"a.{suffix}"} for number, suffix in enumerate(("jpg", "png"))]
    annotation = {"image_id": 1, "segmentation": [[0, 0, 4, 0, 4, 4, 0, 4]]}
    (tmp_path / "all.json").write_text(json.dumps({"images": images, "annotations": [annotation]}))
    given, gray = load("masks", tmp_path / "all.json"), np.zeros((8, 8), np.uint8)
    assert (given.segment(gray, "a.jpg"), len(given.segment(gray, "a.png"))) == ([], 1)


def test_masks_of_another_version_are_refused(tmp_path):
    (tmp_path / "a.json").write_text('{"format": "ccc-masks-0", "masks": []}')
    with pytest.raises(CCCError, match="a.json: .*format: Input should be 'ccc-masks-1'.*; make it again"):
        load("masks", tmp_path).segment(np.zeros((8, 8), np.uint8), "a")


def test_polygons_of_a_coco_file_are_of_the_size_that_it_states(tmp_path):
    image = {"id": 1, "file_name": "photo.jpg", "height": 480, "width": 640}
    annotation = {"image_id": 1, "segmentation": [[100, 100, 500, 100, 500, 400, 100, 400]]}
    (tmp_path / "all.json").write_text(json.dumps({"images": [image], "annotations": [annotation]}))
    given = load("masks", tmp_path / "all.json")
    assert given.segment(np.zeros((480, 640), np.uint8), "photo")[0]["area"] == 120_000
    with pytest.raises(CCCError, match="all.json: is 480 x 640, the picture 256 x 341"):
        given.segment(np.zeros((256, 341), np.uint8), "photo")


def test_masks_file_round_trip(tmp_path, gray):
    segmenter = load("felzenszwalb", scale=100)
    records = segmenter.segment(gray)
    write_masks(tmp_path / "photo.json", "photo", gray.shape, segmenter, records)
    stored = read_masks(tmp_path / "photo.json")
    assert stored["masks"] == records and stored["size"] == list(gray.shape) and stored["image"] == "photo"
    assert stored["segmenter"] == "felzenszwalb" and stored["stand_in"] and stored["parameters"]["scale"] == 100
    raw = json.loads((tmp_path / "photo.json").read_text())
    assert raw["format"] == "ccc-masks-1"
    assert sum(coco.decode(found["segmentation"]).sum() for found in raw["masks"]) == gray.size
    assert load("masks", tmp_path).segment(gray, "photo") == records


def test_a_broken_file_of_masks_is_refused(tmp_path, gray):
    path = tmp_path / "photo.json"
    with pytest.raises(CCCError, match="no such file of masks"):
        read_masks(path)
    segmenter = load("slic", n_segments=4)
    write_masks(path, "photo", gray.shape, segmenter, segmenter.segment(gray))
    whole = json.loads(path.read_text())
    first = whole["masks"][0]
    for broken in (
        {},
        whole | {"format": "other"},
        whole | {"size": [3, 3]},
        whole | {"masks": 3},
        whole | {"masks": [first | {"area": 1}]},
        whole | {"masks": [first | {"segmentation": {"size": whole["size"], "counts": "11"}}]},
        {key: value for key, value in whole.items() if key != "segmenter"},
    ):
        path.write_text(json.dumps(broken))
        with pytest.raises(CCCError, match="photo.json: "):
            read_masks(path)
    path.write_text(json.dumps(whole)[:-40])
    with pytest.raises(CCCError, match="no readable file of masks"):
        read_masks(path)


@pytest.fixture
def pictures(tmp_path, gray):
    write_png(tmp_path / "gray" / "one.png", gray[:60, :50])
    write_png(tmp_path / "gray" / "two.png", gray[100:150, 100:180])
    return tmp_path / "gray", tmp_path / "masks"


def test_a_folder_is_resumed_picture_by_picture(pictures):
    source, target = pictures
    first = segment_folder(source, target, load("slic"))
    assert first["segmented"] == 2 and first["there already"] == 0 and first["masks"] > 2
    again = segment_folder(source, target, load("slic"), progress=None)
    assert again == {"segmented": 0, "there already": 2, "masks": first["masks"], "seconds": 0, "skipped": []}
    (target / "one.json").write_text((target / "one.json").read_text()[:-50])  # cut short
    assert segment_folder(source, target, load("slic"))["segmented"] == 1
    write_png(source / "two.png", np.zeros((50, 80), np.uint8))  # another picture of the same name
    assert segment_folder(source, target, load("slic"))["segmented"] == 1
    assert segment_folder(source, target, load("slic", n_segments=5))["segmented"] == 2
    assert segment_folder(source, target, load("felzenszwalb"))["segmented"] == 2
    assert segment_folder(source, target, load("felzenszwalb"), overwrite=True)["segmented"] == 2
    assert sorted(path.name for path in target.iterdir()) == ["one.json", "two.json"]


def test_speed_alone_does_not_make_masks_anew(tiny, pictures):
    def count(**parameters):
        return segment_folder(*pictures, tiny(**parameters))["segmented"]

    assert [count(), count(points_per_batch=3), count(points_per_side=2)] == [2, 0, 2]
    for path in pictures[1].iterdir():  # files of before hold all parameters
        value = json.loads(path.read_text())
        path.write_text(json.dumps(value | {"parameters": value["parameters"] | {"points_per_batch": 64}}))
    assert count(points_per_side=2) == 0


def test_an_unreadable_picture_does_not_stop_the_others(pictures, tmp_path, capsys):
    (source, target), coco = pictures, tmp_path / "all.json"
    (source / "broken.png").write_bytes(b"no picture")
    command = ["segment", str(source), "-o", str(target), "--segmenter", "slic", "--coco", str(coco)]
    assert main(command) == 3 and main([*command, "--allow-skipped"]) == 0
    assert len(list(target.iterdir())) == 2 and "broken.png: not a picture" in capsys.readouterr().out
    stored = json.loads(coco.read_text())
    assert len(stored["images"]) == 2 and stored["info"]["skipped"] == [str(source / "broken.png")]
    for path in source.iterdir():
        path.write_bytes(b"no picture")
    assert main(command) == 1 and "none of its pictures can be read" in capsys.readouterr().err


def test_empty_and_missing_folders(tmp_path):
    with pytest.raises(CCCError, match="no such folder"):
        segment_folder(tmp_path / "none", tmp_path / "out", load("slic"))
    with pytest.raises(CCCError, match="no pictures in it"):
        segment_folder(tmp_path, tmp_path / "out", load("slic"))


def test_the_parameters_of_sam_are_the_librarys():
    theirs = inspect.signature(SamAutomaticMaskGenerator.__init__).parameters
    for name, default in SamParameters().model_dump().items():
        assert theirs[name].default == default, name


def test_a_new_version_of_a_segmenter_makes_masks_anew(pictures, monkeypatch):
    segment_folder(*pictures, load("slic"))
    monkeypatch.setattr(Regions, "version", 2)
    assert segment_folder(*pictures, load("slic"))["segmented"] == 2


def test_an_empty_mask_with_a_run_of_no_length_has_an_empty_box():
    assert record({"size": [10, 10], "counts": [7, 0, 93]})["bbox"] == [0, 0, 0, 0]


def test_sam_passes_over_a_picture_of_which_its_square_keeps_no_row(pictures, tiny):
    source, target = pictures
    write_png(source / "line.png", np.zeros((1, 20_000), np.uint8))
    with pytest.raises(ImageError, match="line: too large .20000x1: nothing is left"):
        tiny().segment(np.zeros((1, 20_000), np.uint8), "line")
    counts = segment_folder(source, target, tiny())
    assert counts["segmented"] == 2 and len(counts["skipped"]) == 1
