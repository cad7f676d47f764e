/* report_world: a temporary folder in which a report is expanded, for the tests of paper/.
 *
 *     report_world_begin();
 *     report_world_put("results/local/q9_fixture/run.tsv", "key\tvalue\n...");
 *     report_world_put("paper/en/report.tex", "\\fact{q9.slope}");
 *     Status status = report_world_expand(NULL, &problems);       // build/paper/en/... is there
 *     report_world_end();
 */
#ifndef TESTS_UNIT_REPORT_WORLD_H
#define TESTS_UNIT_REPORT_WORLD_H

#include "../../paper/report.h"

/* The folder, from the root. */
extern char report_world_root[64];

void report_world_begin(void);
void report_world_end(void);

/* A path below the folder; eight may be in use at once. */
const char *report_world_at(const char *name);

/* Writes or reads a whole file below the folder; what cannot be fails the test. */
void report_world_put(const char *name, const char *content);
void report_world_get(const char *name, Text *out);

/* The words of tables and figures, as they are in the English report. */
void report_world_put_words(void);

/* Expands paper/en/report.tex with results/ into build/paper/en, for a student of that name (NULL:
 * as identity.tex has it). Adds what the report found wrong to `problems`. */
Status report_world_expand(const char *student, Text *problems);

#endif
