/* Signs of a build in a builder's records. */
#include <string.h>

#include "core/base/mem.h"
#include "core/prune/planner.h"

/* A source that a build has sent and works with. Measured on 26.1: while the
 * build runs it is listed as a regular record, and only its description tells
 * what it is; it becomes source.local when the build is over. Other records in
 * use prove nothing: a failed import leaks them. */
static bool is_source_at_work(const struct record *record)
{
    static const char *const types[] = {"source.local", "source.git.checkout"};
    static const char *const beginnings[] = {"local source for ", "git snapshot for "};
    if (!record->in_use || record->last_used_at != 0)
        return false;
    for (size_t i = 0; i < 2; i++)
        if (strcmp(record->type, types[i]) == 0 ||
            strncmp(record->description, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

char *records_build_sign(const struct store *store)
{
    for (size_t i = 0; i < store->builders_len; i++) {
        const struct builder *builder = &store->builders[i];
        for (size_t j = 0; builder->reachable && j < builder->records.len; j++)
            if (is_source_at_work(&builder->records.items[j]))
                return mem_printf("a build runs on builder %s", builder->id);
    }
    return NULL;
}
