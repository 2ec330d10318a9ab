/* The engine with its own builder, and buildx's other builders. These are
 * listed once, and asked one after the other, each by a child process: only
 * when something has happened, never on a timer. */

#include "core/app/engines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/app/app.h"
#include "core/app/disks.h"
#include "core/app/project.h"
#include "core/base/mem.h"
#include "core/base/process.h"
#include "core/history/engine_builds.h"

/* How long a request waits for fresh records before it goes on without. */
#define REQUEST_WAIT_MS 3000

static struct builder *own_builder(struct bilge *bilge)
{
    return store_put_builder(bilge->store, bilge->endpoint.context);
}

static void request_served(struct bilge *bilge)
{
    bilge->records_wanted = false;
    bilge_wake(bilge);
}

/* --------------------------------------------------------- the engine's own */

static void on_engine_state(void *arg)
{
    struct bilge *bilge = arg;
    struct engine_info info = engine_info(bilge->engine);
    struct builder *builder = own_builder(bilge);
    bool new_root = info.data_root != NULL && builder->version == NULL;
    mem_replace(&builder->version, info.version);
    builder->containerd_store = info.version != NULL && info.containerd_store;
    builder->no_cache_export = info.version != NULL && !info.containerd_store;
    mem_replace(&builder->api_version, info.api_version);
    mem_replace(&builder->error, info.error);
    if (info.state == ENGINE_DOWN) {
        builder->reachable = false;
        builder->load = LOAD_FAILED;
        request_served(bilge);
    }
    if (new_root)
        disks_refresh(bilge);
    bilge_moved(bilge);
}

static void on_engine_records(void *arg, struct records *records)
{
    struct bilge *bilge = arg;
    store_set_records(bilge->store, bilge->endpoint.context, records);
    request_served(bilge);
    bilge_moved(bilge);
}

static const struct engine_ops engine_ops = {
    .on_state = on_engine_state,
    .on_records = on_engine_records,
};

int engines_open(struct bilge *bilge, struct err *err)
{
    struct err reason;
    int code = endpoint_find(bilge->context, &bilge->endpoint, &reason);
    if (code < 0 && bilge->context != NULL)
        return err_set(err, code, "%s", reason.text);
    bilge->has_endpoint = code == 0;
    struct builder *builder =
        store_put_builder(bilge->store, code == 0 ? bilge->endpoint.context : "default");
    builder->driver = mem_strdup("docker");
    builder->embedded = true;
    builder->selected = bilge->builder == NULL || strcmp(bilge->builder, builder->id) == 0;
    if (code < 0) {
        builder->load = LOAD_FAILED;
        builder->error = mem_strdup(reason.text);
        return 0;
    }
    mem_replace(&builder->endpoint, bilge->endpoint.host);
    bilge->engine = engine_open(bilge->loop, &bilge->endpoint, bilge->watching, &engine_ops, bilge);
    return 0;
}

/* ----------------------------------------------------------- other builders */

static void ask_next(struct bilge *bilge);

static void on_builder_records(void *arg, struct records *records, const struct err *err)
{
    struct bilge *bilge = arg;
    bilge->records_request = NULL;
    if (err == NULL) {
        store_set_records(bilge->store, bilge->asked_builder, records);
    } else {
        struct builder *builder = store_put_builder(bilge->store, bilge->asked_builder);
        builder->load = LOAD_FAILED;
        builder->reachable = false;
        mem_replace(&builder->error, err->text);
    }
    ask_next(bilge);
    bilge_moved(bilge);
}

static void ask_next(struct bilge *bilge)
{
    while (bilge->records_request == NULL && bilge->to_ask.len > 0 && !bilge->closing) {
        struct err err;
        free(bilge->asked_builder);
        bilge->asked_builder = strlist_take(&bilge->to_ask, 0);
        const char *context =
            store_has_context(bilge->store, bilge->asked_builder) ? bilge->asked_builder : NULL;
        if (builders_records(bilge->loop, bilge->asked_builder, context, on_builder_records, bilge,
                             &bilge->records_request, &err) == 0)
            return;
        bilge->records_request = NULL;
        struct builder *builder = store_put_builder(bilge->store, bilge->asked_builder);
        builder->load = LOAD_FAILED;
        mem_replace(&builder->error, err.text);
    }
}

