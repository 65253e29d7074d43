"""The memory of the stand-in's device."""

from lamella.testing import strict_cupy
from lamella.testing.strict_cupy.memory import free_memory


def test_free_memory_is_what_was_said() -> None:
    before = strict_cupy.cuda.runtime.memGetInfo()
    with free_memory(10**6):
        assert strict_cupy.cuda.runtime.memGetInfo() == (10**6, before[1])
    assert strict_cupy.cuda.runtime.memGetInfo() == before


def test_the_pool_is_empty_and_has_no_limit() -> None:
    pool = strict_cupy.get_default_memory_pool()
    assert (pool.free_bytes(), pool.used_bytes(), pool.get_limit()) == (0, 0, 0)
