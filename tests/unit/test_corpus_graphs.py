"""What is needed comes first, but in circles, where little is given up; whatever the graph."""

import random
import time

import pytest

from pipeline_steps.corpus.graphs import Circle, Graph, _components, sequence


def drawn(seed: int, nodes: int, edges: int, circles: bool) -> Graph:
    """Draw a graph; without circles a node needs nodes of lower rank only."""
    rng = random.Random(seed)
    rank = rng.sample(range(nodes), nodes)
    found: list[set[int]] = [set() for _ in range(nodes)]
    for _ in range(edges if nodes > 1 else 0):
        user, need = rng.sample(range(nodes), 2)
        if not circles and rank[need] > rank[user]:
            user, need = need, user
        found[user].add(need)
    return [sorted(needs) for needs in found]


def unmet(graph: Graph) -> list[tuple[int, int]]:
    """Return which needs come after their users."""
    place = {node: number for number, node in enumerate(sequence(graph))}
    return [(u, need) for u, needs in enumerate(graph) for need in needs if place[need] > place[u]]


@pytest.mark.parametrize("seed", range(40))
def test_without_circles_every_need_is_met(seed: int) -> None:
    graph = drawn(seed, nodes=1 + seed * 3, edges=seed * 8, circles=False)
    assert sorted(sequence(graph)) == list(range(len(graph)))
    assert not unmet(graph)


@pytest.mark.parametrize("seed", range(40))
def test_only_needs_inside_a_circle_are_given_up(seed: int) -> None:
    graph = drawn(seed, nodes=30, edges=seed * 3, circles=True)
    circle = _components(graph)
    assert sorted(sequence(graph)) == list(range(30))
    assert all(circle[user] == circle[need] for user, need in unmet(graph))


@pytest.mark.parametrize(
    ("graph", "wanted"),
    [
        ([], []),
        ([[]], [0]),
        ([[1], [2], []], [2, 1, 0]),
        ([[1, 2], [3], [3], []], [3, 1, 2, 0]),
        ([[], [3], [], []], [0, 3, 1, 2]),
        ([[1], [0]], [0, 1]),
        ([[1], [2], [0]], [0, 2, 1]),
        ([[1, 2], [0, 2], [0]], [2, 0, 1]),
    ],
    ids=["none", "one", "chain", "diamond", "isolated-stay", "pair", "triangle", "hub-first"],
)
def test_the_order_is_the_one_that_the_rules_say(graph: Graph, wanted: list[int]) -> None:
    assert sequence(graph) == wanted


def test_a_circle_with_a_hub_costs_one_need_only() -> None:
    """A package whose __init__ imports every module, each of which imports the package."""
    modules = range(1, 50)
    graph = [list(modules), *([0] for _ in modules)]
    assert len(unmet(graph)) == 49  # the hub's own: one side or the other must be given up
    chained = [[49], *([0] if number == 1 else [number - 1] for number in modules)]
    assert len(unmet(chained)) == 1


def test_the_paper_bound_holds_for_the_heuristic() -> None:
    """Eades, Lin and Smyth: at most half the needs, less a sixth of the nodes, lead back."""
    for seed in range(20):
        graph = [[n for n in needs] for needs in drawn(seed, 40, 160, circles=True)]
        graph = [[need for need in needs if u not in graph[need]] for u, needs in enumerate(graph)]
        order = Circle(range(40), graph).order()
        place = {node: number for number, node in enumerate(order)}
        back = sum(place[need] > place[u] for u, needs in enumerate(graph) for need in needs)
        assert sorted(order) == list(range(40))
        assert back <= sum(map(len, graph)) / 2 - 40 / 6


def test_a_chain_of_a_hundred_thousand_needs_no_stack() -> None:
    count = 100_000
    assert sequence([[n + 1] for n in range(count)] + [[]])[:2] == [count, count - 1]
    assert len(unmet([[(n + 1) % count] for n in range(count)])) == 1


def test_a_dense_circle_is_placed_in_time() -> None:
    graph = drawn(1, 5_000, 100_000, circles=True)
    start = time.process_time()
    sequence(graph)
    assert time.process_time() - start < 5
