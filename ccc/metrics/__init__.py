"""Metrics of colour pictures. Pairs are uint8 RGB `(H, W, 3)`; see each function, and `registry` for the facts.

A function's module is imported when the function is first asked for: whoever uses one metric loads no other.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "chroma": [
            *("class_precision", "class_recall", "cnr", "cnr_56", "cnr_codebook", "cnr_of_classes"),
            *("colorfulness", "delta_colorfulness"),
        ],
        "distribution": ["frechet_distance", "kid"],
        "inception": ["inception_features"],
        "perceptual": ["lpips"],
        "pixel": ["ciede2000", "mse", "mse_ab", "psnr"],
        "similarity": ["fsimc", "vsi"],
        "structure": ["ssim", "uiqi"],
    },
)
