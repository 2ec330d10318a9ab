/* The engine with its own builder, and buildx's other builders. These are
 * listed once, and asked each by a child process of its own: only when something
 * has happened, never on a timer. */
#include "core/app/engines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/app/keeping.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/process.h"
#include "core/history/engine_builds.h"
#include "core/store/leaks.h"

/* How long a request waits for fresh records before it goes on without. */
#define REQUEST_WAIT_MS 3000
/* And one that is about the records; the engine's own deadline is shorter. */
#define RECORDS_WAIT_MS (11 * 60 * 1000)

/* ------------------------------------------------------------------ askings */

/* A builder that is asked for its records, or a build history that is asked for
 * what runs on it: each by a child of its own, so that one that hangs holds up
 * nobody else. */
#define ASKINGS_MAX 8 /* at once */

enum ask_for { ASK_STATE, ASK_RECORDS, ASK_BUILDS };

struct asking {
    struct asking *next;
    struct bilge *bilge;
    char *builder;
    enum ask_for what;
    struct builders_request *request; /* both NULL: it waits for its turn */
    struct elsewhere_asking *history;
    bool wanted; /* a request waits for it */
    bool again;  /* it was asked for once more meanwhile */
    bool over;   /* it has answered, and goes */
};

static void ask(struct bilge *bilge, const char *builder, enum ask_for what, bool wanted);
static void ask_next(struct bilge *bilge);
static void look_for_builds(struct bilge *bilge);
static void put_entry(struct bilge *bilge, struct builder_entry *entry);
static void elsewhere_drop(struct elsewhere_asking *asking);
static int elsewhere_ask(struct bilge *bilge, struct asking *asking, struct err *err);

static const char *context_of(const struct bilge *bilge, const char *builder)
{
    return store_has_context(bilge->store, builder) ? builder : NULL;
}

static void asking_free(struct asking *asking)
{
    struct asking **slot = &asking->bilge->askings;
    while (*slot != asking)
        slot = &(*slot)->next;
    *slot = asking->next;
    free(asking->builder);
    free(asking);
}

static void asking_over(struct asking *asking)
{
    struct bilge *bilge = asking->bilge;
    if (asking->again)
        ask(bilge, asking->builder, asking->what, asking->wanted);
    asking_free(asking);
    ask_next(bilge);
    look_for_builds(bilge);
    bilge_moved(bilge);
}

static void say_failed(struct bilge *bilge, const char *id, const struct err *err)
{
    struct builder *builder = store_put_builder(bilge->store, id);
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
        store_set_records(asking->bilge->store, asking->builder, records);
    else
        say_failed(asking->bilge, asking->builder, err);
    asking_over(asking);
}

static void on_inspected(void *arg, struct builder_list *list, const struct err *err)
{
    struct asking *asking = arg;
    asking->request = NULL;
    asking->over = true;
    if (err != NULL)
        say_failed(asking->bilge, asking->builder, err);
    else
        put_entry(asking->bilge, &list->items[0]);
    if (err == NULL)
        builder_list_free(list);
    asking_over(asking);
}

static int start(struct bilge *bilge, struct asking *asking, struct err *err)
{
    if (asking->what == ASK_STATE)
        return builders_inspect(bilge->loop, asking->builder, context_of(bilge, asking->builder),
                                on_inspected, asking, &asking->request, err);
    if (asking->what == ASK_BUILDS)
        return elsewhere_ask(bilge, asking, err);
    return builders_records(bilge->loop, asking->builder, context_of(bilge, asking->builder),
                            on_builder_records, asking, &asking->request, err);
}

static bool is_under_way(const struct asking *asking)
{
    return asking->request != NULL || asking->history != NULL || asking->over;
}

