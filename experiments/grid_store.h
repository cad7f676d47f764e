/* grid_store: the files of a grid's folder. For experiments/grid*.c only.
 *
 *   plan.txt                  the fingerprint
 *   cell-00012.lstm.rows      rows of a cell that is done: "table<TAB>row" each, then "#end", their
 *                             number and a hash: a file without that line counts as missing
 *   cell-00012.lstm.checkpoint  of a training that is not done
 */
#ifndef EXPERIMENTS_GRID_STORE_H
#define EXPERIMENTS_GRID_STORE_H

#include "grid.h"

#define GRID_PATH 1400
#define GRID_NAME 96

/* The name of a cell; STATUS_ARGUMENT where it is no file's name. */
Status grid_cell_name(const Grid *grid, size_t cell, char name[GRID_NAME]);

/* "<folder>/cell-<number>.<name>.<ending>" */
Status grid_cell_path(const Grid *grid, size_t cell, const char *ending, char path[GRID_PATH]);

/* Makes the folder, takes its lock (*lock, the caller's to close) and sees that it is of this
 * fingerprint. */
Status grid_folder_open(const Grid *grid, int *lock);

/* The file's text without its last line, NULL where the cell is not done; the caller frees it. */
Status grid_cell_load(const Grid *grid, size_t cell, char **text);

/* Keeps a cell's rows, whole or not at all. */
Status grid_cell_save(const Grid *grid, size_t cell, const char *text, size_t size);

#endif
