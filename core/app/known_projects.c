/* Which projects name which cache directories: this one's are written down, and
 * of all that are remembered those are put into the store whose compose file is
 * still there. Asked anew for each plan: another bilge may have learnt more, and
 * files come and go.
 *
 * A file that was changed since still counts as one that names them: what it says
 * now only docker could tell. A file that can't be looked at is not gone. */
#include "core/app/known_projects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/app/hub.h"
#include "core/app/lanes.h"
#include "core/app/memory.h"
#include "core/app/services.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/history/history.h"

/* A project without its compose file, and not seen for so long, is forgotten. */
#define FORGET_AFTER (90 * 24 * 3600 * CLOCK_SECOND)

struct known_projects {
    struct hub *hub;
    struct store *store;
    struct lanes *lanes;
    struct services *services;
    struct memory *memory;
    char *compose_file; /* NULL: compose's own search */
    bool skip;          /* no caches are looked at */
    bool wanted, under_way;
    bool late; /* what is under way hangs */
};

struct projects_job {
    struct job job;
    char *path; /* of the history */
    bool read_only;
    int64_t now;
    bool has_mine;
    struct history_project mine;
    struct history *history; /* open for writing; NULL: not yet, or it can't be */
    struct known_cache *known;
    size_t known_len, known_cap;
    char *error; /* NULL: all that is remembered was read */
};

/* ------------------------------------------------------------- on the pool */

