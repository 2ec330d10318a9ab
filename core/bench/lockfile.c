#include "core/bench/lockfile.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

struct package {
    char *name;
    bool from_registry;
    char **needs; /* names */
    size_t needs_len;
};

struct lock {
    struct package *packages;
    size_t len, cap;
    bool in_needs; /* between the brackets of dependencies */
};

/* What stands between the first two quotes; NULL: nothing. */
static char *quoted(const char *line, size_t len)
{
    const char *from = memchr(line, '"', len);
    if (from == NULL)
        return NULL;
    from++;
    const char *to = memchr(from, '"', len - (size_t)(from - line));
    return to != NULL ? mem_strndup(from, (size_t)(to - from)) : NULL;
}

static bool begins(const char *line, size_t len, const char *word)
{
    size_t wanted = strlen(word);
    return len >= wanted && memcmp(line, word, wanted) == 0;
}

/* "name", "name 1.2.3" or "name 1.2.3 (registry+…)". */
static void add_need(struct package *package, char *need)
{
    need[strcspn(need, " ")] = '\0';
    package->needs = mem_realloc(package->needs, (package->needs_len + 1) * sizeof *package->needs);
    package->needs[package->needs_len++] = need;
}

static void read_line(struct lock *lock, const char *line, size_t len)
{
    if (begins(line, len, "[[package]]")) {
        mem_reserve((void **)&lock->packages, &lock->cap, lock->len + 1, sizeof *lock->packages);
        lock->packages[lock->len++] = (struct package){0};
        lock->in_needs = false;
        return;
    }
    struct package *package = lock->len > 0 ? &lock->packages[lock->len - 1] : NULL;
    if (package == NULL)
        return;
    if (begins(line, len, "name = ") && package->name == NULL)
        package->name = quoted(line, len);
    else if (begins(line, len, "source = \"registry+") || begins(line, len, "source = \"sparse+"))
        package->from_registry = true;
    else if (begins(line, len, "dependencies = ["))
        lock->in_needs = true;
    else if (begins(line, len, "]"))
        lock->in_needs = false;
    if (lock->in_needs && begins(line, len, " ")) {
        char *need = quoted(line, len);
        if (need != NULL)
            add_need(package, need);
    }
}

static void read_lines(const char *text, size_t len, struct lock *lock)
{
    for (const char *at = text, *end = text + len; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop != NULL ? stop : end;
        read_line(lock, at, (size_t)(stop - at));
        at = stop + 1;
    }
}

/* The only one of this name; NULL: there are several, or none. */
static const struct package *find(const struct lock *lock, const char *name)
{
    const struct package *found = NULL;
    for (size_t i = 0; i < lock->len; i++) {
        const struct package *package = &lock->packages[i];
        if (package->name == NULL || strcmp(package->name, name) != 0)
            continue;
        if (found != NULL)
            return NULL;
        found = package;
    }
    return found;
}

static const struct package *best_need(const struct lock *lock, const struct package *package)
{
    const struct package *best = NULL;
    for (size_t i = 0; i < package->needs_len; i++) {
        const struct package *need = find(lock, package->needs[i]);
        if (need == NULL || !need->from_registry)
            continue;
        if (best == NULL || need->needs_len > best->needs_len ||
            (need->needs_len == best->needs_len && strcmp(need->name, best->name) < 0))
            best = need;
    }
    return best;
}

static void lock_done(struct lock *lock)
{
    for (size_t i = 0; i < lock->len; i++) {
        for (size_t j = 0; j < lock->packages[i].needs_len; j++)
            free(lock->packages[i].needs[j]);
        free(lock->packages[i].needs);
        free(lock->packages[i].name);
    }
    free(lock->packages);
}

char *lockfile_choose(const char *text, size_t len, const char *package)
{
    struct lock lock = {0};
    read_lines(text, len, &lock);
    const struct package *own = find(&lock, package);
    const struct package *best = own != NULL ? best_need(&lock, own) : NULL;
    char *name = best != NULL ? mem_strdup(best->name) : NULL;
    lock_done(&lock);
    return name;
}

char *cargo_package_name(const char *text, size_t len)
{
    bool in_package = false;
    for (const char *at = text, *end = text + len; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop != NULL ? stop : end;
        size_t line = (size_t)(stop - at);
        if (begins(at, line, "["))
            in_package = begins(at, line, "[package]");
        else if (in_package && (begins(at, line, "name ") || begins(at, line, "name=")))
            return quoted(at, line);
        at = stop + 1;
    }
    return NULL;
}
