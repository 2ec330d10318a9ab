/* One entry of cache_to or cache_from, as buildx reads and writes it. */
#include "core/build/compose/compose.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"

/* The next field of a CSV record, as Go's encoding/csv reads it: a field that
 * begins with a quote goes to the closing one, and "" stands for a quote. */
static const char *next_field(const char *at, struct buf *field)
{
    buf_clear(field);
    if (*at != '"') {
        size_t len = strcspn(at, ",");
        buf_append(field, at, len);
        at += len;
    } else {
        for (at++; *at != '\0'; at++) {
            if (*at == '"' && *++at != '"')
                break;
            buf_append(field, at, 1);
        }
        at += strcspn(at, ",");
    }
    return *at == ',' ? at + 1 : NULL;
}

/* Is the part before '=' this key? buildx trims and lower-cases it. */
static const char *value_of(const char *field, const char *key)
{
    const char *equals = strchr(field, '=');
    if (equals == NULL)
        return NULL;
    const char *end = equals;
    while (*field == ' ')
        field++;
    while (end > field && end[-1] == ' ')
        end--;
    size_t len = strlen(key);
    return (size_t)(end - field) == len && strncasecmp(field, key, len) == 0 ? equals + 1 : NULL;
}

char *compose_local_path(const char *entry, const char *key)
{
    struct buf field = {0};
    bool local = false;
    char *path = NULL;
    for (const char *at = entry; at != NULL;) {
        at = next_field(at, &field);
        buf_append(&field, "", 0);
        const char *type = value_of(field.data, "type");
        const char *value = value_of(field.data, key);
        if (type != NULL)
            local = strcmp(type, "local") == 0;
        if (value != NULL && *value != '\0')
            mem_replace(&path, value);
    }
    buf_done(&field);
    if (local)
        return path;
    free(path);
    return NULL;
}

/* Quoted where Go's encoding/csv wants it. */
static void add_field(struct buf *out, const char *field)
{
    bool quote = strpbrk(field, ",\"\n\r") != NULL;
    if (out->len > 0)
        buf_append(out, ",", 1);
    if (quote)
        buf_append(out, "\"", 1);
    for (; *field != '\0'; field++) {
        buf_append(out, field, 1);
        if (*field == '"')
            buf_append(out, field, 1);
    }
    if (quote)
        buf_append(out, "\"", 1);
}

char *compose_replace_path(const char *entry, const char *key, const char *path)
{
    char *old = compose_local_path(entry, key);
    struct buf field = {0}, out = {0};
    if (old == NULL)
        return NULL;
    free(old);
    for (const char *at = entry; at != NULL;) {
        at = next_field(at, &field);
        buf_append(&field, "", 0);
        if (value_of(field.data, key) == NULL)
            add_field(&out, field.data);
    }
    char *assignment = mem_printf("%s=%s", key, path);
    add_field(&out, assignment);
    free(assignment);
    buf_done(&field);
    return buf_take(&out);
}

char *compose_cache_type(const char *entry)
{
    struct buf field = {0};
    char *type = NULL;
    for (const char *at = entry; at != NULL;) {
        at = next_field(at, &field);
        buf_append(&field, "", 0);
        if (value_of(field.data, "type") != NULL)
            mem_replace(&type, value_of(field.data, "type"));
    }
    buf_done(&field);
    return type != NULL ? type : mem_strdup("registry");
}
