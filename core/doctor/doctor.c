#include "core/doctor/doctor.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"

/* what a check sees, and how it says what it found. */

struct examination {
    const struct store *store;
    const struct doctor_facts *facts;
    int64_t now;
    const char *id; /* of the check under way */
    struct doctor_report *report;
};

static void doctor_find(struct examination *exam, enum doctor_severity severity, char *text,
                        char *fix);
static void check_disks(struct examination *exam);
static void check_memory(struct examination *exam);
static void check_small_disk(struct examination *exam);
static void check_tmpfiles(struct examination *exam);
static void check_aliases(struct examination *exam);
static void check_readable(struct examination *exam);
static void check_owner(struct examination *exam);
static void check_shared(struct examination *exam);
static void check_whole(struct examination *exam);
static void check_shrunken(struct examination *exam);

/* ----------------------------------------------- checks of docker and builders */

static void check_docker(struct examination *exam)
{
    if (!exam->facts->has_docker)
        doctor_find(exam, DOCTOR_BAD,
                    mem_strdup("there is no docker in PATH: bilge can show caches and the engine, "
                               "but start no build and read no compose project"),
                    mem_strdup("sudo apt install docker-cli docker-compose"));
}

static void check_buildx(struct examination *exam)
{
    if (exam->facts->no_buildx)
        doctor_find(
            exam, DOCTOR_NOTE,
            mem_strdup("docker has no buildx plugin: compose 5 then builds without BuildKit "
                       "and exports no cache"),
            mem_strdup("sudo apt install docker-buildx"));
}

static void check_engine(struct examination *exam)
{
    for (size_t i = 0; i < exam->store->builders_len; i++) {
        const struct builder *builder = &exam->store->builders[i];
        if (!builder->embedded || builder->error == NULL)
            continue;
        bool refused = strstr(builder->error, "no permission") != NULL;
        bool absent = exam->facts->has_systemd && strstr(builder->error, "no engine") != NULL;
        const char *fix = refused  ? "sudo usermod -aG docker \"$USER\"   # then log in again"
                          : absent ? "sudo systemctl start docker"
                                   : NULL;
        doctor_find(exam, DOCTOR_BAD, mem_strdup(builder->error),
                    fix != NULL ? mem_strdup(fix) : NULL);
    }
}

/* What an engine that does not answer leaves open is not called fine. */
static bool unanswered(struct examination *exam, const struct builder *builder)
{
    bool open = builder != NULL && builder->embedded && builder->error != NULL;
    if (open)
        doctor_find(exam, DOCTOR_NOTE, mem_strdup("not known: the engine does not answer"), NULL);
    return open;
}

/* docker/buildx: "Cache export is not supported for the docker driver". */
static void check_export(struct examination *exam)
{
    const struct builder *selected = store_selected_builder(exam->store);
    if (!unanswered(exam, selected) && selected != NULL && selected->no_cache_export)
        doctor_find(exam, DOCTOR_WARNING,
                    mem_strdup("the engine's own builder cannot export local caches: it has "
                               "not the containerd image store; builds with cache_to fail"),
                    mem_strdup("put {\"features\":{\"containerd-snapshotter\":true}} into "
                               "/etc/docker/daemon.json and restart docker, or use a "
                               "docker-container builder: docker buildx create --use"));
}

/* What restarts the builder's BuildKit; NULL: not known here. */
static char *restart_command(const struct examination *exam, const struct builder *builder)
{
    struct buf command = {0};
    if (builder->embedded)
        return exam->facts->has_systemd ? mem_strdup("sudo systemctl restart docker") : NULL;
    if (strcmp(builder->driver, "docker-container") != 0)
        return NULL;
    for (size_t i = 0; i < builder->nodes_len; i++)
        buf_printf(&command, "%s%s",
                   i == 0 ? "docker restart buildx_buildkit_" : " buildx_buildkit_",
                   builder->nodes[i].name);
    return command.len > 0 ? buf_take(&command) : NULL;
}

static void check_builders(struct examination *exam)
{
    const struct builder *selected = store_selected_builder(exam->store);
    if (selected != NULL && !selected->embedded)
        doctor_find(exam, DOCTOR_NOTE,
                    mem_printf("builds go to the buildx builder %s, but docker builder du and "
                               "docker system df show the engine's own cache",
                               selected->name),
                    mem_printf("bilge du --builder %s", selected->name));
    unanswered(exam, selected);
    for (size_t i = 0; i < exam->store->builders_len; i++) {
        const struct builder *builder = &exam->store->builders[i];
        if (!builder->embedded && builder->load == LOAD_PENDING)
            doctor_find(exam, DOCTOR_WARNING,
                        mem_printf("builder %s has not answered yet: it may hang", builder->name),
                        restart_command(exam, builder));
        else if (!builder->embedded && builder->error != NULL)
            doctor_find(
                exam, DOCTOR_WARNING, mem_printf("builder %s: %s", builder->name, builder->error),
                strstr(builder->error, "hangs") != NULL ? restart_command(exam, builder) : NULL);
    }
}

