/* The doctor's examination: facts from files are gathered on the pool, then
 * the checks run over the store. */
#include "core/app/examining.h"

#include <stdlib.h>
#include <string.h>

#include "core/app/hub.h"
#include "core/app/roots.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

struct examination {
    struct job job;
    struct doctor_facts facts;
    bilge_examined_cb *on_examined;
    void *arg;
};

struct examining {
    struct hub *hub;
    struct roots *roots;
    struct examination *now; /* NULL: none under way */
};

static void examine_run(struct job *job)
{
    struct examination *examination = (struct examination *)job;
    doctor_gather(&examination->facts);
}

static void examine_done(struct job *job, bool cancelled)
{
    struct examination *examination = (struct examination *)job;
    struct examining *examining = job->owner;
    examining->now = NULL;
    if (!cancelled && !hub_is_closing(examining->hub) && examination->on_examined != NULL) {
        roots_aliases(examining->roots, &examination->facts.aliases);
        struct doctor_report report =
            doctor_examine(hub_store(examining->hub), &examination->facts, clock_now());
        examination->on_examined(examination->arg, &report);
    }
    doctor_facts_done(&examination->facts);
    free(examination);
}

int examining_ask(struct examining *examining, bilge_examined_cb *on_examined, void *arg,
                  struct err *err)
{
    if (examining->now != NULL)
        return err_set(err, ERR_BUSY, "an examination is under way already");
    struct examination *examination = mem_zalloc(sizeof *examination);
    examination->job.run = examine_run;
    examination->job.done = examine_done;
    examination->job.owner = examining;
    examination->on_examined = on_examined;
    examination->arg = arg;
    examining->now = examination;
    job_start(examining->hub, &examination->job);
    return 0;
}

void examining_forget(struct examining *examining)
{
    if (examining->now != NULL)
        examining->now->on_examined = NULL;
}

struct examining *examining_new(struct hub *hub, struct roots *roots)
{
    struct examining *examining = mem_zalloc(sizeof *examining);
    examining->hub = hub;
    examining->roots = roots;
    return examining;
}

void examining_free(struct examining *examining)
{
    free(examining);
}
