"""Every setting, declared once: type, default, range or choices, and a line of help.

A section of the configuration is a class, a stage of the pipeline a module, which is imported where it is used: a job
is not run again for a setting of another stage. From them come the configuration's schema and the table in
config/README.md (`python -m ccc.settings` writes both), the options of the commands, and the sentence for a wrong
value.
"""
