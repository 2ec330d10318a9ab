#include "core/cache/layout.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/cache/pull.h"

#define CACHE_CONFIG_TYPE "application/vnd.buildkit.cacheconfig.v0"
#define CREATED_AT "buildkit/createdat"

#define LEN(array) (sizeof(array) / sizeof(array)[0])

/* The most frequent ones first. */
static const struct {
    const char *media_type;
    enum blob_role role;
} types[] = {
    {"application/vnd.oci.image.layer.v1.tar+gzip", BLOB_LAYER},
    {"application/vnd.oci.image.layer.v1.tar+zstd", BLOB_LAYER},
    {"application/vnd.oci.image.layer.v1.tar", BLOB_LAYER},
    {CACHE_CONFIG_TYPE, BLOB_CONFIG},
    {LAYOUT_INDEX_TYPE, BLOB_MANIFEST},
    {LAYOUT_MANIFEST_TYPE, BLOB_MANIFEST},
    {"application/vnd.docker.distribution.manifest.list.v2+json", BLOB_MANIFEST},
    {"application/vnd.docker.distribution.manifest.v2+json", BLOB_MANIFEST},
    {"application/vnd.docker.image.rootfs.diff.tar.gzip", BLOB_LAYER},
    {"application/vnd.docker.image.rootfs.diff.tar.zstd", BLOB_LAYER},
    {"application/vnd.docker.image.rootfs.diff.tar", BLOB_LAYER},
    {"application/vnd.oci.image.config.v1+json", BLOB_CONFIG},
    {"application/vnd.docker.container.image.v1+json", BLOB_CONFIG},
};

/* ---- what the documents have in common */

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

/* Passes over the value; 0 when it is no time. */
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

static bool read_digest(const struct pull_text *string, struct digest *ret_digest)
{
    char text[DIGEST_TEXT_SIZE + 1];
    return pull_copy(string, text, sizeof text) && digest_parse(text, ret_digest);
}

/* ---- manifests */

struct reader {
    struct pull json;
    const char *text;
    struct manifest manifest;
    size_t cap;
};

/* Something that is not understood: `what`, and the text that it is about (may be
 * NULL). */
static void note_odd(struct reader *reader, const char *what, const struct pull_text *about)
{
    struct manifest *manifest = &reader->manifest;
    char text[160];
    struct buf clean = {0};
    if (manifest->odd_count++ > 0)
        return;
    buf_append_str(&clean, what);
    if (about != NULL) {
        pull_copy(about, text, sizeof text);
        buf_append_str(&clean, " \"");
        text_clean(&clean, text, strlen(text));
        buf_append_str(&clean, "\"");
    }
    manifest->odd = buf_take(&clean);
}

/* Which of the words this member's name is; -1: none, and its value says nothing
 * here. `seen` has a bit for each that was met before. */
static int find_member(struct reader *reader, const struct pull_text *name,
                       const char *const *words, size_t len, unsigned *seen)
{
    for (size_t i = 0; i < len; i++) {
        if (!pull_is(name, words[i]))
            continue;
        if ((*seen & 1u << i) == 0) {
            *seen |= 1u << i;
            return (int)i;
        }
        note_odd(reader, "a second", name);
        return -1;
    }
    for (size_t i = 0; i < len; i++)
        if (pull_resembles(name, words[i]))
            note_odd(reader, "the name", name);
    return -1;
}

static bool is_null(struct pull *json)
{
    return pull_kind(json) == PULL_WORD && *json->at == 'n';
}

/* Passes over the value if it is of another kind; null stands for none. */
static bool is_wanted(struct reader *reader, enum pull_kind wanted, const struct pull_text *name)
{
    if (pull_kind(&reader->json) == wanted)
        return true;
    bool none = is_null(&reader->json);
    pull_skip(&reader->json);
    if (!none)
        note_odd(reader, "another kind of value than is usual for", name);
    return false;
}

static void take_tag(struct reader *reader, struct descriptor *descriptor)
{
    struct pull_text tag;
    if (!is_next(&reader->json, PULL_STRING)) {
        note_odd(reader, "a tag that is no text", NULL);
        return;
    }
    tag = pull_string(&reader->json);
    descriptor->tag = pull_take(&tag);
    if (descriptor->tag == NULL)
        note_odd(reader, "the tag", &tag);
}

