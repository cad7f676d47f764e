/* embedding: rows of a table, chosen by id.
 *
 *     Value *x = nn_embed(&tape, 2, (Parameter *[]){words, positions},
 *                         (const int32_t *[]){ids, places}, T);          // the sum of both
 *
 * Only the rows in use get a gradient (Parameter.by_rows), in the order of the batch, so that the
 * sums do not depend on threads.
 */
#ifndef NN_EMBEDDING_H
#define NN_EMBEDDING_H

#include "grad/tape.h"

#define NN_TABLES_MAX 12

/* Sum over the tables of their rows ids[table][t]: [rows, D]. The tables have the same width D, and
 * may be one table several times. The ids must live until backward. STATUS_ARGUMENT names table and
 * id where one lies outside. */
Value *nn_embed(Tape *tape, int tables, Parameter *const *table, const int32_t *const *ids,
                int rows);

/* y[i] = x[row[i]], for `count` rows, each chosen once at most. `row` must live until backward. */
Value *nn_take_rows(Tape *tape, Value *x, const int *row, int count);

#endif
