"""Small sets laid out as the public ones: the catalogue's facts, but for counts, sizes and checksums."""

import dataclasses
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat
from skimage import data

from ccc.assets import photographs

ADE = "ADEChallengeData2016"
MEMBERS = {
    "ade20k": [
        *(f"{ADE}/annotations/validation/ADE_val_{i:08d}.png" for i in (1, 2, 3, 4)),
        *(f"{ADE}/images/training/ADE_train_{i:08d}.jpg" for i in (1, 2, 3)),
        *(f"{ADE}/images/validation/ADE_val_{i:08d}.jpg" for i in (1, 2, 3, 4)),
    ],
    "celeba": [f"img_align_celeba/{i:06d}.jpg" for i in range(1, 10)],
    "coco": [f"val2017/{i:012d}.jpg" for i in (139, 285, 632, 724, 776, 785)],
    "flowers102": [f"jpg/image_{i:05d}.jpg" for i in (7, 3, 1, 12, 5, 2, 8, 11, 4, 6, 9, 10)],
    "imagenet": [f"ILSVRC2012_val_{i:08d}.JPEG" for i in range(1, 6)],
    "places365-val": [f"val_256/Places365_val_{i:08d}.jpg" for i in range(1, 8)],
}
OFFICIAL = {  # in the archive's order
    "ade20k": MEMBERS["ade20k"][-4:],
    "celeba": [f"img_align_celeba/{i:06d}.jpg" for i in (2, 4, 7, 9)],
    "coco": MEMBERS["coco"],
    "flowers102": [f"jpg/image_{i:05d}.jpg" for i in (3, 12, 5, 8, 11)],
    "imagenet": MEMBERS["imagenet"],
    "places365-val": MEMBERS["places365-val"],
}


def write(folder: Path) -> dict[str, photographs.Dataset]:
    """Write them beneath `folder`/NAME; return what the catalogue would say of them."""
    numbers = iter(range(1000))
    for name, members in MEMBERS.items():
        (folder / name).mkdir(parents=True)
        archive = folder / name / photographs.known()[name].archive
        _archive(archive, {member: _picture(next(numbers)) for member in members})
    parts = [0, 2, 1, 2, 0, 0, 2, 1, 2]
    lines = [f"{number:06d}.jpg {part}\n" for number, part in enumerate(parts, 1)]
    (folder / "celeba/list_eval_partition.txt").write_text("".join(lines))
    arrays = {"trnid": [[1, 2, 4]], "valid": [[6, 7, 9, 10]], "tstid": [[3, 5, 8, 11, 12]]}
    savemat(folder / "flowers102/setid.mat", arrays)
    return {name: _described(photographs.known()[name], folder / name) for name in MEMBERS}


def _described(real: photographs.Dataset, folder: Path) -> photographs.Dataset:
    files = {}
    for file, facts in real.files.items():
        content = (folder / file).read_bytes()
        files[file] = facts | {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "md5": None}
    matching = sum(name.endswith((".jpg", ".JPEG")) and "/training/" not in name for name in MEMBERS[real.name])
    split = real.split and real.split | {"pictures": len(OFFICIAL[real.name])}
    return dataclasses.replace(real, files=files, pictures=matching, split=split)


def _picture(number: int) -> bytes:
    """A piece of a photograph, another one for each number, as JPEG."""
    top, left = 8 * (number % 40), 8 * (number // 40)
    file = io.BytesIO()
    piece = np.ascontiguousarray(data.astronaut()[top : top + 192, left : left + 200])
    Image.fromarray(piece).save(file, "JPEG", quality=98)
    return file.getvalue()


def _archive(path: Path, members: dict[str, bytes]) -> None:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return
    with tarfile.open(path, "w:gz" if path.suffix == ".tgz" else "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
