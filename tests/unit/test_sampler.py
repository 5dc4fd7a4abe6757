"""The sampler agrees with the plain forward pass, whatever it batches, pads, shares and drops."""

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from pipeline_steps.sampler import Rule, choose, nucleus, sample  # noqa: E402

STOP = 3
PROMPTS = [[5, 6, 7, 8, 9, 10], [11], [5, 6, 7, 8, 9, 10], [12, 13, 14], [15, 16], [5, 6, 20]]


class Spelled:
    """A tokenizer whose text is its ids."""

    def decode(self, ids: list[int], skip_special_tokens: bool) -> str:
        return " ".join(str(token) for token in ids if not (skip_special_tokens and token == STOP))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=40, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128,
        initializer_range=0.3,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config)


def draw(model, prompts=PROMPTS, temperature=1.0, seed=0, **named):
    return sample(model, Spelled(), prompts, 24, temperature, 1.0, [STOP], seed, **named)


def whole(model, prompt, completion, temperature=1.0):
    """Return log-probabilities [tokens, vocabulary] of one unpadded pass over prompt and answer."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([prompt + completion.ids])).logits[0]
    return (logits[len(prompt) - 1 : -1] / temperature).log_softmax(-1)


def test_greedy_answers_are_the_most_probable_tokens_of_an_unpadded_pass(model):
    for prompt, completion in zip(PROMPTS, draw(model, temperature=0.0), strict=True):
        assert whole(model, prompt, completion).argmax(-1).tolist() == completion.ids


@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_logprobs_are_those_of_an_unpadded_pass(model, temperature):
    completions = draw(model, temperature=temperature)
    for prompt, completion in zip(PROMPTS, completions, strict=True):
        expected = whole(model, prompt, completion, temperature)
        expected = expected.gather(1, torch.tensor(completion.ids)[:, None])[:, 0]
        assert torch.allclose(expected, torch.tensor(completion.logprobs), atol=1e-4)


def test_greedy_answers_do_not_depend_on_their_neighbours(model):
    together = [item.ids for item in draw(model, temperature=0.0)]
    assert [draw(model, [prompt], temperature=0.0)[0].ids for prompt in PROMPTS] == together
    assert [item.ids for item in draw(model, temperature=0.0, batch_rows=2)] == together


def test_the_same_seed_draws_the_same_and_another_draws_otherwise(model):
    assert draw(model, seed=1) == draw(model, seed=1)
    assert draw(model, seed=1) != draw(model, seed=2)


def test_an_answer_ends_with_its_stop_token_or_at_the_limit(model):
    completions = draw(model, PROMPTS * 20)
    assert {item.stopped for item in completions} == {True, False}
    for item in completions:
        assert STOP not in item.ids[:-1]
        assert item.stopped == (item.ids[-1] == STOP)
        assert item.stopped or len(item.ids) == 24
        assert str(STOP) not in item.text.split()
        assert len(item.ids) == len(item.logprobs)


def test_repeated_prompts_get_independent_draws_with_the_right_frequencies(model):
    completions = sample(model, Spelled(), [[5, 6]] * 4000, 1, 1.0, 1.0, [STOP], 0)
    drawn = torch.bincount(torch.tensor([item.ids[0] for item in completions]), minlength=40)
    with torch.no_grad():
        expected = model(input_ids=torch.tensor([[5, 6]])).logits[0, -1].softmax(-1)
    assert (drawn / 4000 - expected).abs().max() < 0.03  # four standard errors at p = 1/2


def test_the_mode_of_the_model_is_left_as_it_was(model):
    model.train()
    draw(model)
    assert model.training


@pytest.mark.parametrize(
    ("top_p", "kept"),
    [(1.0, [0, 1, 2, 3]), (0.9, [0, 1, 2]), (0.8, [0, 1]), (0.5, [0]), (0.01, [0])],
)
def test_the_nucleus_is_the_smallest_set_that_reaches_its_mass(top_p, kept):
    probabilities = torch.tensor([[0.5, 0.3, 0.15, 0.05]])
    assert nucleus(probabilities, top_p)[0].nonzero().flatten().tolist() == kept


def test_tokens_outside_the_nucleus_are_never_drawn():
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log().repeat(500, 1)
    tokens, logprobs = choose(logits, Rule(1.0, 0.8), torch.Generator().manual_seed(0))
    assert set(tokens.tolist()) == {0, 1}
    assert logprobs[tokens == 0].exp().mean() == pytest.approx(0.5)  # before the cut
