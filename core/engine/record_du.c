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
#include "core/engine/record.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/engine/docker_text.h"

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

static void add_parent(struct reader *reader, const char *id, size_t len)
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
        add_parent(reader, list, len);
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
        add_parent(reader, line + 3, strlen(line + 3));
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
