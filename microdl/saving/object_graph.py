"""The objects that hang together with one of them, named by the shortest way there, and what of each is kept.

Names are TensorFlow's: ``net/l1/kernel/.ATTRIBUTES/VARIABLE_VALUE``. They are for readers alone; a restoration follows
the edges of the stored graph, so an object may be reached another way than when it was saved.
"""

import json

import numpy as np

from microdl.core.trackable import Trackable
from microdl.core.variable import Variable
from microdl.saving.states import PythonState
from microdl.saving.texts import as_bytes, as_text

GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"  # where TensorFlow keeps the graph
VALUE, ITERATOR, TEXT = "VARIABLE_VALUE", "ITERATOR_STATE", "py_state"


def is_trackable(value):
    """Whether a checkpoint can keep ``value`` or look into it."""
    return isinstance(value, (Variable, Trackable, list, tuple, dict)) or is_iterator(value)


def is_iterator(value):
    """Whether it says where it stands by ``state()`` and goes there by ``restore(state)``."""
    kind = type(value)
    return callable(getattr(kind, "state", None)) and callable(getattr(kind, "restore", None))


def kept_of(node):
    """The name of what a checkpoint keeps of an object by itself, or None."""
    if isinstance(node, Variable):
        return VALUE
    if isinstance(node, PythonState):
        return TEXT
    if isinstance(node, (Trackable, list, tuple, dict)):
        return None
    return ITERATOR if is_iterator(node) else None


def children_of(node):
    """(name, child) for what an object leads to directly."""
    if isinstance(node, Variable):
        return
    if isinstance(node, Trackable):
        parts = node._trackables().items()
    elif isinstance(node, dict):
        parts = node.items()
    elif isinstance(node, (list, tuple)):
        parts = enumerate(node)
    else:
        return
    for name, part in parts:
        if _leads_somewhere(part):
            yield str(name), part


def _leads_somewhere(part):
    if isinstance(part, dict):
        return any(map(_leads_somewhere, part.values()))
    if isinstance(part, (list, tuple)):
        return any(map(_leads_somewhere, part))
    return is_trackable(part)


def walk(root):
    """(objects, children, paths): every object that ``root`` leads to, nearest first, ``root`` itself at 0.

    children: for each object a dict from names to numbers of objects. paths: str for each, "" for the root.
    """
    objects, children, paths = [root], [], [""]
    numbers = {id(root): 0}
    for number, node in enumerate(objects):  # grows on the way
        children.append({})
        for name, child in children_of(node):
            if id(child) not in numbers:
                numbers[id(child)] = len(objects)
                objects.append(child)
                paths.append(f"{paths[number]}/{_escaped(name)}".removeprefix("/"))
            if children[number].setdefault(name, numbers[id(child)]) != numbers[id(child)]:
                raise ValueError(f"two parts have the same name, {name!r} in {paths[number] or 'the checkpoint'!r}")
    return objects, children, paths


def _escaped(name):
    """TensorFlow's way to keep slashes in names apart from those between names."""
    return name.replace(".", "..").replace("/", ".S")


def to_arrays(root):
    """(arrays, nodes): what a checkpoint of ``root`` holds.

    arrays: dict from keys to arrays. nodes: for each object {"children": {name: number}, "kept": {attribute: key}}.
    """
    objects, children, paths = walk(root)
    arrays, nodes = {}, []
    for node, edges, path in zip(objects, children, paths, strict=True):
        kept = kept_of(node)
        key = f"{path}/.ATTRIBUTES/{kept}".removeprefix("/")
        if kept == VALUE:
            arrays[key] = array_of(node)
        elif kept == TEXT:
            arrays[key] = as_bytes(node.serialize())
        elif kept == ITERATOR:
            parts = []
            state = _without_arrays(node.state(), parts)
            arrays[key] = as_bytes(json.dumps(state))
            arrays.update({f"{key}/{i}": part for i, part in enumerate(parts)})
        nodes.append({"children": edges, "kept": {kept: key} if kept else {}})
    return arrays, nodes


def array_of(variable):
    """A Variable's values as an array; strings are objects in it."""
    value = variable.numpy()
    if isinstance(value, bytes):  # one string alone
        value = np.array(value, object)
    return value


def from_arrays(node, key, arrays):
    """Gives an object its state back. arrays: as in the checkpoint."""
    if isinstance(node, Variable):
        node.assign(arrays[key])
    elif isinstance(node, PythonState):
        node.deserialize(as_text(arrays[key]))
    else:
        node.restore(_with_arrays(json.loads(as_text(arrays[key])), key, arrays))


def _without_arrays(state, parts):
    """``state`` for JSON: its arrays go to the list ``parts``; arrays of text, which have no fixed size, do not."""
    if isinstance(state, np.ndarray) and state.dtype.kind in "OSU":
        texts = [x.decode("latin-1") if isinstance(x, bytes) else x for x in state.ravel().tolist()]
        are_bytes = [isinstance(x, bytes) for x in state.ravel().tolist()]
        return {"__texts__": texts, "bytes": are_bytes, "shape": state.shape}
    if isinstance(state, np.ndarray):
        parts.append(state)
        return {"__array__": len(parts) - 1}
    if isinstance(state, np.generic):
        return state.item()
    if isinstance(state, dict):
        return {key: _without_arrays(value, parts) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return [_without_arrays(value, parts) for value in state]
    return state


def _with_arrays(state, key, arrays):
    if isinstance(state, list):
        return [_with_arrays(value, key, arrays) for value in state]
    if not isinstance(state, dict):
        return state
    if "__array__" in state:
        return arrays[f"{key}/{state['__array__']}"]
    if "__texts__" in state:
        array = np.empty(len(state["__texts__"]), object)
        array[:] = [t.encode("latin-1") if b else t for t, b in zip(state["__texts__"], state["bytes"], strict=True)]
        return array.reshape(state["shape"])
    return {name: _with_arrays(value, key, arrays) for name, value in state.items()}
