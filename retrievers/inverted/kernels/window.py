"""One window of search over postings, for numba; `intrex.retrievers.inverted.kernels.search` says what its functions take.

Sums are looked at by their bits: of numbers that are not negative they have the same order, and -0.0, which stands for no
sum, has the lowest of all.
"""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import inner, stage
from intrex.retrievers.inverted.kernels.top import keep_best

BLOCK = 128  # postings that share a bound, as intrex.retrievers.inverted.postings.BOUND_BLOCK
CHUNKS = 256  # a window is scanned by so many parts; were their length a constant, LLVM would not use vectors
SPARE = 16  # as intrex.retrievers.inverted.search.SPARE
LOOKUP = 16  # looking up a row costs as much as adding so many postings
GONE = np.uint32(0xFFFFFFFF)  # as intrex.data.ids.GONE
DENSE = 4  # a window is scanned, not gone through again by its postings, if there is one for so many rows
KEPT, LOWEST = range(2)  # of a query's state: how many rows are kept, the lowest key that counts


@inner
def lower_bound(values, low, high, value):
    """Find the first place from ``low`` on whose value is at least this one, of ascending values."""
    while low < high:
        middle = (low + high) >> 1
        if values[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@inner
def first_from(docs, low, high, row):
    """Find the first posting from ``low`` on whose row is at least ``row``, by steps that double."""
    step = 1
    while low + step < high and docs[low + step] < row:
        low += step
        step <<= 1
    return lower_bound(docs, low, min(high, low + step), row)


@inner
def highest(bounds, low, high):
    """Find the largest bound of the blocks that ``low:high`` touches."""
    most = np.float32(0)
    for block in range(low // BLOCK, (high - 1) // BLOCK + 1):
        most = max(most, bounds[block])
    return most


@inner
def below(score):
    """Lower a score so that a sum below it, even if it is off by some last bits, is not rounded to the score or more."""
    return score * (1.0 - 2.0**-22) if score > 2.0**-100 else 0.0


@inner
def floor_of(key):
    """Lower the score of a key, see `below`."""
    return 0.0 if key < 0 else below(np.float64(np.uint32(key >> 32).view(np.float32)))


@inner
def unsure(total, size):
    """Tell whether a sum of ``size`` scores may be rounded to another score if they are added up in another order.

    Two orders differ by less than ``size`` * 2**-52 of the sum (N. Higham, "Accuracy and Stability of Numerical
    Algorithms", 2002, section 4.2); most sums are further than that from where float32 rounding changes.
    """
    error = total * (size * 2.0**-52)
    return np.float32(total - error) != np.float32(total + error)


@stage
def next_row(part, queries, start, size, room):
    """Go on behind the postings of the window; the next row that has a term, or n."""
    nearest = part.n
    for i in range(size):
        p = room.until[i]
        room.at[i] = p
        if p < queries.ends[start + i]:
            nearest = min(nearest, np.int64(part.docs[p]))
    return nearest


@stage
def enter(by, own, part, queries, start, size, limit, skipping, room):
    """Find each term's postings of a window, and what none of them adds more than; how many there are."""
    postings = 0
    for i in range(size):
        low, stop = room.at[i], queries.ends[start + i]
        high = first_from(part.docs, low, stop, limit) if low < stop else low
        room.until[i], room.order[i], room.ceilings[i] = high, i, 0.0
        if low < high:
            postings += high - low
            if skipping:
                room.ceilings[i] = by.most(by.prepare(own, start + i), highest(part.bounds, low, high))
    return postings


@inner
def spare_terms(size, postings, floor, room):
    """Order terms by ceiling and say how many are looked up, which alone cannot lift a row to the floor.

    Returns their number, the sum of their ceilings, and how many postings the others have.
    """
    order, ceilings = room.order, room.ceilings
    for i in range(1, size):
        j = i
        while j > 0 and ceilings[order[j - 1]] > ceilings[order[j]]:
            order[j - 1], order[j] = order[j], order[j - 1]
            j -= 1
    lookups, slack, spared = 0, 0.0, 0
    while lookups < size and slack + ceilings[order[lookups]] < floor:
        i = order[lookups]
        slack += ceilings[i]
        spared += room.until[i] - room.at[i]
        lookups += 1
    if lookups < size and (postings - spared) * LOOKUP > spared:  # adding them is the cheaper way
        return 0, 0.0, postings
    return lookups, slack, postings - spared


@inner
def add_rounded(part, queries, start, last, base, room):
    """Round the sums of the terms up to ``last`` that add up by themselves, and add them."""
    i = last
    while i >= 0 and (i == last or queries.rounds[start + i] == 1):
        for p in range(room.at[i], room.until[i]):
            j = part.docs[p] - base
            room.sums[j] += np.float64(np.float32(room.parts[j]))
            room.parts[j] = 0.0
        i -= 1


@inner
def add_terms(by, own, part, queries, start, size, base, lookups, room):
    """Add up what the terms score that are not looked up."""
    for o in range(lookups, size):
        i = room.order[o] if lookups else o
        target = room.sums if queries.rounds[start + i] == 0 else room.parts
        term = by.prepare(own, start + i)
        by.add(own, term, part.docs, room.at[i], room.until[i], base, target, room.partial)
        if queries.rounds[start + i] == 2:
            add_rounded(part, queries, start, i, base, room)


@inner
def largest(bits, first, length):
    """Find the bits of the largest sum of a piece of the window."""
    top = np.int64(-1)
    for j in range(first, first + length):
        top = max(top, bits[j])
    return top


@inner
def least_of_best(room, window, length, pieces, k):
    """Find a sum below which none is rounded to one of the k best scores: k pieces of the window have a row with more."""
    for piece in range(pieces):
        room.tops[piece] = largest(room.bits, piece * length, length)
    room.bits[window] = max(keep_best(room.tops, room.found, pieces, k), np.int64(0))
    return below(room.sums[window])


@stage
def gather_rows(first, length, least, base, n_found, room):
    """Gather from the sums of a piece of the window, and clear them; how many rows are found then."""
    if largest(room.bits, first, length) >= least:
        for j in range(first, first + length):
            if room.bits[j] >= least:
                room.found[n_found], room.partial[n_found] = base + j, room.sums[j]
                n_found += 1
    for j in range(first, first + length):
        room.sums[j] = -0.0
    return n_found


@stage
def gather_postings(docs, i, least, base, n_found, room):
    """Gather from the sums of a term's rows, and clear them; how many rows are found then."""
    for p in range(room.at[i], room.until[i]):
        j = docs[p] - base
        if room.bits[j] >= least:
            room.found[n_found], room.partial[n_found] = base + j, room.sums[j]
            n_found += 1
        room.sums[j] = -0.0
    return n_found


@inner
def look_up(by, own, docs, start, lookups, slack, floor, n_found, room):
    """Add what the terms that are looked up score, the highest ceiling first; how many rows can still get to the floor."""
    for back in range(lookups):
        i = room.order[lookups - 1 - back]
        slack -= room.ceilings[i]
        term = by.prepare(own, start + i)
        p, stop = room.at[i], room.until[i]
        kept, before = 0, np.int32(-1)
        for j in range(n_found):
            row, total = room.found[j], room.partial[j]
            if row < before:  # the rows of the next term begin
                p = room.at[i]
            before = row
            p = first_from(docs, p, stop, np.int64(row)) if p < stop else p
            if p < stop and docs[p] == row:
                total += by.score(own, term, p, row)
            if total + slack >= floor:
                room.found[kept], room.partial[kept] = row, total
                kept += 1
        n_found = kept
    return n_found


@inner
def in_order(by, own, docs, start, size, row, room):
    """Add up a row in the order of the query's terms, whose postings of the window are known."""
    total = 0.0
    for i in range(size):
        p, stop = room.at[i], room.until[i]
        p = first_from(docs, p, stop, np.int64(row)) if p < stop else p
        if p < stop and docs[p] == row:
            total += by.score(own, by.prepare(own, start + i), p, row)
    return total


@inner
def offer(part, k, row, total, room):
    """Keep a row if its key is high enough; from time to time the k best are chosen."""
    key = np.int64(np.float32(total).view(np.uint32)) << 32 | np.int64(part.rank[row])
    if key <= room.state[LOWEST] or part.rank[row] == GONE:
        return
    n = room.state[KEPT]
    room.keys[n], room.rows[n] = key, part.first_row + row
    n += 1
    if n == 2 * k + SPARE:
        n = k
        room.state[LOWEST] = keep_best(room.keys, room.rows, 2 * k + SPARE, k)
    room.state[KEPT] = n


@inner
def search_window(by, own, part, queries, q, base, limit, prune, k, window, room):
    """Keep what may be among the best of the rows ``base:limit``."""
    start, size, length = queries.term_of[q], queries.term_of[q + 1] - queries.term_of[q], window // CHUNKS
    floor = floor_of(room.state[LOWEST])
    skipping = prune != 0 and floor > 0.0 and queries.exact[q] != 2
    postings = enter(by, own, part, queries, start, size, limit, skipping, room)
    lookups, slack = 0, 0.0
    if skipping:
        lookups, slack, postings = spare_terms(size, postings, floor, room)
        if lookups == size:
            return
    add_terms(by, own, part, queries, start, size, base, lookups, room)
    # What may be among the best is gathered piece by piece, from the rows or from the postings that were added, then
    # looked up in the other terms, and offered. Offering stands once: it is much code.
    room.sums[window] = max(floor - slack, 0.0)
    dense = postings * DENSE > limit - base
    pieces = (limit - base + length - 1) // length if dense else size - lookups
    if dense and room.state[LOWEST] < 0 and part.whole != 0 and k <= pieces:
        room.sums[window] = least_of_best(room, window, length, pieces, k)
    n_found = 0
    for piece in range(pieces + 1):
        least = room.bits[window]
        if piece < pieces and dense:
            n_found = gather_rows(piece * length, length, least, base, n_found, room)
        elif piece < pieces:
            i = room.order[lookups + piece] if lookups else piece
            n_found = gather_postings(part.docs, i, least, base, n_found, room)
        elif n_found > 0:
            n_found = look_up(by, own, part.docs, start, lookups, slack, floor, n_found, room)
        if n_found > 0 and (lookups == 0 or piece == pieces):
            for j in range(n_found):
                row, total = room.found[j], room.partial[j]
                if lookups > 0 and queries.exact[q] == 0 and unsure(total, size):
                    total = in_order(by, own, part.docs, start, size, row, room)
                offer(part, k, row, total, room)
            n_found = 0
            room.sums[window] = max(room.sums[window], floor_of(room.state[LOWEST]))
