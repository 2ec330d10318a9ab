#include "core/cache/layout.h"

#include <stdlib.h>
#include <string.h>

#include <cJSON.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"

#define REF_NAME "org.opencontainers.image.ref.name"
#define CREATED_AT "buildkit/createdat"
#define MAX_SIZE 9007199254740992.0 /* 2^53: exact in a double */

static const struct {
    const char *media_type;
    enum blob_role role;
} roles[] = {
    {"application/vnd.oci.image.index.v1+json", BLOB_MANIFEST},
    {"application/vnd.oci.image.manifest.v1+json", BLOB_MANIFEST},
    {"application/vnd.docker.distribution.manifest.list.v2+json", BLOB_MANIFEST},
    {"application/vnd.docker.distribution.manifest.v2+json", BLOB_MANIFEST},
    {"application/vnd.buildkit.cacheconfig.v0", BLOB_CONFIG},
    {"application/vnd.oci.image.config.v1+json", BLOB_CONFIG},
    {"application/vnd.docker.container.image.v1+json", BLOB_CONFIG},
};

static enum blob_role role_of(const char *media_type)
{
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (strcmp(roles[i].media_type, media_type) == 0)
            return roles[i].role;
    return BLOB_LAYER;
}

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *text_member(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(member(object, name));
}

/* The parser takes 64 bytes for each value, whatever it is: "[0,0,0,…" must not
 * take all memory. Each value follows a comma, a bracket or a brace. */
static bool has_too_many_values(const char *json, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += json[i] == ',' || json[i] == '[' || json[i] == '{';
    return count > LAYOUT_MAX_VALUES;
}

/* How many of the first bytes are white space. */
static size_t skip_space(const char *text, size_t len)
{
    size_t i = 0;
    while (i < len && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n'))
        i++;
    return i;
}

static int parse(const char *json, size_t len, cJSON **ret_root, struct err *err)
{
    size_t start = skip_space(json, len);
    if (start == len)
        return err_set(err, ERR_FORMAT, "it is empty");
    if (json[start] != '{')
        return err_set(err, ERR_FORMAT, "it is no JSON object");
    if (len > LAYOUT_MAX_BYTES)
        return err_set(err, ERR_LIMIT, "it is larger than %d MiB", LAYOUT_MAX_BYTES >> 20);
    if (has_too_many_values(json, len))
        return err_set(err, ERR_LIMIT, "it holds more than %d values", LAYOUT_MAX_VALUES);
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(json, len, &end, false);
    size_t rest = root != NULL ? skip_space(end, len - (size_t)(end - json)) : 0;
    if (root == NULL || (size_t)(end - json) + rest < len) {
        cJSON_Delete(root);
        return err_set(err, ERR_FORMAT, "it is no valid JSON (cut short, or nested too deeply)");
    }
    *ret_root = root;
    return 0;
}

static int64_t time_member(const cJSON *object, const char *name)
{
    const char *text = text_member(object, name);
    int64_t at = 0;
    if (text != NULL)
        clock_parse(text, &at);
    return at;
}

static void note_odd(struct manifest *manifest, const char *digest)
{
    if (manifest->odd_count++ > 0)
        return;
    struct buf clean = {0};
    if (digest == NULL)
        buf_append_str(&clean, "nothing at all");
    else
        text_clean(&clean, digest, strnlen(digest, 120));
    manifest->odd = buf_take(&clean);
}

static void add_descriptor(struct manifest *manifest, size_t *cap, const cJSON *json,
                           enum blob_role role)
{
    const char *digest = text_member(json, "digest");
    const char *media_type = text_member(json, "mediaType");
    const cJSON *size = member(json, "size");
    const cJSON *annotations = member(json, "annotations");
    struct descriptor descriptor = {.size_bytes = -1, .role = (uint8_t)role};
    if (digest == NULL || !digest_parse(digest, &descriptor.digest)) {
        note_odd(manifest, digest);
        return;
    }
    if (role == BLOB_UNKNOWN)
        descriptor.role = (uint8_t)(media_type != NULL ? role_of(media_type) : BLOB_LAYER);
    if (cJSON_IsNumber(size) && size->valuedouble >= 0 && size->valuedouble <= MAX_SIZE)
        descriptor.size_bytes = (int64_t)size->valuedouble;
    descriptor.created_at = time_member(annotations, CREATED_AT);
    const char *tag = text_member(annotations, REF_NAME);
    descriptor.tag = tag != NULL ? mem_strdup(tag) : NULL;
    mem_reserve((void **)&manifest->descriptors, cap, manifest->len + 1,
                sizeof *manifest->descriptors);
    manifest->descriptors[manifest->len++] = descriptor;
}

/* A cache config has layers too, but records beside them. Readers do not ask
 * for schemaVersion, so neither is it needed here. */
static bool is_manifest(const cJSON *root)
{
    const cJSON *version = member(root, "schemaVersion");
    if (version != NULL && !(cJSON_IsNumber(version) && version->valuedouble == 2))
        return false;
    return member(root, "records") == NULL &&
           (cJSON_IsArray(member(root, "manifests")) || cJSON_IsArray(member(root, "layers")));
}

static void add_list(struct manifest *manifest, size_t *cap, const cJSON *list,
                     enum blob_role role)
{
    const cJSON *item;
    if (cJSON_IsArray(list))
        cJSON_ArrayForEach(item, list) add_descriptor(manifest, cap, item, role);
}

int manifest_parse(const char *json, size_t len, struct manifest *ret_manifest, struct err *err)
{
    cJSON *root = NULL;
    int code = parse(json, len, &root, err);
    if (code < 0)
        return code;
    if (!is_manifest(root)) {
        cJSON_Delete(root);
        return err_set(err, ERR_FORMAT, "it is no OCI index and no manifest");
    }
    struct manifest manifest = {0};
    size_t cap = 0;
    add_list(&manifest, &cap, member(root, "manifests"), BLOB_UNKNOWN);
    add_list(&manifest, &cap, member(root, "layers"), BLOB_LAYER);
    if (cJSON_IsObject(member(root, "config")))
        add_descriptor(&manifest, &cap, member(root, "config"), BLOB_CONFIG);
    cJSON_Delete(root);
    *ret_manifest = manifest;
    return 0;
}

void manifest_done(struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->len; i++)
        free(manifest->descriptors[i].tag);
    free(manifest->descriptors);
    free(manifest->odd);
    *manifest = (struct manifest){0};
}

