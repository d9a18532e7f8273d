"""No order can be sent: what the program may say to TWS is a list, held on every way out."""

import ast
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import possync_tui
from possync_tui.broker.requests import ALLOWED_REQUESTS

ROOT = Path(possync_tui.__file__).parent
BROKER = ROOT / "broker"
WIRE = BROKER / "wire.py"
LIBRARY = BROKER / "library.py"
# All that `wire.py` touches of the library's objects.
OF_THE_LIBRARY = {"IB", "ExecutionFilter", "Contract"}
OF_IB = {"client", "wrapper", "_logger"}
OF_CLIENT = {
    # state and hooks
    "_logger", "decoder", "conn", "apiError", "_data", "_onSocketHasData", "sendMsg",
    "connectAsync", "disconnect", "reset", "isReady", "serverVersion", "getAccounts", "getReqId",
    # requests
    "reqPositions", "reqExecutions", "reqCurrentTime", "reqAccountUpdates", "reqPnLSingle",
    "cancelPnLSingle", "reqContractDetails",
}  # fmt: skip
OF_BOTH = {"__init__", "connectAsync"}
WAYS_AROUND = {"eval", "exec", "compile", "__import__", "globals", "vars", "setattr", "delattr"}
WAYS_OUT = {"write", "writelines", "send", "sendto", "sendall", "sendMsg", "sock_sendall"}


@cache
def trees(folder: Path = ROOT) -> tuple[tuple[Path, ast.Module], ...]:
    found = sorted(folder.rglob("*.py"))
    assert found
    return tuple((path, ast.parse(path.read_text(encoding="utf-8"))) for path in found)


def class_of_the_library(module: str, name: str) -> ast.ClassDef:
    """Its source, not imported: that would need an event loop."""
    found = importlib.util.find_spec("ib_insync")
    assert found is not None
    assert found.origin is not None
    source = Path(found.origin).with_name(f"{module}.py").read_text(encoding="utf-8")
    (made,) = (
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name == name
    )
    return made


def requests_of_the_library() -> dict[str, set[int]]:
    """Methods of ib_insync's client, with the message ids that each sends."""
    made = class_of_the_library("client", "Client")
    sends: dict[str, set[int]] = {}
    for method in made.body:
        if isinstance(method, ast.FunctionDef):
            ids = set(_ids_sent_by(method))
            if ids:
                sends[method.name] = ids
    return sends


def _ids_sent_by(method: ast.FunctionDef) -> Iterator[int]:
    """The first field of what is sent: an argument of `send`, or of a list that goes there."""
    for node in ast.walk(method):
        first: ast.expr | None = None
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "self.send" and node.args:
            first = node.args[0]
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.List):
            first = next(iter(node.value.elts), None)
        if isinstance(first, ast.Constant) and type(first.value) is int:
            yield first.value


def forbidden_names() -> set[str]:
    """Names of the library, in its client and above, that lead to a request not on the list."""
    requests = requests_of_the_library()
    names = {name for name, ids in requests.items() if not ids <= set(ALLOWED_REQUESTS)}
    made = class_of_the_library("ib", "IB")
    calls = {
        method.name: {node.attr for node in ast.walk(method) if isinstance(node, ast.Attribute)}
        for method in made.body
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    # Connecting asks for orders, too; by that name the client has a way of its own, which does not.
    calls = {name: called for name, called in calls.items() if name not in OF_BOTH}
    while more := {name for name, called in calls.items() if called & names} - names:
        names |= more
    return names


def test_the_library_is_read_right() -> None:
    """Else the tests below would look for nothing."""
    requests = requests_of_the_library()
    assert len(requests) > 60
    assert requests["placeOrder"] == {3}
    assert requests["cancelOrder"] == {4}
    assert requests["exerciseOptions"] == {21}
    assert requests["reqGlobalCancel"] == {58}
    assert requests["reqMktData"] == {1}
    assert {name for name, ids in requests.items() if ids <= set(ALLOWED_REQUESTS)} == {
        *(name for name in ALLOWED_REQUESTS.values())
    }
    assert forbidden_names() > {
        *("placeOrder", "cancelOrder", "exerciseOptions", "reqGlobalCancel", "replaceFA"),
        *("whatIfOrder", "whatIfOrderAsync", "reqOpenOrders", "reqAutoOpenOrders", "reqMktData"),
    }


def test_no_name_leads_to_another_request() -> None:
    forbidden = forbidden_names()
    found: list[str] = []
    for path, tree in trees():
        if path.is_relative_to(ROOT / "demo"):
            # The simulated TWS knows the names of what it refuses; it never imports the library.
            continue
        for node in ast.walk(tree):
            match node:
                case ast.Attribute(attr=name) | ast.Name(id=name) | ast.alias(name=name):
                    pass
                case ast.Constant(value=str(name)):
                    pass
                case _:
                    continue
            if name in forbidden or name.rpartition(".")[2] in forbidden:
                found.append(f"{path.name}: {name}")
    assert not found


def test_the_library_is_used_in_one_place_and_two_names_of_it_are_used() -> None:
    places: set[Path] = set()
    for path, tree in trees():
        for node in ast.walk(tree):
            match node:
                case ast.Import(names=names):
                    modules = [alias.name for alias in names]
                case ast.ImportFrom(module=str(module)):
                    modules = [module]
                case ast.Constant(value=str(text)) if text in ("ib_insync", "ib_async"):
                    # A name for `importlib`, or a mention; the mentions are in sentences.
                    modules = [text]
                case _:
                    continue
            if any(module.partition(".")[0] in ("ib_insync", "ib_async") for module in modules):
                places.add(path)
    assert places == {WIRE, LIBRARY}
    # The other file has it loaded, and never holds it.
    loading = ast.walk(ast.parse(LIBRARY.read_text(encoding="utf-8")))
    assert "ib_insync" not in {node.id for node in loading if isinstance(node, ast.Name)}
    used: dict[str, set[str]] = {"library": set(), "self._ib": set(), "self._client": set()}
    aliases = {"client": "self._client"}
    for node in ast.walk(ast.parse(WIRE.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value)
            owner = aliases.get(owner, owner)
            if owner in used:
                used[owner].add(node.attr)
    assert used["library"] <= OF_THE_LIBRARY
    assert used["self._ib"] <= OF_IB
    assert used["self._client"] <= OF_CLIENT
    assert all(used.values())


def test_there_is_no_way_around() -> None:
    """No name is looked up by text; bytes leave by the guarded gate, or as a probe's greeting."""
    for path, tree in trees(BROKER):
        if path == LIBRARY:
            # It says what eventkit may import, before there is a wire.
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                assert node.id not in WAYS_AROUND, (path, node.lineno)
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr":
                assert isinstance(node.args[1], ast.Constant), (path, node.lineno)
            if isinstance(node, ast.Attribute):
                assert node.attr != "__dict__", (path, node.lineno)
                if node.attr in WAYS_OUT:
                    assert path in (WIRE, BROKER / "probe.py"), (path, node.lineno)
    gates = [
        ast.unparse(node)
        for node in ast.walk(ast.parse(WIRE.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in WAYS_OUT
    ]
    assert sorted(gates) == [
        *(
            "connection.sendMsg",
            "connection.sendMsg",
            "self._client.sendMsg",
            "self._client.sendMsg",
        )
    ]
