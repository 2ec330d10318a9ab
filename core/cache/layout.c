#include "core/cache/layout.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/cache/pull.h"

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

static enum blob_role role_of(const struct pull_text *media_type)
{
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (pull_is(media_type, roles[i].media_type))
            return roles[i].role;
    return BLOB_LAYER;
}

/* Steps into the document, which must be an object. */
static int begin(struct pull *json, const char *text, size_t len, struct err *err)
{
    if (len > LAYOUT_MAX_BYTES)
        return err_set(err, ERR_LIMIT, "it is larger than %d MiB", LAYOUT_MAX_BYTES >> 20);
    pull_init(json, text, len);
    enum pull_kind kind = pull_kind(json);
    if (pull_ended(json))
        return err_set(err, ERR_FORMAT, "it is empty");
    if (kind != PULL_OBJECT)
        return err_set(err, ERR_FORMAT, "it is no JSON object");
    pull_enter(json);
    return 0;
}

static int bad_json(struct err *err)
{
    return err_set(err, ERR_FORMAT, "it is no valid JSON (cut short, or nested too deeply)");
}

/* Passes over the value if it is of another kind. */
static bool is_next(struct pull *json, enum pull_kind wanted)
{
    if (pull_kind(json) == wanted)
        return true;
    pull_skip(json);
    return false;
}

static int64_t take_time(struct pull *json)
{
    char text[64];
    int64_t at = 0;
    if (!is_next(json, PULL_STRING))
        return 0;
    struct pull_text string = pull_string(json);
    if (pull_copy(&string, text, sizeof text))
        clock_parse(text, &at);
    return at;
}

static bool take_digest(struct pull *json, struct digest *ret_digest)
{
    char text[DIGEST_TEXT_SIZE + 1];
    if (!is_next(json, PULL_STRING))
        return false;
    struct pull_text string = pull_string(json);
    return pull_copy(&string, text, sizeof text) && digest_parse(text, ret_digest);
}

/* What was read of one descriptor. */
struct entry {
    struct descriptor descriptor;
    bool has_digest;
    struct pull_text digest, media_type;
};

static void take_annotations(struct pull *json, struct descriptor *descriptor)
{
    struct pull_text name;
    char tag[256];
    if (!is_next(json, PULL_OBJECT))
        return;
    pull_enter(json);
    while (pull_member(json, &name)) {
        if (pull_is(&name, CREATED_AT)) {
            descriptor->created_at = take_time(json);
        } else if (pull_is(&name, REF_NAME) && pull_kind(json) == PULL_STRING) {
            struct pull_text text = pull_string(json);
            pull_copy(&text, tag, sizeof tag);
            free(descriptor->tag);
            descriptor->tag = mem_strdup(tag);
        } else {
            pull_skip(json);
        }
    }
}

static void take_member(struct pull *json, const struct pull_text *name, struct entry *entry)
{
    if (pull_is(name, "digest") && pull_kind(json) == PULL_STRING) {
        struct pull again = *json;
        entry->digest = pull_string(&again);
        entry->has_digest = take_digest(json, &entry->descriptor.digest);
    } else if (pull_is(name, "mediaType") && pull_kind(json) == PULL_STRING) {
        entry->media_type = pull_string(json);
    } else if (pull_is(name, "size") && pull_kind(json) == PULL_NUMBER) {
        double size = pull_number(json);
        entry->descriptor.size_bytes = size >= 0 && size <= MAX_SIZE ? (int64_t)size : -1;
    } else if (pull_is(name, "annotations")) {
        take_annotations(json, &entry->descriptor);
    } else {
        pull_skip(json);
    }
}

static void note_odd(struct manifest *manifest, const struct pull_text *digest)
{
    char text[160];
    struct buf clean = {0};
    if (manifest->odd_count++ > 0)
        return;
    pull_copy(digest, text, sizeof text);
    text_clean(&clean, text, strlen(text));
    manifest->odd = buf_take(&clean);
}

/* A descriptor; `role` is told by the place where it stands, or BLOB_UNKNOWN:
 * by its media type. */
static void take_descriptor(struct pull *json, struct manifest *manifest, size_t *cap,
                            enum blob_role role)
{
    struct entry entry = {.descriptor = {.size_bytes = -1}, .digest = {"", 0, false}};
    struct pull_text name;
    if (is_next(json, PULL_OBJECT)) {
        pull_enter(json);
        while (pull_member(json, &name))
            take_member(json, &name, &entry);
    }
    if (!entry.has_digest) {
        free(entry.descriptor.tag);
        note_odd(manifest, &entry.digest);
        return;
    }
    if (role == BLOB_UNKNOWN)
        role = entry.media_type.at != NULL ? role_of(&entry.media_type) : BLOB_LAYER;
    entry.descriptor.role = (uint8_t)role;
    mem_reserve((void **)&manifest->descriptors, cap, manifest->len + 1,
                sizeof *manifest->descriptors);
    manifest->descriptors[manifest->len++] = entry.descriptor;
}

/* True when it is a list. */
static bool take_list(struct pull *json, struct manifest *manifest, size_t *cap,
                      enum blob_role role)
{
    if (!is_next(json, PULL_ARRAY))
        return false;
    pull_enter(json);
    while (pull_item(json))
        take_descriptor(json, manifest, cap, role);
    return true;
}

