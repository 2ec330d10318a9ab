/* The doctor's examination: facts from files are gathered on the pool, then
 * the checks run over the store. */
#include "core/app/examining.h"

#include <stdlib.h>
#include <string.h>

#include "core/app/engines.h"
#include "core/app/hub.h"
#include "core/app/roots.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/engine/builders.h"

struct examination {
    struct job job;
    struct doctor_facts facts;
    bilge_examined_cb *on_examined;
    void *arg;
    bool asking; /* whether builds run, so that leaked records are known; and for buildx */
    struct builders_request *request; /* to buildx; NULL: none */
    bool no_buildx;
};

struct examining {
    struct hub *hub;
    struct roots *roots;
    struct engines *engines;
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
        examination->facts.no_buildx = examination->no_buildx;
        roots_aliases(examining->roots, &examination->facts.aliases);
        struct doctor_report report =
            doctor_examine(hub_store(examining->hub), &examination->facts, clock_now());
        examination->on_examined(examination->arg, &report);
    }
    doctor_facts_done(&examination->facts);
    free(examination);
}

static void on_buildx(void *arg, const struct err *err)
{
    struct examining *examining = arg;
    examining->now->request = NULL;
    examining->now->no_buildx = err != NULL && err->code == ERR_UNSUPPORTED;
    hub_wake(examining->hub);
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
    examination->asking = true;
    engines_look_for_builds(examining->engines);
    /* Without docker there is nothing to ask, which is another finding. */
    builders_version(hub_loop(examining->hub), on_buildx, examining, &examination->request, NULL);
    hub_wake(examining->hub);
    return 0;
}

static void turn(void *owner)
{
    struct examining *examining = owner;
    struct examination *examination = examining->now;
    if (examination == NULL || !examination->asking || examination->request != NULL ||
        engines_waited_for(examining->engines))
        return;
    examination->asking = false;
    job_start(examining->hub, &examination->job);
}

void examining_cancel(struct examining *examining)
{
    if (examining->now == NULL || !examining->now->asking)
        return;
    if (examining->now->request != NULL)
        builders_cancel(examining->now->request);
    free(examining->now);
    examining->now = NULL;
}

void examining_forget(struct examining *examining)
{
    if (examining->now != NULL)
        examining->now->on_examined = NULL;
}

struct examining *examining_new(struct hub *hub, struct roots *roots, struct engines *engines)
{
    struct examining *examining = mem_zalloc(sizeof *examining);
    examining->hub = hub;
    examining->roots = roots;
    examining->engines = engines;
    hub_set_turn(hub, TURN_EXAMINE, turn, examining);
    return examining;
}

void examining_free(struct examining *examining)
{
    free(examining);
}
