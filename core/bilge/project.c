/* The compose project, read in the background. */
#include <errno.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/bilge/caches/caches.h"
#include "core/bilge/engines/engines.h"
#include "core/bilge/memory/memory.h"

/* The roots are known from here on, whatever came of the project. */
static void go_on(struct bilge *bilge)
{
    bool first = bilge->store->builders_load == LOAD_PENDING && bilge->list_request == NULL;
    if (!bilge->skip_caches)
        roots_from_project(bilge);
    projects_look(bilge);
    services_join(bilge);
    recipes_read(bilge);
    if (first)
        engines_list(bilge);
    bilge_moved(bilge);
}

static void set_error(struct bilge *bilge, const struct err *err)
{
    mem_replace(&bilge->store->project_error, err->text);
    store_set_project(bilge->store, NULL);
    bilge->store->project_load = LOAD_FAILED;
    bilge->store->project_absent = err->code == -ENOENT;
    bilge->store->project_unreadable = err->code == ERR_UNSUPPORTED;
}

static void on_project(void *arg, struct compose_project *project, const struct err *err)
{
    struct bilge *bilge = arg;
    bilge->load = NULL;
    if (project == NULL) {
        set_error(bilge, err);
    } else {
        mem_replace(&bilge->store->project_error, NULL);
        store_set_project(bilge->store, project);
        bilge->store->project_load = LOAD_DONE;
        bilge->store->project_absent = bilge->store->project_unreadable = false;
    }
    go_on(bilge);
}

void project_load(struct bilge *bilge)
{
    struct err err;
    if (bilge->load != NULL)
        return;
    if (compose_load(bilge->loop, bilge->compose_file, NULL, on_project, bilge, &bilge->load,
                     &err) == 0)
        return;
    bilge->load = NULL;
    set_error(bilge, &err);
    go_on(bilge);
}

void project_cancel(struct bilge *bilge)
{
    if (bilge->load != NULL)
        compose_load_cancel(bilge->load);
    bilge->load = NULL;
}
