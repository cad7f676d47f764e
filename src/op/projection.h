/* projection: the random matrices W [R,E] of FAVOR and FAVOR+ (Choromanski et al., ICLR 2021, 3.4).
 *
 *     float w[R * E];
 *     STATUS_TRY(projection_draw(w, R, E, PROJECTION_ORTHOGONAL, seed, rng_stream("favor")));
 */
#ifndef OP_PROJECTION_H
#define OP_PROJECTION_H

#include "base/status.h"
#include <stdint.h>

typedef enum {
    PROJECTION_IID,       /* every entry standard normal */
    PROJECTION_ORTHOGONAL /* blocks of E rows, exactly orthogonal within a block (QR of a normal
                             block, signs fixed so that Q is Haar distributed), each row rescaled
                             by an independent chi(E) norm so that every row is normal marginally;
                             the last block is cut when E does not divide R */
} ProjectionKind;

/* Fills w [features, width], row-major. Pure function of (kind, seed, stream). */
Status projection_draw(float *w, int features, int width, ProjectionKind kind, uint64_t seed,
                       uint64_t stream);

#endif
