/* log: what TeX complained about, as errors with file and line.
 *
 * Every expanded source announces itself in the log ("==> paper/en/q4.tex"), so that a warning's
 * line belongs to a known file. An undefined reference or citation, a label set twice, a glyph
 * that the font lacks, a box that sticks out by more than LOG_OVERFULL_POINTS: an error.
 *
 *     Text problems = {0};
 *     int count;
 *     STATUS_TRY(log_check("build/paper/en/report.log", &problems, &count));
 *
 * The log's lines must not be broken: run TeX with max_print_line=10000.
 */
#ifndef PAPER_LOG_H
#define PAPER_LOG_H

#include "text.h"

#define LOG_OVERFULL_POINTS      6.0
#define LOG_OVERFULL_PAGE_POINTS 12.0 /* a page too high by a line nobody sees */

Status log_check(const char *path, Text *problems, int *count);

#endif