static void ask(struct bilge *bilge, const char *builder)
{
    if (strlist_has(&bilge->to_ask, builder))
        return;
    strlist_add(&bilge->to_ask, builder);
    ask_next(bilge);
}

/* --------------------------------------------------------------------- list */

static bool is_running(const struct builder_entry *entry)
{
    return entry->error == NULL && entry->status != NULL && strcmp(entry->status, "running") == 0;
}

static void put_entry(struct bilge *bilge, struct builder_entry *entry)
{
    store_set_nodes(bilge->store, entry->name, entry->nodes, entry->nodes_len);
    entry->nodes = NULL;
    entry->nodes_len = 0;
    struct builder *builder = store_put_builder(bilge->store, entry->name);
    if (builder->embedded)
        return;
    mem_replace(&builder->driver, entry->driver);
    mem_replace(&builder->endpoint, entry->endpoint);
    if (is_running(entry)) {
        ask(bilge, entry->name);
        return;
    }
    builder->load = LOAD_FAILED;
    builder->reachable = false;
    free(builder->error);
    builder->error =
        entry->error != NULL
            ? mem_strdup(entry->error)
            : mem_printf("it is %s", entry->status != NULL ? entry->status : "not running");
}

/* docker compose build takes BUILDX_BUILDER, else buildx's current builder. */
static void select_builder(struct bilge *bilge, const struct builder_list *list)
{
    const char *wanted = bilge->builder != NULL ? bilge->builder : getenv("BUILDX_BUILDER");
    for (size_t i = 0; (wanted == NULL || wanted[0] == '\0') && i < list->len; i++)
        if (list->items[i].current)
            wanted = list->items[i].name;
    if (wanted == NULL || store_builder(bilge->store, wanted) == NULL)
        return;
    for (size_t i = 0; i < bilge->store->builders_len; i++)
        bilge->store->builders[i].selected = strcmp(bilge->store->builders[i].id, wanted) == 0;
}

static bool is_listed(const struct builder_list *list, const char *name)
{
    for (size_t i = 0; i < list->len; i++)
        if (strcmp(list->items[i].name, name) == 0)
            return true;
    return false;
}

static void on_list(void *arg, struct builder_list *list, const struct err *err)
{
    struct bilge *bilge = arg;
    struct store *store = bilge->store;
    bilge->list_request = NULL;
    store->builders_load = err == NULL ? LOAD_DONE : LOAD_FAILED;
    /* Without buildx, or docker, there is none of its builders. */
    bool unknown = err != NULL && err->code != ERR_UNSUPPORTED && err->code != -ENOENT;
    mem_replace(&store->builders_error, unknown ? err->text : NULL);
    if (err == NULL) {
        for (size_t i = store->builders_len; i-- > 0;)
            if (!store->builders[i].embedded && !is_listed(list, store->builders[i].id))
                store_remove_builder(store, store->builders[i].id);
        for (size_t i = 0; i < list->len; i++)
            put_entry(bilge, &list->items[i]);
        select_builder(bilge, list);
        builder_list_free(list);
    }
    bilge_moved(bilge);
}

void engines_list(struct bilge *bilge)
{
    struct err err;
    if (bilge->skip_engine || bilge->list_request != NULL)
        return;
    if (bilge->builder == NULL && !builders_in_sight()) {
        bilge->store->builders_load = LOAD_DONE;
        bilge_moved(bilge);
        return;
    }
    if (builders_list(bilge->loop, on_list, bilge, &bilge->list_request, &err) == 0)
        return;
    bilge->list_request = NULL;
    bilge->store->builders_load = LOAD_FAILED;
    bilge_moved(bilge);
}

/* ------------------------------------------------------------------ refresh */

void engines_refresh(struct bilge *bilge)
{
    if (bilge->engine != NULL)
        engine_refresh(bilge->engine);
    for (size_t i = 0; i < bilge->store->builders_len; i++)
        if (!bilge->store->builders[i].embedded && bilge->store->builders[i].reachable)
            ask(bilge, bilge->store->builders[i].id);
}

