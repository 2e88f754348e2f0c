"""A heap of whole numbers in an array, smallest first; the array's last place holds how many there are.

As ``heapq`` on a list: the numbers come out in the same order, though they may stand in another.
"""

from simulations.fast.arrays import Ints


def push(heap: Ints, item: int) -> None:
    """Put ``item`` in."""
    place = heap[-1]
    heap[-1] = place + 1
    while place > 0:
        parent = (place - 1) >> 1
        if heap[parent] <= item:
            break
        heap[place] = heap[parent]
        place = parent
    heap[place] = item


def pop(heap: Ints) -> int:
    """Take the smallest out of a heap that is not empty."""
    smallest, size = heap[0], heap[-1] - 1
    heap[-1] = size
    if size > 0:
        sink(heap, heap[size], size)
    return smallest


def sink(heap: Ints, item: int, size: int) -> None:
    """Put ``item`` where the smallest was, among ``size`` numbers."""
    place, child = 0, 1
    while child < size:
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= item:
            break
        heap[place] = heap[child]
        place, child = child, 2 * child + 1
    heap[place] = item
