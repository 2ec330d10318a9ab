/* Asks docker which builds the engine remembers. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/process.h"
#include "core/bilge/engines/engines.h"
#include "core/store/elsewhere.h"

#define OUTPUT_MAX_BYTES (4 * 1024 * 1024)
#define DEADLINE_MS 5000

struct elsewhere_asking {
    bilge_elsewhere_cb *on_done;
    void *arg;
    struct process_capture *capture;
};

/* A docker that has no such command says so, one way or another: no rows. */
static void on_answer(void *arg, const struct process_result *result, const struct err *err)
{
    struct elsewhere_asking *asking = arg;
    struct history_build *builds = NULL;
    size_t len = 0;
    if (err == NULL && result->status == 0)
        builds = elsewhere_parse(result->out.data, result->out.len, &len);
    asking->on_done(asking->arg, builds, len);
    free(asking);
}

int bilge_ask_elsewhere(uv_loop_t *loop, const char *builder, bilge_elsewhere_cb *on_done,
                        void *arg, struct elsewhere_asking **ret_asking, struct err *err)
{
    char *named = builder != NULL ? mem_printf("--builder=%s", builder) : NULL;
    const char *argv[] = {"docker", "buildx", "history", "ls", "--format", "json", named, NULL};
    const struct process_spec spec = {.argv = argv, .deadline_ms = DEADLINE_MS};
    struct elsewhere_asking *asking = mem_zalloc(sizeof *asking);
    asking->on_done = on_done;
    asking->arg = arg;
    int code = process_capture(loop, &spec, OUTPUT_MAX_BYTES, on_answer, asking, &asking->capture,
                               err);
    free(named);
    if (code < 0)
        free(asking);
    else
        *ret_asking = asking;
    return code;
}

static void on_elsewhere(void *arg, struct history_build *builds, size_t len)
{
    struct bilge *bilge = arg;
    bilge->elsewhere = NULL;
    len = elsewhere_drop_known(bilge->store->past, bilge->store->past_len, builds, len);
    store_set_elsewhere(bilge->store, builds, len);
    bilge_moved(bilge);
}

void bilge_look_elsewhere(struct bilge *bilge)
{
    if (bilge->elsewhere == NULL && !bilge->closing)
        bilge_ask_elsewhere(bilge->loop, bilge->builder, on_elsewhere, bilge, &bilge->elsewhere,
                            NULL);
}

void elsewhere_cancel(struct bilge *bilge)
{
    if (bilge->elsewhere == NULL)
        return;
    process_capture_cancel(bilge->elsewhere->capture);
    free(bilge->elsewhere);
    bilge->elsewhere = NULL;
}
