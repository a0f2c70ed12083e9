"""Compiled functions: numba, without fast math, so that every machine gives the same bits."""

from collections.abc import Callable

import numba


def compiled(function: Callable) -> Callable:
    """Compile `function` at its first call and keep the result on disk for later processes.

    It is kept beside the source, or in the user's cache folder where that is read-only (NUMBA_CACHE_DIR names
    another); where neither can be written, each process compiles anew. The global interpreter lock is released. Numba
    looks at the file of `function` alone: keep what it calls in the same file.
    """
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # numba found no place to keep it
        return numba.njit(nogil=True)(function)