static void on_wait_over(uv_timer_t *timer)
{
    request_served(timer->data);
}

void engines_refresh_for_request(struct bilge *bilge, const char *id)
{
    const struct builder *builder =
        id != NULL ? store_builder(bilge->store, id) : store_selected_builder(bilge->store);
    if (bilge->engine != NULL && engine_info(bilge->engine).state == ENGINE_UP) {
        bilge->records_wanted = true;
        engine_refresh(bilge->engine);
        uv_timer_start(&bilge->records_timer, on_wait_over, REQUEST_WAIT_MS, 0);
    }
    if (builder != NULL && !builder->embedded && builder->reachable)
        ask(bilge, builder->id);
}

/* Children end, if only by their deadline; the engine's answer has a timer. */
bool engines_waited_for(const struct bilge *bilge)
{
    return bilge->records_wanted || bilge->records_request != NULL;
}

void engines_reopen(struct bilge *bilge)
{
    engines_close(bilge);
    strlist_done(&bilge->to_ask);
    while (bilge->store->builders_len > 0)
        store_remove_builder(bilge->store, bilge->store->builders[0].id);
    if (bilge->has_endpoint)
        endpoint_done(&bilge->endpoint);
    bilge->records_wanted = false;
    uv_timer_stop(&bilge->records_timer);
    struct err ignored; /* the context is known: only a named one is an error */
    engines_open(bilge, &ignored);
    bilge->store->builders_load = LOAD_PENDING;
    engines_list(bilge);
}

void engines_close(struct bilge *bilge)
{
    if (bilge->list_request != NULL)
        builders_cancel(bilge->list_request);
    if (bilge->records_request != NULL)
        builders_cancel(bilge->records_request);
    if (bilge->engine != NULL)
        engine_free(bilge->engine);
    bilge->list_request = bilge->records_request = NULL;
    bilge->engine = NULL;
}

/* Docker's contexts: which there are, and which one all that we start goes to. */

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

/* Whose the builders' records are: worked out again when records or caches have
 * moved, not with each change of the store. While caches come in one after the
 * other, only what is not known at all. */

static uint64_t mix(uint64_t mark, uint64_t value)
{
    return (mark ^ value) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Moves when a cache has been scanned anew, has come or gone, or is called
 * otherwise; when Dockerfiles were read, and builds remembered. */
static uint64_t mark_of_sources(const struct bilge *bilge)
{
    const struct store *store = bilge->store;
    uint64_t mark = mix(1, bilge->recipes_read);
    mark = mix(mark, store->past_len > 0 ? (uint64_t)store->past[0].id : 0);
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *row = &store->services[i];
        if (row->cache == NULL || row->name == NULL)
            continue;
        mark = mix(mark, (uint64_t)row->cache->scanned_at);
        mark = mix(mark, row->cache->ino);
        for (const char *at = row->name; *at != '\0'; at++)
            mark = mix(mark, (unsigned char)*at);
    }
    return mark;
}

static void find(struct bilge *bilge, struct builder *builder, uint64_t mark)
{
    owners_done(&builder->owners);
    builder->owners = store_find_owners(bilge->store, &builder->records);
    builder->owners_mark = mark;
    store_touch(bilge->store);
}

void owning_refresh(struct bilge *bilge, bool scanning)
{
    struct store *store = bilge->store;
    uint64_t mark = 0; /* not known yet: it takes a look at every row */
    for (size_t i = 0; i < store->builders_len; i++) {
        struct builder *builder = &store->builders[i];
        bool known = builder->owners.len == builder->records.len;
        if (known && (scanning || builder->records.len == 0))
            continue;
        mark = mark != 0 ? mark : mark_of_sources(bilge);
        if (!known || builder->owners_mark != mark)
            find(bilge, builder, mark);
    }
}

/* Asks docker which builds the engine remembers. */

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
        builds = engine_builds_parse(result->out.data, result->out.len, &len);
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
    len = engine_builds_drop_known(bilge->store->past, bilge->store->past_len, builds, len);
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
