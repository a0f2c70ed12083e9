"""Object-selective colour harmonization (Algorithm 1), comparisons before and after, and ablations."""

from ccc.harmonize.algorithm import at_full_size, harmonize, harmonize_picture, harmonize_pictures, pair_up

__all__ = ["at_full_size", "harmonize", "harmonize_picture", "harmonize_pictures", "pair_up"]
