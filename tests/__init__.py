"""Tests mirror the package: tests/<folder>/test_<module>.py tests emotion/<folder>/<module>.py.

The first line of any other test file names the behavior across modules that it tests.
"""
