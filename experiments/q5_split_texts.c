#include "q5_split.h"

#include "base/tsv.h"
#include "data/conllu.h"
#include "data/text_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void split_text_free(SplitText *text) {
    free(text->bytes);
    free(text->cut);
    *text = (SplitText){0};
}

void split_texts_free(SplitTexts sets[SPLIT_SETS]) {
    for (int set = 0; set < SPLIT_SETS; set++) {
        for (size_t i = 0; i < sets[set].texts; i++) split_text_free(&sets[set].text[i]);
        free(sets[set].text);
        free(sets[set].storage);
        sets[set] = (SplitTexts){0};
    }
}

static Status no_memory(void) {
    return status_fail(STATUS_MEMORY, "q5_split: no memory for the texts");
}

static int is_space(char byte) {
    return byte == ' ' || (byte >= 9 && byte <= 13);
}

/* Appends one sentence, a space before it where it is not the first. */
static void append(SplitText *text, const char *sentence, size_t size) {
    while (size > 0 && is_space(*sentence)) sentence++, size--;
    while (size > 0 && is_space(sentence[size - 1])) size--;
    if (size == 0) return;
    if (text->size > 0) {
        text->cut[text->cuts++] = text->size;
        text->bytes[text->size++] = ' ';
    }
    memcpy(text->bytes + text->size, sentence, size);
    text->size += size;
}

static Status open_treebank(SplitTexts *set, size_t bytes, size_t sentences) {
    set->text = calloc(1, sizeof *set->text);
    if (!set->text) return no_memory();
    set->texts = 1;
    set->text->bytes = malloc(bytes + sentences + 1);
    set->text->cut = malloc((sentences + 1) * sizeof *set->text->cut);
    return set->text->bytes && set->text->cut ? STATUS_OK : no_memory();
}

/* The sentences of a treebank joined by single spaces: nothing but the words says where they end.
 */
static Status load_conllu(const char *path, SplitTexts *set) {
    Conllu *bank;
    STATUS_TRY(conllu_load(path, &bank));
    size_t bytes = 0;
    for (size_t i = 0; i < bank->sentences; i++) bytes += strlen(bank->sentence[i].text);
    Status status = open_treebank(set, bytes, bank->sentences);
    for (size_t i = 0; i < bank->sentences && status == STATUS_OK; i++)
        append(set->text, bank->sentence[i].text, strlen(bank->sentence[i].text));
    conllu_free(bank);
    return status;
}

/* One sentence a line. */
static Status load_lines(const char *path, SplitTexts *set) {
    TextFile file;
    STATUS_TRY(text_file_read(path, &file));
    Status status = text_file_check(path, file.bytes, file.size);
    size_t lines = 1;
    for (size_t i = 0; i < file.size; i++) lines += file.bytes[i] == '\n';
    if (status == STATUS_OK) status = open_treebank(set, file.size, lines);
    for (size_t at = 0; at < file.size && status == STATUS_OK;) {
        const char *end = memchr(file.bytes + at, '\n', file.size - at);
        size_t length = end ? (size_t)(end - file.bytes) - at : file.size - at;
        append(set->text, file.bytes + at, length);
        at += length + 1;
    }
    text_file_free(&file);
    return status;
}

Status split_case_parse(const char *marked, const char *kind, SplitText *out) {
    size_t length = strlen(marked), most = 0;
    for (const char *at = marked; *at; at++) most += *at == '|';
    *out = (SplitText){.kind = kind};
    out->bytes = malloc(length + 1);
    out->cut = malloc((most + 1) * sizeof *out->cut);
    if (!out->bytes || !out->cut) {
        split_text_free(out);
        return no_memory();
    }
    for (const char *at = marked; *at; at++) {
        if (*at == '|') {
            size_t cut = out->size;
            while (cut > 0 && is_space(out->bytes[cut - 1])) cut--;
            out->cut[out->cuts++] = cut;
        } else if (at[0] == '\\' && at[1] == 'n') {
            out->bytes[out->size++] = '\n';
            at++;
        } else {
            out->bytes[out->size++] = *at;
        }
    }
    out->bytes[out->size] = '\0';
    return STATUS_OK;
}

static Status load_cases(const char *path, SplitTexts *set) {
    Tsv *table;
    STATUS_TRY(tsv_load(path, &table));
    Status status = STATUS_OK;
    int kind = tsv_column(table, "kind"), text = tsv_column(table, "text");
    if (kind < 0 || text < 0) {
        status = status_fail(STATUS_FORMAT, "%s:1: expected the columns kind and text", path);
    } else {
        size_t bytes = 1;
        for (int row = 0; row < table->rows; row++) bytes += strlen(tsv_text(table, row, kind)) + 1;
        set->text = calloc((size_t)table->rows + 1, sizeof *set->text);
        set->storage = malloc(bytes);
        if (!set->text || !set->storage) status = no_memory();
    }
    char *name = set->storage;
    for (int row = 0; row < table->rows && status == STATUS_OK; row++) {
        strcpy(name, tsv_text(table, row, kind));
        status = split_case_parse(tsv_text(table, row, text), name, &set->text[set->texts]);
        if (status == STATUS_OK) set->texts++;
        name += strlen(name) + 1;
    }
    tsv_free(table);
    return status;
}

Status split_texts_load(SplitTexts sets[SPLIT_SETS], const char *treebanks, const char *golden) {
    static const struct {
        const char *name, *file;
        Status (*load)(const char *, SplitTexts *);
        int is_case;
    } parts[SPLIT_SETS] = {{"train", "fa_seraji-ud-train.txt", load_lines, 0},
                           {"dev", "fa_seraji-ud-dev.conllu", load_conllu, 0},
                           {"test", "fa_seraji-ud-test.conllu", load_conllu, 0},
                           {"hard", "sentences_hard.tsv", load_cases, 1},
                           {"fresh", "sentences_fresh.tsv", load_cases, 1}};
    for (int i = 0; i < SPLIT_SETS; i++) {
        char path[4096];
        SplitTexts *set = &sets[i];
        snprintf(path, sizeof path, "%s/%s", parts[i].is_case ? golden : treebanks, parts[i].file);
        set->name = parts[i].name;
        STATUS_TRY(parts[i].load(path, set));
        Sha256 hash;
        sha256_begin(&hash);
        for (size_t t = 0; t < set->texts; t++) {
            sha256_add(&hash, set->text[t].bytes, set->text[t].size);
            set->sentences += set->text[t].cuts + 1;
        }
        sha256_end(&hash, set->sha256);
    }
    return STATUS_OK;
}
