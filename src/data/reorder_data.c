#define _POSIX_C_SOURCE 200809L
#include "data/reorder_data.h"
#include "base/hash.h"
#include "base/rng.h"
#include "base/tsv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void reorder_shuffle(const uint32_t *word, int length, uint64_t seed, uint64_t stream,
                     uint32_t *out) {
    int same = 1;
    for (int i = 1; i < length; i++) same = same && word[i] == word[0];
    /* Drawn again until it differs: where two words differ, at most one order in two is the right
     * one. */
    for (uint64_t attempt = 0;; attempt++) {
        memcpy(out, word, (size_t)length * sizeof *out);
        if (same) return;
        rng_shuffle(out, (size_t)length, seed, stream + attempt * UINT64_C(0x9E3779B97F4A7C15));
        if (memcmp(out, word, (size_t)length * sizeof *out) != 0) return;
    }
}

static Status reserve(ReorderSet *set, size_t words) {
    if (set->words + words > UINT32_MAX)
        return status_fail(STATUS_UNSUPPORTED, "%s: more than 2^32 words", set->name);
    if (set->sentences + 2 > set->room_sentences) {
        size_t room = 2 * set->room_sentences + 1024;
        uint32_t *start = realloc(set->start, room * sizeof *start);
        if (!start) return status_fail(STATUS_MEMORY, "%s: %zu sentences", set->name, room);
        if (!set->start) start[0] = 0;
        set->start = start;
        set->room_sentences = room;
    }
    if (set->words + words > set->room_words) {
        size_t room = 2 * set->room_words + words + 16384;
        uint32_t *word = realloc(set->word, room * sizeof *word);
        if (word) set->word = word;
        uint32_t *shuffled = word ? realloc(set->shuffled, room * sizeof *shuffled) : NULL;
        if (!shuffled) return status_fail(STATUS_MEMORY, "%s: %zu words", set->name, room);
        set->shuffled = shuffled;
        set->room_words = room;
    }
    return STATUS_OK;
}

Status reorder_set_add(ReorderSet *set, const ReorderWords *words, const uint32_t *word, int length,
                       uint64_t seed) {
    if (length < 1 || length > UINT16_MAX)
        return status_fail(STATUS_ARGUMENT, "%s: a sentence of %d words; expected 1 to 65535",
                           set->name, length);
    STATUS_TRY(reserve(set, (size_t)length));
    uint64_t stream = HASH_BEGIN;
    for (int i = 0; i < length; i++) {
        const char *text = reorder_words_text(words, word[i]);
        stream = hash_bytes(stream, text, strlen(text) + 1);
    }
    memcpy(set->word + set->words, word, (size_t)length * sizeof *word);
    reorder_shuffle(word, length, seed, stream, set->shuffled + set->words);
    set->words += (size_t)length;
    set->start[++set->sentences] = (uint32_t)set->words;
    return STATUS_OK;
}

void reorder_set_free(ReorderSet *set) {
    free(set->start);
    free(set->word);
    free(set->shuffled);
    *set = (ReorderSet){0};
}

/* --- all sets --------------------------------------------------------------------------------- */

ReorderSet *reorder_data_add(ReorderData *data, const char *name) {
    if (data->sets == REORDER_SETS_MAX) {
        status_fail(STATUS_UNSUPPORTED, "%s: there are %d sets already", name, REORDER_SETS_MAX);
        return NULL;
    }
    ReorderSet *set = &data->set[data->sets];
    *set = (ReorderSet){0};
    int length = snprintf(set->name, sizeof set->name, "%s", name);
    if (length < 1 || (size_t)length >= sizeof set->name) {
        status_fail(STATUS_ARGUMENT, "a set's name of %d bytes; expected 1 to %d", length,
                    REORDER_NAME - 1);
        return NULL;
    }
    if (reserve(set, 0) != STATUS_OK) return NULL;
    data->sets++;
    return set;
}

const ReorderSet *reorder_data_set(const ReorderData *data, const char *name) {
    for (size_t i = 0; i < data->sets; i++)
        if (strcmp(data->set[i].name, name) == 0) return &data->set[i];
    return NULL;
}

Status reorder_data_rank(ReorderData *data) {
    const ReorderSet *train = reorder_data_set(data, "train");
    if (!train) return status_fail(STATUS_ARGUMENT, "there is no set 'train'");
    memset(data->words.occurrences, 0, data->words.count * sizeof *data->words.occurrences);
    for (size_t i = 0; i < train->words; i++) data->words.occurrences[train->word[i]]++;
    uint32_t *renamed = malloc((data->words.count + 1) * sizeof *renamed);
    if (!renamed) return status_fail(STATUS_MEMORY, "no memory for %zu words", data->words.count);
    Status status = reorder_words_rank(&data->words, renamed);
    for (size_t s = 0; status == STATUS_OK && s < data->sets; s++)
        for (size_t i = 0; i < data->set[s].words; i++) {
            data->set[s].word[i] = renamed[data->set[s].word[i]];
            data->set[s].shuffled[i] = renamed[data->set[s].shuffled[i]];
        }
    free(renamed);
    return status;
}

