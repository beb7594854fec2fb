"""Tests of emotion.cluster, and of the commands of emotion.cli that need a cluster.

They run `emotion` against the API server of api.py, with the fixtures of conftest.py. A file has the name of the module
that it tests, in emotion/cluster/ or, for a command, in emotion/cli/; test_submit.py tests both modules of that name.
"""
