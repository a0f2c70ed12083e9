"""Compiled functions: numba, without fast math, so that every machine gives the same bits."""

from collections.abc import Callable

import numba


def compiled(function: Callable) -> Callable:
    """Compile `function` at its first call and keep the result on disk for later processes.

    The cache is beside the source, or in the user's cache folder if that is read-only (NUMBA_CACHE_DIR names another);
    if neither is writable, each process compiles anew. The global interpreter lock is released. Numba's cache checks
    only the file of `function`: keep what it calls in the same file.
    """
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # numba found no writable cache folder
        return numba.njit(nogil=True)(function)
