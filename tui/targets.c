#include "tui/targets.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"

static void add(char ***items, size_t *len, size_t *cap, const char *text)
{
    mem_reserve((void **)items, cap, *len + 1, sizeof(char *));
    (*items)[(*len)++] = mem_strdup(text);
}

static char *title_of(const char *only, size_t len, const char *plural)
{
    struct buf buf = {0};
    if (len == 1)
        text_clean(&buf, only, strlen(only));
    else
        buf_printf(&buf, "%zu %s", len, plural);
    return buf_take(&buf);
}

struct adding {
    struct targets *targets;
    const struct store *store;
};

static void add_service(void *arg, const char *id)
{
    struct adding *adding = arg;
    struct targets *targets = adding->targets;
    const struct service *service = store_service(adding->store, id);
    if (service == NULL)
        return;
    add(&targets->services, &targets->services_len, &targets->services_cap, service->name);
    add(&targets->rows, &targets->rows_len, &targets->rows_cap, id);
}

static void add_record(void *arg, const char *id)
{
    struct adding *adding = arg;
    struct targets *targets = adding->targets;
    add(&targets->records, &targets->records_len, &targets->records_cap, id);
}

void targets_of_services(struct targets *targets, const struct store *store,
                         const struct list *list)
{
    struct adding adding = {targets, store};
    if (list_marked_len(list) > 0)
        list_each_mark(list, add_service, &adding);
    else if (list_len(list) > 0)
        add_service(&adding, list_id(list, list->scroll.cursor));
    if (targets->services_len > 0)
        targets->title = title_of(targets->services[0], targets->services_len, "services");
}

void targets_of_records(struct targets *targets, const struct builder *builder,
                        const struct list *list)
{
    struct adding adding = {targets, NULL};
    if (builder == NULL)
        return;
    targets->builder = mem_strdup(builder->name);
    if (list_marked_len(list) > 0)
        list_each_mark(list, add_record, &adding);
    else if (list_len(list) > 0)
        add_record(&adding, list_id(list, list->scroll.cursor));
    if (targets->records_len > 0)
        targets->record_title =
            title_of("the record under the cursor", targets->records_len, "marked records");
}

void targets_keep_buildable(struct targets *targets, const struct store *store)
{
    size_t kept = 0;
    for (size_t i = 0; i < targets->services_len; i++) {
        bool builds = false;
        for (size_t k = 0; k < store->services_len && !builds; k++)
            builds = store->services[k].in_project &&
                     strcmp(store->services[k].name, targets->services[i]) == 0;
        if (builds)
            targets->services[kept++] = targets->services[i];
        else
            free(targets->services[i]);
    }
    targets->services_len = kept;
}

void targets_done(struct targets *targets)
{
    for (size_t i = 0; i < targets->services_len; i++)
        free(targets->services[i]);
    for (size_t i = 0; i < targets->rows_len; i++)
        free(targets->rows[i]);
    for (size_t i = 0; i < targets->records_len; i++)
        free(targets->records[i]);
    free(targets->services);
    free(targets->rows);
    free(targets->records);
    free(targets->builder);
    free(targets->title);
    free(targets->record_title);
    free(targets->filter);
    query_line_done(&targets->line);
    *targets = (struct targets){0};
}
