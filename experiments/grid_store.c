/* The folder in which a grid keeps what it has done: one process at a time, one fingerprint at a
 * time, and a cell's file whole or not at all. */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE /* flock */
#include "grid_store.h"
#include "base/clock.h"
#include "base/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PLAN_FILE    "plan.txt"
#define CELL_FILE    "cell-"
#define END_MARK     "#end"
#define LOCK_SECONDS 2.0 /* the processes of a run that was just killed end a moment after it */

/* --- names ---------------------------------------------------------------------------------- */

Status grid_cell_name(const Grid *grid, size_t cell, char name[GRID_NAME]) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
    snprintf(name, GRID_NAME, "%zu", cell);
    if (grid->cell_name) grid->cell_name(grid->context, cell, name, GRID_NAME);
    if (*name && strlen(name) < GRID_NAME - 1 && name[strspn(name, allowed)] == 0) return STATUS_OK;
    return status_fail(STATUS_ARGUMENT, "%s: cell %zu is named '%s'; expected 1 to %d of %s",
                       grid->name, cell, name, GRID_NAME - 2, allowed);
}

Status grid_cell_path(const Grid *grid, size_t cell, const char *ending, char path[GRID_PATH]) {
    char name[GRID_NAME];
    STATUS_TRY(grid_cell_name(grid, cell, name));
    snprintf(path, GRID_PATH, "%s/" CELL_FILE "%05zu.%s.%s", grid->folder, cell, name, ending);
    return STATUS_OK;
}

/* --- files, whole or not at all -------------------------------------------------------------- */

static Status write_whole(const char *path, const char *text, size_t size, const char *last) {
    char partial[GRID_PATH + 16];
    snprintf(partial, sizeof partial, "%s.partial", path);
    FILE *file = fopen(partial, "w");
    int failed = !file || fwrite(text, 1, size, file) != size || fputs(last, file) == EOF ||
                 fflush(file) || fsync(fileno(file));
    int error = errno;
    if (file && fclose(file) && !failed) failed = 1, error = errno;
    if (!failed && rename(partial, path)) failed = 1, error = errno;
    if (!failed) return STATUS_OK;
    unlink(partial);
    return status_fail(STATUS_IO, "%s: cannot be written: %s", path, strerror(error));
}

/* The bytes of a file and a NUL after them; *text is NULL where there is no such file. */
static Status read_whole(const char *path, char **text, size_t *size) {
    struct stat info;
    *text = NULL;
    FILE *file = fopen(path, "r");
    if (!file && errno == ENOENT) return STATUS_OK;
    char *bytes = NULL;
    int failed = !file || fstat(fileno(file), &info);
    if (!failed) bytes = malloc((size_t)info.st_size + 1);
    failed |= !bytes || fread(bytes, 1, (size_t)info.st_size, file) != (size_t)info.st_size;
    int error = errno;
    if (file) fclose(file);
    if (failed) {
        free(bytes);
        return status_fail(STATUS_IO, "%s: cannot be read: %s", path, strerror(error));
    }
    *size = (size_t)info.st_size;
    bytes[*size] = 0;
    *text = bytes;
    return STATUS_OK;
}

/* --- cells ---------------------------------------------------------------------------------- */

static void end_line(char line[64], const char *text, size_t size) {
    size_t rows = 0;
    for (size_t i = 0; i < size; i++) rows += text[i] == '\n';
    snprintf(line, 64, END_MARK "\t%zu\t%016llx\n", rows,
             (unsigned long long)hash_bytes(HASH_BEGIN, text, size));
}

Status grid_cell_save(const Grid *grid, size_t cell, const char *text, size_t size) {
    char path[GRID_PATH], line[64];
    STATUS_TRY(grid_cell_path(grid, cell, "rows", path));
    end_line(line, text, size);
    return write_whole(path, text, size, line);
}

Status grid_cell_load(const Grid *grid, size_t cell, char **text) {
    char path[GRID_PATH], line[64];
    size_t size;
    STATUS_TRY(grid_cell_path(grid, cell, "rows", path));
    STATUS_TRY(read_whole(path, text, &size));
    if (!*text) return STATUS_OK;
    size_t from = size ? size - 1 : 0; /* of the last line */
    while (from > 0 && (*text)[from - 1] != '\n') from--;
    end_line(line, *text, from);
    if (size - from == strlen(line) && memcmp(*text + from, line, size - from) == 0) {
        (*text)[from] = 0;
        return STATUS_OK;
    }
    free(*text); /* cut or changed: this cell is made again */
    *text = NULL;
    return STATUS_OK;
}

/* --- the folder ------------------------------------------------------------------------------ */

