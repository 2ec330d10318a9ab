#include "cli/plan_view.h"

#include <stdlib.h>
#include <string.h>

#include "cli/table.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"

size_t plan_busy(const struct plan *plan)
{
    size_t busy = 0;
    for (size_t i = 0; i < plan->kept_len; i++)
        busy += plan->kept[i].busy;
    return busy;
}

/* ----------------------------------------------------------------- text */

static void print_items(const struct plan *plan, FILE *out)
{
    static const struct table_column columns[] = {
        {"DELETE", false}, {"OF", false},   {"SIZE", true},   {"FREES", true},
        {"AGE", true},     {"WHAT", false}, {"WHY", false}, {NULL, false},
    };
    struct table *table = table_new(columns);
    for (size_t i = 0; i < plan->items_len; i++) {
        const struct plan_item *item = &plan->items[i];
        table_text(table, item_kind_name(item->kind));
        table_text(table, item->service != NULL ? item->service : item->builder);
        table_size(table, item->size_bytes);
        table_size(table, item->frees_bytes);
        table_age(table, item->age_s < 0 ? 0 : plan->made_at - item->age_s * CLOCK_SECOND,
                  plan->made_at);
        table_text(table, item->title);
        table_text(table, item->reason);
    }
    table_print(table, 0, out);
    table_free(table);
}

static void print_kept(const struct plan *plan, FILE *out)
{
    static const struct table_column columns[] = {
        {"KEEP", false}, {"OF", false}, {"SIZE", true}, {"WHAT", false}, {"WHY", false}, {0},
    };
    if (plan->kept_len == 0)
        return;
    struct table *table = table_new(columns);
    for (size_t i = 0; i < plan->kept_len; i++) {
        const struct plan_kept *kept = &plan->kept[i];
        table_text(table, item_kind_name(kept->kind));
        table_text(table, kept->service);
        table_size(table, kept->size_bytes);
        table_text(table, kept->title);
        table_text(table, kept->reason);
    }
    fputc('\n', out);
    table_print(table, 0, out);
    table_free(table);
}

static void print_clean(FILE *out, const char *before, const char *text)
{
    struct buf clean = {0};
    text_clean(&clean, text, strlen(text));
    fprintf(out, "%s%s\n", before, clean.data);
    buf_done(&clean);
}

/* Many items lose the same: each loss is said once. */
static void print_losses(const struct plan *plan, FILE *out)
{
    const char *last = "";
    for (size_t i = 0; i < plan->items_len; i++) {
        const char *loses = plan->items[i].loses;
        if (loses == NULL || strcmp(loses, last) == 0)
            continue;
        print_clean(out, *last == '\0' ? "\nWhat the next build loses:\n  " : "  ", loses);
        last = loses;
    }
}

static void print_command(const struct plan *plan, FILE *out)
{
    char *command = plan_docker_command(plan);
    if (command != NULL)
        print_clean(out, "\nThe same for the records with docker:\n  ", command);
    free(command);
}

static void print_shortage(const struct plan *plan, FILE *out)
{
    char wanted[TEXT_SIZE_SIZE], missing[TEXT_SIZE_SIZE], held[TEXT_SIZE_SIZE];
    int64_t held_bytes = 0;
    if (plan->planned_bytes >= plan->wanted_bytes)
        return;
    for (size_t i = 0; i < plan->kept_len; i++)
        held_bytes += plan->kept[i].size_bytes > 0 ? plan->kept[i].size_bytes : 0;
    fprintf(out, "%s can't be reached: %s are missing", text_size(wanted, plan->wanted_bytes),
            text_size(missing, plan->wanted_bytes - plan->planned_bytes));
    if (plan->kept_len > 0)
        fprintf(out, "; what is kept above holds %s", text_size(held, held_bytes));
    fputs(".\n", out);
}

void plan_print(const struct plan *plan, FILE *out)
{
    char text[TEXT_SIZE_SIZE];
    if (plan->items_len > 0)
        print_items(plan, out);
    print_kept(plan, out);
    print_losses(plan, out);
    print_command(plan, out);
    if (plan->items_len > 0)
        fprintf(out, "\n%zu item%s, %s will come back.\n", plan->items_len,
                plan->items_len == 1 ? "" : "s", text_size(text, plan->planned_bytes));
    print_shortage(plan, out);
}

/* -------------------------------------------------------------- changes */

static int by_identity(const void *a, const void *b)
{
    const struct plan_item *x = *(const struct plan_item *const *)a;
    const struct plan_item *y = *(const struct plan_item *const *)b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    const char *left = x->service_id != NULL ? x->service_id : x->builder;
    const char *right = y->service_id != NULL ? y->service_id : y->builder;
    int order = strcmp(left != NULL ? left : "", right != NULL ? right : "");
    return order != 0 ? order : strcmp(x->id, y->id);
}

static const struct plan_item **sorted_items(const struct plan *plan)
{
    const struct plan_item **items = mem_alloc((plan->items_len + 1) * sizeof(*items));
    for (size_t i = 0; i < plan->items_len; i++)
        items[i] = &plan->items[i];
    qsort(items, plan->items_len, sizeof(*items), by_identity);
    return items;
}

static void print_change(const struct plan_item *item, const char *what, FILE *out)
{
    char size[TEXT_SIZE_SIZE];
    struct buf line = {0};
    const char *of = item->service != NULL ? item->service : item->builder;
    text_clean(&line, of != NULL ? of : "", strlen(of != NULL ? of : ""));
    fprintf(out, "  %s %s %s %s: %s\n", what, item_kind_name(item->kind),
            line.data != NULL ? line.data : "", item->title, text_size(size, item->frees_bytes));
    buf_done(&line);
}

bool plan_print_changes(const struct plan *before, const struct plan *after, FILE *out)
{
    const struct plan_item **old = sorted_items(before), **new = sorted_items(after);
    size_t i = 0, j = 0;
    bool changed = false;
    while (i < before->items_len || j < after->items_len) {
        int order = i == before->items_len  ? 1
                    : j == after->items_len ? -1
                                            : by_identity(&old[i], &new[j]);
        bool same = order == 0 && old[i]->frees_bytes == new[j]->frees_bytes;
        changed |= !same;
        if (order < 0)
            print_change(old[i], "no longer:", out);
        else if (order > 0)
            print_change(new[j], "new:", out);
        else if (!same)
            print_change(new[j], "now gives back other bytes:", out);
        i += order <= 0;
        j += order >= 0;
    }
    free(old);
    free(new);
    return changed;
}

/* ----------------------------------------------------------------- JSON */

void plan_items_json(const struct plan *plan, struct json *json)
{
    json_put_array(json, "items");
    for (size_t i = 0; i < plan->items_len; i++) {
        const struct plan_item *item = &plan->items[i];
        json_put_object(json, NULL);
        json_put_text(json, "kind", item_kind_name(item->kind));
        json_put_text(json, "service", item->service);
        json_put_text(json, "id", item->id);
        json_put_int(json, "size", item->size_bytes);
        json_put_int(json, "frees", item->frees_bytes);
        json_put_int(json, "age_s", item->age_s);
        json_put_text(json, "reason", item->reason);
        json_put_object_end(json);
    }
    json_put_array_end(json);
}
