"""Which turn of its loops a thread is in, counted by the kernel itself, so that lanes of a warp that skip something in
one turn are put together with the others in the next.

A loop is found in the text of a function's IR: an edge from a block to another that is on the way there leads to the
loop's head, and what reaches that edge without passing the head is the loop (A. V. Aho and others, "Compilers", section
9.6). At each head a call counts: ``emu.turn`` makes one number of the turn and of the one of the loop around it, which
begins with the number of barriers that the block has passed.
"""

import re

from .scheduler import BARRIERS

OUTSIDE = f"getelementptr (i64, ptr @microdl_control, i32 {BARRIERS})"  # of all loops: where barriers are counted
TURNS = """
@microdl_control = external global [8 x i64]
define internal void @emu.turn(ptr %turn, ptr %around) noinline nounwind {
  %outer = load i64, ptr %around
  %last = getelementptr i64, ptr %turn, i32 1
  %count = getelementptr i64, ptr %turn, i32 2
  %before = load i64, ptr %last
  %same = icmp eq i64 %outer, %before
  %n = load i64, ptr %count
  %more = add i64 %n, 1
  %k = select i1 %same, i64 %more, i64 1
  store i64 %outer, ptr %last
  store i64 %k, ptr %count
  %mixed = mul i64 %outer, -7046029254386353131
  %path = add i64 %mixed, %k
  store i64 %path, ptr %turn
  ret void
}
"""
_LABEL = re.compile(r'^("[^"]*"|[\w.$-]+):')
_TARGET = re.compile(r'label %("[^"]*"|[\w.$-]+)')
_PREFIX = "; turn: "  # begins a line that says, for what follows it, where the turn is


def turn_of(line):
    """Where the number of the turn is for what follows this line, if the line says so."""
    return line.removeprefix(_PREFIX) if line.startswith(_PREFIX) else None


def counted(text):
    """The text of a module in which every function but the emulator's counts the turns of its loops."""
    functions = re.split(r"(?m)^(?=define )", text)
    return functions[0] + "".join(f if "@emu." in f.partition("(")[0] else _counted(f) for f in functions[1:])


def _counted(function):
    head, *lines = function.splitlines()
    blocks, order = {"": []}, [""]
    end = lines.index("}")
    for line in lines[:end]:
        if label := _LABEL.match(line):
            order.append(label[1])
            blocks[label[1]] = []
        blocks[order[-1]].append(line)
    if not blocks[""]:
        order.remove("")
    loops = loops_of({name: _TARGET.findall("\n".join(blocks[name])) for name in order}, order[0])
    place = {None: OUTSIDE} | {name: f"%emu.turn.{i}" for i, name in enumerate(loops)}
    made = [head]
    for name in order:
        inside = [loop for loop in loops if name in loops[loop]]
        inside.sort(key=lambda loop: len(loops[loop]))
        innermost, around = (*inside, None, None)[:2]
        first = sum(1 for line in blocks[name] if _LABEL.match(line) or " = phi " in line)
        made += blocks[name][:first]
        if name == order[0]:
            for loop in loops:
                made.append(f"  {place[loop]} = alloca [3 x i64]")
                made.append(f"  store [3 x i64] [i64 0, i64 -1, i64 0], ptr {place[loop]}, align 8")
        if name in loops:
            made.append(f"  call void @emu.turn(ptr {place[name]}, ptr {place[around]})")
        made += [_PREFIX + place[innermost], *blocks[name][first:]]
    return "\n".join([*made, *lines[end:], ""])


def loops_of(next_of, entry):
    """{head: blocks of the loop} for a function's blocks. next_of: {block: blocks that may follow}."""
    loops, seen, path = {}, {entry}, {entry: iter(next_of[entry])}
    before = {name: [block for block in next_of if name in next_of[block]] for name in next_of}
    while path:
        block = next(reversed(path))
        after = next(path[block], None)
        if after is None:
            del path[block]
        elif after in path:
            loops[after] = loops.get(after, {after}) | _reaching(block, after, before)
        elif after not in seen:
            seen.add(after)
            path[after] = iter(next_of[after])
    return loops


def _reaching(block, head, before):
    """The blocks from which ``block`` can be reached without passing ``head``."""
    found, open_ = {head, block}, [block] if block != head else []
    while open_:
        for previous in before[open_.pop()]:
            if previous not in found:
                found.add(previous)
                open_.append(previous)
    return found
