"""Reads the scores of a sweep's runs from a cluster's store."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from emotion.cli.cluster_options import PodOptions
from emotion.cli.transfer import open_store
from emotion.cluster.job_outcome import JobOutcome

if TYPE_CHECKING:
    from emotion.cluster.job_spec import JobSpec
    from emotion.cluster.render import Rendered
    from emotion.comparison.sweep import Result


def read_results(
    cluster: PodOptions, jobs: "Sequence[Rendered]", outcomes: Sequence[JobOutcome]
) -> "dict[str, list[Result]]":
    """Read the results of every sweep that has results, by the name of its Job.

    Raises:
        EmotionError: the pod with the store cannot be created, or does not start.
    """
    trained = {outcome.name: outcome for outcome in outcomes if outcome.exit_code == 0 or outcome.some_complete}
    sweeps = [job for job in jobs if job.spec.points and job.name in trained]
    if not sweeps:
        return {}
    with open_store(cluster) as pod:
        listed = json.loads(pod.run("emotion", "runs", "list", "--json"))
    records = {record["run"]: record for record in listed}
    return {job.name: _results(job.spec, records, trained[job.name].failed_indexes) for job in sweeps}


def _results(spec: "JobSpec", records: dict[str, dict[str, Any]], failed: frozenset[int]) -> "list[Result]":
    from emotion.comparison.sweep import Result, Scores

    results = []
    for index, point in enumerate(spec.points):
        run = f"{spec.job}/{point.run}"
        record = records.get(run, {"state": "absent"})
        if index in failed:
            # A complete run of this name may use other data: then the pod refused it.
            results.append(Result(point, run, problem=f"its pod failed, and its run {run} is {record['state']}"))
        elif record["state"] == "complete":
            scores = Scores(record["validation_accuracy"], record["validation_loss"], record["training_seconds"])
            results.append(Result(point, run, scores))
        else:
            problem = f"its run {run} is {record['state']}" + (f": {record['why']}" if "why" in record else "")
            results.append(Result(point, run, problem=problem))
    return results
