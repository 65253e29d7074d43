"""On PYTHONPATH, make numba name 64-bit ARM as its processor: lamella then runs its code for ARM.

The machine code is that of the real processor. Its files are kept under the other name.
"""

import contextlib

with contextlib.suppress(ImportError):
    from numba.core.codegen import JITCPUCodegen

    _real = JITCPUCodegen.magic_tuple
    JITCPUCodegen.magic_tuple = lambda self: ("aarch64", *_real(self)[1:])
