/* Where logs go that memory has no room for: into a file without a name, in the
 * state directory. */
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/bilge/builds/builds_private.h"
#include "core/builds/log/logblock.h"

struct sweep {
    struct job job;
    char *directory;
};

/* NULL: nothing is kept. A command that looks once never reads old lines again. */
static char *directory_of(const struct bilge *bilge)
{
    const char *path = bilge->memory.path;
    return bilge->watching && path != NULL ? path_parent(path) : NULL;
}

static void sweep_run(struct job *job)
{
    logfile_sweep(((struct sweep *)job)->directory);
}

static void sweep_done(struct job *job, bool cancelled)
{
    struct sweep *sweep = (struct sweep *)job;
    (void)cancelled;
    free(sweep->directory);
    free(sweep);
}

void builds_open(struct bilge *bilge)
{
    char *directory = directory_of(bilge);
    if (directory == NULL)
        return;
    struct sweep *sweep = mem_zalloc(sizeof *sweep);
    sweep->job.run = sweep_run;
    sweep->job.done = sweep_done;
    sweep->directory = directory;
    job_start(bilge, &sweep->job);
}

void builds_spill(const struct bilge *bilge, struct buildlog *log)
{
    char *directory = directory_of(bilge);
    if (directory != NULL)
        buildlog_spill_to(log, bilge->loop, directory);
    free(directory);
}
