#define _POSIX_C_SOURCE 200809L
#include "q6_cola.h"
#include "base/sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *q6_split_name(int split) {
    static const char *const names[] = {"train", "validation", "in_domain", "out_of_domain"};
    return names[split];
}

double q6_steps_per_epoch(const Q6Plan *plan, const Q6Data *data) {
    size_t batch = (size_t)plan->batch;
    return (double)((data->split[Q6_TRAIN].count + batch - 1) / batch);
}

Status q6_pieces_open(Wordpiece **out, const char *folder, const BertConfig *config) {
    char path[1100];
    snprintf(path, sizeof path, "%s/vocab.txt", folder);
    *out = NULL;
    Wordpiece *pieces;
    STATUS_TRY(wordpiece_load(
        path, config->kind == BERT_KIND_MPNET ? WORDPIECE_MPNET : WORDPIECE_BERT, 1, &pieces));
    if (wordpiece_size(pieces) > (size_t)config->vocabulary) {
        Status status = status_fail(STATUS_FORMAT,
                                    "%s: %zu tokens, and the model's table has %d rows; expected "
                                    "the vocabulary that the model was trained with",
                                    path, wordpiece_size(pieces), config->vocabulary);
        wordpiece_free(pieces);
        return status;
    }
    *out = pieces;
    return STATUS_OK;
}

/* Fills `split` with the given rows of a file (all where `row` is NULL). */
static Status encode(const Wordpiece *pieces, const ColaFile *file, const uint32_t *row,
                     size_t count, int longest, Q6Sentences *split) {
    int32_t *buffer = malloc((size_t)longest * sizeof *buffer);
    *split = (Q6Sentences){.file = file, .count = count};
    split->row = malloc((count + 1) * sizeof *split->row);
    split->label = malloc(count + 1);
    split->length = malloc((count + 1) * sizeof *split->length);
    split->start = malloc((count + 1) * sizeof *split->start);
    size_t room = 0;
    Status status = STATUS_OK;
    if (!buffer || !split->row || !split->label || !split->length || !split->start)
        status = status_fail(STATUS_MEMORY, "%s: no memory for %zu sentences", file->path, count);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        uint32_t r = split->row[i] = row ? row[i] : (uint32_t)i;
        size_t tokens, whole;
        status = wordpiece_encode(pieces, file->sentence[r], strlen(file->sentence[r]), buffer,
                                  (size_t)longest, &tokens, &whole);
        if (status != STATUS_OK) {
            status_prefix(status, "%s:%u", file->path, file->line[r]);
            break;
        }
        if (split->tokens + tokens > room) {
            room = 2 * room + 4096;
            int32_t *grown = realloc(split->ids, room * sizeof *grown);
            if (!grown) {
                status = status_fail(STATUS_MEMORY, "%s: no memory for its ids", file->path);
                break;
            }
            split->ids = grown;
        }
        split->label[i] = file->label[r];
        split->length[i] = (int)tokens;
        split->start[i] = split->tokens;
        split->cut += whole > tokens;
        memcpy(split->ids + split->tokens, buffer, tokens * sizeof *buffer);
        split->tokens += tokens;
    }
    free(buffer);
    return status;
}

/* The release stands in the folder itself, or in cola_public as its archive unpacks. */
static const char *release(const Q6Plan *plan, char *path, size_t size) {
    snprintf(path, size, "%s/cola_public", plan->data);
    return access(path, R_OK) == 0 ? path : plan->data;
}

static Status open_files(Q6Data *data, const Q6Plan *plan) {
    char path[1100];
    const char *folder = release(plan, path, sizeof path);
    for (int part = 0; part < COLA_PARTS; part++) {
        STATUS_TRY(cola_load_part(folder, plan->form ? COLA_TOKENIZED : COLA_RAW, (ColaPart)part,
                                  &data->file[part]));
        if (!plan->form) continue;
        STATUS_TRY(cola_load_part(folder, COLA_RAW, (ColaPart)part, &data->raw[part]));
        if (data->raw[part]->rows != data->file[part]->rows)
            return status_fail(STATUS_FORMAT, "%s: %zu rows, its raw file has %zu",
                               data->file[part]->path, data->file[part]->rows,
                               data->raw[part]->rows);
    }
    return cola_overlap(data->file[COLA_OUT_OF_DOMAIN_DEV], data->file[COLA_IN_DOMAIN_TRAIN],
                        &data->overlap, NULL);
}

Status q6_data_open(Q6Data *data, const Q6Plan *plan, const BertConfig *config) {
    *data = (Q6Data){0};
    int longest = plan->longest;
    if (longest == 0 || longest > bert_config_longest(config))
        longest = bert_config_longest(config);
    STATUS_TRY(open_files(data, plan));
    STATUS_TRY(q6_pieces_open(&data->pieces, plan->model, config));
    const ColaFile *train = data->file[COLA_IN_DOMAIN_TRAIN];
    ColaSplit split;
    STATUS_TRY(cola_split(train, plan->hold_out, (uint64_t)plan->split_seed, &split));
    size_t training = split.training;
    data->shared = split.shared;
    if (plan->examples > 0 && (size_t)plan->examples < training) {
        /* Evenly over the file, whose sources stand one after the other. */
        for (size_t i = 0; i < (size_t)plan->examples; i++)
            split.training_row[i] = split.training_row[i * training / (size_t)plan->examples];
        training = (size_t)plan->examples;
    }
    Status status =
        encode(data->pieces, train, split.training_row, training, longest, &data->split[Q6_TRAIN]);
    if (status == STATUS_OK)
        status = encode(data->pieces, train, split.validation_row, split.validation, longest,
                        &data->split[Q6_VALIDATION]);
    cola_split_free(&split);
    STATUS_TRY(status);
    STATUS_TRY(encode(data->pieces, data->file[COLA_IN_DOMAIN_DEV], NULL,
                      data->file[COLA_IN_DOMAIN_DEV]->rows, longest, &data->split[Q6_IN_DOMAIN]));
    return encode(data->pieces, data->file[COLA_OUT_OF_DOMAIN_DEV], NULL,
                  data->file[COLA_OUT_OF_DOMAIN_DEV]->rows, longest,
                  &data->split[Q6_OUT_OF_DOMAIN]);
}

Status q6_data_describe(const Q6Data *data, const Q6Plan *plan, Results *results) {
    static const char *const names[] = {"model.safetensors", "model.safetensors.index.json",
                                        "config.json", "vocab.txt"};
    char path[1100], key[80], hash[SHA256_TEXT];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", plan->model, names[i]);
        if (access(path, R_OK)) continue; /* weights in one file or in shards */
        STATUS_TRY(sha256_file(path, hash));
        snprintf(key, sizeof key, "sha256.%s", names[i]);
        STATUS_TRY(results_run(results, key, "%s", hash));
    }
    for (int part = 0; part < COLA_PARTS; part++) {
        STATUS_TRY(sha256_file(data->file[part]->path, hash));
        snprintf(key, sizeof key, "sha256.%s.tsv", cola_part_name((ColaPart)part));
        STATUS_TRY(results_run(results, key, "%s", hash));
    }
    return STATUS_OK;
}

void q6_data_close(Q6Data *data) {
    for (int s = 0; s < Q6_SPLITS; s++) {
        free(data->split[s].row);
        free(data->split[s].label);
        free(data->split[s].length);
        free(data->split[s].start);
        free(data->split[s].ids);
    }
    for (int part = 0; part < COLA_PARTS; part++) {
        cola_free(data->file[part]);
        cola_free(data->raw[part]);
    }
    wordpiece_free(data->pieces);
    *data = (Q6Data){0};
}
