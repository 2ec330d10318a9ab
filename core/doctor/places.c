/* The checks of cache roots, their disks, and the caches in them. */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/doctor/report.h"

#define GB INT64_C(1000000000)
#define SMALL_DISK (20 * GB)
#define DAY_S (24 * 3600)

static const struct disk *disk_of(const struct store *store, const struct cache_root *root)
{
    const struct disk *best = NULL;
    for (size_t i = 0; i < store->services_len; i++) {
        const struct cache *cache = store->services[i].cache;
        size_t len = strlen(root->path);
        if (cache == NULL || strncmp(cache->path, root->path, len) != 0)
            continue;
        for (size_t j = 0; j < store->disks_len; j++)
            if (store->disks[j].dev == cache->dev)
                best = &store->disks[j];
    }
    for (size_t i = 0; i < store->disks_len && best == NULL; i++)
        if (strcmp(store->disks[i].path, root->path) == 0)
            best = &store->disks[i];
    return best;
}

static char *quoted(const char *path)
{
    struct buf text = {0};
    buf_append_str(&text, "'");
    for (; *path != '\0'; path++)
        buf_append_str(&text, *path == '\'' ? "'\\''" : (char[]){*path, '\0'});
    buf_append_str(&text, "'");
    return buf_take(&text);
}

/* A command about one path. */
static char *command_on(const char *before, const char *path, const char *after)
{
    char *name = quoted(path), *command = mem_printf("%s %s%s", before, name, after);
    free(name);
    return command;
}

void check_disks(struct examination *exam)
{
    for (size_t i = 0; i < exam->store->disks_len; i++) {
        const struct disk *disk = &exam->store->disks[i];
        char size[TEXT_SIZE_SIZE], age[TEXT_AGE_SIZE];
        bool soon = disk->full_at != 0 && disk->full_at - exam->now < DAY_S * CLOCK_SECOND;
        if (disk->alarm != DISK_CALM || soon)
            doctor_find(exam, disk->alarm == DISK_RED ? DOCTOR_BAD : DOCTOR_WARNING,
                        mem_printf("the disk of %s has %s left%s%s", disk->path,
                                   text_size(size, disk->free_bytes),
                                   soon ? "; at this rate it is full in " : "",
                                   soon ? text_age(age, (disk->full_at - exam->now) / CLOCK_SECOND)
                                        : ""),
                        mem_strdup("bilge prune --free 10GB   # shows the plan first"));
    }
}

void check_memory(struct examination *exam)
{
    for (size_t i = 0; i < exam->store->roots_len; i++) {
        const struct cache_root *root = &exam->store->roots[i];
        if (root->in_memory)
            doctor_find(exam, DOCTOR_WARNING,
                        mem_printf("%s is a tmpfs: its caches take memory, and the next start of "
                                   "the machine loses them",
                                   root->path),
                        mem_strdup("let cache_to and cache_from name a directory on a disk, such "
                                   "as /var/tmp/docker-cache"));
    }
}

void check_small_disk(struct examination *exam)
{
    for (size_t i = 0; i < exam->store->roots_len; i++) {
        const struct disk *disk = disk_of(exam->store, &exam->store->roots[i]);
        char size[TEXT_SIZE_SIZE];
        if (disk != NULL && !disk->in_memory && disk->total_bytes < SMALL_DISK)
            doctor_find(exam, DOCTOR_NOTE,
                        mem_printf("%s lies on a file system of only %s: a few exports with "
                                   "mode=max fill it",
                                   exam->store->roots[i].path, text_size(size, disk->total_bytes)),
                        NULL);
    }
}

