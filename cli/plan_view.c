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

size_t plan_unread(const struct plan *plan)
{
    size_t unread = 0;
    for (size_t i = 0; i < plan->kept_len; i++)
        unread += plan->kept[i].unread;
    return unread;
}

/* ----------------------------------------------------------------- text */

static void print_items(const struct plan *plan, FILE *out)
{
    static const struct table_column columns[] = {
        {"DELETE", false}, {"OF", false},   {"SIZE", true}, {"FREES", true},
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
    if (plan_forgets_steps(plan))
        fprintf(out, "\n%s.\n", BUILDER_FORGETS_STEPS);
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
    struct plan_changes changes = plan_compare(before, after);
    bool changed = plan_has_changed(&changes);
    for (size_t i = 0; i < changes.gone_len; i++)
        print_change(&before->items[changes.gone[i]], "no longer:", out);
    for (size_t i = 0; i < after->items_len; i++) {
        if (changes.items[i] == CHANGE_NEW)
            print_change(&after->items[i], "new:", out);
        else if (changes.items[i] == CHANGE_BYTES)
            print_change(&after->items[i], "now gives back other bytes:", out);
    }
    plan_changes_done(&changes);
    return changed;
}

/* ----------------------------------------------------------------- JSON */

static void item_json(const struct plan_item *item, struct json *json)
{
    json_put_object(json, NULL);
    json_put_text(json, "kind", item_kind_name(item->kind));
    json_put_text(json, "service", item->service);
    json_put_text(json, "id", item->id);
    json_put_int(json, "size", item->size_bytes);
    json_put_int(json, "frees", item->frees_bytes);
    json_put_int(json, "age_s", item->age_s);
    json_put_text(json, "reason", item->reason);
    json_put_text(json, "loses", item->loses);
    json_put_int(json, "rebuild_ms", (int64_t)(item->rebuild_s * 1000));
    json_put_bool(json, "timed", item->timed);
    json_put_bool(json, "gone_for_good", item->gone_for_good);
    json_put_object_end(json);
}

static void kept_json(const struct plan_kept *kept, struct json *json)
{
    json_put_object(json, NULL);
    json_put_text(json, "kind", item_kind_name(kept->kind));
    json_put_text(json, "service", kept->service);
    json_put_text(json, "id", kept->id);
    json_put_int(json, "size", kept->size_bytes);
    json_put_text(json, "reason", kept->reason);
    json_put_bool(json, "busy", kept->busy);
    json_put_object_end(json);
}

void plan_json(const struct plan *plan, struct json *json)
{
    char *command = plan_docker_command(plan);
    json_put_array(json, "items");
    for (size_t i = 0; i < plan->items_len; i++)
        item_json(&plan->items[i], json);
    json_put_array_end(json);
    json_put_array(json, "kept");
    for (size_t i = 0; i < plan->kept_len; i++)
        kept_json(&plan->kept[i], json);
    json_put_array_end(json);
    json_put_bool(json, "forgets_steps", plan_forgets_steps(plan));
    json_put_text(json, "docker", command);
    if (plan->wanted_bytes > 0)
        json_put_int(json, "wanted", plan->wanted_bytes);
    json_put_int(json, "planned", plan->planned_bytes);
    free(command);
}
