"""Remove the artifacts of a deleted object that asked for it (deletionPolicy: Delete).

    python -m pipeline_steps.cleanup

Every digest of the object goes, manifests first, so that nothing half removed is ever taken for an
artifact. Running it again is harmless.
"""

from oremill import names
from oremill.specs.artifact import Order, Outcome
from pipeline_steps import run
from pipeline_steps.storage import FIRST_PATIENCE, Store


def cleanup(order: Order, store: Store) -> Outcome:
    """Remove everything below the object's own prefix."""
    prefix = names.artifact_prefix(
        order.storage.prefix, order.namespace, order.kind, order.name, ""
    )
    return Outcome(status="done", results={"objects": store.remove_prefix(prefix)})


def main(places: run.Places) -> Outcome:
    """Clean up by the order; the spec's own inputs need not exist any more."""
    order = Order.model_validate_json(places.spec.read_text())
    return cleanup(order, Store.open(order.storage, places.secret, places.ca, FIRST_PATIENCE))


if __name__ == "__main__":
    run.standalone(main)
