#define _GNU_SOURCE
#include "op/cuda.h"
#include "op/cuda/plugin.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLUGIN_FILE "tamrin_cuda.so"

static const CudaHost host = {CUDA_HOST_SIZES,
                              status_fail,
                              arena_take,
                              arena_mark,
                              arena_rewind,
                              attention_check,
                              attention_feature_columns,
                              attention_saved_bytes,
                              recurrent_check,
                              recurrent_saved_bytes};

static char notice[1100];

/* Beside the running program, or where TAMRIN_CUDA says. */
static void plugin_path(char path[PATH_MAX]) {
    const char *named = getenv("TAMRIN_CUDA");
    if (named && *named) {
        snprintf(path, PATH_MAX, "%s", named);
        return;
    }
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - sizeof PLUGIN_FILE - 1);
    path[length > 0 ? length : 0] = 0;
    char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    snprintf(name, (size_t)(path + PATH_MAX - name), PLUGIN_FILE);
}

static Status open_plugin(const Device **out) {
    char path[PATH_MAX];
    plugin_path(path);
    if (access(path, R_OK))
        return status_fail(STATUS_UNSUPPORTED,
                           "cuda: no plug-in %s; it is built where nvcc is found (make "
                           "experiments), or named by TAMRIN_CUDA",
                           path);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) return status_fail(STATUS_UNSUPPORTED, "cuda: %s", dlerror());
    CudaPluginOpen *entry;
    void *symbol = dlsym(library, CUDA_PLUGIN_ENTRY);
    memcpy(&entry, &symbol, sizeof entry); /* C knows no other way from data to function */
    if (!entry) {
        dlclose(library);
        return status_fail(STATUS_FORMAT, "cuda: %s is no plug-in of this program: it lacks %s",
                           path, CUDA_PLUGIN_ENTRY);
    }
    /* It stays open, also when there is no GPU: libraries of CUDA do not unload well. */
    return entry(&host, out);
}

Status cuda_open_with(CudaPluginOpen *entry, const Device **out) {
    return entry(&host, out);
}

Status device_cuda(const Device **out) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static const Device *device;
    static Status status;
    static char message[1024];
    static int tried;
    pthread_mutex_lock(&lock);
    if (!tried) {
        status = open_plugin(&device);
        if (status != STATUS_OK) snprintf(message, sizeof message, "%s", status_message());
        tried = 1;
    }
    pthread_mutex_unlock(&lock);
    if (status != STATUS_OK) return status_fail(status, "%s", message);
    *out = device;
    return STATUS_OK;
}

Status device_choose(const char *word, const Device **out) {
    notice[0] = 0;
    if (strcmp(word, "cuda") == 0) return device_cuda(out);
    if (strcmp(word, "auto") == 0) {
        if (device_cuda(out) == STATUS_OK) {
            snprintf(notice, sizeof notice, "computing on %s", (*out)->memory->describe());
            return STATUS_OK;
        }
        snprintf(notice, sizeof notice, "computing on the CPU (%s)", status_message());
    } else if (strcmp(word, "cpu") != 0) {
        return status_fail(STATUS_ARGUMENT, "device '%s'; expected cpu, cuda or auto", word);
    }
    *out = device_cpu();
    return STATUS_OK;
}

const char *device_notice(void) {
    return notice;
}
