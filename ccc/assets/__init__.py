"""Downloadable weights and photograph sets, and the model that ships with the package."""

from pathlib import Path

PUBLISHED = Path(__file__).with_name("ccc-scenes-objects.safetensors")  # the bundled model
