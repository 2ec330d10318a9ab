#include "core/engine/record.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/engine/docker_text.h"

static void record_done(struct record *record)
{
    free(record->id);
    for (size_t i = 0; i < record->parents_len; i++)
        free(record->parents[i]);
    free(record->parents);
    free(record->type);
    free(record->description);
}

void records_free(struct records *records)
{
    for (size_t i = 0; i < records->len; i++)
        record_done(&records->items[i]);
    free(records->items);
    *records = (struct records){0};
}

void records_sum(struct records *records)
{
    int64_t most = RECORDS_SIZE_MAX / (int64_t)(records->len > 0 ? records->len : 1);
    records->size_bytes = records->reclaimable_bytes = records->shared_bytes = 0;
    for (size_t i = 0; i < records->len; i++) {
        struct record *record = &records->items[i];
        if (record->size_bytes > most)
            record->size_bytes = most;
        records->size_bytes += record->size_bytes;
        if (!record->in_use)
            records->reclaimable_bytes += record->size_bytes;
        if (record->shared)
            records->shared_bytes += record->size_bytes;
    }
}

const struct record *records_find(const struct records *records, const char *id)
{
    for (size_t i = 0; i < records->len; i++)
        if (strcmp(records->items[i].id, id) == 0)
            return &records->items[i];
    return NULL;
}

bool record_is_mutable(const char *type)
{
    return strcmp(type, "exec.cachemount") == 0 || strcmp(type, "source.local") == 0;
}

/* Records from the engine's API: GET /system/df. */

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

/* Records from the text of `docker buildx du --verbose`.
 *
 * A record is a block of "Key: value" lines in one fixed order, ended by an
 * empty line; after the last one come the totals, which have no "ID:". A
 * description may hold anything, newlines too, so inside one only a line
 * "Usage count: <number>" is taken as a key; elsewhere a key counts only when
 * it comes later in the order than the one before it.
 *
 *   up to 0.27                   from 0.28
 *   ID:\t\tsqnn4…                ID:           sqnn4…
 *   Parent:\t\tcs72…,ab34…       Parents:
 *                                 - cs72…
 *   Created at:\t2026-11-22 …    Created at:   2026-11-22 …
 *   …                            … */

/* In the order in which they are printed. */
enum field {
    FIELD_NONE,
    FIELD_ID,
    FIELD_PARENTS,
    FIELD_CREATED,
    FIELD_MUTABLE,
    FIELD_RECLAIMABLE,
    FIELD_SHARED,
    FIELD_SIZE,
    FIELD_DESCRIPTION,
    FIELD_USAGE,
    FIELD_LAST_USED,
    FIELD_TYPE,
};

static const struct {
    const char *key;
    enum field field;
} keys[] = {
    {"ID:", FIELD_ID},
    {"Parent:", FIELD_PARENTS},
    {"Parents:", FIELD_PARENTS},
    {"Created at:", FIELD_CREATED},
    {"Mutable:", FIELD_MUTABLE},
    {"Reclaimable:", FIELD_RECLAIMABLE},
    {"Shared:", FIELD_SHARED},
    {"Size:", FIELD_SIZE},
    {"Description:", FIELD_DESCRIPTION},
    {"Usage count:", FIELD_USAGE},
    {"Last used:", FIELD_LAST_USED},
    {"Type:", FIELD_TYPE},
};

struct reader {
    struct records records;
    size_t cap;
    size_t parents_cap; /* of the last record */
    struct buf description;
    enum field at; /* the last key of the record under way; FIELD_NONE: between records */
    int64_t now;
    bool any_text, any_total;
};

static struct record *current(struct reader *reader)
{
    return &reader->records.items[reader->records.len - 1];
}

static void start_record(struct reader *reader, const char *id)
{
    mem_reserve((void **)&reader->records.items, &reader->cap, reader->records.len + 1,
                sizeof *reader->records.items);
    reader->records.items[reader->records.len++] = (struct record){.id = mem_strdup(id)};
    reader->parents_cap = 0;
}

/* Gives the record under way the texts that were not printed for it. */
static void end_record(struct reader *reader)
{
    if (reader->at == FIELD_NONE)
        return;
    struct record *record = current(reader);
    record->description = buf_take(&reader->description);
    if (record->type == NULL)
        record->type = mem_strdup("");
    reader->at = FIELD_NONE;
}

