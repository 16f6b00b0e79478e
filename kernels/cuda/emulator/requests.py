"""What the accesses of a block's warps cost, by the rules of NVIDIA's documentation.

The lanes of a warp that execute an access together make one **request**: those that do it in the same turn of the loops
around it (``turns.py``), as if lanes that take another way had been waited for.

Global memory comes in **sectors** of 32 bytes. A request takes as many as its bytes lie in; the least is the sectors
that so many bytes fill: 32 floats side by side take 4 of 4, at a stride of two 8 of 4, at a stride of 32 32 of 4, and
one float that all lanes read takes 1 of 1. (CUDA C++ Best Practices Guide, "Coalesced Access to Global Memory".)

Shared memory has 32 **banks**: that of an address is (address / 4) mod 32. In one **wavefront** each bank gives one
word of four bytes, to all lanes that ask for it. A request takes as many as the bank that is asked for most has words
to give. The halves of a warp take turns where each lane has 8 bytes, and its quarters where each has 16, so that the
least is 1, 2 or 4; lanes that update the same word take turns too. (CUDA C++ Programming Guide, "Shared Memory".)
"""

import numpy as np

WARP, SECTOR, BANKS, WORD = 32, 32, 32, 4


def costs(columns, shared):
    """(site, taken, least) of each request: int64 arrays; taken and least are sectors, or wavefronts if ``shared``.

    columns: (threads, sites, turns, addresses, widths, updates), a row for each access of a block, those of a thread in
    order. threads, sites, turns: int64, their numbers. addresses: int64, bytes, from the beginning of shared memory if
    ``shared``, multiples of ``widths``: int64, bytes of an access, 1 to 16. updates: bool, whether it is atomic.
    """
    threads, sites, turns, addresses, widths, updates = columns
    numbers = _numbered([executions(threads, sites, turns), turns, threads // WARP, sites])
    site = np.empty(numbers.max(initial=-1) + 1, np.int64)
    site[numbers] = sites
    if shared:
        return site, *_wavefronts(numbers, threads % WARP, addresses, widths, updates, site.size)
    return site, *_sectors(numbers, addresses, widths, site.size)


def executions(*columns):
    """How many rows before each are equal to it."""
    order = np.lexsort(columns)  # keeps the order of equal ones
    starts = _starts([column[order] for column in columns])
    counts = np.empty(order.size, np.int64)
    counts[order] = np.arange(order.size) - np.repeat(starts, np.diff(np.append(starts, order.size)))
    return counts


def _starts(columns):
    """Where sorted rows differ from those before them."""
    if not columns[0].size:
        return np.zeros(0, np.int64)
    different = np.any([column[1:] != column[:-1] for column in columns], 0)
    return np.flatnonzero(np.append(True, different))


def _numbered(columns):
    """0, 1... for each row, equal for equal rows."""
    order = np.lexsort(columns)
    starts = _starts([column[order] for column in columns])
    numbers = np.empty(order.size, np.int64)
    numbers[order] = np.repeat(np.arange(starts.size), np.diff(np.append(starts, order.size)))
    return numbers


def _distinct(*columns):
    """The distinct rows."""
    order = np.lexsort(columns)
    sorted_ = [column[order] for column in columns]
    starts = _starts(sorted_)
    return [column[starts] for column in sorted_]


def _sectors(numbers, addresses, widths, count):
    sector_of, _ = _distinct(numbers, addresses // SECTOR)
    number, _, width = _distinct(numbers, addresses, widths)
    asked = np.bincount(number, width, count).astype(np.int64)
    return np.bincount(sector_of, minlength=count), -(-asked // SECTOR)


def _wavefronts(numbers, lanes, addresses, widths, updates, count):
    parts = np.maximum(widths, WORD) // WORD  # that take turns: 1, 2 or 4
    turns = numbers * 4 + lanes * parts // WARP
    words, merged = addresses // WORD, ~updates
    turn, word = (np.repeat(column, parts) for column in (turns, words))
    within = np.arange(word.size) - np.repeat(np.cumsum(parts) - parts, parts)
    word, merged = word + within, np.repeat(merged, parts)
    together = _distinct(turn[merged], word[merged])
    turn, word = (np.append(a, b[~merged]) for a, b in zip(together, (turn, word), strict=True))
    in_bank = np.bincount(turn * BANKS + word % BANKS, minlength=count * 4 * BANKS).reshape(count, 4, BANKS)
    return in_bank.max(2, initial=0).sum(1), in_bank.any(2).sum(1)
