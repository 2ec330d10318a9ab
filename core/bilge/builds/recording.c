/* Writes each build into the history when it is over: one row for each of its
 * services. How much it added to a cache directory is measured, before and
 * after; all of it on a lane, for a cache root may not answer. A history that can't be written costs nothing
 * but the history. */
#include <errno.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/bilge/builds/build_row.h"
#include "core/bilge/builds/builds_private.h"
#include "core/bilge/builds/judging.h"
#include "core/bilge/caches/caches.h"
#include "core/bilge/memory/spots.h"
#include "core/history/history.h"

struct entry {
    char *service; /* NULL: not told which there are */
    char *path;        /* of the cache directory; NULL: none */
    struct root *root; /* that it lies in; NULL: there was none when the build began */
    char *context; /* NULL: not known */
    char *args;    /* judge_args() */
    int64_t before_bytes;
    struct history_build row;
};

struct recording {
    struct job job;
    char *path; /* of the history */
    char *project;
    char *kind; /* NULL: as its steps tell */
    struct entry *entries;
    size_t entries_len;
    struct spots *spots;
    int64_t started_at;
    struct history_build *past;
    size_t past_len;
    bool measuring, over;
    bool no_cache;
    bool want_past; /* views read it */
    uid_t invoker;
};

static void recording_free(struct recording *recording)
{
    for (size_t i = 0; i < recording->entries_len; i++) {
        free(recording->entries[i].service);
        root_release(recording->entries[i].root);
        free(recording->entries[i].path);
        free(recording->entries[i].context);
        free(recording->entries[i].args);
        history_build_done(&recording->entries[i].row);
    }
    history_builds_free(recording->past, recording->past_len);
    spots_free(recording->spots);
    free(recording->entries);
    free(recording->path);
    free(recording->project);
    free(recording->kind);
    free(recording);
}

/* -------------------------------------------------------- on a lane: sizes */

/* A root that was not there yet is made by the build. */
static int find_root(struct entry *entry, uid_t invoker)
{
    struct root_found found;
    char *above = path_parent(entry->path);
    int code = root_find(above, invoker, &found);
    entry->root = code == 0 ? root_hold(found.root) : NULL;
    root_found_done(&found);
    free(above);
    return code;
}

/* -1 when it can't be read. */
static int64_t measure(struct entry *entry, uid_t invoker)
{
    if (entry->path == NULL || path_name(entry->path)[0] == '\0')
        return -1;
    int code = entry->root == NULL ? find_root(entry, invoker) : 0;
    if (code < 0)
        return code == -ENOENT ? 0 : -1;
    struct cache *cache =
        scan_cache(entry->root->fd, entry->root->path, path_name(entry->path), NULL);
    int64_t bytes = cache->size_bytes;
    cache_free(cache);
    return bytes;
}

static void measure_run(struct job *job)
{
    struct recording *recording = (struct recording *)job;
    struct history *history;
    if (history_open(recording->path, &history, NULL) == 0) {
        spots_note(recording->spots, history, recording->started_at);
        history_close(history);
    }
    for (size_t i = 0; i < recording->entries_len; i++)
        recording->entries[i].before_bytes = measure(&recording->entries[i], recording->invoker);
}

/* ------------------------------------------------------ on a lane: writing */

static void write_run(struct job *job)
{
    struct recording *recording = (struct recording *)job;
    struct history *history;
    struct err err;
    if (history_open(recording->path, &history, &err) < 0) {
        log_note("%s", err.text);
        return;
    }
    spots_note(recording->spots, history, clock_now());
    for (size_t i = 0; i < recording->entries_len; i++) {
        struct entry *entry = &recording->entries[i];
        int64_t after = measure(entry, recording->invoker);
        entry->row.added_bytes =
            after >= 0 && entry->before_bytes >= 0 ? after - entry->before_bytes : -1;
        judge_build(history, &entry->row, entry->context, recording->no_cache);
        if (recording->kind != NULL)
            mem_replace(&entry->row.kind, recording->kind);
        if (history_add_build(history, &entry->row, &err) < 0)
            log_note("%s", err.text);
    }
    if (recording->want_past)
        recording->past = history_load_past(history, HISTORY_PAST_MAX, &recording->past_len);
    history_close(history);
}

