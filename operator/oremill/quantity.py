"""Kubernetes quantities: the API server rewrites them ("1000m" becomes "1"), so compare values."""

import re
from decimal import Decimal

_QUANTITY = re.compile(r"^([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$")
_SCALE = {
    "m": Decimal("0.001"), "": Decimal(1),
    "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12),
    "P": Decimal(10**15),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
}  # fmt: skip


def parse(text: str) -> Decimal | None:
    """Return the value of "1500m" or "2Gi", None for a text that is no quantity."""
    match = _QUANTITY.match(text)
    return Decimal(match[1]) * _SCALE[match[2] or ""] if match else None


def value(text: str) -> Decimal:
    """Return the value of a quantity that the schema has let through."""
    found = parse(text)
    assert found is not None, text
    return found
