"""Tests of emotion.cluster.

They run `emotion` against the API server of api.py, with the fixtures of conftest.py; tests/cli has these fixtures too.
"""
