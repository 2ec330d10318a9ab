/* The engine with its own builder, and buildx's other builders. These are
 * listed once, and asked one after the other, each by a child process: only
 * when something has happened, never on a timer. */
#include "core/app/engines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/app/hub.h"
#include "core/base/mem.h"
#include "core/base/process.h"
#include "core/engine/builders.h"
#include "core/history/engine_builds.h"

/* How long a request waits for fresh records before it goes on without. */
#define REQUEST_WAIT_MS 3000

struct engines {
    struct hub *hub;
    struct store *store;
    void (*on_data_root)(void *arg);
    void *arg;
    bool skip, watching;
    char *context, *builder; /* as asked for; NULL: not */
    char *docker_host; /* DOCKER_HOST as it was in the beginning; NULL: not set */

    struct endpoint endpoint;
    bool has_endpoint;
    struct engine *engine;
    uv_timer_t timer; /* a refresh of records that a request waits for */
    bool wanted;      /* the engine's own are being read for a request */

    struct builders_request *list_request, *records_request;
    char *asked; /* whose records_request it is */
    struct strlist to_ask; /* builders whose records are to be read */

    struct elsewhere_asking *elsewhere; /* others' builds; NULL: not being asked for */
};

static struct builder *own_builder(struct engines *engines)
{
    return store_put_builder(engines->store, engines->endpoint.context);
}

static void request_served(struct engines *engines)
{
    engines->wanted = false;
    hub_wake(engines->hub);
}

/* --------------------------------------------------------- the engine's own */

static void on_engine_state(void *arg)
{
    struct engines *engines = arg;
    struct engine_info info = engine_info(engines->engine);
    struct builder *builder = own_builder(engines);
    bool new_root = info.data_root != NULL && builder->version == NULL;
    mem_replace(&builder->version, info.version);
    builder->containerd_store = info.version != NULL && info.containerd_store;
    builder->no_cache_export = info.version != NULL && !info.containerd_store;
    mem_replace(&builder->api_version, info.api_version);
    mem_replace(&builder->error, info.error);
    if (info.state == ENGINE_DOWN) {
        builder->reachable = false;
        builder->load = LOAD_FAILED;
        request_served(engines);
    }
    if (new_root)
        engines->on_data_root(engines->arg);
    hub_moved(engines->hub);
}

static void on_engine_records(void *arg, struct records *records)
{
    struct engines *engines = arg;
    store_set_records(engines->store, engines->endpoint.context, records);
    request_served(engines);
    hub_moved(engines->hub);
}

static const struct engine_ops engine_ops = {
    .on_state = on_engine_state,
    .on_records = on_engine_records,
};

/* An error only of a context that was asked for. */
static int find_engine(struct engines *engines, struct err *err)
{
    struct err reason;
    int code = endpoint_find(engines->context, &engines->endpoint, &reason);
    if (code < 0 && engines->context != NULL)
        return err_set(err, code, "%s", reason.text);
    engines->has_endpoint = code == 0;
    struct builder *builder =
        store_put_builder(engines->store, code == 0 ? engines->endpoint.context : "default");
    builder->driver = mem_strdup("docker");
    builder->embedded = true;
    builder->selected = engines->builder == NULL || strcmp(engines->builder, builder->id) == 0;
    if (code < 0) {
        builder->load = LOAD_FAILED;
        builder->error = mem_strdup(reason.text);
        return 0;
    }
    mem_replace(&builder->endpoint, engines->endpoint.host);
    engines->engine = engine_open(hub_loop(engines->hub), &engines->endpoint, engines->watching,
                                  &engine_ops, engines);
    return 0;
}

/* ----------------------------------------------------------- other builders */

static void ask_next(struct engines *engines);

static void on_builder_records(void *arg, struct records *records, const struct err *err)
{
    struct engines *engines = arg;
    engines->records_request = NULL;
    if (err == NULL) {
        store_set_records(engines->store, engines->asked, records);
    } else {
        struct builder *builder = store_put_builder(engines->store, engines->asked);
        builder->load = LOAD_FAILED;
        builder->reachable = false;
        mem_replace(&builder->error, err->text);
    }
    ask_next(engines);
    hub_moved(engines->hub);
}

static void ask_next(struct engines *engines)
{
    while (engines->records_request == NULL && engines->to_ask.len > 0 &&
           !hub_is_closing(engines->hub)) {
        struct err err;
        free(engines->asked);
        engines->asked = strlist_take(&engines->to_ask, 0);
        const char *context =
            store_has_context(engines->store, engines->asked) ? engines->asked : NULL;
        if (builders_records(hub_loop(engines->hub), engines->asked, context, on_builder_records,
                             engines, &engines->records_request, &err) == 0)
            return;
        engines->records_request = NULL;
        struct builder *builder = store_put_builder(engines->store, engines->asked);
        builder->load = LOAD_FAILED;
        mem_replace(&builder->error, err.text);
    }
}

