/* The engine with its own builder, and buildx's other builders. These are
 * listed once, and asked each by a child process of its own: only when something
 * has happened, never on a timer. */
#include "core/app/engines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/app/hub.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/process.h"
#include "core/engine/builders.h"
#include "core/history/engine_builds.h"
#include "core/store/leaks.h"

/* How long a request waits for fresh records before it goes on without. */
#define REQUEST_WAIT_MS 3000
/* And one that is about the records; the engine's own deadline is shorter. */
#define RECORDS_WAIT_MS (11 * 60 * 1000)

struct engines {
    struct hub *hub;
    struct store *store;
    void (*on_data_root)(void *arg);
    void *arg;
    bool skip, watching;
    char *context, *builder; /* as asked for; NULL: not */
    char *docker_host;       /* DOCKER_HOST as it was in the beginning; NULL: not set */

    struct endpoint endpoint;
    bool has_endpoint;
    struct engine *engine;
    uv_timer_t timer; /* a refresh of records that a request waits for */
    bool wanted;      /* the engine's own are being read for a request */

    bool builds_wanted; /* a request needs to know whether builds run; see leaks.h */

    struct builders_request *list_request;
    struct asking *askings; /* builders that are asked just now, or soon */

    struct elsewhere_asking *elsewhere; /* others' builds; NULL: not being asked for */
};

/* ------------------------------------------------------------------ askings */

/* A builder that is asked for its records, or a build history that is asked for
 * what runs on it: each by a child of its own, so that one that hangs holds up
 * nobody else. */
#define ASKINGS_MAX 8 /* at once */

enum ask_for { ASK_STATE, ASK_RECORDS, ASK_BUILDS };

struct asking {
    struct asking *next;
    struct engines *engines;
    char *builder;
    enum ask_for what;
    struct builders_request *request; /* both NULL: it waits for its turn */
    struct elsewhere_asking *history;
    bool wanted; /* a request waits for it */
    bool again;  /* it was asked for once more meanwhile */
    bool over;   /* it has answered, and goes */
};

static void ask(struct engines *engines, const char *builder, enum ask_for what, bool wanted);
static void ask_next(struct engines *engines);
static void look_for_builds(struct engines *engines);
static void put_entry(struct engines *engines, struct builder_entry *entry);
static void elsewhere_drop(struct elsewhere_asking *asking);
static int elsewhere_ask(struct engines *engines, struct asking *asking, struct err *err);

static const char *context_of(const struct engines *engines, const char *builder)
{
    return store_has_context(engines->store, builder) ? builder : NULL;
}

static void asking_free(struct asking *asking)
{
    struct asking **slot = &asking->engines->askings;
    while (*slot != asking)
        slot = &(*slot)->next;
    *slot = asking->next;
    free(asking->builder);
    free(asking);
}

static void asking_over(struct asking *asking)
{
    struct engines *engines = asking->engines;
    if (asking->again)
        ask(engines, asking->builder, asking->what, asking->wanted);
    asking_free(asking);
    ask_next(engines);
    look_for_builds(engines);
    hub_moved(engines->hub);
}

static void say_failed(struct engines *engines, const char *id, const struct err *err)
{
    struct builder *builder = store_put_builder(engines->store, id);
    builder->load = LOAD_FAILED;
    builder->reachable = false;
    mem_replace(&builder->error, err->text);
}

static void on_builder_records(void *arg, struct records *records, const struct err *err)
{
    struct asking *asking = arg;
    asking->request = NULL;
    asking->over = true;
    if (err == NULL)
        store_set_records(asking->engines->store, asking->builder, records);
    else
        say_failed(asking->engines, asking->builder, err);
    asking_over(asking);
}

static void on_inspected(void *arg, struct builder_list *list, const struct err *err)
{
    struct asking *asking = arg;
    asking->request = NULL;
    asking->over = true;
    if (err != NULL)
        say_failed(asking->engines, asking->builder, err);
    else
        put_entry(asking->engines, &list->items[0]);
    if (err == NULL)
        builder_list_free(list);
    asking_over(asking);
}

