"""Pictures, files and archives of a few bytes."""

import io
import tarfile

from PIL import Image


def picture(kind="JPEG", shade=90, size=(24, 16)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (shade, 120, 40)).save(file, kind)
    return file.getvalue()


def write(path, data=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture() if data is None else data)
    return path


def tar(path, members, mode="w"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path
