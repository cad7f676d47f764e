#include "nn/multihead.h"

#include <math.h>
#include <string.h>

enum { QUERY, KEY, VALUE, PARTS };

typedef struct {
    AttentionPart part[PARTS];
    Value *out;
    Attention attention;
    void *saved;
} Multihead;

static AttentionIn read_part(AttentionPart p, int head) {
    return (AttentionIn){p.value->data + p.column, (size_t)p.value->columns, (size_t)head};
}

/* --- backward -------------------------------------------------------------------------------- */

/* Where the device writes one part's gradient: into the value's own where nothing is there yet,
 * else into scratch that is added to it afterwards. */
typedef struct {
    AttentionOut to;
    float *scratch; /* [rows, D]; NULL: written in place */
} Target;

static int overlaps(const AttentionPart *p, int a, int b, int width) {
    int apart = p[a].column - p[b].column;
    return p[a].value == p[b].value && (apart < 0 ? -apart : apart) < width;
}

/* Columns of a value that no part covers: gradients there are zero. */
static int covers(const AttentionPart *p, int which, int width) {
    int columns = 0;
    for (int i = 0; i < PARTS; i++) columns += p[i].value == p[which].value ? width : 0;
    return columns == p[which].value->columns;
}

static Status aim(const Multihead *m, const int had[PARTS], Arena *arena, Target target[PARTS]) {
    const int width = m->out->columns, head = m->attention.width;
    for (int i = 0; i < PARTS; i++) {
        Value *v = m->part[i].value;
        int shared = had[i];
        for (int other = 0; other < PARTS; other++)
            shared |= other != i && overlaps(m->part, i, other, width);
        if (!had[i] && (shared || !covers(m->part, i, width)))
            memset(v->gradient, 0, (size_t)v->rows * (size_t)v->columns * sizeof(float));
        target[i] =
            (Target){{v->gradient + m->part[i].column, (size_t)v->columns, (size_t)head}, NULL};
        if (!shared) continue;
        target[i].scratch = arena_take(arena, (size_t)v->rows * (size_t)width * sizeof(float));
        if (!target[i].scratch) return STATUS_MEMORY;
        target[i].to = (AttentionOut){target[i].scratch, (size_t)width, (size_t)head};
    }
    return STATUS_OK;
}

static void add_scratch(const Multihead *m, const Target target[PARTS]) {
    const size_t width = (size_t)m->out->columns;
    for (int i = 0; i < PARTS; i++) {
        const Value *v = m->part[i].value;
        if (!target[i].scratch) continue;
        for (int r = 0; r < v->rows; r++) {
            const float *from = target[i].scratch + (size_t)r * width;
            float *to = v->gradient + (size_t)r * (size_t)v->columns + m->part[i].column;
            for (size_t c = 0; c < width; c++) to[c] += from[c];
        }
    }
}

static Status backward(Tape *tape, void *record) {
    const Multihead *m = record;
    const int width = m->out->columns, head = m->attention.width;
    const AttentionIn out = {m->out->data, (size_t)width, (size_t)head};
    const AttentionIn dout = {m->out->gradient, (size_t)width, (size_t)head};
    const size_t mark = arena_mark(tape->arena);
    Target target[PARTS];
    int had[PARTS], accumulate;
    for (int i = 0; i < PARTS; i++) had[i] = m->part[i].value->has_gradient;
    for (int i = 0; i < PARTS; i++) tape_gradient(m->part[i].value, &accumulate);
    STATUS_TRY(aim(m, had, tape->arena, target));
    STATUS_TRY(tape->device->attention_backward(
        &m->attention, read_part(m->part[QUERY], head), read_part(m->part[KEY], head),
        read_part(m->part[VALUE], head), out, dout, m->saved, target[QUERY].to, target[KEY].to,
        target[VALUE].to, tape->arena));
    add_scratch(m, target);
    arena_rewind(tape->arena, mark);
    return STATUS_OK;
}

/* --- forward --------------------------------------------------------------------------------- */