static int start(struct engines *engines, struct asking *asking, struct err *err)
{
    if (asking->what == ASK_STATE)
        return builders_inspect(hub_loop(engines->hub), asking->builder,
                                context_of(engines, asking->builder), on_inspected, asking,
                                &asking->request, err);
    if (asking->what == ASK_BUILDS)
        return elsewhere_ask(engines, asking, err);
    return builders_records(hub_loop(engines->hub), asking->builder,
                            context_of(engines, asking->builder), on_builder_records, asking,
                            &asking->request, err);
}

static bool is_under_way(const struct asking *asking)
{
    return asking->request != NULL || asking->history != NULL || asking->over;
}

static void ask_next(struct engines *engines)
{
    size_t under_way = 0;
    for (struct asking *asking = engines->askings; asking != NULL; asking = asking->next)
        under_way += is_under_way(asking);
    for (struct asking *asking = engines->askings, *next;
         asking != NULL && under_way < ASKINGS_MAX && !hub_is_closing(engines->hub);
         asking = next) {
        struct err err;
        next = asking->next;
        if (is_under_way(asking))
            continue;
        if (start(engines, asking, &err) == 0) {
            under_way++;
            continue;
        }
        struct builder *builder = store_put_builder(engines->store, asking->builder);
        if (asking->what == ASK_BUILDS)
            leaks_untold(builder, clock_now());
        else
            say_failed(engines, asking->builder, &err);
        asking_free(asking);
    }
}

static void ask(struct engines *engines, const char *builder, enum ask_for what, bool wanted)
{
    struct asking **slot = &engines->askings;
    for (; *slot != NULL; slot = &(*slot)->next) {
        struct asking *asking = *slot;
        if (asking->what != what || strcmp(asking->builder, builder) != 0 || asking->again ||
            asking->over)
            continue;
        asking->wanted |= wanted;
        asking->again = is_under_way(asking);
        return;
    }
    struct asking *asking = mem_zalloc(sizeof *asking);
    asking->engines = engines;
    asking->builder = mem_strdup(builder);
    asking->what = what;
    asking->wanted = wanted;
    *slot = asking;
    ask_next(engines);
}

static bool any_wanted(const struct engines *engines)
{
    for (const struct asking *asking = engines->askings; asking != NULL; asking = asking->next)
        if (asking->wanted)
            return true;
    return false;
}

/* Once the records that a request wants are here: do builds run on builders where
 * records are in use? */
static void look_for_builds(struct engines *engines)
{
    if (!engines->builds_wanted || engines->wanted || any_wanted(engines) ||
        hub_is_closing(engines->hub))
        return;
    engines->builds_wanted = false;
    for (size_t i = 0; i < engines->store->builders_len; i++)
        if (leaks_are_open(&engines->store->builders[i]))
            ask(engines, engines->store->builders[i].id, ASK_BUILDS, true);
    hub_wake(engines->hub);
}

static void askings_cancel(struct engines *engines)
{
    while (engines->askings != NULL) {
        struct asking *asking = engines->askings;
        if (asking->request != NULL)
            builders_cancel(asking->request);
        if (asking->history != NULL)
            elsewhere_drop(asking->history);
        asking_free(asking);
    }
}

static struct builder *own_builder(struct engines *engines)
{
    return store_put_builder(engines->store, engines->endpoint.context);
}

