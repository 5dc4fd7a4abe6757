"""Say what a stage's artifact is called, and whether it is there; the Job that comes first.

    python -m pipeline_steps.resolve

It reads the same spec.json as the stage (role "resolve"), lists the objects of the bucket that the
spec names, and computes the digest. So the operator needs no S3 credential, and a stage that was
made before, by whatever release, starts no training pod. The outcome's status is `found` or
`missing`. It is the first to talk to the bucket, and gives up soon: the Job tries again, and the
object says meanwhile what is the matter.
"""

from oremill.specs.artifact import Artifact, Outcome
from pipeline_steps import run
from pipeline_steps.storage import FIRST_PATIENCE


def resolve(step: run.Step) -> Outcome:
    """Look for the artifact's manifest."""
    manifest = step.store.manifest(step.prefix)
    if manifest is not None:
        return run.outcome_of(step, manifest, "found")
    digest = step.order.digest
    artifact = Artifact(uri=step.uri, digest=digest, inputs=list(step.inputs))
    return Outcome(status="missing", digest=digest, artifact=artifact)


if __name__ == "__main__":
    run.standalone(lambda places: resolve(run.load(places, FIRST_PATIENCE)))