static void write_done(struct job *job, bool cancelled)
{
    struct recording *recording = (struct recording *)job;
    struct bilge *bilge = job->bilge;
    if (!cancelled && recording->past != NULL && !bilge->closing) {
        store_set_past(bilge->store, recording->past, recording->past_len);
        recording->past = NULL;
        recording->past_len = 0;
        bilge_moved(bilge);
    }
    recording_free(recording);
}

/* ----------------------------------------------------------------- the door */

static void start_writing(struct bilge *bilge, struct recording *recording)
{
    recording->job.run = write_run;
    recording->job.done = write_done;
    job_start_on(bilge, bilge->lane, &recording->job);
}

static void measure_done(struct job *job, bool cancelled)
{
    struct recording *recording = (struct recording *)job;
    (void)cancelled;
    recording->measuring = false;
    if (recording->over)
        start_writing(job->bilge, recording);
}

static struct entry *add_entry(const struct bilge *bilge, struct recording *recording,
                               const char *service, const char *path)
{
    struct lane *lane;
    struct entry *entry = &recording->entries[recording->entries_len++];
    *entry = (struct entry){.before_bytes = -1};
    mem_replace(&entry->service, service);
    entry->root = path != NULL ? roots_open(bilge, path, &lane) : NULL;
    mem_replace(&entry->path, path);
    spots_add(recording->spots, path);
    return entry;
}

static void add_entries(const struct bilge *bilge, struct recording *recording,
                        const struct compose_project *project, const struct build *build,
                        bool caches)
{
    size_t most = build->services_len + (project != NULL ? project->services_len : 0) + 1;
    recording->entries = mem_zalloc(most * sizeof *recording->entries);
    for (size_t i = 0; project != NULL && i < project->services_len; i++) {
        const struct compose_service *service = &project->services[i];
        if (!build_has_service(build, service->name))
            continue;
        bool has_cache = caches && service->cache_to_len > 0;
        struct entry *entry =
            add_entry(bilge, recording, service->name, has_cache ? service->cache_to[0] : NULL);
        mem_replace(&entry->context, service->context);
        entry->args = judge_args(service, &build->build_args);
    }
    for (size_t i = 0; project == NULL && i < build->services_len; i++)
        add_entry(bilge, recording, build->services[i], NULL);
    if (recording->entries_len == 0)
        add_entry(bilge, recording, NULL, NULL);
}

struct recording *recording_start(struct bilge *bilge, const struct build *build)
{
    const struct compose_project *project = bilge->store->project;
    if (bilge->memory.path == NULL)
        return NULL;
    struct recording *recording = mem_zalloc(sizeof *recording);
    mem_replace(&recording->path, bilge->memory.path);
    mem_replace(&recording->project, project != NULL ? project->name : NULL);
    mem_replace(&recording->kind, build->kind);
    recording->want_past = bilge->watching;
    recording->invoker = root_invoker();
    recording->started_at = build->started_at;
    recording->spots = spots_new(bilge->store);
    /* Another file's caches are elsewhere. */
    add_entries(bilge, recording, project, build, build->compose_file == NULL);
    recording->measuring = true;
    recording->job.run = measure_run;
    recording->job.done = measure_done;
    job_start_on(bilge, bilge->lane, &recording->job);
    return recording;
}

void recording_end(struct bilge *bilge, struct recording *recording, const struct build *build)
{
    if (recording == NULL)
        return;
    recording->over = true;
    recording->no_cache = build->no_cache;
    for (size_t i = 0; i < recording->entries_len; i++) {
        struct entry *entry = &recording->entries[i];
        build_row_fill(build, entry->service, recording->entries_len == 1, &entry->row);
        mem_replace(&entry->row.project, recording->project);
        mem_replace(&entry->row.args, entry->args);
    }
    if (!recording->measuring)
        start_writing(bilge, recording);
}
