"""The processes that make machine code of kernels for `intrex.data.native.library`, and try it: each is told what to do by its
command line.

They are processes of their own because numba would optimise every function by itself and make machine code of it at
once. Told not to, which must happen before it is imported, it leaves the work to one pass over all of them, which takes
a third less time; a user's own numba, its settings and the memory of this process are left alone; and two processors
compile at once.
"""  # noqa: D205

from __future__ import annotations

import ast
import gc
import importlib
import os
import sys
from pathlib import Path
from typing import Any

from intrex.data.native.library import Library, link, machine


def compile_entries() -> None:
    """Write the object file of some kernels: the arguments are the file and the entries of a `Library`."""
    out, entries = sys.argv[1:]
    gc.disable()  # numba makes millions of objects, most of which stay
    import llvmlite.binding as llvm

    once = hasattr(llvm, "create_pass_builder")  # since llvmlite 0.44
    os.environ["NUMBA_OPT"] = "0" if once else "3"
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    whole, target = _linked(llvm, ast.literal_eval(entries)), machine(llvm)
    if once:
        builder = llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options(speed_level=3))
        builder.getModulePassManager().run(whole, builder)
    Path(out).write_bytes(target.emit_object(whole))


def _linked(llvm: Any, entries: tuple[tuple[str, str, int], ...]) -> Any:
    """The LLVM code that numba makes of kernels, each under a plain name."""
    whole = None
    for module, name, _ in entries:
        (text,) = getattr(importlib.import_module(module), name).inspect_llvm().values()
        one = llvm.parse_assembly(text)
        (own,) = (f for f in one.functions if not f.is_declaration and f"{len(name)}{name}B" in f.name)
        own.name = f"intrex_{name}"
        if whole is None:
            whole = one
        else:
            whole.link_in(one)
    return whole


def rehearse() -> None:
    """When told on standard input, link object files and call a kernel: the arguments are the files and a `Library`."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    where, entries, *files = sys.argv[1:]
    importlib.import_module(where.split(":")[0])
    if sys.stdin.read() != "go":
        sys.exit(1)
    link(llvm, [Path(file).read_bytes() for file in files], Library("", (), ast.literal_eval(entries), where))
