#include "tui/notices.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"

#define NAMES_MAX 3

static bool is_over(const struct build *build)
{
    return build->state == BUILD_DONE || build->state == BUILD_FAILED ||
           build->state == BUILD_CANCELLED;
}

static bool is_known(const struct notices *notices, uint64_t id)
{
    for (size_t i = 0; i < notices->len; i++)
        if (notices->running[i] == id)
            return true;
    return false;
}

const struct build *notices_next(struct notices *notices, const struct store *store)
{
    for (size_t i = 0; i < store->builds_len; i++) {
        if (is_over(store->builds[i]) || is_known(notices, store->builds[i]->id))
            continue;
        mem_reserve((void **)&notices->running, &notices->cap, notices->len + 1,
                    sizeof *notices->running);
        notices->running[notices->len++] = store->builds[i]->id;
    }
    for (size_t i = 0; i < notices->len;) {
        const struct build *build = store_build(store, notices->running[i]);
        if (build != NULL && !is_over(build)) {
            i++;
            continue;
        }
        notices->running[i] = notices->running[--notices->len];
        if (build != NULL)
            return build;
    }
    return NULL;
}

char *notices_text(const struct build *build)
{
    struct buf text = {0};
    buf_append_str(&text, "build");
    for (size_t i = 0; i < build->services_len && i < NAMES_MAX; i++) {
        buf_append_str(&text, i > 0 ? ", " : " of ");
        text_clean(&text, build->services[i], strlen(build->services[i]));
    }
    if (build->services_len > NAMES_MAX)
        buf_printf(&text, " and %zu more", build->services_len - NAMES_MAX);
    buf_printf(&text, " %s", build_state_name(build->state));
    return buf_take(&text);
}

void notices_done(struct notices *notices)
{
    free(notices->running);
    *notices = (struct notices){0};
}
