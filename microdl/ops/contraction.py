"""Products of two tensors along axes that letters name: the two-operand form of Einstein's summation."""

import string

from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError
from microdl.core.shapes import size_of
from microdl.core.tensor import convert
from microdl.ops.linalg import matmul
from microdl.ops.shaping import reshape, transpose


def spelled_out(equation, rank):
    """The letters of (left, right, result) in "ab...,bc->ac...", with letters for the axes that ``...`` stands for.

    Args: rank: number of axes of the left operand.
    Raises: InvalidArgumentError for an equation of another form.
    """
    left, arrow, result = equation.replace(" ", "").partition("->")
    left, comma, right = left.partition(",")
    letters = [set(part.replace("...", "")) for part in (left, right, result)]
    if not arrow or not comma or not all(part <= set(string.ascii_letters) for part in letters):
        raise InvalidArgumentError(f"einsum: expected an equation like 'ab,bc->ac', got {equation!r}")
    count = rank - len(left.replace("...", ""))
    unused = [letter for letter in string.ascii_letters if letter not in set().union(*letters)]
    if count < 0 or (count and "..." not in left):
        raise InvalidArgumentError(f"einsum: {equation!r} does not fit a left operand of {rank} axes")
    rest = "".join(unused[:count])
    return left.replace("...", rest), right.replace("...", rest), result.replace("...", rest)


@reads_sizes
def contract(equation, a, b):
    """The sum of a * b over the letters that the result lacks: ``contract("abc,cd->abd", a, b)``.

    Axes of one letter in both operands and the result go along side by side, like a batch.
    """
    a, b = convert(a), convert(b)
    left, right, result = spelled_out(equation, a.ndim)
    sizes = dict(zip(right, b.shape, strict=True)) | dict(zip(left, a.shape, strict=True))
    batch = [letter for letter in left if letter in right and letter in result]
    summed = [letter for letter in left if letter in right and letter not in result]
    rows = [letter for letter in left if letter not in right]
    columns = [letter for letter in right if letter not in left]
    if sorted(batch + rows + columns) != sorted(result):
        raise InvalidArgumentError(f"einsum: {equation!r} has letters in the result that no operand has, or twice")
    if any(sizes[letter] != n for letter, n in zip(right, b.shape, strict=True)):
        raise InvalidArgumentError(
            f"einsum: {equation!r} names axes of different sizes alike: shapes {a.shape} and {b.shape}"
        )

    def matrices(x, letters, first, second):
        order = [letters.index(letter) for letter in [*batch, *first, *second]]
        moved = x if order == sorted(order) else transpose(x, order)
        return reshape(moved, [size_of(sizes[c] for c in group) for group in (batch, first, second)])

    product = matmul(matrices(a, left, rows, summed), matrices(b, right, summed, columns))
    have = [*batch, *rows, *columns]
    product = reshape(product, [sizes[letter] for letter in have])
    order = [have.index(letter) for letter in result]
    return product if order == sorted(order) else transpose(product, order)
