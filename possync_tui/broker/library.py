"""Brings ib_insync in, late, in a thread, and without what nobody here needs of it."""

import asyncio
import builtins
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Final

_SHORT_TURN: Final = 0.0005
_ARRAYS: Final = "eventkit.ops.array"


async def load_library() -> None:
    """Import ib_insync without stopping the event loop.

    eventkit captures the event loop at import, so the importing thread is given the running one.
    The loop gets its turn every half millisecond meanwhile: importing holds the interpreter.
    """
    loop = asyncio.get_running_loop()

    def load() -> None:
        asyncio.set_event_loop(loop)
        turn = sys.getswitchinterval()
        sys.setswitchinterval(_SHORT_TURN)
        try:
            with _numpy_later():
                import ib_insync  # noqa: F401 - loaded only inside the running loop
        finally:
            sys.setswitchinterval(turn)
            asyncio.set_event_loop(None)

    await asyncio.to_thread(load)


@contextmanager
def _numpy_later() -> Iterator[None]:
    """eventkit imports numpy for sums over arrays of events, which nothing here makes.

    It is 80 modules, a third of the time that loading takes and 15 MB. The module with those sums
    gets it when it first asks something of it; what anybody else imports stays as it is.
    """
    if "numpy" in sys.modules or _ARRAYS in sys.modules:
        yield
        return
    finder = _ArraysFinder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _ArraysFinder(MetaPathFinder):
    """Finds one module only, as Python would, and has it loaded in another way."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _ARRAYS:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _ArraysLoader(spec.loader.name, spec.loader.path)
        return spec


class _ArraysLoader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": _import}
        super().exec_module(module)


def _import(name: str, *arguments: object) -> object:
    if name == "numpy":
        return _Later(name)
    return builtins.__import__(name, *arguments)  # type: ignore[arg-type]


class _Later(ModuleType):
    """A module that is imported when something is asked of it."""

    def __getattr__(self, name: str) -> object:
        return getattr(import_module(self.__name__), name)
