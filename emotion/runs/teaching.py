"""Prepares a student's lesson: collects texts, and lets the teacher answer them once."""

from emotion.distillation.answers import ask, wait_for_answers
from emotion.distillation.lesson import Lesson, Material, collect, make_lesson
from emotion.evaluation.metrics_file import TeacherSource
from emotion.formatting import count
from emotion.params.schema import WordParams
from emotion.runs.plan import TrainingJob
from emotion.store.lease import Lease
from emotion.training.distributed.topology import Topology
from emotion.training.progress import TrainingListener


def prepare_lesson(
    job: TrainingJob, listener: TrainingListener, topology: Topology | None, lease: Lease | None
) -> Lesson | None:
    """Prepare a student's lesson; None if the job has no teacher. Of several workers, only the chief asks the teacher.

    Raises:
        InputMissingError, BadDataError: the file of unlabeled texts or the teacher cannot be read.
        BadParametersError: the teacher changed meanwhile.
        CannotWriteError: the store cannot be written.
        TryAgainError: another process holds the run, or the chief is lost.
    """
    teacher, params = job.teacher, job.params
    if teacher is None or not isinstance(params, WordParams):
        return None
    labels, folder, resources = job.data.labels, job.run.answers, params.resources
    material = collect(params, teacher, job.data, lambda line: listener.note("warning", line))
    listener.note("teacher", f"learning from {teacher.name}: {_describe(material)}")
    if topology is not None and not topology.chief:
        answers = wait_for_answers(teacher, material.texts, labels, folder, resources.wait)
    else:
        check = lease.check if lease is not None else lambda: None
        answers = ask(
            teacher,
            material.texts,
            labels,
            folder,
            [run.answers for run in job.store.runs() if run != job.run and run.answers.is_dir()],
            resources.threads or None,
            lambda line: listener.note("teacher", line),
            check,
        )
    return make_lesson(material, answers, job.data.encoded("train"), teacher.params, params.training.label_smoothing)


def _describe(material: Material) -> str:
    """Count the texts, for people."""
    kinds = {"train": material.known, "made": material.made, "unlabelled": material.unlabelled}
    return ", ".join(count(number, f"{kind} text") for kind, number in kinds.items() if number)


def teacher_source(job: TrainingJob, lesson: Lesson | None) -> TeacherSource | None:
    """Describe the teacher for metrics.json."""
    if job.teacher is None or lesson is None:
        return None
    table, material = job.teacher.params, lesson.material
    return TeacherSource(
        run=table.run,
        sha256=job.teacher.digest,
        weight=table.weight,
        temperature=table.temperature,
        made_texts=material.made,
        unlabelled_texts=material.unlabelled,
    )