/* A cache config has layers too, but records beside them. Readers do not ask
 * for schemaVersion, so neither is it needed here; another one is another
 * format. */
static bool take_manifest(struct pull *json, struct manifest *manifest)
{
    struct pull_text name;
    size_t cap = 0;
    bool listed = false, other = false;
    while (pull_member(json, &name)) {
        if (pull_is(&name, "manifests"))
            listed = take_list(json, manifest, &cap, BLOB_UNKNOWN) || listed;
        else if (pull_is(&name, "layers"))
            listed = take_list(json, manifest, &cap, BLOB_LAYER) || listed;
        else if (pull_is(&name, "config") && pull_kind(json) == PULL_OBJECT)
            take_descriptor(json, manifest, &cap, BLOB_CONFIG);
        else if (pull_is(&name, "schemaVersion") && pull_kind(json) == PULL_NUMBER)
            other = pull_number(json) != 2 || other;
        else {
            other = other || pull_is(&name, "records");
            pull_skip(json);
        }
    }
    return listed && !other;
}

int manifest_parse(const char *text, size_t len, struct manifest *ret_manifest, struct err *err)
{
    struct manifest manifest = {0};
    struct pull json;
    int code = begin(&json, text, len, err);
    if (code < 0)
        return code;
    bool is_manifest = take_manifest(&json, &manifest);
    if (!pull_ended(&json))
        code = bad_json(err);
    else if (!is_manifest)
        code = err_set(err, ERR_FORMAT, "it is no OCI index and no manifest");
    if (code < 0)
        manifest_done(&manifest);
    else
        *ret_manifest = manifest;
    return code;
}

void manifest_done(struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->len; i++)
        free(manifest->descriptors[i].tag);
    free(manifest->descriptors);
    free(manifest->odd);
    *manifest = (struct manifest){0};
}

/* ---- the cache config, in two passes: records point into layers */

struct times {
    struct layer_time *items;
    bool *known; /* whether the layer has a digest that can be read */
    size_t len, cap, known_cap;
    bool found; /* there are layers or records at all */
};

static void take_layer(struct pull *json, struct times *times)
{
    struct layer_time layer = {.created_at = 0};
    struct pull_text name;
    bool known = false;
    if (is_next(json, PULL_OBJECT)) {
        pull_enter(json);
        while (pull_member(json, &name)) {
            if (pull_is(&name, "blob"))
                known = take_digest(json, &layer.digest);
            else
                pull_skip(json);
        }
    }
    mem_reserve((void **)&times->items, &times->cap, times->len + 1, sizeof *times->items);
    mem_reserve((void **)&times->known, &times->known_cap, times->len + 1, sizeof *times->known);
    times->known[times->len] = known;
    times->items[times->len++] = layer;
}

/* {"layer": index into layers[], "createdAt": …}; an index of 0 may be left out
 * (Go's omitempty). */
static void take_result(struct pull *json, struct times *times)
{
    struct pull_text name;
    double index = 0;
    int64_t at = 0;
    if (!is_next(json, PULL_OBJECT))
        return;
    pull_enter(json);
    while (pull_member(json, &name)) {
        if (pull_is(&name, "layer") && pull_kind(json) == PULL_NUMBER)
            index = pull_number(json);
        else if (pull_is(&name, "createdAt"))
            at = take_time(json);
        else
            pull_skip(json);
    }
    if (index < 0 || index >= (double)times->len || at == 0)
        return;
    struct layer_time *time = &times->items[(size_t)index];
    if (time->created_at == 0 || at < time->created_at)
        time->created_at = at;
}

typedef void take_cb(struct pull *json, struct times *times);

static void take_array(struct pull *json, struct times *times, take_cb *take)
{
    if (!is_next(json, PULL_ARRAY))
        return;
    times->found = true;
    pull_enter(json);
    while (pull_item(json))
        take(json, times);
}

static void take_record(struct pull *json, struct times *times)
{
    struct pull_text name;
    if (!is_next(json, PULL_OBJECT))
        return;
    pull_enter(json);
    while (pull_member(json, &name)) {
        if (pull_is(&name, "layers"))
            take_array(json, times, take_result);
        else
            pull_skip(json);
    }
}

static int take_config(const char *text, size_t len, const char *part, take_cb *take,
                       struct times *times, struct err *err)
{
    struct pull_text name;
    struct pull json;
    int code = begin(&json, text, len, err);
    if (code < 0)
        return code;
    while (pull_member(&json, &name)) {
        if (pull_is(&name, part))
            take_array(&json, times, take);
        else
            pull_skip(&json);
    }
    return pull_ended(&json) ? 0 : bad_json(err);
}

int cacheconfig_parse(const char *text, size_t len, struct layer_time **ret_times, size_t *ret_len,
                      struct err *err)
{
    struct times times = {0};
    size_t kept = 0;
    int code = take_config(text, len, "layers", take_layer, &times, err);
    if (code == 0)
        code = take_config(text, len, "records", take_record, &times, err);
    if (code == 0 && !times.found)
        code = err_set(err, ERR_FORMAT, "it is no cache config");
    for (size_t i = 0; code == 0 && i < times.len; i++)
        if (times.known[i] && times.items[i].created_at != 0)
            times.items[kept++] = times.items[i];
    free(times.known);
    if (code < 0) {
        free(times.items);
        return code;
    }
    *ret_times = times.items;
    *ret_len = kept;
    return 0;
}
