"""Names of Kubernetes labels, annotations and resources."""

# Kubernetes recommends this prefix for the labels of an application.
RECOMMENDED = "app.kubernetes.io/"
# Selects all jobs and pods of this project.
SELECTOR = f"{RECOMMENDED}part-of=emotion"
JOB_NAME = "batch.kubernetes.io/job-name"
INDEX = "batch.kubernetes.io/job-completion-index"
QUEUE = "kueue.x-k8s.io/queue-name"
KUEUE_JOB_UID = "kueue.x-k8s.io/job-uid"
INDEX_FAILURES = "batch.kubernetes.io/job-index-failure-count"
# Annotation of a Job: digest of its parameter file.
PARAMS_DIGEST = "emotion/params-sha256"
GPU = "nvidia.com/gpu"
