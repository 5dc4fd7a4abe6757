"""Which checkpoints the ranks that are here can load."""

from typing import Any

import pytest

from pipeline_steps.errors import UserError
from pipeline_steps.pretrain.checkpoint import check_layout

pytestmark = pytest.mark.filterwarnings("ignore")  # DeepSpeed's and torch's, at import


def layout(ranks: int, stage: int, precision: str = "fp32") -> dict[str, Any]:
    return {"ranks": ranks, "zeroStage": stage, "precision": precision, "step": 7}


@pytest.mark.parametrize(
    ("saved", "now"),
    [
        (layout(2, 1), layout(2, 1)),
        (layout(1, 0), layout(4, 0)),
        (layout(2, 3, "bf16"), layout(2, 3, "bf16")),
    ],
)
def test_a_state_that_every_rank_has_or_that_is_spread_alike_is_loaded(
    saved: dict[str, Any], now: dict[str, Any]
) -> None:
    check_layout(saved, now)


@pytest.mark.parametrize(
    ("saved", "now"),
    [
        (layout(2, 1), layout(1, 1)),
        (layout(2, 1), layout(2, 2)),
        (layout(2, 0, "bf16"), layout(1, 0, "bf16")),
    ],
    ids=["fewer ranks", "another stage", "bf16 keeps its master weights in parts"],
)
def test_a_state_that_is_spread_otherwise_names_the_fields(
    saved: dict[str, Any], now: dict[str, Any]
) -> None:
    with pytest.raises(UserError, match=r"spec\.workers and spec\.zeroStage.*step 7"):
        check_layout(saved, now)
