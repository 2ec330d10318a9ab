/* The docker commands that would do what a plan does to records. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/prune/planner.h"

/* Ids and builders are letters, digits and a few marks. What looks otherwise
 * is not put into a line that people paste into a shell. */
static bool is_plain(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (!isalnum((unsigned char)*at) && strchr("_-", *at) == NULL)
            return false;
    return text[0] != '\0' && text[0] != '-';
}

static bool is_first_of_builder(const struct plan *plan, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (plan->items[i].kind == ITEM_RECORD &&
            strcmp(plan->items[i].builder, plan->items[index].builder) == 0)
            return false;
    return true;
}

/* The ids are anchored: docker takes them for a regular expression that may
 * match anywhere. With them written out, --all takes nothing else along. */
static bool add_command(struct buf *command, const struct plan *plan, const struct plan_item *first)
{
    struct buf ids = {0};
    bool all = false, plain = is_plain(first->builder);
    for (size_t i = 0; i < plan->items_len && plain; i++) {
        const struct plan_item *item = &plan->items[i];
        if (item->kind != ITEM_RECORD || strcmp(item->builder, first->builder) != 0)
            continue;
        plain = is_plain(item->id);
        all |= item->needs_all;
        buf_printf(&ids, "%s%s", ids.len > 0 ? "|" : "", item->id);
    }
    if (plain) {
        if (command->len > 0)
            buf_append_str(command, "\n");
        buf_append_str(command, "docker ");
        if (!first->embedded && !first->is_context)
            buf_printf(command, "buildx prune --builder %s", first->builder);
        else if (!first->embedded || strcmp(first->builder, "default") != 0)
            buf_printf(command, "--context %s builder prune", first->builder);
        else
            buf_append_str(command, "builder prune");
        buf_printf(command, "%s --filter 'id=^(%s)$'", all ? " --all" : "", ids.data);
    }
    buf_done(&ids);
    return plain;
}

char *plan_docker_command(const struct plan *plan)
{
    struct buf command = {0};
    bool plain = true;
    for (size_t i = 0; i < plan->items_len && plain; i++)
        if (plan->items[i].kind == ITEM_RECORD && is_first_of_builder(plan, i))
            plain = add_command(&command, plan, &plan->items[i]);
    if (plain && command.len > 0)
        return buf_take(&command);
    buf_done(&command);
    return NULL;
}
