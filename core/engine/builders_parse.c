#include "core/engine/builders.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/engine/docker_text.h"
#include "core/base/json.h"

/* A peer can name as many as it likes. */
#define NODES_MAX 256
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
