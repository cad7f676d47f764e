/* position: where a token stands, as sinusoids (Vaswani et al. 2017, section 3.5).
 *
 *     float row[D];
 *     nn_sinusoid(7, D, row);                                   // sin, cos, sin, cos ...
 *     Value *y = nn_add_sinusoids(&tape, x, B, offsets, table, rows);      // [T, D]
 */
#ifndef NN_POSITION_H
#define NN_POSITION_H

#include "grad/tape.h"

/* out[2 i] = sin(p / 10000^(2 i / D)), out[2 i + 1] = cos of the same, [width]. */
void nn_sinusoid(int position, int width, float *out);

/* x + sinusoids, positions counted from 0 in every one of the packed sequences. `table` holds the
 * first `rows` sinusoids [rows, D] made beforehand; later ones are computed here (NULL and 0: all).
 */
Value *nn_add_sinusoids(Tape *tape, Value *x, int sequences, const int *offsets, const float *table,
                        int rows);

#endif
