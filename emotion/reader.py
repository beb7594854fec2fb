"""Chooses hints for their reader: a person with the store, or a submitter who reads the log of a cluster's Job."""

import os
import shlex
import sys
from pathlib import Path

# k8s/base/job sets this variable in every pod, to the pod's namespace.
JOB_NAMESPACE = "EMOTION_JOB_NAMESPACE"


def for_reader(here: str, submitter: str) -> str:
    """Choose the hint for a person with the store, or for a submitter.

    In a submitter's hint, `{flags}` stands for the option of `emotion` with the pod's namespace. A pod does not know
    the submitter's kubectl context.
    """
    namespace = os.environ.get(JOB_NAMESPACE)
    return submitter.replace("{flags}", f" -n {namespace}") if namespace else here


def same_command() -> str:
    """Give the command line of this process."""
    return shlex.join(["emotion", *sys.argv[1:]])


def runs_command(words: str, store: Path) -> str:
    """Give a command `emotion runs WORDS` for this store: with its folder, or with --cluster for a submitter."""
    return for_reader(
        f"emotion runs {words} --store {shlex.quote(str(store))}", f"emotion runs {words} --cluster{{flags}}"
    )
