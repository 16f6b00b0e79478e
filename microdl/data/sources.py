"""What a Dataset is to traced functions: something with elements, for which one tensor stands."""

from microdl.compile.branch import tracing
from microdl.core.context import context
from microdl.core.tensor import Tensor, apply
from microdl.data.calls import HasNode
from microdl.data.iterators import Elements, Iterator, TracedIterator, refuse_tracing
from microdl.data.node import DatasetSpec
from microdl.data.traced import VARIANT, Argument, handle_of


class Traced(HasNode, Elements):
    """Base of Dataset."""

    @property
    def wrap(self):
        return type(self)

    def parts(self):
        return [handle_of(self.node)]

    def with_parts(self, parts):
        (handle,) = parts
        return self.of(handle, self.element_spec) if isinstance(handle, Tensor) else DatasetSpec(self.element_spec)

    @classmethod
    def of(cls, handle, element_spec):
        """The Dataset that a Tensor of dtype variant stands for."""
        return cls(Argument(handle, element_spec) if handle.array is None else handle.array[()])

    def __iter__(self):
        if context.graph is None:
            return Iterator(self.node, self.wrap)
        if not tracing():
            refuse_tracing()
        (handle,) = self.next_leaves()
        return TracedIterator(handle, self.element_spec, self.wrap)

    def next_leaves(self):
        """What stands for a new iterator."""
        if context.graph is None:
            return iter(self).parts()
        (handle,) = self.parts()
        if context.graph.open and context.graph.is_given(handle):
            return context.graph.feed(self, [VARIANT])  # so that its elements can be taken beforehand
        return [apply("MakeIterator", handle, wrap=self.wrap)]
