"""What the demo tells: rows and lines as it runs, a report at its end, a failure by its reason."""

from datetime import UTC, datetime
from itertools import chain, repeat
from typing import Any

import pytest

from devcluster.demo import deploy, follow
from devcluster.demo.kube import Kube
from devcluster.demo.report import report
from devcluster.demo.stages import Stage, settled
from devcluster.layout import DevClusterError, Layout, default_cache
from tests import chart

NOW = datetime(2030, 1, 1, 12, 10, tzinfo=UTC)
WAITING = {"phase": "Waiting", "reason": "WaitingForInput"}
RUNNING = {
    "phase": "Running",
    "reason": "Running",
    "headline": "loss 1.83",
    "progress": {"text": "42%"},
    "startedAt": "2030-01-01T12:08:30Z",
}
DONE = {
    "phase": "Complete",
    "reason": "Succeeded",
    "headline": "pass@1 0.71",
    "progress": {"text": "100%"},
    "startedAt": "2030-01-01T12:00:00Z",
    "finishedAt": "2030-01-01T12:01:05Z",
    "artifact": {
        "uri": "s3://oremill/ns/evaluate/demo/abc",
        "digest": "abc",
        "bytes": 2_500_000,
        "report": "s3://oremill/ns/evaluate/demo/abc/report.html",
    },
    "results": [
        {"name": "rlef/steplang/pass@1", "value": "0.71"},
        {"name": "rlef/steplang/low", "value": "0.62"},
        {"name": "rlef/steplang/high", "value": "0.79"},
        {"name": "rlef/humaneval/pass@1", "value": "0"},
    ],
}
FAILED = {"phase": "Failed", "reason": "UserError", "message": "sources[0].archives: no object"}


def stage(status: dict[str, Any], kind: str = "EvalJob") -> Stage:
    return Stage(kind, "demo", {"observedGeneration": 1} | status)


@pytest.mark.parametrize(
    ("status", "cells"),
    [
        pytest.param({}, ("", "", "", ""), id="before the operator's first look"),
        pytest.param(
            WAITING, ("Waiting", "", "WaitingForInput", ""), id="the reason, with no number"
        ),
        pytest.param(RUNNING, ("Running", "42%", "loss 1.83", "1:30"), id="until now"),
        pytest.param(DONE, ("Complete", "100%", "pass@1 0.71", "1:05"), id="until its end"),
    ],
)
def test_a_row_says_phase_progress_number_and_time(
    status: dict[str, Any], cells: tuple[str, ...]
) -> None:
    assert follow.row(stage(status), NOW) == ("EvalJob", "demo", *cells)


def test_lines_are_printed_for_news_alone(capsys: pytest.CaptureFixture[str]) -> None:
    lines = follow.Lines()
    percents = ("10%", "11%", "19%", "20%")
    for text in percents:
        lines([stage(RUNNING | {"progress": {"text": text}})], NOW)
    lines([stage(DONE)], NOW)
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[3] for line in printed] == ["10%", "20%", "100%"]


def test_the_table_is_drawn_over_itself(capsys: pytest.CaptureFixture[str]) -> None:
    table = follow.Table()
    for _ in range(2):
        table([stage(RUNNING), stage(WAITING, "RLEFJob")], NOW)
    assert capsys.readouterr().out.count("\033[3A") == 1


def test_following_ends_when_all_have_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow.time, "sleep", lambda seconds: None)
    looks = chain([[], [stage({})], [stage(DONE), stage(RUNNING, "SFTJob")]], repeat([stage(DONE)]))
    assert follow.follow(lambda: next(looks), live=False) == [stage(DONE)]


def made(digest: str, *inputs: tuple[str, str]) -> dict[str, Any]:
    used = [{"kind": kind, "digest": found} for kind, found in inputs]
    return DONE | {"artifact": {"digest": digest, "inputs": used}}


@pytest.mark.parametrize(
    ("pair", "is_settled"),
    [
        pytest.param((made("a"), made("b", ("SFTJob", "a"))), True, id="one made from the other"),
        pytest.param((made("a"), made("b", ("SFTJob", "old"))), False, id="from an older one"),
        pytest.param((made("a"), made("b", ("", "file"))), True, id="objects of the bucket"),
        pytest.param((made("a"), RUNNING), False, id="one still runs"),
        pytest.param((made("a") | {"observedGeneration": 0}, made("b")), False, id="a new spec"),
    ],
)
def test_the_pipeline_is_settled_when_all_are_made_from_what_is_there(
    pair: tuple[dict[str, Any], dict[str, Any]], is_settled: bool
) -> None:
    assert settled([stage(pair[0], "SFTJob"), stage(pair[1])]) is is_settled


def test_nothing_is_not_settled() -> None:
    assert not settled([])


def test_a_failure_of_an_older_spec_is_none() -> None:
    assert stage(FAILED).failed
    assert not stage(FAILED | {"observedGeneration": 0}).failed


def test_a_failed_stage_ends_it_with_the_words_of_its_condition() -> None:
    with pytest.raises(DevClusterError, match=r"UserError: sources\[0\]\.archives: no object"):
        follow.follow(lambda: [stage(RUNNING), stage(FAILED, "DataCorpus")], live=False)


def test_the_report_names_numbers_artifacts_and_commands() -> None:
    text = report([stage(DONE)], Kube("ns", {}), Layout(default_cache()))
    assert "EvalJob demo: Complete in 1:05" in text
    assert "s3://oremill/ns/evaluate/demo/abc  (2.5 MB)" in text
    assert "report: s3://oremill/ns/evaluate/demo/abc/report.html" in text
    assert "rlef/steplang/pass@1 = 0.71  (95 %: 0.62 to 0.79)" in text
    assert "rlef/humaneval/pass@1 = 0\n" in text
    assert "scores about 0 on HumanEval" in text
    assert "kubectl -n ns get oremill" in text


def test_the_report_speaks_of_the_users_context_and_of_no_dev_cluster() -> None:
    text = report([stage(DONE | {"results": []})], Kube("ns", {}, "prod"), Layout(default_cache()))
    assert "kubectl --context prod -n ns get oremill" in text
    assert "Prometheus" not in text and "devcluster" not in text and "HumanEval" not in text


def test_a_reused_stage_says_so() -> None:
    text = report([stage(DONE | {"reason": "Reused"})], Kube("ns", {}), Layout(default_cache()))
    assert "Complete (reused)" in text


def test_the_chart_takes_the_images_whole_also_from_a_registry_with_a_port() -> None:
    names = ("operator", "data", "train", "sandbox", "minio")
    references = {name: f"registry.example:5000/team/{name}:abc" for name in names}
    rendered = chart.template(deploy.values(references))
    assert rendered.returncode == 0, rendered.stderr
    assert all(reference in rendered.stdout for reference in references.values())
