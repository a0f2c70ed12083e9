"""Tables and pages from stored metrics."""
