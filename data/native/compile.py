"""The processes that make machine code of kernels for `intrex.data.native.library`, and try it: each is told what to do by its
command line.

They are processes of their own because numba would optimise every function by itself and make machine code of it at
once. Told not to, which must happen before it is imported, it leaves the work to one pass over all of them, which takes
a third less time; a user's own numba, its settings and the memory of this process are left alone; and two processors
compile at once.
"""  # noqa: D205

from __future__ import annotations

import base64
import gc
import importlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from intrex.data.native.library import PREFIX, link, machine

_ADDRESS = re.compile(r"inttoptr \(i64 \d+ to [^)]+\)")


def compile_kernels() -> None:
    """Write kernels and their declarations: the arguments are the file, and modules or ``module:kernel``."""
    out, *modules = sys.argv[1:]
    sys.excepthook = lambda kind, error, _: print(kind.__name__, *str(error).split()[:50], file=sys.stderr)
    gc.disable()  # numba makes millions of objects, most of which stay
    import llvmlite.binding as llvm

    os.environ["NUMBA_OPT"] = "0"
    kernels = [kernel for module in modules for kernel in _declared(module)]
    whole, target = _linked(llvm, kernels), machine(llvm)
    builder = llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options(speed_level=3))
    builder.getModulePassManager().run(whole, builder)
    declared = [(kernel.name, kernel.arguments()) for kernel in kernels]
    code = base64.b64encode(target.emit_object(whole)).decode("ascii")
    Path(out).write_text(json.dumps([declared, code]) + "\n", encoding="ascii")


def _declared(module: str) -> list[Any]:
    """Find the kernels of a module, or the one that is named."""
    from intrex.data.native.jit import Kernel

    module, _, name = module.partition(":")
    found = vars(importlib.import_module(module))
    return [found[name]] if name else [one for one in found.values() if isinstance(one, Kernel)]


def _linked(llvm: Any, kernels: list[Any]) -> Any:
    """Put the LLVM code that numba makes of kernels together, each under a plain name.

    Addresses in this process, of functions that are passed to others, and names that have them are taken out: no code
    reads them, and the same source shall give the same file.
    """
    whole = llvm.parse_assembly("")
    for kernel in kernels:
        text, name = kernel.assembly()
        one = llvm.parse_assembly(_ADDRESS.sub("null", text))
        one.get_function(name).name = f"{PREFIX}{kernel.name}"
        whole.link_in(one)
    for i, function in enumerate(whole.functions):
        if not function.is_declaration and not function.name.startswith(PREFIX):
            function.name = f"{kernels[0].name}_{i}"
    for variable in whole.global_variables:
        variable.linkage = "internal"  # and most are gone then
    return whole


def call_trial() -> None:
    """When told on standard input, link files of `compile_kernels` and call the kernel that is there to be tried."""
    import llvmlite.binding as llvm

    if sys.stdin.read() != "go":
        sys.exit(1)
    link(llvm, b"".join(Path(file).read_bytes() for file in sys.argv[1:]))
