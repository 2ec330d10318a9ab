#include "core/cache/layout.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/cache/layout_take.h"

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
    if (!layout_is_next(json, PULL_OBJECT))
        return;
    pull_enter(json);
    while (pull_member(json, &name)) {
        if (pull_is(&name, CREATED_AT)) {
            descriptor->created_at = layout_take_time(json);
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
        entry->has_digest = layout_take_digest(json, &entry->descriptor.digest);
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
    if (layout_is_next(json, PULL_OBJECT)) {
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
    if (!layout_is_next(json, PULL_ARRAY))
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
    int code = layout_begin(&json, text, len, err);
    if (code < 0)
        return code;
    bool is_manifest = take_manifest(&json, &manifest);
    if (!pull_ended(&json))
        code = layout_bad_json(err);
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
