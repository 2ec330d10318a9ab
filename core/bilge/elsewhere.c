/* Asks docker which builds the engine remembers. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/process.h"
#include "core/bilge.h"
#include "core/store/elsewhere.h"

#define OUTPUT_MAX_BYTES (4 * 1024 * 1024)
#define DEADLINE_MS 5000

struct asking {
    bilge_elsewhere_cb *on_done;
    void *arg;
    struct process_capture *capture;
};

/* A docker that has no such command says so, one way or another: no rows. */
static void on_answer(void *arg, const struct process_result *result, const struct err *err)
{
    struct asking *asking = arg;
    struct history_build *builds = NULL;
    size_t len = 0;
    if (err == NULL && result->status == 0)
        builds = elsewhere_parse(result->out.data, result->out.len, &len);
    asking->on_done(asking->arg, builds, len);
    free(asking);
}

int bilge_ask_elsewhere(uv_loop_t *loop, const char *builder, bilge_elsewhere_cb *on_done,
                        void *arg, struct err *err)
{
    const char *argv[] = {"docker", "buildx", "history", "ls", "--format", "json", NULL, NULL, NULL};
    const struct process_spec spec = {.argv = argv, .deadline_ms = DEADLINE_MS};
    struct asking *asking = mem_zalloc(sizeof *asking);
    if (builder != NULL) {
        argv[6] = "--builder";
        argv[7] = builder;
    }
    asking->on_done = on_done;
    asking->arg = arg;
    int code = process_capture(loop, &spec, OUTPUT_MAX_BYTES, on_answer, asking, &asking->capture,
                               err);
    if (code < 0)
        free(asking);
    return code;
}
