"""Kernel of a matrix product: a small tile of the result, held in vector registers.

Each number of a tile is a chain of fused multiply-adds in the order of the sum's terms. Hence the
bits of a product depend neither on the vector width, nor on the tiling, nor on the threads.

Written in LLVM IR. Requires numba and a processor with `lamella.backend.numba.registers`.
"""

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from lamella.backend.numba.registers import REGISTERS

assert REGISTERS is not None  # see `lamella.backend.numba.products_problem`
VECTOR = REGISTERS.size  # bytes
READS_WHOLE = not REGISTERS.is_masked  # whole registers of the second factor, without masks
# Rows and vectors of a tile, whose sums take half of the registers. HALF is the width of the tile
# at the right edge, TALL the height of the tile for narrow products.
ROWS = 4
WIDTH = REGISTERS.number // (2 * ROWS)
HALF = WIDTH // 2
TALL = 2 * ROWS

END = 255  # terminates a list of terms

INDEX = ir.IntType(64)
LANE = ir.IntType(32)


@intrinsic(prefer_literal=True)
def multiply_tile(
    _, height, width, a, a_at, a_row, a_column, b, b_at, b_row, out, out_at, out_row,
    terms, terms_at, rows, columns, old,
):  # fmt: skip
    """Write ``out[i, j] = old out[i, j] + sum of a[i, k] b[k, j]`` over the listed terms ``k``.

    The terms are the bytes of ``terms`` from ``terms_at`` up to END; ``i < rows``, ``j < columns``
    and ``old`` is 0 or 1. The arrays are vectors of one float type: element (i, k) of ``a`` lies at
    ``a_at + i a_row + k a_column``, (k, j) of ``b`` at ``b_at + k b_row + j`` and (i, j) of ``out``
    at ``out_at + i out_row + j``. The tile has at most ``height`` rows of ``width`` registers; both
    are literal numbers. Where READS_WHOLE, rows of ``b`` are read up to this width.
    """
    vector = vector_of(a)
    places = range(height.literal_value), range(width.literal_value)
    index = types.intp
    signature = types.void(
        height, width, a, index, index, index, b, index, index, out, index, index,
        terms, index, index, index, index,
    )  # fmt: skip

    def write(context, code, signature, values):
        a_row, a_column, b_row, out_row = (values[i] for i in (4, 5, 8, 11))
        rows, columns, old = values[14:]
        a, b, out, terms = (
            element(context, code, signature.args[i], values[i], values[i + 1])
            for i in (2, 6, 9, 12)
        )
        fused = function(code, "fma", vector, [vector] * 3)
        # Rows past the last repeat it and are not written.
        last = code.sub(rows, INDEX(1))
        row = [
            code.select(code.icmp_signed("<", last, INDEX(i)), last, INDEX(i)) for i in places[0]
        ]
        a_rows = [code.gep(a, [code.mul(i, a_row)]) for i in row]
        out_rows = [code.gep(out, [code.mul(i, out_row)]) for i in row]
        inside = [mask(code, columns, v, vector) for v in places[1]]
        # The compiler promotes these stack slots to registers.
        zero = ir.Constant(vector, None)
        sums = [[cgutils.alloca_once_value(code, zero) for _ in places[1]] for _ in places[0]]
        with code.if_then(code.icmp_signed("!=", old, INDEX(0))):
            for i in places[0]:
                for v in places[1]:
                    start = load_vector(code, out_rows[i], v, inside[v], vector)
                    code.store(start, sums[i][v])
        for k in loop_over_terms(code, terms):
            b_k = code.gep(b, [code.mul(k, b_row)])
            a_k = code.mul(k, a_column)
            masks = [None for _ in inside] if READS_WHOLE else inside
            factors = [load_vector(code, b_k, v, masks[v], vector) for v in places[1]]
            for i in places[0]:
                x = repeat(code, code.load(code.gep(a_rows[i], [a_k])), vector)
                for v in places[1]:
                    total = code.call(fused, [x, factors[v], code.load(sums[i][v])])
                    code.store(total, sums[i][v])
        for i in places[0]:
            with code.if_then(code.icmp_signed("<", INDEX(i), rows), likely=True):
                for v in places[1]:
                    store_vector(code, code.load(sums[i][v]), out_rows[i], v, inside[v])
        return context.get_dummy_value()

    return signature, write


