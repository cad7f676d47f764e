/* bert_folder: a Bert with its parameters and nothing that computes, for tests of what is loaded.
 *
 *     Bert bert;
 *     bert_folder_open(&bert, "tests/golden/bert_tiny", &(BertOptions){.labels = 2, .seed = 1});
 *     ... bert_weights_load(&bert, bert.folder) ...
 *     bert_folder_close(&bert);
 */
#ifndef TESTS_UNIT_BERT_FOLDER_H
#define TESTS_UNIT_BERT_FOLDER_H

#include "model/bert.h"

/* Reads config.json of `folder`; values undefined until drawn or loaded. Fails the test. */
void bert_folder_open(Bert *bert, const char *folder, const BertOptions *options);

/* The same for a configuration that was read already. */
void bert_folder_make(Bert *bert, const BertConfig *config, const BertOptions *options);

void bert_folder_close(Bert *bert);

#endif