static Status check(const AttentionPart part[PARTS], int width, const MultiheadShape *s) {
    static const char *const names[PARTS] = {"queries", "keys", "values"};
    if (s->sequences < 1 || !s->query_offsets || !s->key_offsets)
        return status_fail(STATUS_ARGUMENT, "attention: %d sequences, %s offsets", s->sequences,
                           s->query_offsets && s->key_offsets ? "with" : "no");
    if (s->heads < 1 || width < s->heads || width % s->heads)
        return status_fail(STATUS_ARGUMENT,
                           "attention: %d columns cannot be shared out among %d heads", width,
                           s->heads);
    if (s->kind != ATTENTION_MATERIALISED && s->kind != ATTENTION_TILED &&
        s->kind != ATTENTION_KERNEL_LINEAR)
        return status_fail(STATUS_ARGUMENT,
                           "attention: kind %d; expected materialised, tiled or kernel linear",
                           (int)s->kind);
    for (int i = 0; i < PARTS; i++) {
        const int rows = (i == QUERY ? s->query_offsets : s->key_offsets)[s->sequences];
        const Value *v = part[i].value;
        if (v->rows != rows)
            return status_fail(STATUS_ARGUMENT, "attention: %s have %d rows; offsets end at %d",
                               names[i], v->rows, rows);
        if (part[i].column < 0 || part[i].column > v->columns - width)
            return status_fail(STATUS_ARGUMENT, "attention: %s in columns %d to %d of %d", names[i],
                               part[i].column, part[i].column + width - 1, v->columns);
    }
    if (!(s->dropout >= 0 && s->dropout < 1)) /* also where nothing is dropped */
        return status_fail(STATUS_ARGUMENT, "attention: dropout is %g; expected 0 <= dropout < 1",
                           (double)s->dropout);
    return STATUS_OK;
}

Value *nn_attention(Tape *tape, AttentionPart query, AttentionPart key, AttentionPart value,
                    int width, const MultiheadShape *shape) {
    if (!query.value || !key.value || !value.value || tape->status != STATUS_OK) return NULL;
    const AttentionPart part[PARTS] = {query, key, value};
    Status status = check(part, width, shape);
    if (status != STATUS_OK) return tape_fail(tape, status);
    const int head = width / shape->heads;
    Value *out = tape_value(tape, query.value->rows, width);
    Multihead *m = tape_take(tape, sizeof *m);
    if (!out || !m) return NULL;
    *m = (Multihead){.part = {query, key, value}, .out = out};
    m->attention = (Attention){.kind = shape->kind,
                               .map = FEATURE_ELU1,
                               .causal = shape->causal,
                               .remaining = shape->remaining,
                               .sequences = shape->sequences,
                               .heads = shape->heads,
                               .width = head,
                               .query_offsets = shape->query_offsets,
                               .key_offsets = shape->key_offsets,
                               .scale = 1 / sqrtf((float)head)};
    if (tape->mode == TAPE_TRAIN && shape->dropout > 0) {
        m->attention.dropout = shape->dropout;
        m->attention.dropout_seed = tape->seed;
        m->attention.dropout_stream = tape_stream(tape);
    }
    status = attention_check(&m->attention);
    if (status != STATUS_OK) return tape_fail(tape, status);
    const int stores = shape->kind == ATTENTION_MATERIALISED && shape->probabilities;
    if (tape_records(tape) || stores) {
        m->saved = tape_take(tape, attention_saved_bytes(&m->attention));
        if (!m->saved) return NULL;
    }
    if (shape->probabilities) *shape->probabilities = stores ? m->saved : NULL;
    status = tape->device->attention_forward(
        &m->attention, read_part(query, head), read_part(key, head), read_part(value, head),
        (AttentionOut){out->data, (size_t)width, (size_t)head}, m->saved, tape->arena);
    if (status != STATUS_OK) return tape_fail(tape, status);
    tape_record(tape, out, backward, m);
    return out;
}
