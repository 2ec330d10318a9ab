/* Writes each build into the history when it is over: one row for each of its
 * services. How much it added to a cache directory is measured, before and
 * after; all of it on a lane, for a cache root may not answer. A history that can't be written
 * costs nothing but the history. */
#include "core/app/recording.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/app/hub.h"
#include "core/app/lanes.h"
#include "core/app/roots.h"
#include "core/app/space.h"
#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/base/strlist.h"
#include "core/builds/build.h"
#include "core/builds/changed.h"
#include "core/builds/project/compose.h"
#include "core/builds/project/dockerfile.h"
#include "core/history/build_kind.h"
#include "core/history/history.h"

/* What the history says of a build that is over: a row for each of its services. */

/* What the history says of a build; any thread. */

static void judge_build(struct history *history, struct history_build *row, const char *context,
                        bool no_cache);
static char *judge_args(const struct compose_service *service, const struct strlist *given);
static void build_row_fill(const struct build *build, const char *service, bool alone,
                           struct history_build *row);

struct recorder {
    struct hub *hub;
    struct store *store;
    struct lanes *lanes;
    struct roots *roots;
    char *path;         /* of the history; NULL: nothing is remembered */
    char *compose_file; /* NULL: compose's own search */
    bool want_past;     /* views read it */
};

struct entry {
    char *service;     /* NULL: not told which there are */
    char *path;        /* of the cache directory; NULL: none */
    struct root *root; /* that it lies in; NULL: there was none when the build began */
    char *context;     /* NULL: not known */
    char *args;        /* judge_args() */
    int64_t before_bytes;
    struct history_build row;
};

struct recording {
    struct job job; /* of the recorder */
    char *path;     /* of the history */
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
    struct recorder *recorder = job->owner;
    if (!cancelled && recording->past != NULL && !hub_is_closing(recorder->hub)) {
        store_set_past(recorder->store, recording->past, recording->past_len);
        recording->past = NULL;
        recording->past_len = 0;
        hub_moved(recorder->hub);
    }
    recording_free(recording);
}

/* ----------------------------------------------------------------- the door */

static void start_writing(struct recorder *recorder, struct recording *recording)
{
    recording->job.run = write_run;
    recording->job.done = write_done;
    job_start_on(lanes_common(recorder->lanes), &recording->job);
}

static void measure_done(struct job *job, bool cancelled)
{
    struct recording *recording = (struct recording *)job;
    (void)cancelled;
    recording->measuring = false;
    if (recording->over)
        start_writing(job->owner, recording);
}

static struct entry *add_entry(const struct recorder *recorder, struct recording *recording,
                               const char *service, const char *path)
{
    struct lane *lane;
    struct entry *entry = &recording->entries[recording->entries_len++];
    *entry = (struct entry){.before_bytes = -1};
    mem_replace(&entry->service, service);
    entry->root = path != NULL ? roots_open(recorder->roots, path, &lane) : NULL;
    mem_replace(&entry->path, path);
    spots_add(recording->spots, path);
    return entry;
}

static void add_entries(const struct recorder *recorder, struct recording *recording,
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
            add_entry(recorder, recording, service->name, has_cache ? service->cache_to[0] : NULL);
        mem_replace(&entry->context, service->context);
        entry->args = judge_args(service, &build->build_args);
    }
    for (size_t i = 0; project == NULL && i < build->services_len; i++)
        add_entry(recorder, recording, build->services[i], NULL);
    if (recording->entries_len == 0)
        add_entry(recorder, recording, NULL, NULL);
}

struct recording *recording_start(struct recorder *recorder, const struct build *build)
{
    const struct compose_project *project = recorder->store->project;
    if (recorder->path == NULL)
        return NULL;
    struct recording *recording = mem_zalloc(sizeof *recording);
    mem_replace(&recording->path, recorder->path);
    mem_replace(&recording->project, project != NULL ? project->name : NULL);
    mem_replace(&recording->kind, build->kind);
    recording->want_past = recorder->want_past;
    recording->invoker = root_invoker();
    recording->started_at = build->started_at;
    recording->spots = spots_new(recorder->store);
    /* Another file's caches are elsewhere. */
    add_entries(recorder, recording, project, build, build->compose_file == NULL);
    recording->measuring = true;
    recording->job.owner = recorder;
    recording->job.run = measure_run;
    recording->job.done = measure_done;
    job_start_on(lanes_common(recorder->lanes), &recording->job);
    return recording;
}

