#define _GNU_SOURCE
#include "results_describe.h"
#include "base/machine.h"
#include "base/threads.h"

#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HEXADECIMAL "0123456789abcdef"
/* What a shell needs no quotes for. */
#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./,:@%"

extern char **environ;

/* The first line that `arguments` prints, or how many bytes it printed; -1 when it fails. */
static int git(char *const arguments[], char *line, size_t size) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) return -1;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child;
    int failed = posix_spawnp(&child, "git", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    int total = 0, status = 0;
    size_t used = 0;
    char chunk[1024];
    for (ssize_t got; !failed && (got = read(ends[0], chunk, sizeof chunk)) != 0;) {
        if (got < 0 && errno != EINTR) break;
        for (ssize_t i = 0; i < got; i++, total++)
            if (used + 1 < size) line[used++] = chunk[i];
    }
    close(ends[0]);
    line[used] = 0;
    line[strcspn(line, "\n")] = 0;
    if (failed) return -1;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? total : -1;
}

/* The commit of the tree in which this program lies, wherever it was started from. Changes count
 * where they could change a measurement, not in the report or in the results. */
static void find_commit(char *commit, size_t size) {
    char where[4096], line[128];
    ssize_t length = readlink("/proc/self/exe", where, sizeof where - 1);
    if (length < 0) length = 0;
    where[length] = 0;
    char *slash = strrchr(where, '/');
    snprintf(slash ? slash : where, 2, "%s", slash ? "" : ".");
    char *head[] = {"git", "-C", where, "rev-parse", "HEAD", NULL};
    char *changes[] = {"git",
                       "--no-optional-locks",
                       "-C",
                       where,
                       "status",
                       "--porcelain",
                       "--",
                       ":(top)src",
                       ":(top)bench",
                       ":(top)experiments",
                       ":(top)Makefile",
                       NULL};
    snprintf(commit, size, "unknown");
    if (git(head, line, sizeof line) <= 0 || line[strspn(line, HEXADECIMAL)]) return;
    char ignored[8];
    int changed = git(changes, ignored, sizeof ignored);
    snprintf(commit, size, "%s%s", line, changed > 0 ? "+changes" : "");
}

static void quote_command(char *out, size_t size, int argc, char **argv) {
    size_t used = 0;
    for (int i = 0; i < argc && used + 1 < size; i++) {
        int plain = *argv[i] && !argv[i][strspn(argv[i], PLAIN)];
        int wrote =
            snprintf(out + used, size - used, plain ? "%s%s" : "%s'%s'", i ? " " : "", argv[i]);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
    if (used >= size && size >= 4) memcpy(out + size - 4, "...", 4);
}

static void describe_caches(const Machine *machine, char *out, size_t size) {
    size_t used = 0;
    snprintf(out, size, "unknown");
    for (int i = 0; i < machine->caches && used < size; i++) {
        const MachineCache *cache = &machine->cache[i];
        int wrote =
            snprintf(out + used, size - used, "%sL%d %s %zu KiB shared by %d", i ? ", " : "",
                     cache->level, cache->type, cache->bytes / 1024, cache->sharing);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
}

/* The machine of a GPU's results has the GPU in its name. */
static Status describe_gpu(Results *results, const DeviceMemory *gpu, const char *host) {
    const char *words = gpu->describe();
    size_t now, total;
    STATUS_TRY(gpu->free_bytes(&now, &total));
    STATUS_TRY(results_run(results, "machine", "%s-%s", host, gpu->slug()));
    STATUS_TRY(results_run(results, "device", "cuda"));
    STATUS_TRY(results_run(results, "gpu", "%s", words));
    STATUS_TRY(results_run(results, "gpu_name", "%.*s", (int)strcspn(words, ","), words));
    STATUS_TRY(results_run(results, "gpu_memory_bytes", "%zu", total));
    return results_run(results, "gpu_free_bytes", "%zu", now);
}

Status results_describe(Results *results, const DeviceMemory *gpu, int argc, char **argv) {
    Machine machine;
    machine_describe(&machine);
    char text[2048], caches[512];
    quote_command(text, sizeof text, argc, argv);
    STATUS_TRY(results_run(results, "command", "%s", text));
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    STATUS_TRY(results_run(results, "date", "%s", text));
    find_commit(text, sizeof text);
    STATUS_TRY(results_run(results, "commit", "%s", text));
    STATUS_TRY(results_run(results, "build", "%s", machine.build));
    STATUS_TRY(results_run(results, "compiler", "%s", machine.compiler));
    STATUS_TRY(results_run(results, "libraries", "%s; glibc %s; OpenMP %d", machine.blas,
                           gnu_get_libc_version(), _OPENMP));
    if (gpu)
        STATUS_TRY(describe_gpu(results, gpu, machine.slug));
    else
        STATUS_TRY(results_run(results, "machine", "%s", machine.slug));
    STATUS_TRY(results_run(results, "cpu", "%s", machine.cpu));
    STATUS_TRY(results_run(results, "isa", "%s", machine.isa));
    STATUS_TRY(results_run(results, "processors", "%d", machine.processors));
    STATUS_TRY(results_run(results, "mhz", "%.0f", machine.mhz));
    describe_caches(&machine, caches, sizeof caches);
    STATUS_TRY(results_run(results, "caches", "%s", caches));
    STATUS_TRY(results_run(results, "memory_bytes", "%zu", machine.memory_bytes));
    STATUS_TRY(results_run(results, "system", "%s", machine.os));
    double load[3];
    machine_load(load);
    STATUS_TRY(results_run(results, "load", "%.2f %.2f %.2f", load[0], load[1], load[2]));
    return results_run(results, "threads", "%d", threads_count());
}
