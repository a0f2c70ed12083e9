"""From photographs to training samples and benchmark pictures."""
