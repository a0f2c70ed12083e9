"""Files of boxes: what is no such file is refused in one line."""

import json

import numpy as np
import pytest

from ccc.colorizers import _boxes
from ccc.core.errors import CCCError


def test_damaged_files_of_boxes_are_refused_in_one_line(tmp_path):
    np.savez_compressed(tmp_path / "whole.npz", bbox=np.random.default_rng(0).random((99, 4)), scores=np.ones(99))
    whole = (tmp_path / "whole.npz").read_bytes()
    np.save(tmp_path / "array.npy", np.zeros((2, 4)))
    contents = [b"", whole[:200] + bytes(99) + whole[299:], whole[:-9], b"PK", (tmp_path / "array.npy").read_bytes()]
    for suffix, data in [*((".npz", data) for data in contents), (".json", b"[" * 99_999), (".json", b"\xff")]:
        (path := tmp_path / f"a{suffix}").write_bytes(data)
        with pytest.raises(CCCError, match=rf"a\{suffix}: (not a file of boxes|no boxes)[^\n]+$"):
            _boxes.read_boxes(path)
    path.write_text(json.dumps({"bbox": [[0, 0, 4, 10**400]]}))
    with pytest.raises(CCCError, match="boxes must be"):
        _boxes.read_boxes(path)