static void check_leaks(struct examination *exam)
{
    for (size_t i = 0; i < exam->store->builders_len; i++) {
        const struct builder *builder = &exam->store->builders[i];
        char size[TEXT_SIZE_SIZE];
        size_t leaked = 0;
        int64_t bytes = 0;
        for (size_t j = 0; builder->reachable && j < builder->records.len; j++) {
            leaked += builder->records.items[j].leaked;
            bytes += builder->records.items[j].leaked ? builder->records.items[j].size_bytes : 0;
        }
        if (leaked > 0)
            doctor_find(exam, DOCTOR_NOTE,
                        mem_printf("builder %s: %zu record%s (%s) %s in use although no build "
                                   "uses %s: failed builds leaked %s; only a restart of the "
                                   "builder's engine frees %s",
                                   builder->name, leaked, leaked == 1 ? "" : "s",
                                   text_size(size, bytes), leaked == 1 ? "is" : "are",
                                   leaked == 1 ? "it" : "them", leaked == 1 ? "it" : "them",
                                   leaked == 1 ? "it" : "them"),
                        restart_command(exam, builder));
    }
}

static void check_project(struct examination *exam)
{
    static const char none[] = "no compose file";
    const char *error = exam->store->project_error;
    /* Whoever looks at caches alone has none. */
    bool absent = error != NULL && strncmp(error, none, sizeof none - 1) == 0;
    if (error != NULL)
        doctor_find(exam, absent ? DOCTOR_NOTE : DOCTOR_WARNING, mem_strdup(error), NULL);
}

static void check_history(struct examination *exam)
{
    if (exam->store->history_error != NULL)
        doctor_find(exam, DOCTOR_WARNING, mem_strdup(exam->store->history_error), NULL);
    else if (exam->store->history_load == LOAD_FAILED)
        doctor_find(exam, DOCTOR_NOTE,
                    mem_strdup("nothing is remembered from run to run: no forecast, no steps of "
                               "layers whose record is gone"),
                    NULL);
}

/* ------------------------------------------------------------------ the table */

static const struct check {
    const char *id;
    void (*run)(struct examination *exam);
    const char *fine; /* what is said when it finds nothing */
} checks[] = {
    {"docker", check_docker, "docker is in PATH"},
    {"buildx", check_buildx, "docker has the buildx plugin"},
    {"engine", check_engine, "the engine answers"},
    {"export", check_export, "nothing keeps the builder from exporting local caches"},
    {"builder", check_builders, "builders answer, and docker means the same one as buildx"},
    {"leaked-records", check_leaks, "no builder has leaked records"},
    {"project", check_project, "the compose project can be read, or there is none"},
    {"disk", check_disks, "the disks have room"},
    {"memory", check_memory, "no cache root lies in memory"},
    {"small-disk", check_small_disk, "no cache root has a small file system of its own"},
    {"age-cleaning", check_tmpfiles, "systemd-tmpfiles leaves the cache roots alone"},
    {"symlink", check_aliases, "no cache root is reached by a symlink"},
    {"readable", check_readable, "every cache can be read"},
    {"owner", check_owner, "the caches are yours to remove"},
    {"shared-directory", check_shared, "each service has a cache directory of its own"},
    {"whole", check_whole, "no cache misses a blob"},
    {"shrunken", check_shrunken, "no export has lost layers"},
    {"history", check_history, "what was seen is remembered"},
};

/* Both texts are taken; a NULL fix is none. */
static void doctor_find(struct examination *exam, enum doctor_severity severity, char *text,
                        char *fix)
{
    struct doctor_report *report = exam->report;
    mem_reserve((void **)&report->items, &report->cap, report->len + 1, sizeof *report->items);
    report->items[report->len++] = (struct doctor_finding){exam->id, severity, text, fix};
    if (severity > report->worst)
        report->worst = severity;
}

struct doctor_report doctor_examine(const struct store *store, const struct doctor_facts *facts,
                                    int64_t now)
{
    struct doctor_report report = {0};
    struct examination exam = {store, facts, now, NULL, &report};
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        size_t before = report.len;
        exam.id = checks[i].id;
        checks[i].run(&exam);
        if (report.len == before)
            doctor_find(&exam, DOCTOR_OK, mem_strdup(checks[i].fine), NULL);
    }
    return report;
}

void doctor_report_done(struct doctor_report *report)
{
    for (size_t i = 0; i < report->len; i++) {
        free(report->items[i].text);
        free(report->items[i].fix);
    }
    free(report->items);
    *report = (struct doctor_report){0};
}

const char *doctor_severity_name(enum doctor_severity severity)
{
    static const char *const names[] = {"ok", "note", "warning", "bad"};
    return names[severity];
}

/* ------------------------------------------------------------------ the facts */

static bool in_path(const char *program)
{
    const char *path = getenv("PATH");
    bool found = false;
    while (path != NULL && *path != '\0' && !found) {
        size_t len = strcspn(path, ":");
        char *name = mem_printf("%.*s/%s", (int)len, path, program);
        found = len > 0 && access(name, X_OK) == 0;
        free(name);
        path += len + (path[len] == ':');
    }
    return found;
}

