#define _POSIX_C_SOURCE 200809L
#include "unit/data_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *data_folder(const char *suite, const char *path) {
    static char kept[8][4096];
    static unsigned next;
    char *whole = kept[next++ % 8];
    const char *data = getenv("TAMRIN_DATA");
    snprintf(whole, sizeof kept[0], "%s/%s", data ? data : "", path);
    if (data && *data && access(whole, R_OK) == 0) return whole;
    fprintf(stderr, "%s: not run: no %s%s%s (make test-data brings it)\n", suite, path,
            data && *data ? " in " : ", TAMRIN_DATA names no folder", data ? data : "");
    return NULL;
}
