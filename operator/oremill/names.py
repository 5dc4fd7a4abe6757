"""Every string that two files share, each with a line of meaning.

Object names are deterministic functions of the owner, so that a second operator, a stale cache or a
restart cannot create a second child. They stay within the 63 characters of a DNS label.
"""

from hashlib import sha256

GROUP = "oremill.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
CATEGORY = "oremill"  # `kubectl get oremill` lists all six kinds

# kind -> plural (the REST path) and the one word by which files, buckets and labels know the kind
PLURALS = {
    "DataCorpus": "datacorpora",
    "TokenizerJob": "tokenizerjobs",
    "PretrainJob": "pretrainjobs",
    "SFTJob": "sftjobs",
    "RLEFJob": "rlefjobs",
    "EvalJob": "evaljobs",
}
WORDS = {
    "DataCorpus": "corpus",
    "TokenizerJob": "tokenizer",
    "PretrainJob": "pretrain",
    "SFTJob": "sft",
    "RLEFJob": "rlef",
    "EvalJob": "evaluate",
}
KINDS = tuple(PLURALS)

FIELD_MANAGER = "oremill-operator"  # the one server-side-apply field manager
FINALIZER = f"{GROUP}/artifacts"  # only with deletionPolicy: Delete

LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"  # value: "oremill"
LABEL_PART_OF = "app.kubernetes.io/part-of"  # value: "oremill"; on CRDs and the chart's objects
LABEL_KIND = f"{GROUP}/kind"  # the owner's kind, as the user writes it
LABEL_OWNER = f"{GROUP}/owner"  # the owner's name, hashed when longer than a label allows
LABEL_OWNER_UID = f"{GROUP}/owner-uid"
LABEL_ROLE = f"{GROUP}/role"  # resolve | step | sandbox | cleanup
LABEL_RUN = f"{GROUP}/run"  # first 10 digits of the artifact's digest; resolve: of the run key
LABEL_ATTEMPT = f"{GROUP}/attempt"  # 0, 1, 2 ...
ANNOTATION_OWNER = f"{GROUP}/owner-name"  # the owner's whole name
ANNOTATION_RETRY = f"{GROUP}/retry"  # the user sets any new value to run a failed object again
ANNOTATION_APPLIED = f"{GROUP}/applied"  # hash of what was applied, to find drift
ANNOTATION_EPISODE = f"{GROUP}/episode"  # generation/retry of a Job: scope of the counters
ANNOTATION_KEY = f"{GROUP}/run-key"  # what `status.run` shows: spec, inputs, storage, retry; hashed
ANNOTATION_DIGEST = f"{GROUP}/digest"  # all 64 digits of the artifact that a Job makes
ANNOTATION_ORDER = f"{GROUP}/order"  # on pods: hash of the order's part that the step obeys
LABEL_QUEUE = "kueue.x-k8s.io/queue-name"

ROLE_RESOLVE = "resolve"  # reads the artifact's manifest, computes the digest; CPU only
ROLE_STEP = "step"  # makes the artifact
ROLE_SANDBOX = "sandbox"  # runs model-written code
ROLE_CLEANUP = "cleanup"  # removes artifacts of a deleted object with deletionPolicy: Delete

# Inside a step pod.
SPEC_DIR = "/etc/oremill"
SPEC_FILE = f"{SPEC_DIR}/spec.json"
STORAGE_SECRET_DIR = "/etc/oremill-storage"  # files accessKey, secretKey (the user's Secret)
STORAGE_CA_FILE = "/etc/oremill-ca/ca.crt"
SANDBOX_TOKEN_FILE = "/etc/oremill-sandbox/token"
RAY_TOKEN_FILE = "/etc/oremill-ray/auth_token"  # of the Ray cluster that spec.ray names
SCRATCH_DIR = "/scratch"  # sized emptyDir; also TMPDIR and HOME
TERMINATION_LOG = "/dev/termination-log"  # final result as JSON, at most 4 KiB

