/* peer_bert: our side of a race of training steps (bench/peers/race.py layer, bert).
 *
 * Reads a command a line from standard input and answers each with a line, as
 * bench/peers/torch_bert.py does, so that the referee can let both sides take turns in one run:
 *
 *     dropout RATE                 of the models that are opened from now on (at first: what their
 *                                  configuration says)
 *     open FOLDER PRECISION FILE   a model in the Hugging Face layout, f32 or bf16, a file of
 *                                  batches (batch_file.h), a fresh optimiser; answers their number
 *     step K                       one training step on batch K (from 0); answers seconds
 *     loss                         of the last step
 *     memory                       the most bytes this process has had resident (VmHWM)
 *     layer D H F B N PRECISION    one encoder layer forward and backward; answers seconds
 *     phases K                     [this side only] a step on batch K; answers seconds by kind of
 *                                  work (base/phase.h), "name=seconds ...", "rest" what is left
 *
 * `step` and `layer` run once what they are asked; the referee leaves the first rounds out. A
 * command that cannot be done ends the program with a message.
 */
#define _POSIX_C_SOURCE 200809L
#include "base/clock.h"
#include "base/machine.h"
#include "base/phase.h"
#include "base/threads.h"
#include "batch_file.h"
#include "bert_layer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 8 };

typedef struct {
    double dropout; /* below 0: as the configuration says */
    BatchFile file;
    BertStep *step;
    char *layer_words; /* the words that `layer` was opened with */
    BertLayerRun *layer;
} Peer;

static Status read_precision(const char *word, Precision *precision) {
    *precision = strcmp(word, "bf16") == 0 ? PRECISION_BF16 : PRECISION_F32;
    if (*precision == PRECISION_BF16 || strcmp(word, "f32") == 0) return STATUS_OK;
    return status_fail(STATUS_ARGUMENT, "precision '%s'; expected f32 or bf16", word);
}

static Status read_whole(const char *word, long least, long most, int *number) {
    char *end;
    errno = 0;
    long read = strtol(word, &end, 10);
    if (end == word || *end || errno || read < least || read > most)
        return status_fail(STATUS_ARGUMENT, "'%s'; expected a whole number from %ld to %ld", word,
                           least, most);
    *number = (int)read;
    return STATUS_OK;
}

/* --- commands: each prints its answer ----------------------------------------------------------
 */

static Status set_dropout(Peer *peer, char *const *words) {
    char *end;
    double rate = strtod(words[1], &end);
    if (end == words[1] || *end || !(rate >= 0 && rate < 1))
        return status_fail(STATUS_ARGUMENT, "dropout '%s'; expected 0 to below 1", words[1]);
    peer->dropout = rate;
    printf("%g\n", rate);
    return STATUS_OK;
}

static Status open_model(Peer *peer, char *const *words) {
    Precision precision;
    STATUS_TRY(read_precision(words[2], &precision));
    bert_step_close(peer->step); /* its memory goes before the next model comes */
    peer->step = NULL;
    batch_file_close(&peer->file);
    STATUS_TRY(batch_file_read(&peer->file, words[3]));
    STATUS_TRY(bert_step_open(&peer->step, words[1], precision, peer->dropout));
    printf("%zu\n", peer->file.count);
    return STATUS_OK;
}

static Status run_step(Peer *peer, const char *word, double *seconds) {
    int k;
    if (!peer->step) return status_fail(STATUS_ARGUMENT, "no model yet: 'open' comes first");
    STATUS_TRY(read_whole(word, 0, (long)peer->file.count - 1, &k));
    double begun = clock_seconds();
    STATUS_TRY(bert_step_run(peer->step, &peer->file.batch[k]));
    *seconds = clock_seconds() - begun;
    return STATUS_OK;
}

static Status step(Peer *peer, char *const *words) {
    double seconds;
    STATUS_TRY(run_step(peer, words[1], &seconds));
    printf("%.9f\n", seconds);
    return STATUS_OK;
}