void recording_end(struct recording *recording, const struct build *build)
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
        start_writing(recording->job.owner, recording);
}

static bool belongs(const struct step *step, const char *service)
{
    return step->service == NULL || service == NULL || strcmp(step->service, service) == 0;
}

/* By the engine's clock, if all is told by it: what comes at once may have begun
 * one after the other. */
static int64_t start_of(const struct step *step, const struct build *build)
{
    int64_t first = 0;
    if (step->began_at == 0)
        return step->started_mono_ms > 0 ? step->started_mono_ms - build->started_mono_ms : -1;
    for (size_t i = 0; i < build->steps_len; i++) {
        int64_t at = build->steps[i].began_at;
        if (at > 0 && (first == 0 || at < first))
            first = at;
    }
    return (step->began_at - first) / 1000000;
}

static void copy_steps(const struct build *build, const char *service, struct history_build *row)
{
    row->steps = mem_zalloc((build->steps_len + 1) * sizeof *row->steps);
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct step *step = &build->steps[i];
        if (step->state == STEP_WAITING || !belongs(step, service))
            continue;
        struct history_step *copy = &row->steps[row->steps_len++];
        *copy = (struct history_step){
            .instruction =
                mem_strdup(step->instruction[0] != '\0' ? step->instruction : step->name),
            .state = step->state,
            .index = step->index,
            .duration_ms = step->duration_ms,
            .start_ms = start_of(step, build),
        };
        mem_replace(&copy->service, step->service);
        mem_replace(&copy->stage, step->stage);
    }
}

/* Of several services that were built at once, each took until its last step. */
static int64_t duration_of(const struct build *build, const char *service, bool alone)
{
    int64_t last = 0;
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct step *step = &build->steps[i];
        int64_t end = step->started_mono_ms + step->duration_ms - build->started_mono_ms;
        if (step->started_mono_ms > 0 && belongs(step, service) && end > last)
            last = end;
    }
    return alone || last == 0 ? build->duration_ms : last;
}

/* When another service's step has failed, this one was only called off. */
static enum build_state state_of(const struct build *build, const char *service)
{
    bool own = false, other = false;
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct step *step = &build->steps[i];
        if (step->state == STEP_FAILED && belongs(step, service))
            own = true;
        else if (step->state == STEP_FAILED)
            other = true;
    }
    return build->state == BUILD_FAILED && other && !own ? BUILD_CANCELLED : build->state;
}

/* Fills in what the build itself tells of a service (NULL: it is not told which
 * there are): its steps, state, times, tools and error. `alone`: it was built
 * without others, so the build's duration is its own. The row is empty before,
 * and owns what comes into it. */
static void build_row_fill(const struct build *build, const char *service, bool alone,
                           struct history_build *row)
{
    copy_steps(build, service, row);
    row->service = mem_strdup(service != NULL ? service : "");
    row->state = state_of(build, service);
    row->exit_status = build->exit_status;
    row->started_at = build->started_at;
    row->duration_ms = duration_of(build, service, alone);
    mem_replace(&row->tools, build->tool);
    if (row->state == BUILD_FAILED)
        mem_replace(&row->error, build->error);
}

/* What the history says of a build that is over: held against earlier ones of
 * the same service, and against the files of its context. On the pool. */

/* Failed and called off builds may stand between two that say something. */
#define BACK_MAX 30