static void take_annotations(struct reader *reader, struct descriptor *descriptor)
{
    static const char *const words[] = {LAYOUT_TAG, CREATED_AT};
    struct pull *json = &reader->json;
    struct pull_text name;
    unsigned seen = 0;
    pull_enter(json);
    while (pull_member(json, &name)) {
        int member = find_member(reader, &name, words, LEN(words), &seen);
        if (member == 0)
            take_tag(reader, descriptor);
        else if (member == 1)
            descriptor->created_at = take_time(json);
        else
            pull_skip(json);
    }
}

/* What was read of one descriptor. */
struct entry {
    struct descriptor descriptor;
    bool has_digest;
    struct pull_text media_type; /* at is NULL: not told */
};

static void take_size(struct reader *reader, struct descriptor *descriptor,
                      const struct pull_text *name)
{
    int64_t size = -1;
    if (!is_wanted(reader, PULL_NUMBER, name))
        return;
    if (pull_integer(&reader->json, &size) && size >= 0)
        descriptor->size_bytes = size;
    else
        note_odd(reader, "a size that is none", NULL);
}

static void take_entry(struct reader *reader, struct entry *entry)
{
    static const char *const words[] = {"digest", "mediaType", "size", "annotations"};
    struct pull *json = &reader->json;
    struct pull_text name, digest = {"", 0, false};
    unsigned seen = 0;
    pull_enter(json);
    while (pull_member(json, &name)) {
        int member = find_member(reader, &name, words, LEN(words), &seen);
        if (member == 0 && is_wanted(reader, PULL_STRING, &name)) {
            digest = pull_string(json);
            entry->has_digest = read_digest(&digest, &entry->descriptor.digest);
        } else if (member == 1 && is_wanted(reader, PULL_STRING, &name)) {
            entry->media_type = pull_string(json);
        } else if (member == 2) {
            take_size(reader, &entry->descriptor, &name);
        } else if (member == 3 && is_wanted(reader, PULL_OBJECT, &name)) {
            take_annotations(reader, &entry->descriptor);
        } else if (member < 0) {
            pull_skip(json);
        }
    }
    if (!entry->has_digest)
        note_odd(reader, "the digest", &digest);
}

/* The role that its place or its media type gives it. */
static void set_role(struct reader *reader, struct entry *entry, enum blob_role role)
{
    struct descriptor *descriptor = &entry->descriptor;
    bool told = entry->media_type.at != NULL;
    descriptor->unknown_type = role == BLOB_UNKNOWN;
    descriptor->role = (uint8_t)(role == BLOB_UNKNOWN ? BLOB_LAYER : role);
    for (size_t i = 0; told && descriptor->unknown_type && i < LEN(types); i++) {
        if (!pull_is(&entry->media_type, types[i].media_type))
            continue;
        descriptor->unknown_type = false;
        descriptor->role = (uint8_t)types[i].role;
    }
    if (told && descriptor->role == BLOB_CONFIG && pull_is(&entry->media_type, CACHE_CONFIG_TYPE))
        reader->manifest.is_cache = true;
}

/* A descriptor; `role` is told by the place where it stands, or BLOB_UNKNOWN:
 * by its media type. */
static void take_descriptor(struct reader *reader, enum blob_role role)
{
    struct entry entry = {.descriptor = {.size_bytes = -1}};
    struct manifest *manifest = &reader->manifest;
    bool is_object = pull_kind(&reader->json) == PULL_OBJECT;
    entry.descriptor.start = (uint32_t)(reader->json.at - reader->text);
    if (is_object) {
        take_entry(reader, &entry);
    } else {
        pull_skip(&reader->json);
        note_odd(reader, "an entry that describes nothing", NULL);
    }
    entry.descriptor.end = (uint32_t)(reader->json.at - reader->text);
    if (!entry.has_digest) {
        free(entry.descriptor.tag);
        return;
    }
    set_role(reader, &entry, role);
    mem_reserve((void **)&manifest->descriptors, &reader->cap, manifest->len + 1,
                sizeof *manifest->descriptors);
    manifest->descriptors[manifest->len++] = entry.descriptor;
}

static void take_list(struct reader *reader, enum blob_role role)
{
    struct pull *json = &reader->json;
    pull_enter(json);
    reader->manifest.list_start = (uint32_t)(json->at - reader->text);
    while (pull_item(json))
        take_descriptor(reader, role);
    reader->manifest.list_end = (uint32_t)(json->at - reader->text) - !json->failed;
}

/* BuildKit does not ask which one it is, but what is written beside a wrong one
 * could mean anything. */
static void take_media_type(struct reader *reader)
{
    struct pull_text text = pull_string(&reader->json);
    for (size_t i = 0; i < LEN(types); i++)
        if (types[i].role == BLOB_MANIFEST && pull_is(&text, types[i].media_type))
            reader->manifest.media_type = types[i].media_type;
    if (reader->manifest.media_type == NULL)
        note_odd(reader, "the media type", &text);
}

