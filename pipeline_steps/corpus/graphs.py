"""Put what a node needs before it, without recursion, in time nearly linear in nodes and edges."""

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

Graph = Sequence[Sequence[int]]  # of each node, the nodes that it needs; neither itself nor twice


def sequence(graph: Graph) -> list[int]:
    """Return the nodes, each right after those of its needs that were not placed yet.

    Nodes, and the needs of one, come by number. Where nodes need each other in a circle, the needs
    that lead back in `Circle.order` are given up; all others are met.
    """
    return list(_after_needs(_without_circles(graph)))


def _after_needs(needs: Graph) -> Iterator[int]:
    """Walk a graph depth first; yield a node after its needs."""
    seen = [False] * len(needs)
    for first in range(len(needs)):
        walk = [] if seen[first] else [(first, iter(needs[first]))]
        seen[first] = True
        while walk:
            node, left = walk[-1]
            following = next((need for need in left if not seen[need]), None)
            if following is None:
                yield node
                walk.pop()
            else:
                seen[following] = True
                walk.append((following, iter(needs[following])))


def _without_circles(graph: Graph) -> list[list[int]]:
    """Return the graph without the needs that are given up, each node's in order."""
    label = _components(graph)
    members: dict[int, list[int]] = {}
    for node, name in enumerate(label):
        members.setdefault(name, []).append(node)
    place = [0] * len(graph)
    for circle in members.values():
        for number, node in enumerate(Circle(circle, graph).order() if len(circle) > 1 else circle):
            place[node] = number
    return [
        sorted(need for need in needs if label[need] != label[node] or place[need] < place[node])
        for node, needs in enumerate(graph)
    ]


def _components(graph: Graph) -> list[int]:
    """Return the strongly connected component of each node."""
    rows = np.repeat(np.arange(len(graph)), [len(needs) for needs in graph])
    columns = np.array([need for needs in graph for need in needs], dtype=np.int64)
    edges = np.ones(len(rows), dtype=np.int8)
    matrix = csr_array((edges, (rows, columns)), shape=(len(graph), len(graph)))
    _, labels = connected_components(matrix, connection="strong")
    found: list[int] = labels.tolist()
    return found


class Circle:
    """Nodes that need each other, and how many of them each still waits for."""

    def __init__(self, nodes: Sequence[int], graph: Graph) -> None:
        inside = set(nodes)
        self.needs = {node: [need for need in graph[node] if need in inside] for node in nodes}
        self.users: dict[int, list[int]] = {node: [] for node in nodes}
        for node, needs in self.needs.items():
            for need in needs:
                self.users[need].append(node)
        self.open_needs = {node: len(needs) for node, needs in self.needs.items()}
        self.open_users = {node: len(users) for node, users in self.users.items()}

    def order(self) -> list[int]:
        """Return the nodes in an order in which few needs lead back.

        The heuristic of Eades, Lin and Smyth (Information Processing Letters 47, 1993): a node
        whose needs are placed comes next; one that nothing left needs comes last; else that comes
        next which has most users more than needs. Among equals the lowest number.
        """
        heap = [self._turn(node) for node in self.needs]
        heapify(heap)
        first: list[int] = []
        last: list[int] = []
        left = set(self.needs)
        while heap:
            turn = heappop(heap)
            rule, _, node = turn
            if node in left and turn == self._turn(node):  # else it has a newer entry
                left.remove(node)
                (last if rule == 1 else first).append(node)
                for other in left.intersection(self._placed(node)):
                    heappush(heap, self._turn(other))
        return first + last[::-1]

    def _turn(self, node: int) -> tuple[int, int, int]:
        needs, users = self.open_needs[node], self.open_users[node]
        if needs and users:
            return (2, needs - users, node)
        return (1 if needs else 0, 0, node)

    def _placed(self, node: int) -> Iterator[int]:
        """Nobody waits for a node any longer; yield those whose turn that changes."""
        for user in self.users[node]:
            self.open_needs[user] -= 1
            yield user
        for need in self.needs[node]:
            self.open_users[need] -= 1
            yield need