static void ask(struct engines *engines, const char *builder)
{
    if (strlist_has(&engines->to_ask, builder))
        return;
    strlist_add(&engines->to_ask, builder);
    ask_next(engines);
}

/* --------------------------------------------------------------------- list */

static bool is_running(const struct builder_entry *entry)
{
    return entry->error == NULL && entry->status != NULL && strcmp(entry->status, "running") == 0;
}

static void put_entry(struct engines *engines, struct builder_entry *entry)
{
    store_set_nodes(engines->store, entry->name, entry->nodes, entry->nodes_len);
    entry->nodes = NULL;
    entry->nodes_len = 0;
    struct builder *builder = store_put_builder(engines->store, entry->name);
    if (builder->embedded)
        return;
    mem_replace(&builder->driver, entry->driver);
    mem_replace(&builder->endpoint, entry->endpoint);
    if (is_running(entry)) {
        ask(engines, entry->name);
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
static void select_builder(struct engines *engines, const struct builder_list *list)
{
    const char *wanted = engines->builder != NULL ? engines->builder : getenv("BUILDX_BUILDER");
    for (size_t i = 0; (wanted == NULL || wanted[0] == '\0') && i < list->len; i++)
        if (list->items[i].current)
            wanted = list->items[i].name;
    if (wanted == NULL || store_builder(engines->store, wanted) == NULL)
        return;
    for (size_t i = 0; i < engines->store->builders_len; i++)
        engines->store->builders[i].selected = strcmp(engines->store->builders[i].id, wanted) == 0;
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
    struct engines *engines = arg;
    struct store *store = engines->store;
    engines->list_request = NULL;
    store->builders_load = err == NULL ? LOAD_DONE : LOAD_FAILED;
    /* Without buildx, or docker, there is none of its builders. */
    bool unknown = err != NULL && err->code != ERR_UNSUPPORTED && err->code != -ENOENT;
    mem_replace(&store->builders_error, unknown ? err->text : NULL);
    if (err == NULL) {
        for (size_t i = store->builders_len; i-- > 0;)
            if (!store->builders[i].embedded && !is_listed(list, store->builders[i].id))
                store_remove_builder(store, store->builders[i].id);
        for (size_t i = 0; i < list->len; i++)
            put_entry(engines, &list->items[i]);
        select_builder(engines, list);
        builder_list_free(list);
    }
    hub_moved(engines->hub);
}

void engines_list(struct engines *engines)
{
    struct err err;
    if (engines->skip || engines->list_request != NULL)
        return;
    if (engines->builder == NULL && !builders_in_sight()) {
        engines->store->builders_load = LOAD_DONE;
        hub_moved(engines->hub);
        return;
    }
    if (builders_list(hub_loop(engines->hub), on_list, engines, &engines->list_request, &err) == 0)
        return;
    engines->list_request = NULL;
    engines->store->builders_load = LOAD_FAILED;
    hub_moved(engines->hub);
}

/* ------------------------------------------------------------------ refresh */

void engines_refresh(struct engines *engines)
{
    if (engines->engine != NULL)
        engine_refresh(engines->engine);
    for (size_t i = 0; i < engines->store->builders_len; i++)
        if (!engines->store->builders[i].embedded && engines->store->builders[i].reachable)
            ask(engines, engines->store->builders[i].id);
}

static void on_wait_over(uv_timer_t *timer)
{
    request_served(timer->data);
}

void engines_refresh_for_request(struct engines *engines, const char *id)
{
    const struct builder *builder =
        id != NULL ? store_builder(engines->store, id) : store_selected_builder(engines->store);
    if (engines->engine != NULL && engine_info(engines->engine).state == ENGINE_UP) {
        engines->wanted = true;
        engine_refresh(engines->engine);
        uv_timer_start(&engines->timer, on_wait_over, REQUEST_WAIT_MS, 0);
    }
    if (builder != NULL && !builder->embedded && builder->reachable)
        ask(engines, builder->id);
}

/* Children end, if only by their deadline; the engine's answer has a timer. */
bool engines_waited_for(const struct engines *engines)
{
    return engines->wanted || engines->records_request != NULL;
}

static void hang_up(struct engines *engines)
{
    if (engines->list_request != NULL)
        builders_cancel(engines->list_request);
    if (engines->records_request != NULL)
        builders_cancel(engines->records_request);
    if (engines->engine != NULL)
        engine_free(engines->engine);
    engines->list_request = engines->records_request = NULL;
    engines->engine = NULL;
}

static void reopen(struct engines *engines)
{
    hang_up(engines);
    strlist_done(&engines->to_ask);
    while (engines->store->builders_len > 0)
        store_remove_builder(engines->store, engines->store->builders[0].id);
    if (engines->has_endpoint)
        endpoint_done(&engines->endpoint);
    engines->wanted = false;
    uv_timer_stop(&engines->timer);
    struct err ignored; /* the context is known: only a named one is an error */
    find_engine(engines, &ignored);
    engines->store->builders_load = LOAD_PENDING;
    engines_list(engines);
}

/* Docker's contexts: which there are, and which one all that we start goes to. */

void engines_read_contexts(struct engines *engines)
{
    struct docker_context *contexts;
    size_t len;
    const char *current = engines->has_endpoint ? engines->endpoint.context : NULL;
    endpoint_contexts(current, engines->docker_host, &contexts, &len);
    store_set_contexts(engines->store, contexts, len);
}

/* docker, compose and buildx find their engine by their environment, which they
 * have from us: so the choice reaches every one of them. As docker has it, a
 * context that is named counts more than DOCKER_HOST, which is what "default"
 * means where it is set. */
static void lead_tools(struct engines *engines)
{
    if (engines->context == NULL)
        return;
    setenv("DOCKER_CONTEXT", engines->context, 1);
    if (strcmp(engines->context, "default") != 0)
        unsetenv("DOCKER_HOST");
    else if (engines->docker_host != NULL)
        setenv("DOCKER_HOST", engines->docker_host, 1);
}

int engines_use_context(struct engines *engines, const char *name, struct err *err)
{
    struct endpoint found;
    if (engines->skip)
        return err_set(err, ERR_USAGE, "no engine is asked");
    int code = endpoint_find(name, &found, err);
    if (code < 0)
        return code;
    endpoint_done(&found);
    mem_replace(&engines->context, name);
    lead_tools(engines);
    reopen(engines);
    engines_read_contexts(engines);
    return 0;
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
    struct engines *engines = arg;
    engines->elsewhere = NULL;
    len = engine_builds_drop_known(engines->store->past, engines->store->past_len, builds, len);
    store_set_elsewhere(engines->store, builds, len);
    hub_moved(engines->hub);
}

void engines_look_elsewhere(struct engines *engines)
{
    if (engines->elsewhere == NULL && !hub_is_closing(engines->hub))
        bilge_ask_elsewhere(hub_loop(engines->hub), engines->builder, on_elsewhere, engines,
                            &engines->elsewhere, NULL);
}

static void elsewhere_cancel(struct engines *engines)
{
    if (engines->elsewhere == NULL)
        return;
    process_capture_cancel(engines->elsewhere->capture);
    free(engines->elsewhere);
    engines->elsewhere = NULL;
}

/* ---------------------------------------------------------------- questions */

struct engine *engines_engine_of(const struct engines *engines, const char *builder)
{
    const struct builder *found = store_builder(engines->store, builder);
    return found != NULL && found->embedded ? engines->engine : NULL;
}

const char *engines_data_root(const struct engines *engines)
{
    if (engines->engine == NULL || engines->endpoint.socket_path == NULL)
        return NULL;
    const char *path = engine_info(engines->engine).data_root;
    return path != NULL && path[0] == '/' ? path : NULL;
}

/* -------------------------------------------------------- beginning and end */

int engines_new(struct hub *hub, const struct bilge_options *options,
                void (*on_data_root)(void *arg), void *arg, struct engines **ret_engines,
                struct err *err)
{
    struct engines *engines = mem_zalloc(sizeof *engines);
    engines->hub = hub;
    engines->store = hub_store(hub);
    engines->on_data_root = on_data_root;
    engines->arg = arg;
    engines->skip = options->skip_engine;
    engines->watching = options->watch;
    mem_replace(&engines->context, options->context);
    mem_replace(&engines->builder, options->builder);
    mem_replace(&engines->docker_host, getenv("DOCKER_HOST"));
    int code = engines->skip ? 0 : find_engine(engines, err);
    if (code < 0) {
        engines_free(engines);
        return code;
    }
    lead_tools(engines);
    hub_timer_init(hub, &engines->timer, engines);
    *ret_engines = engines;
    return 0;
}

void engines_stop(struct engines *engines)
{
    uv_timer_stop(&engines->timer);
    elsewhere_cancel(engines);
}

void engines_close(struct engines *engines)
{
    hang_up(engines);
    hub_timer_close(engines->hub, &engines->timer);
}

void engines_free(struct engines *engines)
{
    strlist_done(&engines->to_ask);
    if (engines->has_endpoint)
        endpoint_done(&engines->endpoint);
    free(engines->asked);
    free(engines->context);
    free(engines->builder);
    free(engines->docker_host);
    free(engines);
}
