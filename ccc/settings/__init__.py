"""Every setting, declared once: type, default, range or choices, and a line of help.

Each section of the configuration is a class, each stage of the pipeline a module. A rule imports only the module of its
stage, so that it does not run again when a setting of another stage changes. `python -m ccc.settings` generates the
schema and the table in config/README.md from them. Command-line options and validation messages come from them too.
"""