/* Of the document as a whole. */
enum member { SCHEMA_VERSION, MEDIA_TYPE, MANIFESTS, LAYERS, CONFIG, SUBJECT, RECORDS };

static const char *const members[] = {
    [SCHEMA_VERSION] = "schemaVersion", [MEDIA_TYPE] = "mediaType", [MANIFESTS] = "manifests",
    [LAYERS] = "layers",                [CONFIG] = "config",        [SUBJECT] = "subject",
    [RECORDS] = "records",
};

/* Readers do not ask for schemaVersion, so neither is it needed here; another
 * one is another format. True when it is. */
static bool take_version(struct reader *reader)
{
    int64_t version;
    return !pull_integer(&reader->json, &version) || version != 2;
}

/* Takes the value of a known member; false when it makes this something else than
 * a manifest. */
static bool take_member(struct reader *reader, enum member member, const struct pull_text *name)
{
    static const enum pull_kind kinds[] = {
        [SCHEMA_VERSION] = PULL_NUMBER, [MEDIA_TYPE] = PULL_STRING, [MANIFESTS] = PULL_ARRAY,
        [LAYERS] = PULL_ARRAY,          [CONFIG] = PULL_OBJECT,     [SUBJECT] = PULL_OBJECT,
        [RECORDS] = PULL_ARRAY,
    };
    reader->manifest.is_index |= member == MANIFESTS && is_null(&reader->json);
    if (!is_wanted(reader, kinds[member], name))
        return member != RECORDS;
    switch (member) {
    case SCHEMA_VERSION:
        return !take_version(reader);
    case MEDIA_TYPE:
        take_media_type(reader);
        return true;
    case MANIFESTS:
        reader->manifest.is_index = true;
        take_list(reader, BLOB_UNKNOWN);
        return true;
    case LAYERS:
        take_list(reader, BLOB_LAYER);
        return true;
    case CONFIG:
        take_descriptor(reader, BLOB_CONFIG);
        return true;
    case SUBJECT: /* another manifest that this one is about: no exporter of caches has it */
        note_odd(reader, "a", name);
        break;
    case RECORDS: /* a cache config has layers, too, and these beside them */
        break;
    }
    pull_skip(&reader->json);
    return member != RECORDS;
}

static bool take_manifest(struct reader *reader)
{
    struct pull_text name;
    unsigned seen = 0;
    bool other = false;
    while (pull_member(&reader->json, &name)) {
        int member = find_member(reader, &name, members, LEN(members), &seen);
        if (member < 0)
            pull_skip(&reader->json);
        else
            other = !take_member(reader, (enum member)member, &name) || other;
    }
    bool image_form = (seen & 1u << LAYERS) != 0 && (seen & 1u << CONFIG) != 0;
    if (reader->manifest.is_index && (seen & (1u << LAYERS | 1u << CONFIG)) != 0)
        note_odd(reader, "what an index and what a manifest has", NULL);
    return (reader->manifest.is_index || image_form) && !other;
}

int manifest_parse(const char *text, size_t len, struct manifest *ret_manifest, struct err *err)
{
    struct reader reader = {.text = text};
    int code = begin(&reader.json, text, len, err);
    if (code < 0)
        return code;
    bool is_manifest = take_manifest(&reader);
    if (!pull_ended(&reader.json))
        code = bad_json(err);
    else if (!is_manifest)
        code = err_set(err, ERR_FORMAT, "it is no OCI index and no manifest");
    if (code < 0)
        manifest_done(&reader.manifest);
    else
        *ret_manifest = reader.manifest;
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
            if (pull_is(&name, "blob") && pull_kind(json) == PULL_STRING) {
                struct pull_text digest = pull_string(json);
                known = read_digest(&digest, &layer.digest);
            } else {
                pull_skip(json);
            }
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
    int64_t index = 0, at = 0;
    if (!is_next(json, PULL_OBJECT))
        return;
    pull_enter(json);
    while (pull_member(json, &name)) {
        if (pull_is(&name, "layer") && pull_kind(json) == PULL_NUMBER)
            index = pull_integer(json, &index) ? index : -1;
        else if (pull_is(&name, "createdAt"))
            at = take_time(json);
        else
            pull_skip(json);
    }
    if (index < 0 || (uint64_t)index >= times->len || at == 0)
        return;
    struct layer_time *time = &times->items[index];
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