static Status phases(Peer *peer, char *const *words) {
    PhaseTable table = {0};
    double seconds;
    phase_listen(&table);
    Status status = run_step(peer, words[1], &seconds);
    phase_listen(NULL);
    STATUS_TRY(status);
    for (int p = 0; p < PHASES; p++) {
        printf("%s=%.6f ", phase_name((Phase)p), table.seconds[p]);
        seconds -= table.seconds[p];
    }
    printf("rest=%.6f\n", seconds);
    return STATUS_OK;
}

static Status loss(Peer *peer, char *const *words) {
    (void)words;
    if (!peer->step || !peer->step->steps)
        return status_fail(STATUS_ARGUMENT, "no step yet: 'step' comes first");
    printf("%.6f\n", peer->step->loss);
    return STATUS_OK;
}

static Status memory(Peer *peer, char *const *words) {
    (void)peer, (void)words;
    printf("%zu\n", machine_peak_resident_bytes());
    return STATUS_OK;
}

static Status open_layer(Peer *peer, char *const *words) {
    BertLayerSize size = {0};
    int *const sizes[] = {&size.width, &size.heads, &size.hidden, &size.sequences, &size.length};
    char described[256];
    for (int i = 0; i < 5; i++) STATUS_TRY(read_whole(words[i + 1], 1, 1 << 24, sizes[i]));
    STATUS_TRY(read_precision(words[6], &size.precision));
    snprintf(described, sizeof described, "%d %d %d %d %d %d", size.width, size.heads, size.hidden,
             size.sequences, size.length, (int)size.precision);
    if (peer->layer && strcmp(peer->layer_words, described) == 0) return STATUS_OK;
    bert_layer_close(peer->layer);
    peer->layer = NULL;
    free(peer->layer_words);
    peer->layer_words = strdup(described);
    if (!peer->layer_words) return status_fail(STATUS_MEMORY, "no memory");
    return bert_layer_open(&peer->layer, &size);
}

static Status layer(Peer *peer, char *const *words) {
    double seconds;
    STATUS_TRY(open_layer(peer, words));
    STATUS_TRY(bert_layer_time(peer->layer, &seconds));
    printf("%.9f\n", seconds);
    return STATUS_OK;
}

static const struct {
    const char *name;
    int words; /* after it */
    Status (*run)(Peer *peer, char *const *words);
} commands[] = {{"dropout", 1, set_dropout}, {"open", 3, open_model}, {"step", 1, step},
                {"phases", 1, phases},       {"loss", 0, loss},       {"memory", 0, memory},
                {"layer", 6, layer}};

static Status answer(Peer *peer, char *line) {
    char *words[WORDS_MAX] = {NULL}, *rest = NULL;
    int count = 0;
    for (char *word = strtok_r(line, " \t\r\n", &rest); word;
         word = strtok_r(NULL, " \t\r\n", &rest), count++)
        if (count < WORDS_MAX) words[count] = word;
    for (size_t i = 0; count && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(words[0], commands[i].name) == 0 && count == commands[i].words + 1)
            return commands[i].run(peer, words);
    return status_fail(STATUS_ARGUMENT,
                       "command '%.60s' with %d words after it; expected one of the list at the "
                       "top of peer_bert.c",
                       count ? words[0] : "", count ? count - 1 : 0);
}

int main(void) {
    threads_set(getenv("OMP_NUM_THREADS") ? threads_count() : 0);
    Peer peer = {.dropout = -1};
    char *line = NULL;
    size_t room = 0;
    Status status = STATUS_OK;
    while (status == STATUS_OK && getline(&line, &room, stdin) >= 0) {
        status = answer(&peer, line);
        fflush(stdout);
    }
    if (status != STATUS_OK) fprintf(stderr, "peer_bert: %s\n", status_message());
    bert_step_close(peer.step);
    batch_file_close(&peer.file);
    bert_layer_close(peer.layer);
    free(peer.layer_words);
    free(line);
    return status != STATUS_OK;
}
