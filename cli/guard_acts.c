#include "cli/guard_acts.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"

void acts_say(const struct acts *acts, const char *format, ...)
{
    char text[2048], now[CLOCK_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct buf clean = {0};
    text_clean(&clean, text, strlen(text));
    fprintf(acts->out, "%s %s\n", clock_rfc3339(now, clock_now() / CLOCK_SECOND * CLOCK_SECOND),
            clean.data);
    fflush(acts->out);
    buf_done(&clean);
}

static char *copy(const char *text)
{
    return text != NULL ? mem_strdup(text) : NULL;
}

void acts_add(struct acts *acts, const struct plan *plan)
{
    mem_reserve((void **)&acts->items, &acts->cap, acts->len + plan->items_len,
                sizeof *acts->items);
    acts->forgets_steps = plan_forgets_steps(plan);
    for (size_t i = 0; i < plan->items_len; i++) {
        const struct plan_item *item = &plan->items[i];
        acts->items[acts->len++] = (struct act){
            .kind = item->kind,
            .service = copy(item->service),
            .id = mem_strdup(item->id),
            .title = mem_strdup(item->title),
            .reason = copy(item->reason),
            .size_bytes = item->size_bytes,
            .frees_bytes = item->frees_bytes,
            .age_s = item->age_s,
        };
    }
}

static void act_done(struct act *act)
{
    free(act->service);
    free(act->id);
    free(act->title);
    free(act->reason);
    free(act->error);
}

static const char *find_error(const struct prune_status *status, const char *id)
{
    for (size_t i = 0; i < status->failures_len; i++)
        if (strcmp(status->failures[i].id, id) == 0)
            return status->failures[i].error;
    return NULL;
}

static void tell(const struct acts *acts, const struct act *act)
{
    char size[TEXT_SIZE_SIZE];
    const char *of = act->service != NULL && act->kind != ITEM_SERVICE ? act->service : "";
    const char *space = *of != '\0' ? " " : "";
    if (act->error != NULL)
        acts_say(acts, "left %s %s%s%s: %s", item_kind_name(act->kind), of, space, act->title,
                 act->error);
    else
        acts_say(acts, "deleted %s %s%s%s: %s (%s)", item_kind_name(act->kind), of, space,
                 act->title, text_size(size, act->frees_bytes),
                 act->reason != NULL ? act->reason : "no reason given");
}

void acts_tell(struct acts *acts, const struct prune_status *status)
{
    for (; acts->told < acts->len; acts->told++) {
        struct act *act = &acts->items[acts->told];
        mem_replace(&act->error, find_error(status, act->id));
        /* What was not come to has no failure of its own. */
        if (act->error == NULL && status->cancelled)
            act->error = mem_strdup("not come to: the guard was stopped");
        tell(acts, act);
    }
    if (acts->forgets_steps)
        acts_say(acts, "%s", BUILDER_FORGETS_STEPS);
    acts->forgets_steps = false;
    if (!acts->all)
        acts_done(acts);
}

void acts_forget(struct acts *acts)
{
    while (acts->len > acts->told)
        act_done(&acts->items[--acts->len]);
}

void acts_json(const struct acts *acts, struct json *json)
{
    json_put_array(json, "items");
    for (size_t i = 0; i < acts->len; i++) {
        const struct act *act = &acts->items[i];
        json_put_object(json, NULL);
        json_put_text(json, "kind", item_kind_name(act->kind));
        json_put_text(json, "service", act->service);
        json_put_text(json, "id", act->id);
        json_put_int(json, "size", act->size_bytes);
        json_put_int(json, "frees", act->frees_bytes);
        json_put_int(json, "age_s", act->age_s);
        json_put_text(json, "reason", act->reason);
        json_put_text(json, "error", act->error);
        json_put_object_end(json);
    }
    json_put_array_end(json);
}

void acts_done(struct acts *acts)
{
    for (size_t i = 0; i < acts->len; i++)
        act_done(&acts->items[i]);
    free(acts->items);
    acts->items = NULL;
    acts->len = acts->cap = acts->told = 0;
}
