/* The doctor's examination: facts from files are gathered on the pool, then
 * the checks run over the store. */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/bilge/parts.h"

struct examining {
    struct job job;
    struct words given; /* roots as they were given */
    struct doctor_facts facts;
    bilge_examined_cb *on_examined;
    void *arg;
};

/* Given paths that lead elsewhere. */
static void find_aliases(struct examining *examining)
{
    struct doctor_facts *facts = &examining->facts;
    for (size_t i = 0; i < examining->given.len; i++) {
        char *there = path_canonical(examining->given.items[i]);
        char *plain = path_plain(examining->given.items[i]);
        if (strcmp(there, plain) != 0) {
            words_add(&facts->aliases, plain);
            words_add(&facts->aliases, there);
        }
        free(there);
        free(plain);
    }
}

static void examine_run(struct job *job)
{
    struct examining *examining = (struct examining *)job;
    doctor_gather(&examining->facts);
    find_aliases(examining);
}

static void examine_done(struct job *job, bool cancelled)
{
    struct examining *examining = (struct examining *)job;
    struct bilge *bilge = job->bilge;
    bilge->examining = NULL;
    if (!cancelled && !bilge->closing && examining->on_examined != NULL) {
        struct doctor_report report =
            doctor_examine(bilge->store, &examining->facts, clock_now());
        examining->on_examined(examining->arg, &report);
    }
    doctor_facts_done(&examining->facts);
    words_done(&examining->given);
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
    words_add_all(&examining->given, words_texts(&bilge->given_roots), bilge->given_roots.len);
    bilge->examining = examining;
    job_start(bilge, &examining->job);
    return 0;
}

void bilge_examine_forget(struct bilge *bilge)
{
    if (bilge->examining != NULL)
        bilge->examining->on_examined = NULL;
}
