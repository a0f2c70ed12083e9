"""What can be fetched: weights and photograph sets; the model that comes with the package."""
