#include "q5_split.h"

#include "base/tsv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Status run_set(SplitMethod method, const SplitTexts *set, BoundaryUnit *unit) {
    SentenceList list = {0};
    Status status = STATUS_OK;
    for (size_t i = 0; i < set->texts && status == STATUS_OK; i++) {
        const SplitText *text = &set->text[i];
        BoundaryCounts counts;
        size_t found;
        status = split_method_run(method, text->bytes, text->size, &list, &found);
        if (status == STATUS_OK)
            status = boundaries_count(text->cut, text->cuts, list.end, found, &counts, unit);
        unit += text->cuts + 1;
    }
    sentence_list_free(&list);
    return status;
}

/* ". x2 -": found; missed with two cuts inside; the last sentence of a text. */
static Status read_units(const Tsv *table, int row, int column, const SplitTexts *set,
                         BoundaryUnit *unit) {
    const char *at = tsv_text(table, row, column);
    size_t text = 0, within = 0, count = 0;
    while (*at) {
        int is_last = text < set->texts && within == set->text[text].cuts;
        if (text >= set->texts || (is_last ? *at != '-' : *at != '.' && *at != 'x'))
            return status_fail(STATUS_FORMAT,
                               "%s:%d: units: sign %zu is '%c', which the text does not expect; "
                               "run bench/peers/pysbd_split.py again",
                               table->path, table->lines[row], count + 1, *at);
        unit[count] = (BoundaryUnit){.right = *at == '.', .missed = *at == 'x'};
        char *end;
        unit[count].wrong = at[1] >= '0' && at[1] <= '9' ? (uint32_t)strtoul(at + 1, &end, 10) : 0;
        at = unit[count].wrong ? end : at + 1;
        at += *at == ' ';
        count++;
        if (is_last)
            text++, within = 0;
        else
            within++;
    }
    if (count != set->sentences)
        return status_fail(STATUS_FORMAT, "%s:%d: units: expected %zu signs, found %zu",
                           table->path, table->lines[row], set->sentences, count);
    return STATUS_OK;
}

/* pySBD's units of one set. STATUS_FORMAT where they were made from another text. */
static Status peer_set(const Tsv *table, const SplitTexts *set, BoundaryUnit *unit,
                       SplitScores *out) {
    int name = tsv_column(table, "set"), hash = tsv_column(table, "text_sha256");
    int units = tsv_column(table, "units"), version = tsv_column(table, "version");
    if (name < 0 || hash < 0 || units < 0 || version < 0)
        return status_fail(STATUS_FORMAT, "%s:1: expected columns set, version, text_sha256, units",
                           table->path);
    int row = tsv_find(table, name, set->name);
    if (row < 0)
        return status_fail(STATUS_FORMAT, "%s: no row for the set %s", table->path, set->name);
    if (strcmp(tsv_text(table, row, hash), set->sha256) != 0)
        return status_fail(STATUS_FORMAT,
                           "%s:%d: the set %s was another text then: expected sha256 %s, found %s; "
                           "run bench/peers/pysbd_split.py again",
                           table->path, table->lines[row], set->name, set->sha256,
                           tsv_text(table, row, hash));
    snprintf(out->pysbd_version, sizeof out->pysbd_version, "%s", tsv_text(table, row, version));
    return read_units(table, row, units, set, unit);
}

/* Scores the texts of one kind, or all where it is NULL. */
static Status score_kind(SplitMethod method, SplitSet which, const SplitTexts *set,
                         const BoundaryUnit *unit, const char *kind, uint64_t seed,
                         SplitScores *out) {
    if (out->scores == SPLIT_SCORES_MAX)
        return status_fail(STATUS_ARGUMENT, "q5_split: more than %d scores", SPLIT_SCORES_MAX);
    SplitScore *score = &out->score[out->scores++];
    *score = (SplitScore){.method = method, .set = which, .kind = kind};
    BoundaryUnit *chosen = malloc((set->sentences + 1) * sizeof *chosen);
    if (!chosen) return status_fail(STATUS_MEMORY, "q5_split: no memory for scores");
    size_t count = 0;
    for (size_t i = 0; i < set->texts; i++) {
        size_t units = set->text[i].cuts + 1;
        if (!kind || strcmp(set->text[i].kind, kind) == 0) {
            int whole = 1;
            for (size_t k = 0; k < units; k++) {
                chosen[count++] = unit[k];
                score->counts.right += unit[k].right;
                score->counts.wrong += unit[k].wrong;
                score->counts.missed += unit[k].missed;
                whole &= !unit[k].wrong && !unit[k].missed;
            }
            score->texts++;
            score->whole += (size_t)whole;
        }
        unit += units;
    }
    Status status = boundaries_bootstrap(chosen, count, SPLIT_DRAWS, seed, &score->intervals);
    free(chosen);
    return status;
}

static Status score_set(SplitMethod method, SplitSet which, const SplitTexts *set, const Tsv *peer,
                        uint64_t seed, SplitScores *out) {
    BoundaryUnit *unit = calloc(set->sentences + 1, sizeof *unit);
    if (!unit) return status_fail(STATUS_MEMORY, "q5_split: no memory for scores");
    Status status =
        method == SPLIT_PYSBD ? peer_set(peer, set, unit, out) : run_set(method, set, unit);
    if (status == STATUS_OK) status = score_kind(method, which, set, unit, NULL, seed, out);
    int by_kind = set->texts > 1 && (method == SPLIT_RULES || method == SPLIT_PYSBD);
    for (size_t i = 0; by_kind && i < set->texts && status == STATUS_OK; i++) {
        const char *kind = set->text[i].kind;
        if (!split_score_find(out, method, which, kind))
            status = score_kind(method, which, set, unit, kind, seed, out);
    }
    free(unit);
    return status;
}

Status split_score_all(const SplitTexts sets[SPLIT_SETS], const char *peer, uint64_t seed,
                       SplitScores *out) {
    Tsv *table = NULL;
    out->scores = 0;
    out->pysbd_version[0] = '\0';
    if (peer) STATUS_TRY(tsv_load(peer, &table));
    Status status = STATUS_OK;
    for (int method = 0; method < SPLIT_METHODS && status == STATUS_OK; method++)
        for (int set = 0; set < SPLIT_SETS && status == STATUS_OK; set++)
            if (method != SPLIT_PYSBD || table)
                status =
                    score_set((SplitMethod)method, (SplitSet)set, &sets[set], table, seed, out);
    tsv_free(table);
    return status;
}

const SplitScore *split_score_find(const SplitScores *scores, SplitMethod method, SplitSet set,
                                   const char *kind) {
    for (size_t i = 0; i < scores->scores; i++) {
        const SplitScore *score = &scores->score[i];
        if (score->method != method || score->set != set || !score->kind != !kind) continue;
        if (!kind || strcmp(score->kind, kind) == 0) return score;
    }
    return NULL;
}