static void du_add_parent(struct reader *reader, const char *id, size_t len)
{
    struct record *record = current(reader);
    if (len == 0)
        return;
    mem_reserve((void **)&record->parents, &reader->parents_cap, record->parents_len + 1,
                sizeof *record->parents);
    record->parents[record->parents_len++] = mem_strndup(id, len);
}

static void add_parents(struct reader *reader, const char *list)
{
    for (size_t len; *list != '\0'; list += len + (list[len] == ',')) {
        len = strcspn(list, ",");
        du_add_parent(reader, list, len);
    }
}

static void set_field(struct reader *reader, enum field field, const char *value)
{
    reader->at = field;
    if (field == FIELD_ID) {
        start_record(reader, value);
        return;
    }
    struct record *record = current(reader);
    if (field == FIELD_PARENTS)
        add_parents(reader, value);
    else if (field == FIELD_CREATED)
        clock_parse(value, &record->created_at);
    else if (field == FIELD_MUTABLE)
        record->mutable_ = strcmp(value, "true") == 0;
    else if (field == FIELD_RECLAIMABLE)
        record->in_use = strcmp(value, "true") != 0;
    else if (field == FIELD_SHARED)
        record->shared = strcmp(value, "true") == 0;
    else if (field == FIELD_SIZE)
        docker_parse_size(value, &record->size_bytes);
    else if (field == FIELD_DESCRIPTION)
        buf_append_str(&reader->description, value);
    else if (field == FIELD_USAGE)
        record->usage_count = strtoll(value, NULL, 10);
    else if (field == FIELD_LAST_USED)
        docker_parse_ago(value, reader->now, &record->last_used_at);
    else if (field == FIELD_TYPE)
        mem_replace(&record->type, value);
}

/* The key that the line starts with, and where its value begins. */
static enum field find_key(const char *line, const char **ret_value)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        size_t len = strlen(keys[i].key);
        if (strncmp(line, keys[i].key, len) != 0)
            continue;
        *ret_value = line + len + strspn(line + len, "\t ");
        return keys[i].field;
    }
    return FIELD_NONE;
}

static bool is_key_here(const struct reader *reader, enum field field, const char *value)
{
    if (reader->at == FIELD_NONE)
        return field == FIELD_ID && *value != '\0';
    if (reader->at == FIELD_DESCRIPTION)
        return field == FIELD_USAGE && isdigit((unsigned char)*value);
    return field > reader->at;
}

static void read_line(struct reader *reader, const char *line)
{
    const char *value = line;
    enum field field = find_key(line, &value);
    reader->any_text |= *line != '\0';
    reader->any_total |= reader->at == FIELD_NONE && strncmp(line, "Total:", 6) == 0;
    if (is_key_here(reader, field, value)) {
        set_field(reader, field, value);
    } else if (reader->at == FIELD_DESCRIPTION) {
        buf_append_str(&reader->description, "\n");
        buf_append_str(&reader->description, line);
    } else if (reader->at == FIELD_PARENTS && strncmp(line, " - ", 3) == 0) {
        du_add_parent(reader, line + 3, strlen(line + 3));
    } else if (*line == '\0') {
        end_record(reader);
    }
}

int records_parse_du(const char *text, size_t len, int64_t now, struct records *ret_records,
                     struct err *err)
{
    struct reader reader = {.now = now};
    char *copy = mem_strndup(text, len), *line = copy, *end = copy + len;
    while (line < end) {
        char *newline = memchr(line, '\n', (size_t)(end - line));
        char *next = newline != NULL ? newline : end;
        *next = '\0';
        if (next > line && next[-1] == '\r')
            next[-1] = '\0';
        read_line(&reader, line);
        line = next + 1;
    }
    end_record(&reader);
    free(copy);
    records_sum(&reader.records);
    if (reader.records.len == 0 && reader.any_text && !reader.any_total) {
        records_free(&reader.records);
        return err_set(err, ERR_FORMAT, "docker buildx du printed something unexpected");
    }
    *ret_records = reader.records;
    return 0;
}
