#include "core/engine/builders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/process.h"
#include "core/engine/docker_text.h"
#include "core/engine/endpoint.h"
#include "core/engine/records_job.h"

/* A peer can name as many as it likes. */
#define NODES_MAX 256
#define BUILDERS_MAX 1000
#define PLATFORMS_MAX_BYTES 2048

void builder_nodes_free(struct builder_node *nodes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        free(nodes[i].name);
        free(nodes[i].endpoint);
        free(nodes[i].status);
        free(nodes[i].version);
        free(nodes[i].platforms);
        free(nodes[i].error);
    }
    free(nodes);
}

static void entry_done(struct builder_entry *entry)
{
    free(entry->name);
    free(entry->driver);
    free(entry->endpoint);
    free(entry->status);
    free(entry->error);
    builder_nodes_free(entry->nodes, entry->nodes_len);
}

void builder_list_free(struct builder_list *list)
{
    for (size_t i = 0; i < list->len; i++)
        entry_done(&list->items[i]);
    free(list->items);
    *list = (struct builder_list){0};
}

static bool is_listed(const struct builder_list *list, const char *name)
{
    for (size_t i = 0; i < list->len; i++)
        if (strcmp(list->items[i].name, name) == 0)
            return true;
    return false;
}

static char *join_platforms(const cJSON *platforms)
{
    struct buf text = {0};
    const cJSON *platform;
    cJSON_ArrayForEach(platform, platforms)
    {
        if (cJSON_IsString(platform) && text.len < PLATFORMS_MAX_BYTES)
            buf_printf(&text, "%s%s", text.len > 0 ? ", " : "", platform->valuestring);
    }
    return buf_take(&text);
}

static void add_nodes(struct builder_entry *entry, const cJSON *nodes)
{
    const cJSON *node;
    size_t cap = 0;
    cJSON_ArrayForEach(node, nodes)
    {
        const char *error = json_string(node, "Err", NULL);
        bool told = json_string(node, "Name", "")[0] != '\0' ||
                    json_string(node, "Endpoint", "")[0] != '\0';
        if (!told || entry->nodes_len == NODES_MAX)
            continue;
        mem_reserve((void **)&entry->nodes, &cap, entry->nodes_len + 1, sizeof *entry->nodes);
        entry->nodes[entry->nodes_len++] = (struct builder_node){
            .name = mem_strdup(json_string(node, "Name", "")),
            .endpoint = mem_strdup(json_string(node, "Endpoint", "")),
            .status = mem_strdup(json_string(node, "Status", "")),
            .version = mem_strdup(json_string(node, "Version", "")),
            .platforms = join_platforms(json_get(node, "Platforms")),
            .error = error != NULL ? mem_strdup(error) : NULL,
        };
        if (strcmp(entry->nodes[entry->nodes_len - 1].status, "running") == 0)
            mem_replace(&entry->status, "running");
    }
}

static void add_builder(struct builder_list *list, size_t *cap, const cJSON *line)
{
    const cJSON *wrapped = json_get(line, "Builder");
    const cJSON *builder = wrapped != NULL ? wrapped : line;
    const cJSON *node = cJSON_GetArrayItem(json_get(builder, "Nodes"), 0);
    const char *name = json_string(builder, "Name", "");
    const char *error = json_string(builder, "Err", json_string(node, "Err", NULL));
    if (name[0] == '\0' || is_listed(list, name))
        return;
    mem_reserve((void **)&list->items, cap, list->len + 1, sizeof *list->items);
    list->items[list->len++] = (struct builder_entry){
        .name = mem_strdup(name),
        .driver = mem_strdup(json_string(builder, "Driver", "")),
        .endpoint = mem_strdup(json_string(node, "Endpoint", "")),
        .status = mem_strdup(json_string(node, "Status", "")),
        .error = error != NULL ? mem_strdup(error) : NULL,
        .current = json_bool(line, "Current"),
    };
    add_nodes(&list->items[list->len - 1], json_get(builder, "Nodes"));
}

/* The next line of text; moves past it. False at the end. */
static bool next_line(const char **at, const char *end, const char **ret_line, size_t *ret_len)
{
    if (*at >= end)
        return false;
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    *ret_line = *at;
    *ret_len = (size_t)((newline != NULL ? newline : end) - *at);
    *at += *ret_len + 1;
    return true;
}

