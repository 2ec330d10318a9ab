/* A build has failed: shows where in the Dockerfile, when the tool has not. The
 * files are read on the pool. */
#include <stdlib.h>
#include <string.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/bilge/builds/builds_private.h"
#include "core/builds/project/dockerfile.h"

#define DOCKERFILE_MAX_BYTES (1024 * 1024)

struct excerpts {
    struct job job;
    uint64_t build_id;
    int step; /* 0: the file itself can't be read as one */
    char *path, *stage, *instruction;
    int index; /* 0: its words alone tell */
    int line;  /* 0: to be found */
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

static struct build *find_build(struct bilge *bilge, uint64_t id)
{
    for (size_t i = 0; i < bilge->store->builds_len; i++)
        if (bilge->store->builds[i]->id == id)
            return bilge->store->builds[i];
    return NULL;
}

static void done(struct job *job, bool cancelled)
{
    struct excerpts *excerpts = (struct excerpts *)job;
    struct bilge *bilge = job->bilge;
    struct build *build =
        cancelled || bilge->closing ? NULL : find_build(bilge, excerpts->build_id);
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
        bilge_moved(bilge);
    }
    free(excerpts->text);
    free(excerpts->path);
    free(excerpts->stage);
    free(excerpts->instruction);
    free(excerpts);
}

/* ---------------------------------------------------------------- looking */

static char *path_of(const struct bilge *bilge, const struct build *build, const char *service)
{
    const struct compose_project *project = bilge->store->project;
    if (service == NULL && build->services_len == 1)
        service = build->services[0];
    for (size_t i = 0; project != NULL && service != NULL && i < project->services_len; i++)
        if (strcmp(project->services[i].name, service) == 0)
            return compose_dockerfile(&project->services[i]);
    return NULL;
}

/* The traditional way may go by the compose file of other Dockerfiles. */
static bool went_by_our_file(const struct bilge *bilge, const struct build *build)
{
    const char *file = strstr(build->command, " -f ");
    if (!build->traditional || file == NULL)
        return true;
    return bilge->compose_file != NULL && strstr(file, bilge->compose_file) != NULL;
}

static const struct step *find_failed(const struct build *build)
{
    for (size_t i = 0; i < build->steps_len; i++)
        if (build->steps[i].state == STEP_FAILED && !build->steps[i].internal)
            return &build->steps[i];
    return NULL;
}

void excerpts_look(struct bilge *bilge, const struct build *build)
{
    const struct step *step = find_failed(build);
    int line = step == NULL ? dockerfile_error_line(build->error) : 0;
    if (build->state != BUILD_FAILED || build->excerpt.text != NULL ||
        (step == NULL && line == 0) || !went_by_our_file(bilge, build))
        return;
    char *path = path_of(bilge, build, step != NULL ? step->service : NULL);
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
    job_start(bilge, &excerpts->job);
}