static void ask_next(struct bilge *bilge)
{
    size_t under_way = 0;
    for (struct asking *asking = bilge->askings; asking != NULL; asking = asking->next)
        under_way += is_under_way(asking);
    for (struct asking *asking = bilge->askings, *next;
         asking != NULL && under_way < ASKINGS_MAX && !bilge->closing; asking = next) {
        struct err err;
        next = asking->next;
        if (is_under_way(asking))
            continue;
        if (start(bilge, asking, &err) == 0) {
            under_way++;
            continue;
        }
        struct builder *builder = store_put_builder(bilge->store, asking->builder);
        if (asking->what == ASK_BUILDS)
            leaks_untold(builder, clock_now());
        else
            say_failed(bilge, asking->builder, &err);
        asking_free(asking);
    }
}

static void ask(struct bilge *bilge, const char *builder, enum ask_for what, bool wanted)
{
    struct asking **slot = &bilge->askings;
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
    asking->bilge = bilge;
    asking->builder = mem_strdup(builder);
    asking->what = what;
    asking->wanted = wanted;
    *slot = asking;
    ask_next(bilge);
}

static bool any_wanted(const struct bilge *bilge)
{
    for (const struct asking *asking = bilge->askings; asking != NULL; asking = asking->next)
        if (asking->wanted)
            return true;
    return false;
}

/* Once the records that a request wants are here: do builds run on builders where
 * records are in use? */
static void look_for_builds(struct bilge *bilge)
{
    if (!bilge->builds_wanted || bilge->records_wanted || any_wanted(bilge) || bilge->closing)
        return;
    bilge->builds_wanted = false;
    for (size_t i = 0; i < bilge->store->builders_len; i++)
        if (leaks_are_open(&bilge->store->builders[i]))
            ask(bilge, bilge->store->builders[i].id, ASK_BUILDS, true);
    bilge_wake(bilge);
}

static void askings_cancel(struct bilge *bilge)
{
    while (bilge->askings != NULL) {
        struct asking *asking = bilge->askings;
        if (asking->request != NULL)
            builders_cancel(asking->request);
        if (asking->history != NULL)
            elsewhere_drop(asking->history);
        asking_free(asking);
    }
}

static struct builder *own_builder(struct bilge *bilge)
{
    return store_put_builder(bilge->store, bilge->endpoint.context);
}