int builders_parse(const char *text, size_t len, struct builder_list *ret_list, struct err *err)
{
    struct builder_list list = {0};
    const char *at = text, *end = text + len, *line;
    size_t cap = 0, line_len;
    while (next_line(&at, end, &line, &line_len)) {
        if (line_len == 0)
            continue;
        cJSON *tree = json_parse_object(line, line_len, "a line of docker buildx ls", err);
        if (tree == NULL) {
            builder_list_free(&list);
            return ERR_FORMAT;
        }
        add_builder(&list, &cap, tree);
        cJSON_Delete(tree);
    }
    *ret_list = list;
    return 0;
}

/* The value of a line "Key: value"; NULL when it is another line. */
static char *value_of(const char *line, size_t len, const char *key)
{
    size_t key_len = strlen(key);
    if (len < key_len || strncmp(line, key, key_len) != 0)
        return NULL;
    line += key_len;
    len -= key_len;
    for (; len > 0 && (*line == ' ' || *line == '\t'); len--)
        line++;
    for (; len > 0 && strchr(" \t\r", line[len - 1]) != NULL; len--)
        continue;
    return mem_strndup(line, len);
}

static void start_node(struct builder_entry *entry, size_t *cap)
{
    mem_reserve((void **)&entry->nodes, cap, entry->nodes_len + 1, sizeof *entry->nodes);
    entry->nodes[entry->nodes_len++] = (struct builder_node){
        .name = mem_strdup(""),
        .endpoint = mem_strdup(""),
        .status = mem_strdup(""),
        .version = mem_strdup(""),
        .platforms = mem_strdup(""),
    };
}

/* Keys with an indent belong to lists within a node. */
static void read_inspect_line(struct builder_entry *entry, size_t *cap, bool *in_nodes,
                              const char *line, size_t len)
{
    static const struct {
        const char *key;
        bool of_node;
        size_t offset; /* of the text in the entry or the node */
    } keys[] = {
        {"Name:", false, offsetof(struct builder_entry, name)},
        {"Driver:", false, offsetof(struct builder_entry, driver)},
        {"Error:", false, offsetof(struct builder_entry, error)},
        {"Name:", true, offsetof(struct builder_node, name)},
        {"Endpoint:", true, offsetof(struct builder_node, endpoint)},
        {"Error:", true, offsetof(struct builder_node, error)},
        {"Status:", true, offsetof(struct builder_node, status)},
        {"Buildkit:", true, offsetof(struct builder_node, version)},
        {"BuildKit version:", true, offsetof(struct builder_node, version)},
        {"Platforms:", true, offsetof(struct builder_node, platforms)},
    };
    if (len >= 6 && strncmp(line, "Nodes:", 6) == 0) {
        *in_nodes = true;
        return;
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char *value = keys[i].of_node == *in_nodes ? value_of(line, len, keys[i].key) : NULL;
        if (value == NULL)
            continue;
        if (*in_nodes && strcmp(keys[i].key, "Name:") == 0 && entry->nodes_len < NODES_MAX)
            start_node(entry, cap);
        char *in = !*in_nodes             ? (char *)entry
                   : entry->nodes_len > 0 ? (char *)&entry->nodes[entry->nodes_len - 1]
                                          : NULL;
        if (in != NULL) {
            char **slot = (char **)(void *)(in + keys[i].offset);
            free(*slot);
            *slot = value;
            value = NULL;
        }
        free(value);
        return;
    }
}

