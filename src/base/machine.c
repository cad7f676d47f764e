#define _GNU_SOURCE
#include "base/machine.h"
#include "base/threads.h"

#include <cblas.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef TAMRIN_BUILD
#define TAMRIN_BUILD "unknown"
#endif

static void copy(char *to, size_t size, const char *from) {
    snprintf(to, size, "%s", from);
    to[strcspn(to, "\n")] = 0;
}

static int first_line(const char *path, char *out, size_t size) {
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    int got = fgets(out, (int)size, file) != NULL;
    fclose(file);
    if (got) out[strcspn(out, "\n")] = 0;
    return got;
}

/* The text after the colon of the first line of `path` that starts with `key`. */
static int keyed_line(const char *path, const char *key, char *out, size_t size) {
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    char line[4096];
    int found = 0;
    while (!found && fgets(line, sizeof line, file)) {
        if (strncmp(line, key, strlen(key))) continue;
        char *colon = strchr(line, ':');
        if (!colon) continue;
        colon += 1 + strspn(colon + 1, " \t");
        copy(out, size, colon);
        found = 1;
    }
    fclose(file);
    return found;
}

static void describe_isa(Machine *machine) {
    char flags[4096];
    machine->isa[0] = 0;
#if defined(__x86_64__)
    static const char *const wanted[] = {"avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16"};
    if (!keyed_line("/proc/cpuinfo", "flags", flags, sizeof flags)) flags[0] = 0;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const char *at = strstr(flags, wanted[i]);
        size_t length = strlen(wanted[i]), used = strlen(machine->isa);
        if (!at || (at[length] && at[length] != ' ')) continue;
        snprintf(machine->isa + used, sizeof machine->isa - used, "%s%s", used ? " " : "",
                 wanted[i]);
    }
#else
    (void)flags;
#endif
    if (!machine->isa[0]) copy(machine->isa, sizeof machine->isa, "baseline");
}

static void describe_caches(Machine *machine) {
    for (int i = 0; i < 8 && machine->caches < 8; i++) {
        char path[128], text[256];
        MachineCache *cache = &machine->cache[machine->caches];
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/level", i);
        if (!first_line(path, text, sizeof text)) continue;
        cache->level = atoi(text);
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/type", i);
        if (!first_line(path, text, sizeof text)) continue;
        snprintf(cache->type, sizeof cache->type, "%.15s", text);
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/size", i);
        if (!first_line(path, text, sizeof text)) continue;
        char unit = 0;
        unsigned long amount = 0;
        if (sscanf(text, "%lu%c", &amount, &unit) < 1) continue;
        cache->bytes = amount * (unit == 'K' ? 1024u : unit == 'M' ? 1048576u : 1u);
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/shared_cpu_map", i);
        cache->sharing = 0;
        if (first_line(path, text, sizeof text))
            for (const char *p = text; *p; p++)
                if (isxdigit((unsigned char)*p))
                    cache->sharing += __builtin_popcountl(strtoul((char[]){*p, 0}, NULL, 16));
        machine->caches++;
    }
}

static void describe_os(Machine *machine) {
    char pretty[96] = "unknown system";
    FILE *file = fopen("/etc/os-release", "r");
    if (file) {
        char line[256];
        while (fgets(line, sizeof line, file))
            if (sscanf(line, "PRETTY_NAME=\"%95[^\"]\"", pretty) == 1) break;
        fclose(file);
    }
    struct utsname name;
    if (uname(&name))
        copy(machine->os, sizeof machine->os, pretty);
    else
        snprintf(machine->os, sizeof machine->os, "%.80s, %.20s %.24s", pretty, name.sysname,
                 name.release);
}

/* Lower-case letters and digits, everything else one hyphen. */
static void slug_append(char *slug, size_t size, const char *text) {
    size_t used = strlen(slug);
    for (; *text && used + 1 < size; text++) {
        if (isalnum((unsigned char)*text))
            slug[used++] = (char)tolower((unsigned char)*text);
        else if (used && slug[used - 1] != '-')
            slug[used++] = '-';
    }
    while (used && slug[used - 1] == '-') used--;
    slug[used] = 0;
}

void machine_describe(Machine *machine) {
    memset(machine, 0, sizeof *machine);
    char model[96], family[16] = "", number[16] = "", text[64];
    if (!keyed_line("/proc/cpuinfo", "model name", model, sizeof model))
        copy(model, sizeof model, "unknown processor");
    keyed_line("/proc/cpuinfo", "cpu family", family, sizeof family);
    /* "model" alone would match "model name" first on some systems; the tab keeps them apart. */
    keyed_line("/proc/cpuinfo", "model\t", number, sizeof number);
    if (*family && *number)
        snprintf(machine->cpu, sizeof machine->cpu, "%s (family %s, model %s)", model, family,
                 number);
    else
        copy(machine->cpu, sizeof machine->cpu, model);
    machine->processors = threads_available();
    if (keyed_line("/proc/cpuinfo", "cpu MHz", text, sizeof text)) machine->mhz = atof(text);
    machine->frequency_scaling =
        first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", text, sizeof text) &&
        strcmp(text, "performance") != 0;
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0) machine->memory_bytes = (size_t)pages * (size_t)page;
    describe_isa(machine);
    describe_caches(machine);
    describe_os(machine);
    copy(machine->compiler, sizeof machine->compiler, "gcc " __VERSION__);
#if defined(__clang__)
    copy(machine->compiler, sizeof machine->compiler, "clang " __clang_version__);
#endif
    copy(machine->build, sizeof machine->build, TAMRIN_BUILD);
    snprintf(machine->blas, sizeof machine->blas, "%s core %s", openblas_get_config(),
             openblas_get_corename());
    slug_append(machine->slug, sizeof machine->slug, model);
    if (*family && *number) {
        snprintf(text, sizeof text, "-f%.12sm%.12s", family, number);
        slug_append(machine->slug, sizeof machine->slug, text);
    }
    snprintf(text, sizeof text, "-%dp", machine->processors);
    slug_append(machine->slug, sizeof machine->slug, text);
}

size_t machine_peak_resident_bytes(void) {
    char text[64];
    if (!keyed_line("/proc/self/status", "VmHWM", text, sizeof text)) return 0;
    return (size_t)strtoull(text, NULL, 10) * 1024u;
}

void machine_load(double load[3]) {
    if (getloadavg(load, 3) != 3) load[0] = load[1] = load[2] = 0;
}