static void request_served(struct bilge *bilge)
{
    bilge->records_wanted = false;
    look_for_builds(bilge);
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
        ask(bilge, entry->name, ASK_RECORDS, false);
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

/* The rows of builders that buildx has on disk, and of docker's other contexts, which
 * are builders, too: they are there before anybody has answered. */
static void put_stored(struct bilge *bilge)
{
    struct store *store = bilge->store;
    struct builder_list list;
    builders_read(bilge->has_endpoint && strcmp(bilge->endpoint.context, "default") != 0
                      ? bilge->endpoint.context
                  : bilge->has_endpoint ? bilge->endpoint.host
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
    select_builder(bilge, &list);
    builder_list_free(&list);
}

/* docker buildx ls has told nothing: each builder is asked for itself. */
static void ask_each(struct bilge *bilge)
{
    for (size_t i = 0; i < bilge->store->builders_len; i++)
        if (!bilge->store->builders[i].embedded)
            ask(bilge, bilge->store->builders[i].id, ASK_STATE, false);
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
    struct bilge *bilge = arg;
    struct store *store = bilge->store;
    bilge->list_request = NULL;
    store->builders_load = err == NULL ? LOAD_DONE : LOAD_FAILED;
    /* Without buildx, or docker, there is none of its builders. */
    bool unknown = err != NULL && err->code != ERR_UNSUPPORTED && err->code != -ENOENT;
    bool hangs = err != NULL && err->code == ERR_TIMEOUT;
    mem_replace(&store->builders_error, unknown && !hangs ? err->text : NULL);
    if (unknown)
        ask_each(bilge);
    else if (err != NULL)
        drop_others(store, NULL);
    if (err == NULL) {
        drop_others(store, list);
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
    put_stored(bilge);
    bilge_moved(bilge);
    if (builders_list(bilge->loop, on_list, bilge, &bilge->list_request, &err) == 0)
        return;
    bilge->list_request = NULL;
    bilge->store->builders_load = LOAD_FAILED;
    drop_others(bilge->store, NULL);
}

/* ------------------------------------------------------------------ refresh */

void engines_refresh(struct bilge *bilge)
{
    if (bilge->engine != NULL)
        engine_refresh(bilge->engine);
    for (size_t i = 0; i < bilge->store->builders_len; i++)
        if (!bilge->store->builders[i].embedded && bilge->store->builders[i].reachable)
            ask(bilge, bilge->store->builders[i].id, ASK_RECORDS, false);
}

static void on_wait_over(uv_timer_t *timer)
{
    request_served(timer->data);
}

void engines_refresh_for_request(struct bilge *bilge, const char *id, bool records_asked)
{
    const struct builder *builder =
        id != NULL ? store_builder(bilge->store, id) : store_selected_builder(bilge->store);
    if (bilge->engine != NULL && engine_info(bilge->engine).state == ENGINE_UP) {
        bilge->records_wanted = true;
        engine_refresh(bilge->engine);
        uv_timer_start(&bilge->records_timer, on_wait_over,
                       records_asked ? RECORDS_WAIT_MS : REQUEST_WAIT_MS, 0);
    }
    if (builder != NULL && !builder->embedded && builder->reachable)
        ask(bilge, builder->id, ASK_RECORDS, true);
    engines_look_for_builds(bilge);
}

void engines_look_for_builds(struct bilge *bilge)
{
    bilge->builds_wanted = true;
    look_for_builds(bilge);
}

/* Children end, if only by their deadline; the engine's answer has a timer. */
bool engines_waited_for(const struct bilge *bilge)
{
    return bilge->records_wanted || bilge->builds_wanted || any_wanted(bilge);
}

void engines_reopen(struct bilge *bilge)
{
    engines_close(bilge);
    while (bilge->store->builders_len > 0)
        store_remove_builder(bilge->store, bilge->store->builders[0].id);
    if (bilge->has_endpoint)
        endpoint_done(&bilge->endpoint);
    bilge->records_wanted = bilge->builds_wanted = false;
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
    askings_cancel(bilge);
    if (bilge->engine != NULL)
        engine_free(bilge->engine);
    bilge->list_request = NULL;
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

/* A docker that has no such command says so, by its status or by printing its help. */
static void on_answer(void *arg, const struct process_result *result, const struct err *err)
{
    struct elsewhere_asking *asking = arg;
    struct history_build *builds = NULL;
    size_t len = 0;
    bool told = err == NULL && result->status == 0 &&
                (result->out.len == 0 || result->out.data[0] == '{');
    if (told)
        builds = engine_builds_parse(result->out.data, result->out.len, &len);
    asking->on_done(asking->arg, builds, len, told);
    free(asking);
}

static int ask_history(uv_loop_t *loop, const char *builder, const char *context,
                       bilge_elsewhere_cb *on_done, void *arg,
                       struct elsewhere_asking **ret_asking, struct err *err)
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
    int code = process_capture(loop, &spec, OUTPUT_MAX_BYTES, on_answer, asking, &asking->capture,
                               err);
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
    struct builder *builder = store_put_builder(asking->bilge->store, asking->builder);
    asking->history = NULL;
    asking->over = true;
    if (told)
        leaks_told(builder, builds, len, clock_now());
    else
        leaks_untold(builder, clock_now());
    history_builds_free(builds, len);
    asking_over(asking);
}

static int elsewhere_ask(struct bilge *bilge, struct asking *asking, struct err *err)
{
    const struct builder *builder = store_builder(bilge->store, asking->builder);
    const char *context = builder != NULL && builder->embedded
                              ? NULL
                              : context_of(bilge, asking->builder);
    return ask_history(bilge->loop, asking->builder, context, on_builds, asking,
                       &asking->history, err);
}

static void elsewhere_drop(struct elsewhere_asking *asking)
{
    process_capture_cancel(asking->capture);
    free(asking);
}

static void on_elsewhere(void *arg, struct history_build *builds, size_t len, bool told)
{
    struct bilge *bilge = arg;
    (void)told;
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
    elsewhere_drop(bilge->elsewhere);
    bilge->elsewhere = NULL;
}