int builders_parse_inspect(const char *text, size_t len, struct builder_list *ret_list,
                           struct err *err)
{
    struct builder_entry entry = {0};
    const char *at = text, *end = text + len, *line;
    size_t cap = 0, line_len;
    bool in_nodes = false;
    while (next_line(&at, end, &line, &line_len))
        read_inspect_line(&entry, &cap, &in_nodes, line, line_len);
    if (entry.name == NULL || entry.name[0] == '\0' || entry.driver == NULL) {
        entry_done(&entry);
        return err_set(err, ERR_FORMAT, "docker buildx inspect printed something unexpected");
    }
    const struct builder_node *first = entry.nodes_len > 0 ? &entry.nodes[0] : NULL;
    entry.endpoint = mem_strdup(first != NULL ? first->endpoint : "");
    entry.status = mem_strdup(first != NULL ? first->status : "");
    if (entry.error == NULL && first != NULL && first->error != NULL)
        entry.error = mem_strdup(first->error);
    for (size_t i = 0; i < entry.nodes_len; i++)
        if (strcmp(entry.nodes[i].status, "running") == 0) {
            mem_replace(&entry.status, "running");
            mem_replace(&entry.error, NULL);
        }
    ret_list->items = mem_alloc(sizeof entry);
    ret_list->items[0] = entry;
    ret_list->len = 1;
    return 0;
}

/* "sqnn4cnyzaabtg32vim9cc10r*   true  61.71kB  43 seconds ago": '*' is mutable. */
static void add_pruned(struct api_pruned *pruned, size_t *cap, const char *line)
{
    size_t len = strcspn(line, " \t*");
    char *id = mem_strndup(line, len);
    if (!api_is_record_id(id) || strcmp(id, "ID") == 0) {
        free(id);
        return;
    }
    mem_reserve((void **)&pruned->ids, cap, pruned->ids_len + 1, sizeof *pruned->ids);
    pruned->ids[pruned->ids_len++] = id;
}

int builders_parse_pruned(const char *text, size_t len, struct api_pruned *ret_pruned,
                          struct err *err)
{
    struct api_pruned pruned = {0};
    const char *at = text, *end = text + len, *line;
    size_t cap = 0, line_len;
    bool total = false;
    while (next_line(&at, end, &line, &line_len)) {
        char *copy = mem_strndup(line, line_len);
        if (strncmp(copy, "Total:", 6) == 0)
            total = docker_parse_size(copy + 6 + strspn(copy + 6, "\t "), &pruned.freed_bytes);
        else
            add_pruned(&pruned, &cap, copy);
        free(copy);
    }
    if (!total) {
        api_pruned_done(&pruned);
        return err_set(err, ERR_FORMAT, "docker buildx prune printed something unexpected");
    }
    *ret_pruned = pruned;
    return 0;
}

/* One builder that hangs holds up the whole list for 20 s: then each is asked. */
#define LIST_DEADLINE_MS 5000
#define RECORDS_DEADLINE_MS (10 * 60 * 1000) /* as for the engine's own */
#define PRUNE_DEADLINE_MS (10 * 60 * 1000)
#define LIST_MAX_BYTES (4 * 1024 * 1024)
#define RECORDS_MAX_BYTES (64 * 1024 * 1024)
/* Linux takes 128 KiB in one argument. */
#define FILTER_MAX_BYTES 60000

struct builders_request {
    uv_loop_t *loop;
    struct process_capture *capture; /* NULL: no child is running */
    struct records_job *job;         /* NULL: nothing is parsed */
    char *builder;                   /* "--builder=NAME"; NULL for the list */
    char *context;                   /* "--context=NAME"; NULL: docker's own choice */
    char **ids;                      /* of a prune */
    size_t ids_len;
    size_t next; /* the first that no call has named yet */
    bool all;
    struct api_pruned pruned;
    union {
        builders_version_cb *version;
        builders_list_cb *list;
        builders_records_cb *records;
        builders_pruned_cb *pruned;
    } on_done;
    void *arg;
};

static void request_free(struct builders_request *request)
{
    for (size_t i = 0; i < request->ids_len; i++)
        free(request->ids[i]);
    free(request->ids);
    free(request->builder);
    free(request->context);
    api_pruned_done(&request->pruned);
    free(request);
}

void builders_cancel(struct builders_request *request)
{
    if (request->capture != NULL)
        process_capture_cancel(request->capture);
    records_job_drop(request->job);
    request_free(request);
}

static struct builders_request *request_new(uv_loop_t *loop, const char *builder,
                                            const char *context, void *arg)
{
    struct builders_request *request = mem_zalloc(sizeof *request);
    request->loop = loop;
    request->arg = arg;
    request->builder = builder != NULL ? mem_printf("--builder=%s", builder) : NULL;
    request->context = context != NULL ? mem_printf("--context=%s", context) : NULL;
    return request;
}