static bool is_gone(const char *path)
{
    struct stat st;
    return stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* Of several files one suffices: which of them names the caches is not known. */
static const char *file_left(const struct history_project *project)
{
    for (size_t i = 0; i < project->files.len; i++)
        if (!is_gone(project->files.items[i]))
            return project->files.items[i];
    return NULL;
}

static void add_known(struct projects_job *job, const struct history_project *project,
                      const char *path, const char *file)
{
    struct stat st;
    bool there = stat(path, &st) == 0;
    mem_reserve((void **)&job->known, &job->known_cap, job->known_len + 1, sizeof *job->known);
    job->known[job->known_len++] = (struct known_cache){
        .path = mem_strdup(path),
        .dev = there ? st.st_dev : 0,
        .ino = there ? st.st_ino : 0,
        .project = mem_strdup(project->name),
        .file = mem_strdup(file),
    };
}

static int read_projects(struct projects_job *job, struct history *history, struct err *err)
{
    struct history_project *projects;
    size_t len;
    int code = history_projects(history, &projects, &len, err);
    for (size_t i = 0; code == 0 && i < len; i++) {
        const char *file = file_left(&projects[i]);
        for (size_t j = 0; file != NULL && j < projects[i].caches.len; j++)
            add_known(job, &projects[i], projects[i].caches.items[j], file);
        if (file == NULL && history == job->history && !job->read_only &&
            job->now - projects[i].seen_at > FORGET_AFTER)
            history_forget_project(history, projects[i].id, NULL);
    }
    if (code == 0)
        history_projects_free(projects, len);
    return code;
}

/* What compose reads them from; those that are not there now (a "-", say) tell
 * nothing later. Then the project's directory stands for them. */
static void find_files(struct history_project *project)
{
    struct strlist files = {0};
    const char *directory = project->files.items[project->files.len - 1];
    for (size_t i = 0; i + 1 < project->files.len; i++)
        if (!is_gone(project->files.items[i]))
            strlist_put(&files, path_canonical(project->files.items[i]));
    if (files.len == 0)
        strlist_add(&files, directory);
    strlist_done(&project->files);
    project->files = files;
}

static void write_down(struct projects_job *job)
{
    struct err err;
    find_files(&job->mine);
    if (history_put_project(job->history, &job->mine, &err) < 0)
        log_note("%s", err.text);
}

/* Without a file nothing is remembered, which is no trouble. */
static void projects_run(struct job *base)
{
    struct projects_job *job = (struct projects_job *)base;
    struct history *reading = NULL;
    struct err err;
    if (job->history == NULL && !job->read_only && history_open(job->path, &job->history, &err) < 0)
        log_note("%s", err.text);
    if (job->history != NULL && job->has_mine && !job->read_only)
        write_down(job);
    int code = 0;
    if (job->history == NULL)
        code = history_open_reading(job->path, &reading, &err);
    if (code == 0)
        code = read_projects(job, reading != NULL ? reading : job->history, &err);
    history_close(reading);
    if (code < 0 && code != -ENOENT && code != -ENOTDIR)
        job->error = mem_strdup(err.text);
}

/* ------------------------------------------------------------- on the loop */

static void projects_done(struct job *base, bool cancelled)
{
    struct projects_job *job = (struct projects_job *)base;
    struct known_projects *projects = base->owner;
    projects->under_way = projects->late = false;
    memory_give(projects->memory, job->history);
    if (!cancelled && !hub_is_closing(projects->hub)) {
        store_set_known(projects->store, job->known, job->known_len, job->error);
        services_need_join(projects->services); /* a namesake may be another's */
        hub_moved(projects->hub);
    } else {
        known_caches_free(job->known, job->known_len);
    }
    history_project_done(&job->mine);
    free(job->error);
    free(job->path);
    free(job);
}

static void add_cache(struct history_project *mine, const char *path)
{
    if (!strlist_has(&mine->caches, path))
        strlist_add(&mine->caches, path);
}

/* The files' places are looked at on the pool; the directory comes last. */
static void gather_mine(const struct known_projects *projects, struct history_project *mine)
{
    const struct compose_project *project = projects->store->project;
    mine->name = mem_strdup(project->name);
    mine->files = compose_files(projects->compose_file, project->directory, false);
    strlist_add(&mine->files, project->directory);
    mine->seen_at = clock_now();
    for (size_t i = 0; i < project->services_len; i++) {
        const struct compose_service *service = &project->services[i];
        for (size_t j = 0; j < service->cache_to_len; j++)
            add_cache(mine, service->cache_to[j]);
        for (size_t j = 0; j < service->cache_from_len; j++)
            add_cache(mine, service->cache_from[j]);
        for (size_t j = 0; j < service->leads_to.len; j++)
            add_cache(mine, service->leads_to.items[j]);
    }
}

static void turn(void *owner)
{
    struct known_projects *projects = owner;
    struct history *history;
    if (!projects->wanted || !memory_take(projects->memory, &history))
        return;
    struct projects_job *job = mem_zalloc(sizeof *job);
    job->job.run = projects_run;
    job->job.done = projects_done;
    job->job.owner = projects;
    job->path = mem_strdup(memory_path(projects->memory));
    job->read_only = projects->store->read_only;
    job->now = clock_now();
    job->history = history;
    job->has_mine = projects->store->project != NULL;
    if (job->has_mine)
        gather_mine(projects, &job->mine);
    projects->wanted = false;
    projects->under_way = true;
    /* It looks where all known caches lie. */
    job_start_on(lanes_common(projects->lanes), &job->job);
}

void known_projects_look(struct known_projects *projects)
{
    if (memory_path(projects->memory) == NULL || projects->skip)
        return;
    projects->wanted = true;
    hub_wake(projects->hub);
}

bool known_projects_are_waited_for(const struct known_projects *projects)
{
    return !projects->late && (projects->wanted || projects->under_way);
}

void known_projects_give_up(struct known_projects *projects)
{
    if (!projects->under_way || projects->late ||
        !lanes_hang(projects->lanes, lanes_common(projects->lanes)))
        return;
    projects->late = true;
    store_set_known(projects->store, NULL, 0,
                    "cannot tell which caches other projects use: where one of them lies, "
                    "nothing answers");
    hub_moved(projects->hub);
}

/* -------------------------------------------------------- beginning and end */

struct known_projects *known_projects_new(struct hub *hub, struct lanes *lanes,
                                          struct services *services, struct memory *memory,
                                          const struct bilge_options *options)
{
    struct known_projects *projects = mem_zalloc(sizeof *projects);
    projects->hub = hub;
    projects->store = hub_store(hub);
    projects->lanes = lanes;
    projects->services = services;
    projects->memory = memory;
    projects->skip = options->skip_caches;
    mem_replace(&projects->compose_file, options->compose_file);
    projects->store->known_load =
        memory_path(memory) != NULL && !projects->skip ? LOAD_PENDING : LOAD_DONE;
    hub_set_turn(hub, TURN_PROJECTS, turn, projects);
    return projects;
}

void known_projects_free(struct known_projects *projects)
{
    free(projects->compose_file);
    free(projects);
}