/* records[].layers[] = {"layer": index into layers[], "createdAt": …}; an index
 * of 0 may be left out (Go's omitempty). */
static void add_record(const cJSON *record, struct layer_time *times, size_t len)
{
    const cJSON *result;
    cJSON_ArrayForEach(result, member(record, "layers"))
    {
        const cJSON *layer = member(result, "layer");
        double index = cJSON_IsNumber(layer) ? layer->valuedouble : 0;
        int64_t at = time_member(result, "createdAt");
        if (index < 0 || index >= (double)len || at == 0)
            continue;
        struct layer_time *time = &times[(size_t)index];
        if (time->created_at == 0 || at < time->created_at)
            time->created_at = at;
    }
}

int cacheconfig_parse(const char *json, size_t len, struct layer_time **ret_times, size_t *ret_len,
                      struct err *err)
{
    cJSON *root = NULL;
    int code = parse(json, len, &root, err);
    if (code < 0)
        return code;
    const cJSON *layers = member(root, "layers"), *records = member(root, "records"), *item;
    if (!cJSON_IsArray(layers) && !cJSON_IsArray(records)) {
        cJSON_Delete(root);
        return err_set(err, ERR_FORMAT, "it is no cache config");
    }
    size_t count = 0, kept = 0;
    cJSON_ArrayForEach(item, layers) count++;
    struct layer_time *times = mem_zalloc((count + 1) * sizeof *times);
    bool *known = mem_zalloc(count + 1);
    size_t i = 0;
    cJSON_ArrayForEach(item, layers)
    {
        const char *blob = text_member(item, "blob");
        known[i] = blob != NULL && digest_parse(blob, &times[i].digest);
        i++;
    }
    cJSON_ArrayForEach(item, records) add_record(item, times, count);
    for (i = 0; i < count; i++)
        if (known[i] && times[i].created_at != 0)
            times[kept++] = times[i];
    free(known);
    cJSON_Delete(root);
    *ret_times = times;
    *ret_len = kept;
    return 0;
}
