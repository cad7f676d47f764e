/* q4_complexity_report: measurements into tables and facts.
 *
 *     STATUS_TRY(report_write(&session, grid, cross, results));
 *     report_print(&session, grid, cross, stdout);        // the same in brief, for a terminal
 *
 * Exponents are fitted over the upper REPORT_SPAN of each curve: lengths from the longest one
 * measured down to an eighth of it, the same rule for every variant, so that fixed costs at small
 * lengths do not pass for a smaller exponent. The local slopes cover the whole range.
 *
 * Facts, for each variant V and direction D:
 *   q4.V.D.time.slope        exponent of time (.from, .to: the lengths it is fitted over)
 *   q4.V.D.time.slope.top    local slope between the two longest lengths
 *   q4.V.D.time.fixed.share  share of the time at the shortest length that is not explained by the
 *                            speed reached at the longest one (operations a second)
 *   q4.V.D.bytes.slope       exponent of the bytes counted beyond inputs and outputs
 *   q4.V.D.total.slope       the same with inputs and outputs
 *   q4.V.D.seen.slope        exponent of the bytes seen; readings below the resolution
 *                            (q4.seen.resolution) count as the resolution
 *   q4.V.D.operations.slope  exponent of the counted operations
 *   q4.V.D.time.nN  .peak_share.nN  .bytes.nN  .seen.nN     at length N; D may be `both` for the
 *                            first two
 * A curve that is zero or the same everywhere has exponent 0.
 *
 * And of the device:
 *   q4.peak.gemm             the best product; of a GPU also q4.peak.gemm.bf16, .tf32, to which the
 *                            shares of the variants of that name refer (the operands are rounded
 *                            within the call: by its traffic about a seventh of the time at size
 *                            8192, so that shares of this peak read high)
 *   q4.peak.bandwidth        the CPU's triad, a GPU's copy within its memory
 *   q4.memory.limit          of a GPU: bytes that one measurement may take
 * On a GPU every name has "cuda" after the question: q4.cuda.V.D.time.slope (results.h).
 */
#ifndef EXPERIMENTS_Q4_COMPLEXITY_REPORT_H
#define EXPERIMENTS_Q4_COMPLEXITY_REPORT_H

#include "q4_complexity_cross.h"
#include "q4_complexity_time.h"
#include "results.h"

enum { REPORT_SPAN = 8 };

/* `cross` may be NULL: it was not asked for. */
Status report_write(const Session *session, const Grid *grid, const Cross *cross, Results *results);

void report_print(const Session *session, const Grid *grid, const Cross *cross, FILE *stream);

#endif
