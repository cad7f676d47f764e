#include "stat/share.h"

#include <math.h>

#define Z 1.959963984540054 /* of a normal distribution's middle 95 % */

Interval share_wilson(size_t hits, size_t count) {
    if (count == 0) return (Interval){0, 0, 1};
    const double n = (double)count, p = (double)hits / n, bend = Z * Z / n;
    const double middle = (p + bend / 2) / (1 + bend);
    const double half = Z / (1 + bend) * sqrt(p * (1 - p) / n + bend / (4 * n));
    /* At p = 0 and 1 an end is p, up to rounding. */
    return (Interval){p, fmin(fmax(middle - half, 0), p), fmax(fmin(middle + half, 1), p)};
}
