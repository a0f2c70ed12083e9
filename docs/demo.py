"""Makes docs/demo.jpg from photographs that scikit-image ships: gray, the model that comes with ccc by its default and
by the paper's decoding, the 400-class oracle, the truth. Run it from the root of the checkout: python docs/demo.py"""

import numpy as np
from PIL import Image
from skimage import data

from ccc import colorizers
from ccc.color import gray_of

SIDE = 192
METHODS = [colorizers.load(*named) for named in (("gray",), ("ccc",))]
METHODS += [colorizers.load("ccc", decode="argmax"), colorizers.load("oracle")]


def fitted(rgb: np.ndarray) -> np.ndarray:
    """The central square, uint8 `(SIDE, SIDE, 3)`."""
    side = min(rgb.shape[:2])
    top, left = ((length - side) // 2 for length in rgb.shape[:2])
    square = Image.fromarray(rgb[top : top + side, left : left + side])
    return np.asarray(square.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


rows = []
for truth in map(fitted, (data.astronaut(), data.chelsea(), data.coffee(), data.rocket())):
    gray = np.repeat(gray_of(truth)[..., None], 3, axis=-1)
    pictures = [method.colorize(truth if method is METHODS[-1] else gray) for method in METHODS] + [truth]
    rows.append(np.concatenate(pictures, axis=1))
Image.fromarray(np.concatenate(rows)).save("docs/demo.jpg", quality=88)
