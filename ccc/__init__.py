"""CCC: Color Classified Colorization, its data pipeline and its benchmark.

Importing `ccc` is cheap: every part is imported where it is used (`import ccc.color`, `import ccc.model`).
"""

__version__ = "0.1.0"
