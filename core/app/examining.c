/* The doctor's examination: facts from files are gathered on the pool, then
 * the checks run over the store. */
#include <stdlib.h>
#include <string.h>

#include "core/app/caches.h"
#include "core/app/engines.h"
#include "core/app/planning.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

struct examining {
    struct job job;
    struct doctor_facts facts;
    bilge_examined_cb *on_examined;
    void *arg;
    bool asking; /* whether builds run, so that leaked records are known */
};

/* Roots that were named by a path that leads elsewhere. */
static void find_aliases(const struct bilge *bilge, struct doctor_facts *facts)
{
    for (const struct site *site = bilge->sites; site != NULL; site = site->next) {
        if (site->kind != SITE_NAMED || site->path == NULL || strcmp(site->path, site->given) == 0)
            continue;
        strlist_add(&facts->aliases, site->given);
        strlist_add(&facts->aliases, site->path);
    }
}

static void examine_run(struct job *job)
{
    struct examining *examining = (struct examining *)job;
    doctor_gather(&examining->facts);
}

static void examine_done(struct job *job, bool cancelled)
{
    struct examining *examining = (struct examining *)job;
    struct bilge *bilge = job->bilge;
    bilge->examining = NULL;
    if (!cancelled && !bilge->closing && examining->on_examined != NULL) {
        find_aliases(bilge, &examining->facts);
        struct doctor_report report =
            doctor_examine(bilge->store, &examining->facts, clock_now());
        examining->on_examined(examining->arg, &report);
    }
    doctor_facts_done(&examining->facts);
    free(examining);
}

int bilge_examine(struct bilge *bilge, bilge_examined_cb *on_examined, void *arg, struct err *err)
{
    if (bilge->examining != NULL)
        return err_set(err, ERR_BUSY, "an examination is under way already");
    struct examining *examining = mem_zalloc(sizeof *examining);
    examining->job.run = examine_run;
    examining->job.done = examine_done;
    examining->on_examined = on_examined;
    examining->arg = arg;
    examining->asking = true;
    bilge->examining = examining;
    engines_look_for_builds(bilge);
    bilge_wake(bilge);
    return 0;
}

void examining_step(struct bilge *bilge)
{
    struct examining *examining = bilge->examining;
    if (examining == NULL || !examining->asking || engines_waited_for(bilge))
        return;
    examining->asking = false;
    job_start(bilge, &examining->job);
}

void examining_cancel(struct bilge *bilge)
{
    if (bilge->examining == NULL || !bilge->examining->asking)
        return;
    free(bilge->examining);
    bilge->examining = NULL;
}

void bilge_examine_forget(struct bilge *bilge)
{
    if (bilge->examining != NULL)
        bilge->examining->on_examined = NULL;
}
