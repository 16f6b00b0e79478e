"""Hands the tasks of a kernel to threads: ``spread(body, tasks, threads, (a, b))`` runs body(task, a, b) for each.

A kernel is written as the work of ONE task, like a block of a CUDA kernel. Whoever is free takes the next tasks, so
threads that the machine disturbs do less; which thread computes what changes no bit, as each output has one owner.

Numba's own ``prange`` would do, but compiles the same loop four times over (outlined function, its wrapper, the caller,
the serial variant). Here the body is compiled once and a few instructions around it do the rest: they pack the
arguments, and call ``numba_parallel_for``, the door to whichever threading layer Numba runs on.
"""

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

INT = ir.IntType(64)
BYTES = ir.IntType(8).as_pointer()
NEXT, COUNT, CHUNK, FAILED, ARGUMENTS = range(5)  # fields of a job
SHARES = 8  # chunks for each worker: few enough to be cheap, enough to even out


@intrinsic
def spread(typing, body, tasks, threads, arguments):
    """Runs ``body(task, *arguments)`` for 0 <= task < ``tasks`` on at most ``threads`` threads; 1 if a task failed.

    tasks, threads: int64. Numba's ``set_num_threads`` limits the threads too.
    """
    signature = body.get_call_type(typing, (types.int64, *arguments.types), {})
    compiled = body.dispatcher.overloads[signature.args]

    def emit(context, builder, _, values):
        _, task_count, most, packed = values
        context.add_linking_libs([compiled.library])
        job_type = ir.LiteralStructType([INT, INT, INT, INT, packed.type])
        worker = _worker(context, builder, compiled.fndesc, signature, job_type)
        job = cgutils.alloca_once(builder, job_type)
        asked = cgutils.get_or_insert_function(builder.module, ir.FunctionType(INT, []), "get_num_threads")
        workers = _least(builder, _least(builder, builder.call(asked, []), most), task_count)
        chunk = builder.sdiv(task_count, builder.mul(workers, INT(SHARES)))
        chunk = builder.select(builder.icmp_signed("<", chunk, INT(1)), INT(1), chunk)
        for field, value in enumerate([INT(0), task_count, chunk, INT(0), packed]):
            builder.store(value, _field(builder, job, field))
        with builder.if_else(builder.icmp_signed("<=", workers, INT(1))) as (serially, in_parallel):
            with serially:
                builder.call(worker, [BYTES(None)] * 3 + [job])
            with in_parallel:
                _parallel_for(builder, worker, workers, job)
        return builder.load(_field(builder, job, FAILED))

    return types.int64(body, tasks, threads, arguments), emit


def _worker(context, caller, descriptor, signature, job_type):
    """void worker(_, _, _, job*): takes the next chunk of tasks until none is left. What each thread runs."""
    worker_type = ir.FunctionType(ir.VoidType(), [BYTES] * 3 + [job_type.as_pointer()])
    worker = ir.Function(caller.module, worker_type, f"{caller.function.name}.worker")
    worker.linkage = "internal"
    builder = ir.IRBuilder(worker.append_basic_block("entry"))
    job = worker.args[-1]
    count, chunk, packed = [builder.load(_field(builder, job, field)) for field in (COUNT, CHUNK, ARGUMENTS)]
    arguments = [
        _uncounted(context, builder, kind, builder.extract_value(packed, i))
        for i, kind in enumerate(signature.args[1:])
    ]
    take, end = worker.append_basic_block("take"), worker.append_basic_block("end")
    builder.branch(take)
    builder.position_at_end(take)
    # The last thing a thread does. On x86 a locked instruction: it also waits for stores past the caches (streams.py).
    first = builder.atomic_rmw("add", _field(builder, job, NEXT), chunk, "monotonic")
    last = _least(builder, builder.add(first, chunk), count)
    with builder.if_then(builder.icmp_signed(">=", first, count)):
        builder.branch(end)
    with cgutils.for_range_slice(builder, first, last, INT(1)) as (task, _):
        status, _ = context.call_internal_no_propagate(builder, descriptor, signature, [task, *arguments])
        with builder.if_then(status.is_error, likely=False):
            builder.store(INT(1), _field(builder, job, FAILED))
    builder.branch(take)
    builder.position_at_end(end)
    builder.ret_void()
    return worker


def _uncounted(context, builder, kind, value):
    """An argument without its reference counter: threads that count references to one array wait for each other."""
    if not isinstance(kind, types.Array):
        return value
    array = context.make_array(kind)(context, builder, value)
    array.meminfo = array.meminfo.type(None)
    return array._getvalue()


def _parallel_for(builder, worker, workers, job):
    """Calls ``worker`` once for each of ``workers``, on Numba's threads.

    numba_parallel_for(function, arrays, sizes, steps, data, inner dimensions, number of arrays, threads) comes from
    Numba's gufuncs: it runs function(arrays, sizes, steps, data) sizes[0] times. There are no arrays; data is the job.
    """
    sizes = cgutils.alloca_once_value(builder, workers)
    signature = ir.FunctionType(ir.VoidType(), [BYTES] * 5 + [INT] * 3)
    entry = cgutils.get_or_insert_function(builder.module, signature, "numba_parallel_for")
    function, size_bytes, job_bytes = [builder.bitcast(pointer, BYTES) for pointer in (worker, sizes, job)]
    builder.call(entry, [function, BYTES(None), size_bytes, BYTES(None), job_bytes, INT(0), INT(0), workers])


def _least(builder, a, b):
    return builder.select(builder.icmp_signed("<", a, b), a, b)


def _field(builder, job, index):
    return builder.gep(job, [ir.IntType(32)(0), ir.IntType(32)(index)], inbounds=True)
