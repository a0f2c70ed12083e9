"""What harmonization changed, as figures."""

import numpy as np
import pytest

from ccc.color import gray_of, rgb_to_lab
from ccc.core.errors import CCCError
from ccc.harmonize import harmonize_picture
from ccc.harmonize.comparison import comparison
from ccc.segment.rle import encode, record


def test_bleeding_goes_and_the_figure_magnifies_where(bleeding):
    before, truth, masks, inside = bleeding
    after, numbers = harmonize_picture(gray_of(before), before, masks)
    assert (
        np.abs(rgb_to_lab(after) - rgb_to_lab(truth)).mean()
        < 0.2
        < np.abs(rgb_to_lab(before) - rgb_to_lab(truth)).mean()
    )
    assert numbers["changed_share"] == pytest.approx((58 * 78 - 50 * 70) / 128**2)
    sheet = comparison(before, after, masks, truth, windows=2)
    assert sheet.shape == (20 + 3 * (384 + 6), 6 + 3 * (384 + 6), 3)
    assert comparison(before, before, masks).shape[0] == 20 + 384 + 6  # nothing changed: nothing to magnify
    left, right = sheet[420:790, 20:380].astype(int), sheet[420:790, 410:770].astype(int)
    assert (np.abs(left - right).max(axis=-1) > 50).mean() > 0.2  # the first window shows the bled strip, and it gone
    with pytest.raises(CCCError, match="of one size"):
        comparison(before, after[1:], masks)


def test_outlines_are_drawn_on_whole_pictures_of_any_shape(astronaut):
    flat = np.full((1, 9, 3), 90, np.uint8)
    assert comparison(flat, flat, []).shape[1] == 6 + 2 * 390
    wide = astronaut[:60, :200]
    mask = np.zeros((60, 200), bool)
    mask[:, :100] = True
    drawn = comparison(wide, wide, [record(encode(mask))])
    plain = comparison(wide, wide, [])
    assert drawn.shape == plain.shape and 100 < (drawn != plain).any(axis=-1).sum() < 400
