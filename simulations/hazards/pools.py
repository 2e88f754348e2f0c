"""What may go wrong between a pool and the functions it keeps pods for."""

from collections.abc import Iterator, Sequence
from math import ceil

from scaler.config.memory import in_bytes
from scaler.config.pools import PoolSection, largest
from simulations.hazards.load import Load
from simulations.hazards.model import Hazard
from simulations.model import Function, Pool, Sizer

MIB = 2**20


def of_one(function: Function, load: Load, pool: Pool) -> Iterator[Hazard]:
    """Tell what is wrong with the pool for this function."""
    most, refill = largest(pool.section.size), pool.section.refill
    if most < load.step:
        yield Hazard(
            key="pool-below-step",
            of=function.name,
            what=f"One step in twenty asks for {load.step} pods at once or more, and the pool never has more than "
            f"{most}: the others start cold.",
            right=f"Set {_size_key(pool.section)} to {load.step} or more.",
            numbers={"most": most, "step": load.step},
        )
    if most > 0 and refill.rate < load.rate:
        yield Hazard(
            key="refill-below-wakes",
            of=function.name,
            what=f"The busiest hour takes {load.rate:.3g} pods a second, and the pool is refilled with "
            f"{refill.rate:g} a second: it runs empty and stays so.",
            right=f"Set refill.rate to {_above(load.rate):g} or more.",
            numbers={"taken": load.rate, "refilled": refill.rate},
        )


def of_pool(name: str, pool: Pool, functions: Sequence[Function]) -> Iterator[Hazard]:
    """Tell what is wrong with a pool as a whole; ``functions`` are those that it keeps pods for."""
    auto = pool.section.size.auto
    if auto is None or auto.budget is None or pool.sizer is not Sizer.CONFIGURED:
        return
    budget, floors = in_bytes(auto.budget), sum(auto.floor * function.memory for function in functions)
    if floors > budget:
        yield Hazard(
            key="budget-below-floors",
            of=name,
            what=f"The floor of {auto.floor} for each of {len(functions)} functions takes {floors / MIB:,.0f} MiB, "
            f"and the budget is {budget / MIB:,.0f} MiB: floors are cut.",
            right=f"Set size.auto.budget to {ceil(floors / MIB)}Mi or more, or a lower floor.",
            numbers={"floors": floors, "budget": budget},
        )


def _size_key(section: PoolSection) -> str:
    if section.size.auto is not None:
        return "size.auto.ceiling"
    return "size.fixed" if section.size.schedule is None else "the sizes of the schedule"


def _above(rate: float) -> float:
    return ceil(100 * rate) / 100
