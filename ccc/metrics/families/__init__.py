"""Families of metrics, a module each, with the facts of its metrics as `METRICS`.

A family is what the workflow computes as one job of a cell. The registry finds the modules here by their file names and
imports one only when it is asked for, so that a job of one family depends on no file of another.
"""