static void request_served(struct engines *engines)
{
    engines->wanted = false;
    look_for_builds(engines);
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
        ask(engines, entry->name, ASK_RECORDS, false);
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

/* The rows of builders that buildx has on disk, and of docker's other contexts, which
 * are builders, too: they are there before anybody has answered. */
static void put_stored(struct engines *engines)
{
    struct store *store = engines->store;
    struct builder_list list;
    builders_read(engines->has_endpoint && strcmp(engines->endpoint.context, "default") != 0
                      ? engines->endpoint.context
                  : engines->has_endpoint ? engines->endpoint.host
                                          : NULL,
                  &list);
    for (size_t i = 0; i < list.len; i++) {
        struct builder *builder = store_put_builder(store, list.items[i].name);
        if (builder->embedded || builder->nodes_len > 0)
            continue;
        mem_replace(&builder->driver, list.items[i].driver);
        mem_replace(&builder->endpoint, list.items[i].endpoint);
        store_set_nodes(store, list.items[i].name, list.items[i].nodes, list.items[i].nodes_len);
        list.items[i].nodes = NULL;
        list.items[i].nodes_len = 0;
    }
    for (size_t i = 0; i < store->contexts_len; i++) {
        struct builder *builder = store_put_builder(store, store->contexts[i].name);
        if (builder->driver == NULL)
            builder->driver = mem_strdup("docker");
        if (builder->endpoint == NULL)
            builder->endpoint = mem_strdup(store->contexts[i].name);
    }
    select_builder(engines, &list);
    builder_list_free(&list);
}

/* docker buildx ls has told nothing: each builder is asked for itself. */
static void ask_each(struct engines *engines)
{
    for (size_t i = 0; i < engines->store->builders_len; i++)
        if (!engines->store->builders[i].embedded)
            ask(engines, engines->store->builders[i].id, ASK_STATE, false);
}

static void drop_others(struct store *store, const struct builder_list *list)
{
    for (size_t i = store->builders_len; i-- > 0;)
        if (!store->builders[i].embedded &&
            (list == NULL || !is_listed(list, store->builders[i].id)))
            store_remove_builder(store, store->builders[i].id);
}

static void on_list(void *arg, struct builder_list *list, const struct err *err)
{
    struct engines *engines = arg;
    struct store *store = engines->store;
    engines->list_request = NULL;
    store->builders_load = err == NULL ? LOAD_DONE : LOAD_FAILED;
    /* Without buildx, or docker, there is none of its builders. */
    bool unknown = err != NULL && err->code != ERR_UNSUPPORTED && err->code != -ENOENT;
    bool hangs = err != NULL && err->code == ERR_TIMEOUT;
    mem_replace(&store->builders_error, unknown && !hangs ? err->text : NULL);
    if (unknown)
        ask_each(engines);
    else if (err != NULL)
        drop_others(store, NULL);
    if (err == NULL) {
        drop_others(store, list);
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
    put_stored(engines);
    hub_moved(engines->hub);
    if (builders_list(hub_loop(engines->hub), on_list, engines, &engines->list_request, &err) == 0)
        return;
    engines->list_request = NULL;
    engines->store->builders_load = LOAD_FAILED;
    drop_others(engines->store, NULL);
}

/* ------------------------------------------------------------------ refresh */

void engines_refresh(struct engines *engines)
{
    if (engines->engine != NULL)
        engine_refresh(engines->engine);
    for (size_t i = 0; i < engines->store->builders_len; i++)
        if (!engines->store->builders[i].embedded && engines->store->builders[i].reachable)
            ask(engines, engines->store->builders[i].id, ASK_RECORDS, false);
}

static void on_wait_over(uv_timer_t *timer)
{
    request_served(timer->data);
}

void engines_refresh_for_request(struct engines *engines, const char *id, bool records_asked)
{
    const struct builder *builder =
        id != NULL ? store_builder(engines->store, id) : store_selected_builder(engines->store);
    if (engines->engine != NULL && engine_info(engines->engine).state == ENGINE_UP) {
        engines->wanted = true;
        engine_refresh(engines->engine);
        uv_timer_start(&engines->timer, on_wait_over,
                       records_asked ? RECORDS_WAIT_MS : REQUEST_WAIT_MS, 0);
    }
    if (builder != NULL && !builder->embedded && builder->reachable)
        ask(engines, builder->id, ASK_RECORDS, true);
    engines_look_for_builds(engines);
}

void engines_look_for_builds(struct engines *engines)
{
    engines->builds_wanted = true;
    look_for_builds(engines);
}

/* Children end, if only by their deadline; the engine's answer has a timer. */
bool engines_waited_for(const struct engines *engines)
{
    return engines->wanted || engines->builds_wanted || any_wanted(engines);
}

static void hang_up(struct engines *engines)
{
    if (engines->list_request != NULL)
        builders_cancel(engines->list_request);
    askings_cancel(engines);
    if (engines->engine != NULL)
        engine_free(engines->engine);
    engines->list_request = NULL;
    engines->engine = NULL;
}

static void reopen(struct engines *engines)
{
    hang_up(engines);
    while (engines->store->builders_len > 0)
        store_remove_builder(engines->store, engines->store->builders[0].id);
    if (engines->has_endpoint)
        endpoint_done(&engines->endpoint);
    engines->wanted = engines->builds_wanted = false;
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

/* A docker that has no such command says so, by its status or by printing its help. */
static void on_answer(void *arg, const struct process_result *result, const struct err *err)
{
    struct elsewhere_asking *asking = arg;
    struct history_build *builds = NULL;
    size_t len = 0;
    bool told =
        err == NULL && result->status == 0 && (result->out.len == 0 || result->out.data[0] == '{');
    if (told)
        builds = engine_builds_parse(result->out.data, result->out.len, &len);
    asking->on_done(asking->arg, builds, len, told);
    free(asking);
}

static int ask_history(uv_loop_t *loop, const char *builder, const char *context,
                       bilge_elsewhere_cb *on_done, void *arg, struct elsewhere_asking **ret_asking,
                       struct err *err)
{
    char *named = builder != NULL ? mem_printf("--builder=%s", builder) : NULL;
    char *place = context != NULL ? mem_printf("--context=%s", context) : NULL;
    const char *argv[10] = {"docker"};
    size_t words = 1;
    if (place != NULL)
        argv[words++] = place;
    const char *const rest[] = {"buildx", "history", "ls", "--format", "json", named};
    memcpy(argv + words, rest, sizeof rest);
    const struct process_spec spec = {.argv = argv, .deadline_ms = DEADLINE_MS};
    struct elsewhere_asking *asking = mem_zalloc(sizeof *asking);
    asking->on_done = on_done;
    asking->arg = arg;
    int code =
        process_capture(loop, &spec, OUTPUT_MAX_BYTES, on_answer, asking, &asking->capture, err);
    free(named);
    free(place);
    if (code < 0)
        free(asking);
    else
        *ret_asking = asking;
    return code;
}

int bilge_ask_elsewhere(uv_loop_t *loop, const char *builder, bilge_elsewhere_cb *on_done,
                        void *arg, struct elsewhere_asking **ret_asking, struct err *err)
{
    return ask_history(loop, builder, NULL, on_done, arg, ret_asking, err);
}

static void on_builds(void *arg, struct history_build *builds, size_t len, bool told)
{
    struct asking *asking = arg;
    struct builder *builder = store_put_builder(asking->engines->store, asking->builder);
    asking->history = NULL;
    asking->over = true;
    if (told)
        leaks_told(builder, builds, len, clock_now());
    else
        leaks_untold(builder, clock_now());
    history_builds_free(builds, len);
    asking_over(asking);
}

static int elsewhere_ask(struct engines *engines, struct asking *asking, struct err *err)
{
    const struct builder *builder = store_builder(engines->store, asking->builder);
    const char *context =
        builder != NULL && builder->embedded ? NULL : context_of(engines, asking->builder);
    return ask_history(hub_loop(engines->hub), asking->builder, context, on_builds, asking,
                       &asking->history, err);
}

static void elsewhere_drop(struct elsewhere_asking *asking)
{
    process_capture_cancel(asking->capture);
    free(asking);
}

static void on_elsewhere(void *arg, struct history_build *builds, size_t len, bool told)
{
    struct engines *engines = arg;
    (void)told;
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
    elsewhere_drop(engines->elsewhere);
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
    if (engines->has_endpoint)
        endpoint_done(&engines->endpoint);
    free(engines->context);
    free(engines->builder);
    free(engines->docker_host);
    free(engines);
}