/* `words` follow "docker", and the context if there is one. */
static int run(struct builders_request *request, const char *const *words, uint64_t deadline_ms,
               size_t max_bytes, process_done_cb *on_done, struct err *err)
{
    const char *argv[12] = {"docker"};
    size_t len = 1;
    if (request->context != NULL)
        argv[len++] = request->context;
    for (; *words != NULL; words++)
        argv[len++] = *words;
    struct process_spec spec = {.argv = argv, .deadline_ms = deadline_ms};
    return process_capture(request->loop, &spec, max_bytes, on_done, request, &request->capture,
                           err);
}

/* Gives the request to the caller once its first child runs. */
static int started(struct builders_request *request, int code,
                   struct builders_request **ret_request, struct err *err)
{
    if (code == 0)
        *ret_request = request;
    else
        request_free(request);
    return code == -ENOENT ? err_set(err, code, "docker was not found in PATH") : code;
}

/* The last line that says something. */
static const char *last_words(struct buf *text)
{
    while (text->len > 0 && strchr("\r\n ", text->data[text->len - 1]) != NULL)
        text->data[--text->len] = '\0';
    if (text->len == 0)
        return "it gave no reason";
    const char *newline = strrchr(text->data, '\n');
    const char *words = newline != NULL ? newline + 1 : text->data;
    return strncmp(words, "ERROR: ", 7) == 0 ? words + 7 : words;
}

/* The first that fits. A docker without the plugin takes its flags for its own,
 * and refers to its own help. */
static const struct {
    const char *said;
    const char *meaning;
} unsupported[] = {
    {"is not a docker command", "docker buildx is not installed"},
    {"unknown command: docker buildx", "docker buildx is not installed"},
    {"See 'docker --help'", "docker buildx is not installed"},
    {"unknown flag: --format", "docker buildx is older than 0.13"},
};

/* 0 when the child ended well; else fills err with what it said. */
static int check(const char *what, const struct process_result *result, const struct err *failed,
                 struct err *err)
{
    if (failed != NULL)
        return err_set(err, failed->code, "docker buildx %s: %s", what, failed->text);
    if (result->status == 0)
        return 0;
    struct buf said = {0};
    buf_append(&said, result->err.data, result->err.len);
    int code = ERR_PEER;
    for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0] && code == ERR_PEER; i++)
        if (strstr(said.data, unsupported[i].said) != NULL)
            code = err_set(err, ERR_UNSUPPORTED, "%s", unsupported[i].meaning);
    if (code == ERR_PEER)
        err_set(err, code, "docker buildx %s: %s", what, last_words(&said));
    buf_done(&said);
    return code;
}

/* ------------------------------------------------------------------- version */

static void on_version(void *arg, const struct process_result *result, const struct err *failed)
{
    struct builders_request *request = arg;
    struct err err;
    int code = check("version", result, failed, &err);
    request->on_done.version(request->arg, code == 0 ? NULL : &err);
    request_free(request);
}

int builders_version(uv_loop_t *loop, builders_version_cb *on_done, void *arg,
                     struct builders_request **ret_request, struct err *err)
{
    static const char *const argv[] = {"buildx", "version", NULL};
    struct builders_request *request = request_new(loop, NULL, NULL, arg);
    request->on_done.version = on_done;
    int code = run(request, argv, LIST_DEADLINE_MS, LIST_MAX_BYTES, on_version, err);
    return started(request, code, ret_request, err);
}

/* ---------------------------------------------------------------------- list */

static void on_listed(void *arg, const struct process_result *result, const struct err *failed)
{
    struct builders_request *request = arg;
    struct builder_list list;
    struct err err;
    int code = check("ls", result, failed, &err);
    if (code == 0)
        code = builders_parse(result->out.data, result->out.len, &list, &err);
    request->on_done.list(request->arg, code == 0 ? &list : NULL, code == 0 ? NULL : &err);
    request_free(request);
}

