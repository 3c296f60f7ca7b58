"""A compiler for functions that only other compiled functions call: their code is optimised once, within the callers.

Numba optimises every function, makes machine code of it, and links its intermediate code into its callers, where the
same begins again.  With six levels of calls most of the time of a compilation goes into code that nothing runs.
Here a function ends as intermediate code; the cached function at the top optimises all of it together.

Two methods of Numba's code library are replaced that are not public; they are the same from Numba 0.61 to 0.68.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numba import _dynfunc  # type: ignore[attr-defined]
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PartCompiler"]

_CodeLibrary: Any = JITCodeLibrary  # Numba is only partly annotated
_lowering: Callable[[Any], Any] = register_pass(mutates_CFG=True, analysis_only=False)


class Linkable(_CodeLibrary):  # type: ignore[misc]
    """Intermediate code of a function and of all that it calls."""

    def _optimize_final_module(self) -> None:
        """Callers do."""

    def _finalize_final_module(self) -> None:
        """Make no machine code."""
        self._finalized = True


@_lowering
class PartLowering(NativeLowering):
    """Numba's lowering into a library that is only linked."""

    _name = "part_lowering"

    def run_pass(self, state: Any) -> bool:
        """Lower the function and register it as one that compiled functions can call."""
        state.library = Linkable(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)  # type: ignore[no-untyped-call]
        lowered = state["cr"]
        # compiled functions are registered by objects of this kind; it points to no code
        about = lowered.fndesc
        key = _dynfunc.make_function(about.lookup_module(), about.qualname, "", 0, lowered.env, (state.library,))
        state.targetctx.insert_user_function(key, lowered.fndesc, [state.library])
        state["cr"] = lowered._replace(cfunc=key)
        return True


class PartCompiler(CompilerBase):
    """Numba's compiler with ``PartLowering`` in the place of its lowering."""

    def define_pipelines(self) -> list[Any]:
        """The passes."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [(PartLowering if p is NativeLowering else p, about) for p, about in passes.passes]
        passes.finalize()
        return [passes]
