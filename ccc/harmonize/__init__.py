"""Object-selective colour harmonization (Algorithm 1), what it changed, and what its parameters do."""

from ccc.harmonize.algorithm import at_full_size, harmonize, harmonize_picture, harmonize_pictures, pair_up

__all__ = ["at_full_size", "harmonize", "harmonize_picture", "harmonize_pictures", "pair_up"]
