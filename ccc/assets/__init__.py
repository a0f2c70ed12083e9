"""What can be fetched: weights and photograph sets; the model that comes with the package."""

from pathlib import Path

PUBLISHED = Path(__file__).with_name("ccc-scenes-objects.safetensors")  # the model