ENV_CPUS = "OREMILL_CPUS"  # cores that the pod may use, rounded up
ENV_MEMORY = "OREMILL_MEMORY"  # bytes that it may use

PORT_PROGRESS = 9400  # rank 0: GET /metrics (Prometheus), GET /progress (JSON for the operator)
PORT_RENDEZVOUS = 29500  # rank 0: torchrun's c10d store, or the head of a corpus's Ray cluster
PORT_RAY = 29501  # first port of a Ray node: raylet, objects, environments, then its processes
PORTS_RAY = 400  # how many there are: a process has one, and there are two or three a core
PORT_SANDBOX = 8080  # the runner's HTTP API
PORT_OPERATOR_METRICS = 9401
PORT_OPERATOR_HEALTH = 9402

# Exit codes of a step pod's PID 1.
EXIT_DONE = 0
EXIT_USER = 2  # the user's mistake: never retried, the message is shown
EXIT_RESUMABLE = 75  # preempted or interrupted by the world: restarted, not counted
# any other code: a failure that counts toward failurePolicy.maxRestarts

# Object keys below <prefix>/<namespace>/<word>/<name>/<digest>/
MANIFEST = "manifest.json"  # written last; no manifest, no artifact
REPORT = "report.html"  # what a stage says to people, where it says it; status links it
CHECKPOINTS = "checkpoints"

# Inside the operator's pod (set by the chart).
ENV_SETTINGS = "OREMILL_SETTINGS"  # path of a JSON file: images, default storage, pod defaults
ENV_KEY_FILE = "OREMILL_KEY_FILE"  # path of the key from which sandbox tokens are derived
ENV_LEASE = "OREMILL_LEASE"  # <namespace>/<name> of the Lease by which one operator leads; optional

# The closed list of reasons: the same word in conditions, events and metrics.
REASONS: dict[str, tuple[str, ...]] = {
    "Accepted": ("Valid", "InvalidSpec", "ImmutableFieldChanged"),
    "InputsReady": ("Resolved", "WaitingForInput", "InputFailed", "GateNotMet"),
    "Admitted": ("Admitted", "Queued", "Suspended", "QuotaExceeded", "AdmissionDenied"),
    "PodsReady": (
        "Ready",
        "Starting",
        "Unschedulable",
        "ImagePullFailed",
        "SandboxesNotReady",
        "IsolationTooWeak",
    ),
    "Progressing": (
        "Running",
        "Resolving",
        "Resuming",
        "Restarting",
        "StorageUnavailable",
        "Stalled",
    ),
    "CheckpointAvailable": ("Saved", "NoneYet", "CorruptSkipped"),
    "Complete": ("Succeeded", "Reused"),
    "Failed": (
        "UserError",
        "OutOfMemory",
        "DiskFull",
        "StepFailed",
        "RestartBudgetSpent",
        "DeadlineExceeded",
        "LossDiverged",
        "RewardHacked",
        "SelfTestFailed",
    ),
    "Suspended": ("Suspended",),
}

_MAX_LABEL = 63


def shortened(name: str, limit: int = _MAX_LABEL) -> str:
    """Return `name`, or its head and ten digits of its hash when it is longer than `limit`."""
    if len(name) <= limit:
        return name
    return f"{name[: limit - 11].rstrip('-.')}-{sha256(name.encode()).hexdigest()[:10]}"


def child(owner: str, kind: str, *parts: str) -> str:
    """Return the name of a child object: `<owner>-<word>-<part>...`, at most 52 characters.

    52, not 63: the Job controller appends `-<index>-<five letters>` to make a pod's name.
    """
    return shortened("-".join((owner.replace(".", "-"), WORDS[kind], *parts)), 52)


def run_label(digest: str) -> str:
    """Return the part of an artifact's digest by which children name the run they belong to."""
    return digest[:10]


def artifact_prefix(prefix: str, namespace: str, kind: str, name: str, digest: str) -> str:
    """Return the key prefix of an artifact, without a trailing slash."""
    return "/".join(part for part in (prefix, namespace, WORDS[kind], name, digest) if part)
