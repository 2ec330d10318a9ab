/* Docker's contexts: which there are, and which one all that we start goes to. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/bilge/engines/engines.h"
#include "core/bilge/memory/memory.h"

void contexts_read(struct bilge *bilge)
{
    struct docker_context *contexts;
    size_t len;
    const char *current = bilge->has_endpoint ? bilge->endpoint.context : NULL;
    endpoint_contexts(current, bilge->docker_host, &contexts, &len);
    store_set_contexts(bilge->store, contexts, len);
}

/* docker, compose and buildx find their engine by their environment, which they
 * have from us: so the choice reaches every one of them. As docker has it, a
 * context that is named counts more than DOCKER_HOST, which is what "default"
 * means where it is set. */
void contexts_lead_tools(struct bilge *bilge)
{
    if (bilge->context == NULL)
        return;
    setenv("DOCKER_CONTEXT", bilge->context, 1);
    if (strcmp(bilge->context, "default") != 0)
        unsetenv("DOCKER_HOST");
    else if (bilge->docker_host != NULL)
        setenv("DOCKER_HOST", bilge->docker_host, 1);
}

static int check(const struct bilge *bilge, struct err *err)
{
    if (bilge->running != NULL || bilge->queued != NULL)
        return err_set(err, ERR_BUSY, "a build is running: change the context when it is over");
    if (bilge->pruning != NULL || bilge->planning != NULL || bilge->benching != NULL)
        return err_set(err, ERR_BUSY, "a removal is under way: change the context when it is over");
    if (bilge->skip_engine)
        return err_set(err, ERR_USAGE, "no engine is asked");
    return 0;
}

int bilge_use_context(struct bilge *bilge, const char *name, struct err *err)
{
    struct endpoint found;
    int code = check(bilge, err);
    if (code == 0)
        code = endpoint_find(name, &found, err);
    if (code < 0)
        return code;
    endpoint_done(&found);
    mem_replace(&bilge->context, name);
    contexts_lead_tools(bilge);
    engines_reopen(bilge);
    contexts_read(bilge);
    disks_refresh(bilge);
    bilge_moved(bilge);
    return 0;
}
