"""Shards that tests of writing and reading share."""

import pytest

from ccc.core.images import write_png
from ccc.data.shards import write_shard


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    from skimage import data

    folder = tmp_path_factory.mktemp("photographs")
    for number in range(11):
        write_png(folder / f"{number:02d}.png", data.astronaut()[20 * number : 20 * number + 150, 50:250])
    return folder


@pytest.fixture(scope="module")
def shards(photographs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    for number in range(4):
        write_shard(photographs, folder / f"{number}.tar", number, 4, size=64, map_size=16)
    return [folder / f"{number}.tar" for number in range(4)]
