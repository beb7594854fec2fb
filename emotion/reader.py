"""Who reads a hint: a person beside the store, or the submitter of a cluster's Job, who reads the log of its pod."""

import os
import shlex
import sys
from pathlib import Path

# k8s/base/job sets it in every pod, to the pod's namespace.
JOB_NAMESPACE = "EMOTION_JOB_NAMESPACE"


def for_reader(here: str, submitter: str) -> str:
    """Choose the hint for a person beside the store, or for a submitter.

    In a submitter's hint, `{flags}` stands for the option of `emotion` that names the pod's namespace. A pod does not
    know the submitter's context of kubectl.
    """
    namespace = os.environ.get(JOB_NAMESPACE)
    return submitter.replace("{flags}", f" -n {namespace}") if namespace else here


def same_command() -> str:
    """Give the command line of this process."""
    return shlex.join(["emotion", *sys.argv[1:]])


def runs_command(words: str, store: Path) -> str:
    """Give a command `emotion runs WORDS` for this store: by its folder, or as a submitter reaches it."""
    return for_reader(
        f"emotion runs {words} --store {shlex.quote(str(store))}", f"emotion runs {words} --cluster{{flags}}"
    )
