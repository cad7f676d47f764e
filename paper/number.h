/* number: a measured value as a reader wants to see it.
 *
 * The unit decides: seconds become ns, µs, ms or s; bytes become KiB, MiB or GiB; rates become
 * GFLOP/s or GB/s; a pure number has three significant digits; a count of tokens is whole. An
 * interval shares the digits and the unit of its value: "262 [258, 270] ms".
 *
 *     Text text = {0};
 *     STATUS_TRY(number_text(&fact, NUMBER_RANGE, "%.2f", &text));    // "1.98 [1.95, 2.01]"
 *
 * A format of the prose is one printf conversion (%f, %e, %g or %d) and, if wanted, a unit:
 * "%.2f" is the bare number in the fact's own unit, "%.0f%%" a share as a percentage, "%.1f ms",
 * "%.0f GFLOP/s" or "%.1f MiB" the value in that unit. The text is plain (no TeX); a power of ten
 * is written "2.1e-05" there and typeset as one by number_tex.
 */
#ifndef PAPER_NUMBER_H
#define PAPER_NUMBER_H

#include "sources.h"
#include "text.h"

typedef enum { NUMBER_VALUE, NUMBER_RANGE, NUMBER_LOW, NUMBER_HIGH } NumberPart;

/* Appends a number by a printf conversion for a double, with commas between the thousands of five
 * digits or more where `group` asks for it, and no minus before what rounds to zero. */
void number_print(const char *conversion, double value, int group, Text *out);

/* STATUS_ARGUMENT says what is wrong with the format (NULL: as the unit suggests). */
Status number_text(const Fact *fact, NumberPart part, const char *format, Text *out);

/* The same as TeX: \Number{...}, which the style keeps left-to-right and on one line. */
Status number_tex(const Fact *fact, NumberPart part, const char *format, Text *out);

/* Plain text made by number_text, as the TeX of one number. */
void number_typeset(const char *plain, Text *out);

#endif