void check_tmpfiles(struct examination *exam)
{
    for (size_t i = 0; exam->facts->has_systemd && i < exam->store->roots_len; i++) {
        const char *path = exam->store->roots[i].path;
        const struct tmpfiles_rule *rule = tmpfiles_find(&exam->facts->tmpfiles, path);
        char age[TEXT_AGE_SIZE];
        if (rule != NULL)
            doctor_find(exam, DOCTOR_WARNING,
                        mem_printf("systemd-tmpfiles removes what is older than %s from %s (%s): "
                                   "caches in %s lose single blobs, and builds then fail",
                                   text_age(age, rule->age_s), rule->path, rule->file, path),
                        command_on("echo x", path, " | sudo tee /etc/tmpfiles.d/bilge.conf"));
    }
}

void check_aliases(struct examination *exam)
{
    for (size_t i = 0; i + 1 < exam->facts->aliases.len; i += 2)
        doctor_find(exam, DOCTOR_NOTE,
                    mem_printf("%s is reached by a symlink: the caches lie in %s",
                               exam->facts->aliases.items[i], exam->facts->aliases.items[i + 1]),
                    NULL);
}

void check_readable(struct examination *exam)
{
    for (size_t i = 0; i < exam->store->roots_len; i++)
        if (exam->store->roots[i].error != NULL)
            doctor_find(exam, DOCTOR_WARNING, mem_strdup(exam->store->roots[i].error), NULL);
    for (size_t i = 0; i < exam->store->services_len; i++) {
        const struct cache *cache = exam->store->services[i].cache;
        if (cache != NULL && cache->state == CACHE_UNREADABLE)
            doctor_find(exam, DOCTOR_WARNING,
                        mem_printf("%s: %s", cache->path,
                                   cache->error != NULL ? cache->error : "cannot be read"),
                        command_on("sudo ls -ld", cache->path, ""));
    }
}

void check_owner(struct examination *exam)
{
    for (size_t i = 0; exam->facts->uid != 0 && i < exam->store->services_len; i++) {
        const struct cache *cache = exam->store->services[i].cache;
        if (cache == NULL || cache->state == CACHE_MISSING || cache->uid == exam->facts->uid)
            continue;
        doctor_find(exam, DOCTOR_WARNING,
                    cache->uid == 0
                        ? mem_printf("%s belongs to root: you can look at it, not prune it",
                                     cache->path)
                        : mem_printf("%s belongs to user %u: you can look at it, not prune it",
                                     cache->path, (unsigned)cache->uid),
                    command_on("sudo chown -R \"$USER\"", cache->path, ""));
    }
}

void check_shared(struct examination *exam)
{
    for (size_t i = 0; i < exam->store->services_len; i++) {
        const struct service *service = &exam->store->services[i];
        if (service->cache != NULL && service->same_path_len > 0)
            doctor_find(exam, DOCTOR_WARNING,
                        mem_printf("%s and %s export into the same directory: each export replaces "
                                   "the other's",
                                   service->name, service->same_path[0]),
                        mem_strdup("give each service a cache_to directory of its own"));
    }
}

void check_whole(struct examination *exam)
{
    for (size_t i = 0; i < exam->store->services_len; i++) {
        const struct cache *cache = exam->store->services[i].cache;
        const char *trouble = cache != NULL ? cache_trouble(cache) : NULL;
        if (trouble != NULL && cache_untouchable(cache) == NULL && cache->problems_len > 0)
            doctor_find(exam, DOCTOR_BAD, mem_printf("%s: %s", cache->name, trouble),
                        command_on("bilge verify --repair", cache->name, ""));
    }
}

void check_shrunken(struct examination *exam)
{
    for (size_t i = 0; i < exam->store->services_len; i++) {
        const struct cache *cache = exam->store->services[i].cache;
        uint32_t fuller;
        size_t lost = cache != NULL ? cache_lost_layers(cache, &fuller) : 0;
        if (lost > 0)
            doctor_find(exam, DOCTOR_WARNING,
                        mem_printf("%s: the last export lost %zu layer%s of the one before",
                                   cache->name, lost, lost == 1 ? "" : "s"),
                        command_on("bilge restore", cache->name, ""));
    }
}
