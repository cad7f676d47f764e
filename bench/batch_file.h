/* batch_file: batches of tokens as both sides of a race read them.
 *
 * One batch a line: labels, lengths, ids, separated by tabs, the numbers by single spaces; the ids
 * of all sequences end to end. bench/peers/torch_bert.py writes such files.
 *
 *     BatchFile file;
 *     STATUS_TRY(batch_file_read(&file, "build/race-all-MiniLM-L6-v2.tsv"));
 *     STATUS_TRY(bert_step_run(step, &file.batch[k]));      // k < file.count
 *     batch_file_close(&file);
 */
#ifndef BENCH_BATCH_FILE_H
#define BENCH_BATCH_FILE_H

#include "bert_step.h"

typedef struct {
    BertStepBatch *batch; /* [count] */
    size_t count, capacity;
} BatchFile;

/* STATUS_IO, STATUS_FORMAT with path:line, expected and found, STATUS_MEMORY; then *file is empty.
 */
Status batch_file_read(BatchFile *file, const char *path);

void batch_file_close(BatchFile *file);

#endif
