/* Records from the engine's API: GET /system/df. */
#include "core/engine/record.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/json.h"

static int64_t time_of(const cJSON *item, const char *name)
{
    int64_t at = 0;
    clock_parse(json_string(item, name, ""), &at);
    return at;
}

static void add_parent(struct record *record, const char *id)
{
    if (id != NULL && id[0] != '\0')
        record->parents[record->parents_len++] = mem_strdup(id);
}

/* The key's leading space is a slip in moby's struct tag that every engine
 * from 23.0 on has; up to 20.10 there was one parent, as a string. */
static void read_parents(const cJSON *item, struct record *record)
{
    static const char *const names[] = {" Parents", "Parents", "Parent"};
    const cJSON *parents = NULL, *parent;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && parents == NULL; i++)
        parents = json_get(item, names[i]);
    if (cJSON_IsString(parents)) {
        record->parents = mem_alloc(sizeof *record->parents);
        add_parent(record, cJSON_GetStringValue(parents));
    } else if (cJSON_IsArray(parents)) {
        record->parents = mem_alloc((size_t)cJSON_GetArraySize(parents) * sizeof *record->parents);
        cJSON_ArrayForEach(parent, parents) add_parent(record, cJSON_GetStringValue(parent));
    }
}

static void read_record(const cJSON *item, const char *id, struct record *record)
{
    const char *type = json_string(item, "Type", "");
    *record = (struct record){
        .id = mem_strdup(id),
        .type = mem_strdup(type),
        .description = mem_strdup(json_string(item, "Description", "")),
        .size_bytes = json_count(item, "Size"),
        .created_at = time_of(item, "CreatedAt"),
        .last_used_at = time_of(item, "LastUsedAt"),
        .usage_count = json_count(item, "UsageCount"),
        .in_use = json_bool(item, "InUse"),
        .shared = json_bool(item, "Shared"),
        .mutable_ = record_is_mutable(type),
    };
    read_parents(item, record);
}

/* False when the answer holds no build cache at all, which is something else
 * than an empty one. *ret_list may be NULL: empty. */
static bool find_list(const cJSON *answer, const cJSON **ret_list)
{
    const cJSON *usage = json_get(answer, "BuildCacheUsage");
    const cJSON *list = json_get(usage, "Items"), *legacy = json_get(answer, "BuildCache");
    *ret_list = list != NULL ? list : legacy;
    return cJSON_IsObject(usage) || cJSON_IsArray(legacy) || cJSON_IsNull(legacy);
}

int records_parse_df(const char *json, size_t len, struct records *ret_records, struct err *err)
{
    cJSON *answer = json_parse_object(json, len, "the engine's list of records", err);
    if (answer == NULL)
        return ERR_FORMAT;
    const cJSON *list, *item;
    if (!find_list(answer, &list)) {
        cJSON_Delete(answer);
        return err_set(err, ERR_FORMAT, "the engine's answer holds no build cache");
    }
    struct records records = {0};
    if (cJSON_IsArray(list))
        records.items = mem_alloc((size_t)cJSON_GetArraySize(list) * sizeof *records.items);
    cJSON_ArrayForEach(item, list)
    {
        const char *id = json_string(item, "ID", "");
        if (id[0] != '\0')
            read_record(item, id, &records.items[records.len++]);
    }
    cJSON_Delete(answer);
    records_sum(&records);
    *ret_records = records;
    return 0;
}
