/* q2_drawbacks_report: tables and facts. A fact of the quick profile is named q2.quick.* where the
 * full one is named q2.*. */
#ifndef EXPERIMENTS_Q2_DRAWBACKS_REPORT_H
#define EXPERIMENTS_Q2_DRAWBACKS_REPORT_H

#include "q2_drawbacks_gather.h"
#include "q2_drawbacks_generate.h"

Status drawbacks_report_grid(const Drawbacks *d, const Gathered *g, const Grid *grid,
                             Results *results);
Status drawbacks_report_generation(const Drawbacks *d, const Generation *g, Results *results);

/* cards.tsv and curve.tsv. */
Status drawbacks_report_cards(const Drawbacks *d, const Gathered *g, const Grid *grid,
                              Results *results);

/* What a reader wants to see first. */
void drawbacks_report_print(const Drawbacks *d, const Gathered *g, const Generation *generation,
                            FILE *stream);

#endif
