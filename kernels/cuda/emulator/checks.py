"""What stands before each access to memory in a translated kernel, as LLVM IR: a check, and, where asked for, a note.

The check: is [p, p + size) within one piece of the kernel's memory, and p a multiple of what the access needs? The
piece that the same line found last time is tried first; else all are searched. A thread that fails leaves what is wrong
in ``microdl_fault``, and waits for good.

The note (``accesses.py``): (address, bytes and site, turn of the loops) in the thread's row of ``microdl_notes``, while
it has room. What lies on the thread's own stack is in registers on a GPU, and is not noted.
"""

from .scheduler import FAULT
from .switch import MOST_FIBERS

OUT_OF_BOUNDS, MISALIGNED = 1, 2  # kinds of faults

CHECKS = f"""
define internal void @emu.check(ptr %p, i64 %size, i64 %remainder, i32 %site) alwaysinline nounwind {{
  %a = ptrtoint ptr %p to i64
  %end = add i64 %a, %size
  %hint = getelementptr i32, ptr @emu.hints, i32 %site
  %h = load i32, ptr %hint
  %low = getelementptr [2 x i64], ptr @microdl_memory, i32 %h, i32 0
  %high = getelementptr [2 x i64], ptr @microdl_memory, i32 %h, i32 1
  %l = load i64, ptr %low
  %u = load i64, ptr %high
  %above = icmp uge i64 %a, %l
  %below = icmp ule i64 %end, %u
  %inside = and i1 %above, %below
  %rest = and i64 %a, %remainder
  %aligned = icmp eq i64 %rest, 0
  %fine = and i1 %inside, %aligned
  br i1 %fine, label %go, label %look
look:
  call void @emu.search(ptr %p, i64 %size, i64 %remainder, i32 %site)
  br label %go
go:
  ret void
}}
define internal void @emu.search(ptr %p, i64 %size, i64 %remainder, i32 %site) noinline nounwind {{
  %a = ptrtoint ptr %p to i64
  %end = add i64 %a, %size
  %rest = and i64 %a, %remainder
  %aligned = icmp eq i64 %rest, 0
  br i1 %aligned, label %stack, label %fault
stack:
  %bottom = load i64, ptr @microdl_stack_memory
  %top = load i64, ptr getelementptr (i64, ptr @microdl_stack_memory, i32 1)
  %over = icmp uge i64 %a, %bottom
  %under = icmp ule i64 %end, %top
  %local = and i1 %over, %under
  br i1 %local, label %good, label %begin
begin:
  %count = load i64, ptr @microdl_sizes
  br label %next
next:
  %i = phi i64 [ 0, %begin ], [ %j, %again ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %try, label %fault
try:
  %low = getelementptr [2 x i64], ptr @microdl_memory, i64 %i, i32 0
  %high = getelementptr [2 x i64], ptr @microdl_memory, i64 %i, i32 1
  %l = load i64, ptr %low
  %u = load i64, ptr %high
  %above = icmp uge i64 %a, %l
  %below = icmp ule i64 %end, %u
  %inside = and i1 %above, %below
  br i1 %inside, label %found, label %again
again:
  %j = add i64 %i, 1
  br label %next
found:
  %hint = getelementptr i32, ptr @emu.hints, i32 %site
  %short = trunc i64 %i to i32
  store i32 %short, ptr %hint
  br label %good
good:
  ret void
fault:
  %kind = phi i64 [ {MISALIGNED}, %0 ], [ {OUT_OF_BOUNDS}, %next ]
  %wide = zext i32 %site to i64
  store i64 %kind, ptr @microdl_fault
  store i64 %a, ptr getelementptr (i64, ptr @microdl_fault, i32 1)
  store i64 %size, ptr getelementptr (i64, ptr @microdl_fault, i32 2)
  store i64 %wide, ptr getelementptr (i64, ptr @microdl_fault, i32 3)
  call void @emu.wait(i32 {FAULT})
  ret void
}}
"""

NOTES = f"""
@microdl_notes = external global [2 x i64]
@microdl_noted = external global [{MOST_FIBERS} x i64]
define internal void @emu.note(ptr %p, i64 %size, i32 %site, ptr %turn) noinline nounwind {{
  %a = ptrtoint ptr %p to i64
  %bottom = load i64, ptr @microdl_stack_memory
  %top = load i64, ptr getelementptr (i64, ptr @microdl_stack_memory, i32 1)
  %above = icmp uge i64 %a, %bottom
  %below = icmp ult i64 %a, %top
  %own = and i1 %above, %below
  br i1 %own, label %go, label %count
count:
  %t = load i32, ptr @microdl_current
  %noted = getelementptr i64, ptr @microdl_noted, i32 %t
  %n = load i64, ptr %noted
  %more = add i64 %n, 1
  store i64 %more, ptr %noted
  %room = load i64, ptr @microdl_notes
  %fits = icmp ult i64 %n, %room
  br i1 %fits, label %write, label %go
write:
  %start = load ptr, ptr getelementptr (i64, ptr @microdl_notes, i32 1)
  %row = zext i32 %t to i64
  %before = mul i64 %row, %room
  %i = add i64 %before, %n
  %note = getelementptr [3 x i64], ptr %start, i64 %i
  store i64 %a, ptr %note
  %high = shl i64 %size, 32
  %low = zext i32 %site to i64
  %both = or i64 %high, %low
  %second = getelementptr i64, ptr %note, i32 1
  store i64 %both, ptr %second
  %third = getelementptr i64, ptr %note, i32 2
  %when = load i64, ptr %turn
  store i64 %when, ptr %third
  br label %go
go:
  ret void
}}
"""