static bool is_traditional(const struct history_build *row)
{
    return row->tools != NULL && strstr(row->tools, "traditional") != NULL;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The two ways name the same base image differently, so they are not compared;
 * a benchmark changes files of its own. */
static bool is_comparable(const struct history_build *row, const struct history_build *earlier)
{
    return !history_build_is_bench(earlier) && same_text(row->project, earlier->project) &&
           is_traditional(row) == is_traditional(earlier);
}

static bool has_run(const struct history_build *build, const char *instruction)
{
    for (size_t i = 0; i < build->steps_len; i++)
        if ((build->steps[i].state == STEP_DONE || build->steps[i].state == STEP_CACHED) &&
            strcmp(build->steps[i].instruction, instruction) == 0)
            return true;
    return false;
}

/* Names what changed since a build last took these files. */
static void name_files(struct history_build *row, const struct history_build *earlier, size_t len,
                       const char *context)
{
    static const char copied[] = "what it copies changed: ";
    if (row->why == NULL || strncmp(row->why, copied, sizeof copied - 1) != 0 || context == NULL)
        return;
    for (size_t i = 0; i < len; i++) {
        if (!is_comparable(row, &earlier[i]) || !has_run(&earlier[i], row->first_miss))
            continue;
        char *files = changed_files(context, row->first_miss, earlier[i].started_at);
        char *why = files != NULL ? mem_printf("%s (%s)", row->why, files) : NULL;
        if (why != NULL)
            mem_replace(&row->why, why);
        free(why);
        free(files);
        return;
    }
}

/* Fills kind, first_miss and why of a row that is not yet in the history.
 * `context` is where its COPYs take files from; NULL: not on this machine. */
static void judge_build(struct history *history, struct history_build *row, const char *context,
                        bool no_cache)
{
    struct history_build *earlier = NULL;
    const struct history_build *before = NULL;
    size_t len = 0;
    if (history_builds(history, row->service, BACK_MAX, &earlier, &len, NULL) < 0)
        len = 0;
    for (size_t i = 0; i < len; i++)
        history_read_steps(history, &earlier[i], NULL);
    for (size_t i = 0; i < len && before == NULL; i++)
        if (earlier[i].state == BUILD_DONE && is_comparable(row, &earlier[i]))
            before = &earlier[i];
    build_kind_fill(row, before);
    name_files(row, earlier, len, context);
    if (no_cache && row->kind != NULL) {
        mem_replace(&row->kind, "from scratch");
        mem_replace(&row->why, "--no-cache was asked for");
    }
    history_builds_free(earlier, len);
}

/* FNV-1a: enough to see that a value has changed. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return hash;
}

static bool sets(const char *arg, const char *name)
{
    size_t len = strlen(name);
    return strncmp(arg, name, len) == 0 && (arg[len] == '=' || arg[len] == '\0');
}

static bool is_set_again(const char *name, const struct strlist *given, size_t from)
{
    for (size_t i = from; i < given->len; i++)
        if (sets(given->items[i], name))
            return true;
    return false;
}

static void add_hash(struct buf *text, const char *name, const char *value)
{
    buf_printf(text, "%s=%016llx\n", name, (unsigned long long)hash_of(value));
}

/* "NAME=hash" lines of the arguments that a build of the service got: the
 * project's, unless those "NAME=value" that were given set them again. The
 * caller frees it. */
static char *judge_args(const struct compose_service *service, const struct strlist *given)
{
    struct buf text = {0};
    for (size_t i = 0; i < service->args_len; i++)
        if (!is_set_again(service->args[i].name, given, 0))
            add_hash(&text, service->args[i].name, service->args[i].value);
    for (size_t i = 0; i < given->len; i++) {
        size_t len = strcspn(given->items[i], "=");
        char *name = mem_strndup(given->items[i], len);
        if (!is_set_again(name, given, i + 1))
            add_hash(&text, name, given->items[i] + len + (given->items[i][len] == '='));
        free(name);
    }
    return buf_take(&text);
}

/* A build has failed: shows where in the Dockerfile, when the tool has not. The
 * files are read on the pool. */

#define DOCKERFILE_MAX_BYTES (1024 * 1024)

struct excerpts {
    struct job job;
    uint64_t build_id;
    int step; /* 0: the file itself can't be read as one */
    char *path, *stage, *instruction;
    int index;  /* 0: its words alone tell */
    int line;   /* 0: to be found */
    char *text; /* the answer */
};

static void run(struct job *job)
{
    struct excerpts *excerpts = (struct excerpts *)job;
    const struct dockerfile_wish wish = {excerpts->stage, excerpts->index, excerpts->instruction};
    struct buf text = {0};
    int first = excerpts->line, last = excerpts->line;
    if (fs_read_path(excerpts->path, DOCKERFILE_MAX_BYTES, &text, NULL) == 0 && text.len > 0 &&
        (first > 0 || dockerfile_find(text.data, text.len, &wish, &first, &last)))
        excerpts->text = dockerfile_excerpt(text.data, text.len, first, last);
    excerpts->line = first;
    buf_done(&text);
}

static struct build *find_build(struct recorder *recorder, uint64_t id)
{
    for (size_t i = 0; i < recorder->store->builds_len; i++)
        if (recorder->store->builds[i]->id == id)
            return recorder->store->builds[i];
    return NULL;
}

static void done(struct job *job, bool cancelled)
{
    struct excerpts *excerpts = (struct excerpts *)job;
    struct recorder *recorder = job->owner;
    struct build *build = cancelled || hub_is_closing(recorder->hub)
                              ? NULL
                              : find_build(recorder, excerpts->build_id);
    if (build != NULL && excerpts->text != NULL && build->excerpt.text == NULL) {
        build_excerpt_done(&build->excerpt);
        build->excerpt = (struct build_excerpt){
            .step = excerpts->step,
            .file = mem_strdup(path_name(excerpts->path)),
            .line = excerpts->line,
            .text = excerpts->text,
        };
        excerpts->text = NULL;
        build->revision++;
        hub_moved(recorder->hub);
    }
    free(excerpts->text);
    free(excerpts->path);
    free(excerpts->stage);
    free(excerpts->instruction);
    free(excerpts);
}

/* ---------------------------------------------------------------- looking */

static char *path_of(const struct recorder *recorder, const struct build *build,
                     const char *service)
{
    const struct compose_project *project = recorder->store->project;
    if (service == NULL && build->services_len == 1)
        service = build->services[0];
    for (size_t i = 0; project != NULL && service != NULL && i < project->services_len; i++)
        if (strcmp(project->services[i].name, service) == 0)
            return compose_dockerfile(&project->services[i]);
    return NULL;
}

/* The traditional way may go by the compose file of other Dockerfiles. */
static bool went_by_our_file(const struct recorder *recorder, const struct build *build)
{
    const char *file = strstr(build->command, " -f ");
    if (!build->traditional || file == NULL)
        return true;
    return recorder->compose_file != NULL && strstr(file, recorder->compose_file) != NULL;
}

static const struct step *find_failed(const struct build *build)
{
    for (size_t i = 0; i < build->steps_len; i++)
        if (build->steps[i].state == STEP_FAILED && !build->steps[i].internal)
            return &build->steps[i];
    return NULL;
}

void recorder_excerpt(struct recorder *recorder, const struct build *build)
{
    const struct step *step = find_failed(build);
    int line = step == NULL ? dockerfile_error_line(build->error) : 0;
    if (build->state != BUILD_FAILED || build->excerpt.text != NULL ||
        (step == NULL && line == 0) || !went_by_our_file(recorder, build))
        return;
    char *path = path_of(recorder, build, step != NULL ? step->service : NULL);
    if (path == NULL)
        return;
    struct excerpts *excerpts = mem_zalloc(sizeof *excerpts);
    *excerpts = (struct excerpts){.build_id = build->id, .path = path, .line = line};
    if (step != NULL) {
        excerpts->step = step->number;
        /* The builder of old counts other steps. */
        excerpts->index = build->traditional ? 0 : step->index;
        mem_replace(&excerpts->stage, step->stage);
        excerpts->instruction = mem_strdup(step->instruction);
    }
    excerpts->job.run = run;
    excerpts->job.done = done;
    excerpts->job.owner = recorder;
    job_start(recorder->hub, &excerpts->job);
}

/* -------------------------------------------------------- beginning and end */

struct recorder *recorder_new(struct hub *hub, struct lanes *lanes, struct roots *roots,
                              const struct bilge_options *options)
{
    struct recorder *recorder = mem_zalloc(sizeof *recorder);
    recorder->hub = hub;
    recorder->store = hub_store(hub);
    recorder->lanes = lanes;
    recorder->roots = roots;
    recorder->want_past = options->watch;
    mem_replace(&recorder->path, options->history_path);
    mem_replace(&recorder->compose_file, options->compose_file);
    return recorder;
}

void recorder_free(struct recorder *recorder)
{
    free(recorder->path);
    free(recorder->compose_file);
    free(recorder);
}