int builders_list(uv_loop_t *loop, builders_list_cb *on_list, void *arg,
                  struct builders_request **ret_request, struct err *err)
{
    static const char *const argv[] = {"buildx", "ls", "--format", BUILDERS_FORMAT, NULL};
    struct builders_request *request = request_new(loop, NULL, NULL, arg);
    request->on_done.list = on_list;
    int code = run(request, argv, LIST_DEADLINE_MS, LIST_MAX_BYTES, on_listed, err);
    return started(request, code, ret_request, err);
}

static void on_inspected(void *arg, const struct process_result *result, const struct err *failed)
{
    struct builders_request *request = arg;
    struct builder_list list;
    struct err err;
    int code = check("inspect", result, failed, &err);
    if (code == 0)
        code = builders_parse_inspect(result->out.data, result->out.len, &list, &err);
    if (code == ERR_TIMEOUT)
        err_set(&err, code, "no answer to docker buildx inspect for %d s: the builder hangs",
                INSPECT_DEADLINE_MS / 1000);
    request->on_done.list(request->arg, code == 0 ? &list : NULL, code == 0 ? NULL : &err);
    request_free(request);
}

int builders_inspect(uv_loop_t *loop, const char *builder, const char *context,
                     builders_list_cb *on_list, void *arg, struct builders_request **ret_request,
                     struct err *err)
{
    struct builders_request *request = request_new(loop, builder, context, arg);
    const char *const argv[] = {"buildx", "inspect", request->builder, NULL};
    request->on_done.list = on_list;
    int code = run(request, argv, INSPECT_DEADLINE_MS, LIST_MAX_BYTES, on_inspected, err);
    return started(request, code, ret_request, err);
}

/* ------------------------------------------------------------------- records */

static int parse_du(const char *text, size_t len, struct records *ret_records, struct err *err)
{
    return records_parse_du(text, len, clock_now(), ret_records, err);
}

static void on_parsed(void *arg, struct records *records, const struct err *err)
{
    struct builders_request *request = arg;
    request->on_done.records(request->arg, records, err);
    request_free(request);
}

static void on_du(void *arg, const struct process_result *result, const struct err *failed)
{
    struct builders_request *request = arg;
    struct err err;
    request->capture = NULL;
    if (check("du", result, failed, &err) < 0) {
        on_parsed(request, NULL, &err);
        return;
    }
    char *text = mem_strndup(result->out.data, result->out.len);
    request->job =
        records_job_start(request->loop, parse_du, text, result->out.len, on_parsed, request);
}

int builders_records(uv_loop_t *loop, const char *builder, const char *context,
                     builders_records_cb *on_records, void *arg,
                     struct builders_request **ret_request, struct err *err)
{
    struct builders_request *request = request_new(loop, builder, context, arg);
    const char *const argv[] = {"buildx", "du", request->builder, "--verbose", NULL};
    request->on_done.records = on_records;
    int code = run(request, argv, RECORDS_DEADLINE_MS, RECORDS_MAX_BYTES, on_du, err);
    return started(request, code, ret_request, err);
}

/* --------------------------------------------------------------------- prune */

static int prune_next(struct builders_request *request, struct err *err);

static void end_prune(struct builders_request *request, const struct err *err)
{
    const struct api_pruned *pruned = &request->pruned;
    request->on_done.pruned(request->arg, pruned->ids, pruned->ids_len, pruned->freed_bytes, err);
    request_free(request);
}

static void on_pruned(void *arg, const struct process_result *result, const struct err *failed)
{
    struct builders_request *request = arg;
    struct api_pruned pruned;
    struct err err;
    request->capture = NULL;
    int code = check("prune", result, failed, &err);
    if (code == 0)
        code = builders_parse_pruned(result->out.data, result->out.len, &pruned, &err);
    if (code == 0)
        api_pruned_add(&request->pruned, &pruned);
    if (code == 0 && request->next < request->ids_len)
        code = prune_next(request, &err);
    else if (code == 0) {
        end_prune(request, NULL);
        return;
    }
    if (code < 0)
        end_prune(request, &err);
}

