"""Compiles kernels, and the functions that only they call, in about half of the time that Numba takes.

Numba optimises every function by itself, makes machine code and a Python wrapper for it, and then links its optimised
code into each caller, where all is optimised again; so code that lies four calls deep is optimised four times. For the
functions of a kernel one time is enough: here they are only lowered to LLVM IR and linked. The kernel, compiled the
usual way, gets everything at once, inlines, optimises and translates it.
"""

import gc
from typing import Any

from llvmlite.binding import Linkage
from numba.core import cgutils
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.registry import CPUDispatcher
from numba.core.typed_passes import NativeLowering

_compile_for_args: Any = getattr(CPUDispatcher, "_compile_for_args")  # noqa: B009 (type checkers do not see it)


class _LinkedLibrary(JITCodeLibrary):
    """LLVM IR that waits to be linked into a kernel's library."""

    def _optimize_functions(self, ll_module):
        ll_module.data_layout = self._codegen._data_layout  # without it the kernel's would not match

    def finalize(self):
        """Leaves all to the kernel's library, but lets it meet these functions more than once."""
        self._raise_if_finalized()
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage == Linkage.external:
                function.linkage = "linkonce_odr"
        for library in self._linking_libraries:
            self._reload_init.update(library._reload_init)
        self._finalize_dynamic_globals()
        self._finalized = True

    def _get_module_for_linking(self):
        """These functions and all that they call: each goes into a kernel once, not into every caller on the way."""
        self._ensure_finalized()
        module, waiting, seen = self._final_module.clone(), list(self._linking_libraries), {self}
        while waiting:
            library = waiting.pop()
            if library in seen:
                continue
            seen.add(library)
            if isinstance(library, _LinkedLibrary):
                module.link_in(library._final_module, preserve=True)
                waiting += library._linking_libraries
            else:
                module.link_in(library._get_module_for_linking(), preserve=True)
        return module


class _LowerToLink(Lower):
    """Numba's lowering without what it does for debuggers: asking LLVM for the size of every variable takes long."""

    def alloca_lltype(self, name, lltype, datamodel=None):
        return cgutils.alloca_once(self.builder, lltype, name=name, zfill=False)


@register_pass(mutates_CFG=True, analysis_only=False)
class _LoweringToLink(NativeLowering):
    """Numba's lowering into a library that makes no machine code."""

    _name = "microdl_lowering_to_link"
    lowering_class: Any = _LowerToLink

    def run_pass(self, state):
        state.library = _LinkedLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)
        entry = object()  # stands for what Numba would call from Python; it tells compiled functions apart by that
        state.targetctx.insert_user_function(entry, state["cr"].fndesc, [state.library])
        state["cr"] = state["cr"]._replace(cfunc=entry)
        return True


class _CompilerToLink(CompilerBase):
    """Numba's nopython pipeline, ending in LLVM IR."""

    def define_pipelines(self):
        pipeline = DefaultPassBuilder.define_nopython_pipeline(self.state)
        pipeline.passes = [(_LoweringToLink if step is NativeLowering else step, why) for step, why in pipeline.passes]
        pipeline.finalize()
        return [pipeline]


class CompiledKernel(CPUDispatcher):
    """A function that is called from Python, compiled with ``options`` for each signature that it is called with."""

    def __init__(self, function, options):
        super().__init__(function, targetoptions=options | {"nopython": True, "no_cfunc_wrapper": True})

    def _compile_for_args(self, *args, **kwargs):
        collects = gc.isenabled()
        gc.disable()  # a compiler makes many objects and drops few: looking for garbage meanwhile costs a tenth
        try:
            return _compile_for_args(self, *args, **kwargs)
        finally:
            if collects:
                gc.enable()


class LinkedFunction(CPUDispatcher):
    """A function for kernels to call, compiled with ``options`` for each signature that they call it with."""

    def __init__(self, function, options):
        wrappers = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
        options = options | wrappers | {"nopython": True}
        super().__init__(function, targetoptions=options, pipeline_class=_CompilerToLink)

    def add_overload(self, cres):
        self.overloads[tuple(cres.signature.args)] = cres

    def _compile_for_args(self, *args, **kwargs):
        raise TypeError(
            f"{self.py_func.__name__} is compiled into the kernels that call it and cannot be called from Python; "
            "call it in a function decorated with @kernel"
        )
