/* share: an interval of a share that was counted, such as 31 of 100 answers.
 *
 *     const Interval right = share_wilson(31, 100);       // .31 [.228, .406]
 */
#ifndef STAT_SHARE_H
#define STAT_SHARE_H

#include "stat/bootstrap.h"

/* The score interval of Wilson (JASA 1927), 95 %: unlike the textbook's p +- 1.96 s it stays within
 * 0 and 1 and does not shrink to nothing where none or all were hits. hits <= count; of a count of
 * 0 nothing is known: value 0, interval 0 to 1. */
Interval share_wilson(size_t hits, size_t count);

#endif