@intrinsic(prefer_literal=True)
def copy_vectors(_, vectors, source, source_at, target, target_at, columns, ahead):
    """Copy ``columns`` numbers into ``vectors`` registers' worth of memory, padded with zeros.

    ``vectors`` is a literal number. Prefetch the numbers that lie ``ahead`` numbers after the
    source.
    """
    vector = vector_of(source)
    signature = types.void(vectors, source, types.intp, target, *[types.intp] * 3)

    def write(context, code, signature, values):
        here, there = (
            element(context, code, signature.args[i], values[i], values[i + 1]) for i in (1, 3)
        )
        for v in range(vectors.literal_value):
            numbers = load_vector(code, here, v, mask(code, values[5], v, vector), vector)
            store_vector(code, numbers, there, v)
            prefetch(code, vector_at(code, code.gep(here, [values[6]]), v, vector))
        return context.get_dummy_value()

    return signature, write


@intrinsic
def transpose_tile(_, source, source_at, source_row, rows, columns, target, target_at, target_row):
    """Write the transpose of a square as wide as a register.

    The source has only ``rows`` and ``columns`` of it; the other elements are finite if the source
    is.
    """
    vector = vector_of(source)
    side = vector.count
    signature = types.void(source, *[types.intp] * 4, target, *[types.intp] * 2)

    def write(context, code, signature, values):
        _, _, source_row, rows, columns, _, _, target_row = values
        here, there = (
            element(context, code, signature.args[i], values[i], values[i + 1]) for i in (0, 5)
        )
        inside = mask(code, columns, 0, vector)
        last = code.sub(rows, INDEX(1))
        vectors = []
        for i in range(side):
            row = code.select(code.icmp_signed("<", INDEX(i), rows), INDEX(i), last)
            place = code.gep(here, [code.mul(row, source_row)])
            vectors.append(load_vector(code, place, 0, inside, vector))
        for i, column in enumerate(transposed(code, vectors)):
            store_vector(code, column, code.gep(there, [code.mul(INDEX(i), target_row)]), 0)
        return context.get_dummy_value()

    return signature, write


def loop_over_terms(code, terms):
    """Emit a loop over the bytes up to END; the caller emits its body while iterating once.

    An unknown trip count keeps the compiler from unrolling the loop, which would spill registers.
    """
    before = code.block
    head, body, after = (code.append_basic_block(name) for name in ("head", "body", "after"))
    code.branch(head)
    code.position_at_end(head)
    n = code.phi(INDEX)
    term = code.load(code.gep(terms, [n]))
    code.cbranch(code.icmp_unsigned("==", term, term.type(END)), after, body)
    code.position_at_end(body)
    yield code.zext(term, INDEX)
    n.add_incoming(INDEX(0), before)
    n.add_incoming(code.add(n, INDEX(1)), code.block)
    code.branch(head)
    code.position_at_end(after)


