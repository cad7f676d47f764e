/* Another model, trained elsewhere, on the same test sentences: what the difference of two networks
 * or of two seeds is, sentence by sentence. */
#include "base/sha256.h"
#include "model/reorderer_file.h"
#include "q5_reorder.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    Q5Network network;
    ReorderWords words; /* those with a vector of their own */
    Q5Sentences data;   /* the run's, but for the features */
} Other;

/* The words of the run's sentences as the other model knows them. */
static Status know_words(Other *other, const Q5Sentences *data) {
    const ReorderWords *words = &data->data.words;
    const ReordererConfig *config = reorderer_config(other->network.pointer);
    other->data = *data;
    other->data.feature = malloc((words->count + 1) * REORDERER_FEATURES * sizeof(int32_t));
    if (!other->data.feature)
        return status_fail(STATUS_MEMORY, "no memory for %zu words", words->count);
    for (size_t i = 0; i < words->count; i++) {
        const char *text = reorder_words_text(words, (uint32_t)i);
        const uint32_t id = reorder_words_find(&other->words, text, strlen(text));
        reorderer_features(config, text, id == REORDER_NONE ? UINT32_MAX : id,
                           other->data.feature + i * REORDERER_FEATURES);
    }
    return STATUS_OK;
}

static Status answer(Q5Run *run, const Other *other, const OrderScore *own, Q5Answers *answers,
                     OrderScore *scores) {
    const OptionInts *beams = &run->plan->beams;
    const Q5Part *test = &run->data->test;
    const int beam = beams->values[beams->count - 1];
    char hash[SHA256_TEXT];
    STATUS_TRY(sha256_file(run->plan->against, hash));
    STATUS_TRY(results_run(run->results, "sha256.against", "%s", hash));
    STATUS_TRY(q5_answer_network(&other->network, &other->data, test,
                                 &(ReordererSearch){.beam = beam}, "q5 perdt_test, the other model",
                                 answers));
    STATUS_TRY(q5_take(run, "perdt_test", "against", beam, test, answers, 0, scores));
    return q5_difference(run, "perdt_test", "behind", scores, own, test->count);
}

Status q5_check_against(const Q5ReorderPlan *plan) {
    Other other = {0};
    const Status status =
        reorderer_load(&other.network.pointer, plan->shape.precision, plan->against, &other.words);
    q5_network_close(&other.network);
    reorder_words_free(&other.words);
    return status;
}

Status q5_measure_against(Q5Run *run, const OrderScore *own) {
    Other other = {0};
    Q5Answers answers = {0};
    const Q5Part *test = &run->data->test;
    OrderScore *scores = malloc((test->count + 1) * sizeof *scores);
    Status status = scores ? STATUS_OK : status_fail(STATUS_MEMORY, "no memory for scores");
    if (status == STATUS_OK)
        status = reorderer_load(&other.network.pointer, run->plan->shape.precision,
                                run->plan->against, &other.words);
    if (status == STATUS_OK) status = know_words(&other, run->data);
    if (status == STATUS_OK) status = q5_answers_open(test, &answers);
    if (status == STATUS_OK) status = answer(run, &other, own, &answers, scores);
    q5_answers_close(&answers);
    free(other.data.feature);
    q5_network_close(&other.network);
    reorder_words_free(&other.words);
    free(scores);
    return status;
}