static int is_ours(const char *name) {
    return strncmp(name, CELL_FILE, strlen(CELL_FILE)) == 0 ||
           strncmp(name, PLAN_FILE, strlen(PLAN_FILE)) == 0;
}

static void empty_folder(const char *path) {
    DIR *folder = opendir(path);
    if (!folder) return;
    for (struct dirent *e; (e = readdir(folder));) {
        char file[GRID_PATH + 300];
        if (!is_ours(e->d_name)) continue;
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        unlink(file);
    }
    closedir(folder);
}

static int holds_cells(const char *path) {
    DIR *folder = opendir(path);
    int found = 0;
    if (!folder) return 0;
    for (struct dirent *e; (e = readdir(folder));)
        found |= strncmp(e->d_name, CELL_FILE, strlen(CELL_FILE)) == 0;
    closedir(folder);
    return found;
}

/* Those above it too: a grid may run before anything else has made them. */
static Status make_folder(const char *path) {
    char made[GRID_PATH];
    snprintf(made, sizeof made, "%s", path);
    for (char *at = made + 1; *at; at++) {
        if (*at != '/') continue;
        *at = 0;
        mkdir(made, 0777); /* what is wrong shows below */
        *at = '/';
    }
    if (mkdir(made, 0777) == 0 || errno == EEXIST) return STATUS_OK;
    return status_fail(STATUS_IO, "%s: cannot be made: %s", path, strerror(errno));
}

static Status lock_folder(const Grid *grid, int *lock) {
    const struct timespec pause = {0, 20 * 1000 * 1000};
    struct stat info;
    for (double began = clock_seconds();; nanosleep(&pause, NULL)) {
        STATUS_TRY(make_folder(grid->folder));
        *lock = open(grid->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (*lock < 0)
            return status_fail(STATUS_IO, "%s: cannot be opened: %s", grid->folder,
                               strerror(errno));
        if (flock(*lock, LOCK_EX | LOCK_NB) == 0 && fstat(*lock, &info) == 0 && info.st_nlink > 0)
            return STATUS_OK;
        close(*lock);
        *lock = -1;
        if (clock_seconds() - began > LOCK_SECONDS) break;
    }
    return status_fail(STATUS_IO,
                       "%s: %s: another process works here; wait for it, or name other --results",
                       grid->name, grid->folder);
}

/* The first item, of those between commas or at line ends, in which two fingerprints differ. */
static void first_difference(const char *there, const char *asked, char *text, size_t size) {
    static const char separators[] = ",;\n";
    while (*there || *asked) {
        size_t a = strcspn(there, separators), b = strcspn(asked, separators);
        if (a != b || strncmp(there, asked, a)) {
            snprintf(text, size, "'%.*s' (asked: '%.*s')", (int)a, there, (int)b, asked);
            return;
        }
        there += a, asked += b;
        if (*there) there++;
        if (*asked) asked++;
        there += strspn(there, " "), asked += strspn(asked, " ");
    }
    snprintf(text, size, "another plan");
}

static Status take_over(const Grid *grid) {
    char path[GRID_PATH], difference[512], *there;
    size_t size;
    snprintf(path, sizeof path, "%s/" PLAN_FILE, grid->folder);
    STATUS_TRY(read_whole(path, &there, &size));
    int same = there && strcmp(there, grid->fingerprint) == 0;
    if (!same && holds_cells(grid->folder)) {
        first_difference(there ? there : "", grid->fingerprint, difference, sizeof difference);
        if (!grid->replace) {
            free(there);
            return status_fail(STATUS_FORMAT,
                               "%s: %s: holds an unfinished run with %s; give the same arguments "
                               "to continue it, or remove that folder to begin anew",
                               grid->name, grid->folder, difference);
        }
        if (grid->progress)
            fprintf(grid->progress, "%s: %s: an unfinished run with %s is given up\n", grid->name,
                    grid->folder, difference);
        empty_folder(grid->folder);
    }
    free(there);
    return same ? STATUS_OK : write_whole(path, grid->fingerprint, strlen(grid->fingerprint), "");
}

Status grid_folder_open(const Grid *grid, int *lock) {
    *lock = -1;
    if (strlen(grid->folder) > GRID_PATH - GRID_NAME - 100)
        return status_fail(STATUS_ARGUMENT, "%s: %.80s...: path too long", grid->name,
                           grid->folder);
    STATUS_TRY(lock_folder(grid, lock));
    Status status = take_over(grid);
    if (status != STATUS_OK) {
        close(*lock);
        *lock = -1;
    }
    return status;
}

void grid_remove(const Grid *grid) {
    empty_folder(grid->folder);
    rmdir(grid->folder); /* stays where somebody keeps something else in it */
}