def vector_of(array):
    """Return the type of a vector register of an array's numbers."""
    number = ir.DoubleType() if array.dtype == types.float64 else ir.FloatType()
    return ir.VectorType(number, 8 * VECTOR // array.dtype.bitwidth)


def element(context, code, kind, array, at):
    """Return a pointer to an element of an array."""
    return code.gep(context.make_array(kind)(context, code, array).data, [at])


def function(code, name, vector, arguments, result=None, suffix=""):
    """Declare an LLVM intrinsic on vectors and return it."""
    kind = ir.FunctionType(vector if result is None else result, arguments)
    full = f"llvm.{name}.v{vector.count}f{8 * VECTOR // vector.count}{suffix}"
    return cgutils.get_or_insert_function(code.module, kind, full)


def mask(code, columns, v, vector):
    """Return which lanes of the ``v``-th vector of a row lie in its first ``columns``, and if all.

    Where masks are slow, the second value selects a plain load or store; elsewhere it is unused.
    """
    lanes = [v * vector.count + lane for lane in range(vector.count)]
    index = ir.Constant(ir.VectorType(INDEX, vector.count), lanes)
    some = code.icmp_signed("<", index, repeat(code, columns, index.type))
    return some, code.icmp_signed(">", columns, INDEX(lanes[-1])) if READS_WHOLE else None


def load_vector(code, start, v, inside, vector):
    """Load the ``v``-th vector after ``start``, with 0 in lanes that are not inside if given."""
    place = vector_at(code, start, v, vector)
    align = VECTOR // vector.count  # the alignment of a single number
    if inside is None:
        return code.load(place, align=align)
    some, all_inside = inside
    arguments = [place.type, LANE, some.type, vector]
    load = function(code, "masked.load", vector, arguments, suffix=".p0")
    values = [place, LANE(align), some, ir.Constant(vector, None)]
    return either(
        code, all_inside, lambda: code.load(place, align=align), lambda: code.call(load, values)
    )


def store_vector(code, value, start, v, inside=None):
    """Store the ``v``-th vector after ``start``, only its lanes inside if given."""
    vector = value.type
    place = vector_at(code, start, v, vector)
    align = VECTOR // vector.count
    if inside is None:
        code.store(value, place, align=align)
        return
    some, all_inside = inside
    arguments = [vector, place.type, LANE, some.type]
    store = function(code, "masked.store", vector, arguments, ir.VoidType(), ".p0")
    values = [value, place, LANE(align), some]
    either(
        code,
        all_inside,
        lambda: code.store(value, place, align=align),
        lambda: code.call(store, values),
    )


def either(code, condition, plain, masked):
    """Emit ``plain()`` where a condition holds, else ``masked()``; only this one where it is None.

    Both are functions that emit code. Return the vector that they load, if they do.
    """
    if condition is None:
        return masked()
    with code.if_else(condition, likely=True) as (then, otherwise):
        with then:
            one, one_block = plain(), code.block
        with otherwise:
            other, other_block = masked(), code.block
    if isinstance(other.type, ir.VoidType):
        return None
    result = code.phi(other.type)
    result.add_incoming(one, one_block)
    result.add_incoming(other, other_block)
    return result


def vector_at(code, start, v, vector):
    """Return a pointer to the ``v``-th vector after ``start``."""
    return code.bitcast(code.gep(start, [INDEX(v * vector.count)]), vector.as_pointer())


def prefetch(code, place):
    """Prefetch a cache line for reading; an invalid address does no harm."""
    line = ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [line, LANE, LANE, LANE])
    llvm_prefetch = cgutils.get_or_insert_function(code.module, kind, "llvm.prefetch.p0")
    to_read, soon, data = LANE(0), LANE(3), LANE(1)
    code.call(llvm_prefetch, [code.bitcast(place, line), to_read, soon, data])


def repeat(code, number, vector):
    """Broadcast a number to all lanes of a vector."""
    undefined = ir.Constant(vector, ir.Undefined)
    single = code.insert_element(undefined, number, LANE(0))
    return code.shuffle_vector(single, undefined, lanes_of([0] * vector.count))


def transposed(code, rows):
    """Return the columns of a square; each round interleaves its upper and lower half."""
    side = len(rows)
    pairs = [lane for i in range(side) for lane in (i, side + i)]
    for _ in range(side.bit_length() - 1):
        halves = zip(rows[: side // 2], rows[side // 2 :], strict=True)
        rows = [
            code.shuffle_vector(upper, lower, lanes_of(part))
            for upper, lower in halves
            for part in (pairs[:side], pairs[side:])
        ]
    return rows


def lanes_of(numbers):
    """Return a constant vector of lane numbers."""
    return ir.Constant(ir.VectorType(LANE, len(numbers)), numbers)
