"""What the rules need of Python: imported by workflow/rules/common.smk and by tests, and unaware of any global."""