/* BILGE_SYSROOT stands before /etc, /run and /usr in tests. */
void doctor_gather(struct doctor_facts *ret_facts)
{
    const char *given = getenv("BILGE_SYSROOT"), *prefix = given != NULL ? given : "";
    char *running = mem_printf("%s/run/systemd/system", prefix);
    *ret_facts = (struct doctor_facts){
        .has_docker = in_path("docker"),
        .has_systemd = access(running, F_OK) == 0,
        .uid = (uint32_t)geteuid(),
    };
    tmpfiles_read(&ret_facts->tmpfiles, prefix);
    free(running);
}

void doctor_facts_done(struct doctor_facts *facts)
{
    strlist_done(&facts->aliases);
    tmpfiles_done(&facts->tmpfiles);
    *facts = (struct doctor_facts){0};
}

/* The checks of cache roots, their disks, and the caches in them. */

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

/* The checks of places: roots, disks, caches. */
static void check_disks(struct examination *exam)
{
    for (size_t i = 0; i < exam->store->disks_len; i++) {
        const struct disk *disk = &exam->store->disks[i];
        char size[TEXT_SIZE_SIZE], age[TEXT_AGE_SIZE];
        bool soon = disk->full_at != 0 && disk->full_at - exam->now < DAY_S * CLOCK_SECOND;
        if (disk->alarm != DISK_CALM || soon)
            doctor_find(
                exam, disk->alarm == DISK_RED ? DOCTOR_BAD : DOCTOR_WARNING,
                mem_printf("the disk of %s has %s left%s%s", disk->path,
                           text_size(size, disk->free_bytes),
                           soon ? "; at this rate it is full in " : "",
                           soon ? text_age(age, (disk->full_at - exam->now) / CLOCK_SECOND) : ""),
                mem_strdup("bilge prune --free 10GB   # shows the plan first"));
    }
}

static void check_memory(struct examination *exam)
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

static void check_small_disk(struct examination *exam)
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

static void check_tmpfiles(struct examination *exam)
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

static void check_aliases(struct examination *exam)
{
    for (size_t i = 0; i + 1 < exam->facts->aliases.len; i += 2)
        doctor_find(exam, DOCTOR_NOTE,
                    mem_printf("%s is reached by a symlink: the caches lie in %s",
                               exam->facts->aliases.items[i], exam->facts->aliases.items[i + 1]),
                    NULL);
}

/* What a root that can't be read says is not said of each cache in it again. */
static bool lies_in_failed_root(const struct store *store, const struct cache *cache)
{
    for (size_t i = 0; i < store->roots_len; i++) {
        const struct cache_root *root = &store->roots[i];
        size_t len = strlen(root->path);
        if (root->error != NULL && strncmp(cache->path, root->path, len) == 0 &&
            cache->path[len] == '/')
            return true;
    }
    return false;
}

static void check_readable(struct examination *exam)
{
    size_t at = 0;
    for (const char *error; (error = store_next_root_error(exam->store, &at)) != NULL;)
        doctor_find(exam, DOCTOR_WARNING, mem_strdup(error), NULL);
    for (size_t i = 0; i < exam->store->services_len; i++) {
        const struct cache *cache = exam->store->services[i].cache;
        if (cache != NULL && cache->state == CACHE_UNREADABLE &&
            !lies_in_failed_root(exam->store, cache))
            doctor_find(exam, DOCTOR_WARNING,
                        mem_printf("%s: %s", cache->path,
                                   cache->error != NULL ? cache->error : "cannot be read"),
                        command_on("sudo ls -ld", cache->path, ""));
    }
}

static void check_owner(struct examination *exam)
{
    for (size_t i = 0; exam->facts->uid != 0 && i < exam->store->services_len; i++) {
        const struct cache *cache = exam->store->services[i].cache;
        if (cache == NULL || cache->state == CACHE_MISSING || cache->uid == exam->facts->uid)
            continue;
        doctor_find(
            exam, DOCTOR_WARNING,
            cache->uid == 0
                ? mem_printf("%s belongs to root: you can look at it, not prune it", cache->path)
                : mem_printf("%s belongs to user %u: you can look at it, not prune it", cache->path,
                             (unsigned)cache->uid),
            command_on("sudo chown -R \"$USER\"", cache->path, ""));
    }
}

static void check_shared(struct examination *exam)
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

static void check_whole(struct examination *exam)
{
    for (size_t i = 0; i < exam->store->services_len; i++) {
        const struct cache *cache = exam->store->services[i].cache;
        const char *trouble = cache != NULL ? cache_trouble(cache) : NULL;
        if (trouble != NULL && cache_untouchable(cache) == NULL && cache->problems_len > 0)
            doctor_find(exam, DOCTOR_BAD, mem_printf("%s: %s", cache->name, trouble),
                        command_on("bilge verify --repair", cache->name, ""));
    }
}

static void check_shrunken(struct examination *exam)
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