static int prune_next(struct builders_request *request, struct err *err)
{
    struct buf filter = {0};
    buf_append_str(&filter, "--filter=id=^(");
    size_t first = request->next;
    do {
        buf_append_str(&filter, request->next > first ? "|" : "");
        buf_append_str(&filter, request->ids[request->next++]);
    } while (request->next < request->ids_len && filter.len < FILTER_MAX_BYTES);
    buf_append_str(&filter, ")$");
    const char *const argv[] = {"buildx",  "prune",     request->builder,
                                "--force", filter.data, request->all ? "--all" : NULL,
                                NULL};
    int code = run(request, argv, PRUNE_DEADLINE_MS, LIST_MAX_BYTES, on_pruned, err);
    buf_done(&filter);
    return code;
}

int builders_prune(uv_loop_t *loop, const char *builder, const char *context,
                   const char *const *ids, size_t ids_len, bool all, builders_pruned_cb *on_done,
                   void *arg, struct builders_request **ret_request, struct err *err)
{
    if (ids_len == 0)
        return err_set(err, ERR_USAGE, "no records to prune were named");
    for (size_t i = 0; i < ids_len; i++)
        if (!api_is_record_id(ids[i]))
            return err_set(err, ERR_USAGE, "\"%s\" is not the id of a record", ids[i]);
    struct builders_request *request = request_new(loop, builder, context, arg);
    request->on_done.pruned = on_done;
    request->all = all;
    request->ids_len = ids_len;
    request->ids = mem_alloc(ids_len * sizeof *request->ids);
    for (size_t i = 0; i < ids_len; i++)
        request->ids[i] = mem_strdup(ids[i]);
    int code = prune_next(request, err);
    return started(request, code, ret_request, err);
}

static int is_shown(void *arg, const char *name, enum fs_type type)
{
    (void)arg;
    (void)type;
    return name[0] != '.';
}

static bool has_entries(const char *directory)
{
    return fs_each_path(directory, is_shown, NULL, NULL) > 0;
}

/* Source: docker/buildx store/store.go (instances, current), util/confutil
 * (BUILDX_CONFIG); every docker context is a builder, too. */
static char *store_path(const char *name)
{
    const char *set = getenv("BUILDX_CONFIG");
    if (set != NULL && set[0] != '\0')
        return mem_printf("%s/%s", set, name);
    char *config = endpoint_config_dir();
    char *path = mem_printf("%s/buildx/%s", config, name);
    free(config);
    return path;
}

struct stored {
    const char *instances;
    struct builder_list *list;
    size_t cap;
};

static int take_instance(void *arg, const char *name, enum fs_type type)
{
    struct stored *stored = arg;
    (void)type;
    if (name[0] == '.' || stored->list->len == BUILDERS_MAX)
        return 0;
    char *path = mem_printf("%s/%s", stored->instances, name);
    cJSON *tree = endpoint_read_json(path);
    if (tree != NULL && json_string(tree, "Name", NULL) == NULL)
        cJSON_AddStringToObject(tree, "Name", name);
    if (tree != NULL)
        add_builder(stored->list, &stored->cap, tree);
    cJSON_Delete(tree);
    free(path);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct builder_entry *)a)->name, ((const struct builder_entry *)b)->name);
}

void builders_read(const char *host, struct builder_list *ret_list)
{
    char *instances = store_path("instances"), *current = store_path("current");
    struct stored stored = {.instances = instances, .list = ret_list};
    *ret_list = (struct builder_list){0};
    fs_each_path(instances, take_instance, &stored, NULL);
    if (ret_list->len > 1)
        qsort(ret_list->items, ret_list->len, sizeof *ret_list->items, by_name);
    cJSON *tree = endpoint_read_json(current);
    bool meant = json_bool(tree, "Global") ||
                 (host != NULL && strcmp(json_string(tree, "Key", ""), host) == 0);
    for (size_t i = 0; i < ret_list->len; i++)
        ret_list->items[i].current =
            meant && strcmp(ret_list->items[i].name, json_string(tree, "Name", "")) == 0;
    cJSON_Delete(tree);
    free(instances);
    free(current);
}

bool builders_in_sight(void)
{
    const char *named = getenv("BUILDX_BUILDER");
    if (named != NULL && named[0] != '\0')
        return true;
    char *config = endpoint_config_dir(), *instances = store_path("instances");
    char *contexts = mem_printf("%s/contexts/meta", config);
    bool found = has_entries(instances) || has_entries(contexts);
    free(config);
    free(instances);
    free(contexts);
    return found;
}
