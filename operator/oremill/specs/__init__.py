"""The contract: a pydantic model per kind; CRDs, docs and the steps' arguments come from it."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from oremill.specs.common import JobSpec, Model
from oremill.specs.corpus import DataCorpusSpec
from oremill.specs.evaluate import EvalJobSpec
from oremill.specs.pretrain import PretrainJobSpec
from oremill.specs.rlef import RLEFJobSpec
from oremill.specs.rules import problems
from oremill.specs.sft import SFTJobSpec
from oremill.specs.tokenizer import TokenizerJobSpec

SPECS: dict[str, type[JobSpec]] = {
    "DataCorpus": DataCorpusSpec,
    "TokenizerJob": TokenizerJobSpec,
    "PretrainJob": PretrainJobSpec,
    "SFTJob": SFTJobSpec,
    "RLEFJob": RLEFJobSpec,
    "EvalJob": EvalJobSpec,
}

__all__ = ["SPECS", "InvalidSpec", "JobSpec", "Model", "parse"]


class InvalidSpec(ValueError):
    """The user's spec is wrong; the message names each field, its value and what is allowed."""


def parse(kind: str, spec: Mapping[str, Any]) -> JobSpec:
    """Return the typed spec.

    Raises:
        InvalidSpec: a field is unknown, missing or out of range, or two fields contradict.
    """
    try:
        parsed = SPECS[kind].model_validate(dict(spec))
    except ValidationError as error:
        raise InvalidSpec("; ".join(_sentence(item) for item in error.errors())) from error
    found = problems(parsed)
    if found:
        raise InvalidSpec("; ".join(found))
    return parsed


def _sentence(item: Mapping[str, Any]) -> str:
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in item["loc"])
    given = "" if item["type"] == "missing" else f" (given: {item['input']!r})"
    return f"spec{where}: {item['msg']}{given}"
