#include "q6_cola.h"
#include "base/hash.h"
#include "base/threads.h"
#include "store/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIND "q6_cola seed"

/* The weights' file is named by its size and its last bytes: reading all of 438 MB at every start
 * would take a second for what a changed model does not leave alike. */
static Status hash_model(const char *folder, uint64_t *hash) {
    char path[1100];
    unsigned char bytes[1 << 16];
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    FILE *file = fopen(path, "rb");
    if (!file) { /* shards: config.json speaks for them */
        snprintf(path, sizeof path, "%s/config.json", folder);
        file = fopen(path, "rb");
    }
    if (!file) return status_fail(STATUS_IO, "%s: cannot be opened", path);
    *hash = HASH_BEGIN;
    size_t got = fread(bytes, 1, sizeof bytes, file);
    *hash = hash_bytes(*hash, bytes, got);
    if (!fseek(file, 0, SEEK_END)) {
        long size = ftell(file);
        *hash = hash_bytes(*hash, &size, sizeof size);
        if (size > (long)sizeof bytes && !fseek(file, -(long)sizeof bytes, SEEK_END)) {
            got = fread(bytes, 1, sizeof bytes, file);
            *hash = hash_bytes(*hash, bytes, got);
        }
    }
    fclose(file);
    return STATUS_OK;
}

Status q6_fingerprint(const Q6Plan *plan, const Q6Data *data, char *text, size_t size) {
    uint64_t model = 0, ids = HASH_BEGIN;
    STATUS_TRY(hash_model(plan->model, &model));
    for (int s = 0; s < Q6_SPLITS; s++) {
        const Q6Sentences *split = &data->split[s];
        ids = hash_bytes(ids, split->ids, split->tokens * sizeof *split->ids);
        ids = hash_bytes(ids, split->label, split->count);
    }
    snprintf(
        text, size,
        "model %016llx%s, ids %016llx, epochs %d, batch %d in pools of %d, rate %g, warm-up %g, "
        "decay %g, layer decay %g, average %g, dropout %g, select %d%s, evaluations %d, "
        "precision %d, threads %d",
        (unsigned long long)model, plan->random_weights ? " shape only" : "",
        (unsigned long long)ids, plan->epochs, plan->batch, plan->pool, plan->rate, plan->warmup,
        plan->weight_decay, plan->layer_decay, plan->average, plan->dropout, plan->select,
        plan->keep_last ? " last" : "", plan->evaluations_per_epoch, plan->precision,
        threads_count());
    return STATUS_OK;
}

static void split_key(char key[48], int split) {
    snprintf(key, 48, "margin.%s", q6_split_name(split));
}

Status q6_store_save(const char *path, const char *fingerprint, const Q6Seed *seed) {
    Checkpoint *c;
    char key[48];
    STATUS_TRY(checkpoint_create(&c, KIND));
    checkpoint_note(c, "fingerprint", "%s", fingerprint);
    checkpoint_note(c, "seed", "%d", seed->seed);
    checkpoint_note(c, "batches", "%zu", seed->batches);
    checkpoint_note(c, "evaluations", "%zu", seed->evaluations);
    checkpoint_note(c, "chosen", "%zu", seed->chosen);
    checkpoint_note_number(c, "seconds", seed->seconds);
    checkpoint_note(c, "exported", "%s", seed->exported);
    for (size_t i = 0; i < seed->evaluations; i++) {
        const TrainEvaluation *e = &seed->evaluation[i];
        snprintf(key, sizeof key, "evaluation.%zu", i);
        checkpoint_note(c, key, "%llu %.17g %.17g %.17g %.17g %.17g %.17g",
                        (unsigned long long)e->step, e->training_loss, e->training_accuracy,
                        e->score[0], e->score[1], e->score[2], e->score[3]);
    }
    checkpoint_add(c, "batch", 2, (size_t[]){seed->batches, 5}, &seed->batch[0].loss);
    for (int s = 0; s < Q6_SPLITS; s++) {
        split_key(key, s);
        checkpoint_add(c, key, 1, (size_t[]){seed->count[s]}, seed->margin[s]);
    }
    Status status = checkpoint_write(c, path);
    checkpoint_close(c);
    return status;
}

static Status read_seed(const Checkpoint *c, const char *path, const Q6Data *data, Q6Seed *out) {
    uint64_t batches, evaluations, chosen;
    char key[48];
    STATUS_TRY(checkpoint_whole(c, "batches", &batches));
    STATUS_TRY(checkpoint_whole(c, "evaluations", &evaluations));
    STATUS_TRY(checkpoint_whole(c, "chosen", &chosen));
    STATUS_TRY(checkpoint_number(c, "seconds", &out->seconds));
    if (batches < 1 || batches > 1u << 24 || evaluations < 1 || evaluations > 1u << 16 ||
        chosen >= evaluations)
        return status_fail(STATUS_FORMAT, "%s: its counts cannot be", path);
    const char *exported = checkpoint_text(c, "exported");
    snprintf(out->exported, sizeof out->exported, "%s", exported ? exported : "");
    out->batches = (size_t)batches;
    out->evaluations = (size_t)evaluations;
    out->chosen = (size_t)chosen;
    out->batch = malloc(out->batches * sizeof *out->batch);
    out->evaluation = calloc(out->evaluations, sizeof *out->evaluation);
    if (!out->batch || !out->evaluation) return status_fail(STATUS_MEMORY, "no memory for a log");
    for (size_t i = 0; i < out->evaluations; i++) {
        TrainEvaluation *e = &out->evaluation[i];
        unsigned long long step;
        snprintf(key, sizeof key, "evaluation.%zu", i);
        const char *text = checkpoint_text(c, key);
        if (!text || sscanf(text, "%llu %lf %lf %lf %lf %lf %lf", &step, &e->training_loss,
                            &e->training_accuracy, &e->score[0], &e->score[1], &e->score[2],
                            &e->score[3]) != 7)
            return status_fail(STATUS_FORMAT, "%s: '%s' is not seven numbers", path, key);
        e->step = step;
    }
    STATUS_TRY(checkpoint_load(c, "batch", 2, (size_t[]){out->batches, 5}, &out->batch[0].loss));
    for (int s = 0; s < Q6_SPLITS; s++) {
        out->count[s] = data->split[s].count;
        out->margin[s] = malloc((out->count[s] + 1) * sizeof *out->margin[s]);
        if (!out->margin[s]) return status_fail(STATUS_MEMORY, "no memory for answers");
        split_key(key, s);
        STATUS_TRY(checkpoint_load(c, key, 1, (size_t[]){out->count[s]}, out->margin[s]));
    }
    return STATUS_OK;
}

Status q6_store_load(const char *path, const char *fingerprint, const Q6Data *data, int seed,
                     Q6Seed *out, int *found) {
    *found = 0;
    *out = (Q6Seed){.seed = seed};
    if (!checkpoint_exists(path)) return STATUS_OK;
    Checkpoint *c;
    char text[16];
    snprintf(text, sizeof text, "%d", seed);
    STATUS_TRY(checkpoint_open(&c, path, KIND));
    Status status = checkpoint_expect(c, "fingerprint", "the plan", fingerprint);
    if (status == STATUS_OK) status = checkpoint_expect(c, "seed", "the seed", text);
    if (status == STATUS_OK) status = read_seed(c, path, data, out);
    checkpoint_close(c);
    if (status == STATUS_OK)
        *found = 1;
    else
        q6_seed_free(out);
    return status;
}
