"""One BLAS thread in a block, whoever else is in such a block."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from threadpoolctl import threadpool_limits

from lamella.record import blas
from lamella.studies.threads import one_blas_thread


def threads() -> set[int]:
    return {library["threads"] for library in blas()}


def test_a_block_has_one_thread_and_gives_back_what_was_there() -> None:
    with threadpool_limits(2, user_api="blas"):
        if threads() != {2}:
            pytest.skip("this BLAS does not take two threads")
        with one_blas_thread():
            assert threads() == {1}
            with one_blas_thread():
                assert threads() == {1}
            assert threads() == {1}
        assert threads() == {2}


def test_what_leaves_first_does_not_give_threads_to_what_is_still_there() -> None:
    second_is_in, first_is_out = Barrier(2), Barrier(2)

    def second() -> set[int]:
        with one_blas_thread():
            second_is_in.wait(10)
            first_is_out.wait(10)
            return threads()

    with threadpool_limits(2, user_api="blas"), ThreadPoolExecutor(1) as pool:
        if threads() != {2}:
            pytest.skip("this BLAS does not take two threads")
        with one_blas_thread():
            seen = pool.submit(second)
            second_is_in.wait(10)
        first_is_out.wait(10)
        assert seen.result() == {1}


def test_threads_are_given_back_after_an_error() -> None:
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        with pytest.raises(ZeroDivisionError), one_blas_thread():
            raise ZeroDivisionError
        assert threads() == before
