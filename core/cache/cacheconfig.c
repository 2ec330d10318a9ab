/* The cache config, in two passes: records point into layers. */
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/cache/layout.h"
#include "core/cache/layout_take.h"

struct times {
    struct layer_time *items;
    bool *known; /* whether the layer has a digest that can be read */
    size_t len, cap, known_cap;
    bool found; /* there are layers or records at all */
};

static void take_layer(struct pull *json, struct times *times)
{
    struct layer_time layer = {.created_at = 0};
    struct pull_text name;
    bool known = false;
    if (layout_is_next(json, PULL_OBJECT)) {
        pull_enter(json);
        while (pull_member(json, &name)) {
            if (pull_is(&name, "blob"))
                known = layout_take_digest(json, &layer.digest);
            else
                pull_skip(json);
        }
    }
    mem_reserve((void **)&times->items, &times->cap, times->len + 1, sizeof *times->items);
    mem_reserve((void **)&times->known, &times->known_cap, times->len + 1, sizeof *times->known);
    times->known[times->len] = known;
    times->items[times->len++] = layer;
}

/* {"layer": index into layers[], "createdAt": …}; an index of 0 may be left out
 * (Go's omitempty). */
static void take_result(struct pull *json, struct times *times)
{
    struct pull_text name;
    double index = 0;
    int64_t at = 0;
    if (!layout_is_next(json, PULL_OBJECT))
        return;
    pull_enter(json);
    while (pull_member(json, &name)) {
        if (pull_is(&name, "layer") && pull_kind(json) == PULL_NUMBER)
            index = pull_number(json);
        else if (pull_is(&name, "createdAt"))
            at = layout_take_time(json);
        else
            pull_skip(json);
    }
    if (index < 0 || index >= (double)times->len || at == 0)
        return;
    struct layer_time *time = &times->items[(size_t)index];
    if (time->created_at == 0 || at < time->created_at)
        time->created_at = at;
}

typedef void take_cb(struct pull *json, struct times *times);

static void take_array(struct pull *json, struct times *times, take_cb *take)
{
    if (!layout_is_next(json, PULL_ARRAY))
        return;
    times->found = true;
    pull_enter(json);
    while (pull_item(json))
        take(json, times);
}

static void take_record(struct pull *json, struct times *times)
{
    struct pull_text name;
    if (!layout_is_next(json, PULL_OBJECT))
        return;
    pull_enter(json);
    while (pull_member(json, &name)) {
        if (pull_is(&name, "layers"))
            take_array(json, times, take_result);
        else
            pull_skip(json);
    }
}

static int take_config(const char *text, size_t len, const char *part, take_cb *take,
                       struct times *times, struct err *err)
{
    struct pull_text name;
    struct pull json;
    int code = layout_begin(&json, text, len, err);
    if (code < 0)
        return code;
    while (pull_member(&json, &name)) {
        if (pull_is(&name, part))
            take_array(&json, times, take);
        else
            pull_skip(&json);
    }
    return pull_ended(&json) ? 0 : layout_bad_json(err);
}

int cacheconfig_parse(const char *text, size_t len, struct layer_time **ret_times, size_t *ret_len,
                      struct err *err)
{
    struct times times = {0};
    size_t kept = 0;
    int code = take_config(text, len, "layers", take_layer, &times, err);
    if (code == 0)
        code = take_config(text, len, "records", take_record, &times, err);
    if (code == 0 && !times.found)
        code = err_set(err, ERR_FORMAT, "it is no cache config");
    for (size_t i = 0; code == 0 && i < times.len; i++)
        if (times.known[i] && times.items[i].created_at != 0)
            times.items[kept++] = times.items[i];
    free(times.known);
    if (code < 0) {
        free(times.items);
        return code;
    }
    *ret_times = times.items;
    *ret_len = kept;
    return 0;
}