void reorder_data_free(ReorderData *data) {
    for (size_t i = 0; i < data->sets; i++) reorder_set_free(&data->set[i]);
    reorder_words_free(&data->words);
    *data = (ReorderData){0};
}

/* --- folders ---------------------------------------------------------------------------------- */

#define PATH 4096

static Status path_of(char *path, const char *folder, const char *name) {
    int length = snprintf(path, PATH, "%s/%s.tsv", folder, name);
    if (length < 0 || length >= PATH)
        return status_fail(STATUS_ARGUMENT, "%.200s...: the path is too long", folder);
    return STATUS_OK;
}

static Status make_folder(const char *folder) {
    char path[PATH];
    int length = snprintf(path, sizeof path, "%s", folder);
    if (length < 1 || (size_t)length >= sizeof path)
        return status_fail(STATUS_ARGUMENT, "%.200s...: the path is too long", folder);
    for (char *at = path + 1;; at++) {
        if (*at && *at != '/') continue;
        char kept = *at;
        *at = 0;
        if (mkdir(path, 0777) && errno != EEXIST)
            return status_fail(STATUS_IO, "%s: cannot be made: %s", path, strerror(errno));
        *at = kept;
        if (!kept) return STATUS_OK;
    }
}

Status reorder_data_save(const ReorderData *data, const char *folder) {
    char path[PATH], list[PATH], part[PATH + 8];
    STATUS_TRY(make_folder(folder));
    STATUS_TRY(path_of(list, folder, "sets"));
    remove(list); /* until all is there again, the folder says that it is not */
    for (size_t i = 0; i < data->sets; i++) {
        STATUS_TRY(path_of(path, folder, data->set[i].name));
        STATUS_TRY(reorder_set_write(&data->set[i], &data->words, path));
    }
    snprintf(part, sizeof part, "%s.part", list);
    FILE *file = fopen(part, "w");
    if (!file) return status_fail(STATUS_IO, "%s: cannot open: %s", part, strerror(errno));
    fprintf(file, "set\tsentences\twords\n");
    for (size_t i = 0; i < data->sets; i++)
        fprintf(file, "%s\t%zu\t%zu\n", data->set[i].name, data->set[i].sentences,
                data->set[i].words);
    int failed = ferror(file);
    if (fclose(file) || failed || rename(part, list))
        return status_fail(STATUS_IO, "%s: cannot write: %s", list, strerror(errno));
    return STATUS_OK;
}

static Status load_sets(const Tsv *list, const char *folder, ReorderData *data) {
    int name = tsv_column(list, "set"), count = tsv_column(list, "sentences");
    if (name < 0 || count < 0)
        return status_fail(STATUS_FORMAT, "%s: expected the columns set, sentences and words",
                           list->path);
    for (int row = 0; row < list->rows; row++) {
        char path[PATH];
        double sentences;
        STATUS_TRY(tsv_number(list, row, count, &sentences));
        ReorderSet *set = reorder_data_add(data, tsv_text(list, row, name));
        if (!set || strchr(set->name, '/'))
            return status_fail(STATUS_FORMAT, "%s:%d: '%.60s' is no set's name", list->path,
                               list->lines[row], tsv_text(list, row, name));
        STATUS_TRY(path_of(path, folder, set->name));
        STATUS_TRY(reorder_set_read(set, &data->words, path));
        if ((double)set->sentences != sentences)
            return status_fail(STATUS_FORMAT,
                               "%s: found %zu sentences; %s:%d says %.0f: build the data again",
                               path, set->sentences, list->path, list->lines[row], sentences);
    }
    if (!reorder_data_set(data, "train"))
        return status_fail(STATUS_FORMAT, "%s: expected a set 'train'", list->path);
    return reorder_data_rank(data);
}

Status reorder_data_load(const char *folder, ReorderData *out) {
    *out = (ReorderData){0};
    char path[PATH];
    Tsv *list;
    STATUS_TRY(path_of(path, folder, "sets"));
    Status status = tsv_load(path, &list);
    if (status != STATUS_OK) return status;
    status = load_sets(list, folder, out);
    tsv_free(list);
    if (status != STATUS_OK) reorder_data_free(out);
    return status;
}
