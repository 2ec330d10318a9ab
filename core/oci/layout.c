#include "core/oci/layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/oci/json_reader.h"

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
static int begin(struct json_reader *json, const char *text, size_t len, struct err *err)
{
    if (len > LAYOUT_MAX_BYTES)
        return err_set(err, ERR_LIMIT, "it is larger than %d MiB", LAYOUT_MAX_BYTES >> 20);
    json_reader_init(json, text, len);
    enum json_reader_kind kind = json_reader_kind(json);
    if (json_reader_ended(json))
        return err_set(err, ERR_FORMAT, "it is empty");
    if (kind != JSON_READER_OBJECT)
        return err_set(err, ERR_FORMAT, "it is no JSON object");
    json_reader_enter(json);
    return 0;
}

static int bad_json(struct err *err)
{
    return err_set(err, ERR_FORMAT, "it is no valid JSON (cut short, or nested too deeply)");
}

/* Passes over the value if it is of another kind. */
static bool is_next(struct json_reader *json, enum json_reader_kind wanted)
{
    if (json_reader_kind(json) == wanted)
        return true;
    json_reader_skip(json);
    return false;
}

/* Passes over the value; 0 when it is no time. */
static int64_t take_time(struct json_reader *json)
{
    char text[64];
    int64_t at = 0;
    if (!is_next(json, JSON_READER_STRING))
        return 0;
    struct json_reader_text string = json_reader_string(json);
    if (json_reader_copy(&string, text, sizeof text))
        clock_parse(text, &at);
    return at;
}

static bool read_digest(const struct json_reader_text *string, struct digest *ret_digest)
{
    char text[DIGEST_TEXT_SIZE + 1];
    return json_reader_copy(string, text, sizeof text) && digest_parse(text, ret_digest);
}

/* ---- manifests */

struct reader {
    struct json_reader json;
    const char *text;
    struct manifest manifest;
    size_t cap;
};

/* Something that is not understood: `what`, and the text that it is about (may be
 * NULL). */
static void note_odd(struct reader *reader, const char *what, const struct json_reader_text *about)
{
    struct manifest *manifest = &reader->manifest;
    char text[160];
    struct buf clean = {0};
    if (manifest->odd_count++ > 0)
        return;
    buf_append_str(&clean, what);
    if (about != NULL) {
        json_reader_copy(about, text, sizeof text);
        buf_append_str(&clean, " \"");
        text_clean(&clean, text, strlen(text));
        buf_append_str(&clean, "\"");
    }
    manifest->odd = buf_take(&clean);
}

/* Which of the words this member's name is; -1: none, and its value says nothing
 * here. `seen` has a bit for each that was met before. */
static int find_member(struct reader *reader, const struct json_reader_text *name,
                       const char *const *words, size_t len, unsigned *seen)
{
    for (size_t i = 0; i < len; i++) {
        if (!json_reader_is(name, words[i]))
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

static bool is_null(struct json_reader *json)
{
    return json_reader_kind(json) == JSON_READER_WORD && *json->at == 'n';
}

/* Passes over the value if it is of another kind; null stands for none. */
static bool is_wanted(struct reader *reader, enum json_reader_kind wanted,
                      const struct json_reader_text *name)
{
    if (json_reader_kind(&reader->json) == wanted)
        return true;
    bool none = is_null(&reader->json);
    json_reader_skip(&reader->json);
    if (!none)
        note_odd(reader, "another kind of value than is usual for", name);
    return false;
}

static void take_tag(struct reader *reader, struct descriptor *descriptor)
{
    struct json_reader_text tag;
    if (!is_next(&reader->json, JSON_READER_STRING)) {
        note_odd(reader, "a tag that is no text", NULL);
        return;
    }
    tag = json_reader_string(&reader->json);
    descriptor->tag = pull_take(&tag);
    if (descriptor->tag == NULL)
        note_odd(reader, "the tag", &tag);
}

static void take_annotations(struct reader *reader, struct descriptor *descriptor)
{
    static const char *const words[] = {LAYOUT_TAG, CREATED_AT};
    struct json_reader *json = &reader->json;
    struct json_reader_text name;
    unsigned seen = 0;
    json_reader_enter(json);
    while (json_reader_member(json, &name)) {
        int member = find_member(reader, &name, words, LEN(words), &seen);
        if (member == 0)
            take_tag(reader, descriptor);
        else if (member == 1)
            descriptor->created_at = take_time(json);
        else
            json_reader_skip(json);
    }
}

/* What was read of one descriptor. */
struct entry {
    struct descriptor descriptor;
    bool has_digest;
    struct json_reader_text media_type; /* at is NULL: not told */
};

static void take_size(struct reader *reader, struct descriptor *descriptor,
                      const struct json_reader_text *name)
{
    int64_t size = -1;
    if (!is_wanted(reader, JSON_READER_NUMBER, name))
        return;
    if (pull_integer(&reader->json, &size) && size >= 0)
        descriptor->size_bytes = size;
    else
        note_odd(reader, "a size that is none", NULL);
}

static void take_entry(struct reader *reader, struct entry *entry)
{
    static const char *const words[] = {"digest", "mediaType", "size", "annotations"};
    struct json_reader *json = &reader->json;
    struct json_reader_text name, digest = {"", 0, false};
    unsigned seen = 0;
    json_reader_enter(json);
    while (json_reader_member(json, &name)) {
        int member = find_member(reader, &name, words, LEN(words), &seen);
        if (member == 0 && is_wanted(reader, JSON_READER_STRING, &name)) {
            digest = json_reader_string(json);
            entry->has_digest = read_digest(&digest, &entry->descriptor.digest);
        } else if (member == 1 && is_wanted(reader, JSON_READER_STRING, &name)) {
            entry->media_type = json_reader_string(json);
        } else if (member == 2) {
            take_size(reader, &entry->descriptor, &name);
        } else if (member == 3 && is_wanted(reader, JSON_READER_OBJECT, &name)) {
            take_annotations(reader, &entry->descriptor);
        } else if (member < 0) {
            json_reader_skip(json);
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
        if (!json_reader_is(&entry->media_type, types[i].media_type))
            continue;
        descriptor->unknown_type = false;
        descriptor->role = (uint8_t)types[i].role;
    }
    if (told && descriptor->role == BLOB_CONFIG &&
        json_reader_is(&entry->media_type, CACHE_CONFIG_TYPE))
        reader->manifest.is_cache = true;
}

/* A descriptor; `role` is told by the place where it stands, or BLOB_UNKNOWN:
 * by its media type. */
static void take_descriptor(struct reader *reader, enum blob_role role)
{
    struct entry entry = {.descriptor = {.size_bytes = -1}};
    struct manifest *manifest = &reader->manifest;
    bool is_object = json_reader_kind(&reader->json) == JSON_READER_OBJECT;
    entry.descriptor.start = (uint32_t)(reader->json.at - reader->text);
    if (is_object) {
        take_entry(reader, &entry);
    } else {
        json_reader_skip(&reader->json);
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
    struct json_reader *json = &reader->json;
    json_reader_enter(json);
    reader->manifest.list_start = (uint32_t)(json->at - reader->text);
    while (json_reader_item(json))
        take_descriptor(reader, role);
    reader->manifest.list_end = (uint32_t)(json->at - reader->text) - !json->failed;
}

/* BuildKit does not ask which one it is, but what is written beside a wrong one
 * could mean anything. */
static void take_media_type(struct reader *reader)
{
    struct json_reader_text text = json_reader_string(&reader->json);
    for (size_t i = 0; i < LEN(types); i++)
        if (types[i].role == BLOB_MANIFEST && json_reader_is(&text, types[i].media_type))
            reader->manifest.media_type = types[i].media_type;
    if (reader->manifest.media_type == NULL)
        note_odd(reader, "the media type", &text);
}

/* Of the document as a whole. */
enum member { SCHEMA_VERSION, MEDIA_TYPE, MANIFESTS, LAYERS, CONFIG, SUBJECT, RECORDS };

static const char *const members[] = {
    [SCHEMA_VERSION] = "schemaVersion",
    [MEDIA_TYPE] = "mediaType",
    [MANIFESTS] = "manifests",
    [LAYERS] = "layers",
    [CONFIG] = "config",
    [SUBJECT] = "subject",
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
static bool take_member(struct reader *reader, enum member member,
                        const struct json_reader_text *name)
{
    static const enum json_reader_kind kinds[] = {
        [SCHEMA_VERSION] = JSON_READER_NUMBER, [MEDIA_TYPE] = JSON_READER_STRING,
        [MANIFESTS] = JSON_READER_ARRAY,       [LAYERS] = JSON_READER_ARRAY,
        [CONFIG] = JSON_READER_OBJECT,         [SUBJECT] = JSON_READER_OBJECT,
        [RECORDS] = JSON_READER_ARRAY,
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
    json_reader_skip(&reader->json);
    return member != RECORDS;
}

static bool take_manifest(struct reader *reader)
{
    struct json_reader_text name;
    unsigned seen = 0;
    bool other = false;
    while (json_reader_member(&reader->json, &name)) {
        int member = find_member(reader, &name, members, LEN(members), &seen);
        if (member < 0)
            json_reader_skip(&reader->json);
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
    if (!json_reader_ended(&reader.json))
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

static void take_layer(struct json_reader *json, struct times *times)
{
    struct layer_time layer = {.created_at = 0};
    struct json_reader_text name;
    bool known = false;
    if (is_next(json, JSON_READER_OBJECT)) {
        json_reader_enter(json);
        while (json_reader_member(json, &name)) {
            if (json_reader_is(&name, "blob") && json_reader_kind(json) == JSON_READER_STRING) {
                struct json_reader_text digest = json_reader_string(json);
                known = read_digest(&digest, &layer.digest);
            } else {
                json_reader_skip(json);
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
static void take_result(struct json_reader *json, struct times *times)
{
    struct json_reader_text name;
    int64_t index = 0, at = 0;
    if (!is_next(json, JSON_READER_OBJECT))
        return;
    json_reader_enter(json);
    while (json_reader_member(json, &name)) {
        if (json_reader_is(&name, "layer") && json_reader_kind(json) == JSON_READER_NUMBER)
            index = pull_integer(json, &index) ? index : -1;
        else if (json_reader_is(&name, "createdAt"))
            at = take_time(json);
        else
            json_reader_skip(json);
    }
    if (index < 0 || (uint64_t)index >= times->len || at == 0)
        return;
    struct layer_time *time = &times->items[index];
    if (time->created_at == 0 || at < time->created_at)
        time->created_at = at;
}

typedef void take_cb(struct json_reader *json, struct times *times);

static void take_array(struct json_reader *json, struct times *times, take_cb *take)
{
    if (!is_next(json, JSON_READER_ARRAY))
        return;
    times->found = true;
    json_reader_enter(json);
    while (json_reader_item(json))
        take(json, times);
}

static void take_record(struct json_reader *json, struct times *times)
{
    struct json_reader_text name;
    if (!is_next(json, JSON_READER_OBJECT))
        return;
    json_reader_enter(json);
    while (json_reader_member(json, &name)) {
        if (json_reader_is(&name, "layers"))
            take_array(json, times, take_result);
        else
            json_reader_skip(json);
    }
}

static int take_config(const char *text, size_t len, const char *part, take_cb *take,
                       struct times *times, struct err *err)
{
    struct json_reader_text name;
    struct json_reader json;
    int code = begin(&json, text, len, err);
    if (code < 0)
        return code;
    while (json_reader_member(&json, &name)) {
        if (json_reader_is(&name, part))
            take_array(&json, times, take);
        else
            json_reader_skip(&json);
    }
    return json_reader_ended(&json) ? 0 : bad_json(err);
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

#define REREADS 3
#define REREAD_MS 20

bool layout_is_unread(int code)
{
    return code < 0 && code != ERR_FORMAT && code != ERR_LIMIT && code != -ENOENT;
}

int index_parse(const struct index_file *file, struct manifest *ret_index, struct err *err)
{
    struct manifest index;
    struct err reason;
    int code = manifest_parse(file->text.data, file->text.len, &index, &reason);
    if (code == 0 && !index.is_index) {
        manifest_done(&index);
        code = err_set(&reason, ERR_FORMAT, "it is no OCI index");
    }
    if (code < 0)
        return err_set(err, code, "index.json is damaged: %s", reason.text);
    *ret_index = index;
    return 0;
}

static int read_once(int cache_fd, struct index_file *ret_file, struct manifest *ret_index,
                     struct err *err)
{
    struct fs_stat stat;
    *ret_file = (struct index_file){.exists = false};
    *ret_index = (struct manifest){0};
    int code = fs_stat_at(cache_fd, "index.json", &stat, err);
    if (code == 0)
        code = fs_read_file(cache_fd, "index.json", LAYOUT_MAX_BYTES, &ret_file->text, err);
    if (code < 0) {
        buf_done(&ret_file->text);
        return code == -ENOENT ? 0 : code;
    }
    ret_file->exists = true;
    ret_file->dev = stat.dev;
    ret_file->ino = stat.ino;
    ret_file->modified_at = stat.modified_at;
    ret_file->uid = stat.uid;
    ret_file->gid = stat.gid;
    ret_file->mode = stat.mode;
    return index_parse(ret_file, ret_index, err);
}

static bool was_just_written(const struct index_file *file)
{
    int64_t age = clock_now() - file->modified_at;
    return file->exists && age > -CLOCK_SECOND && age < CLOCK_SECOND;
}

int index_read(int cache_fd, struct index_file *ret_file, struct manifest *ret_index,
               struct err *err)
{
    struct index_file file;
    int code = read_once(cache_fd, &file, ret_index, err);
    for (int i = 0; i < REREADS && code == ERR_FORMAT && was_just_written(&file); i++) {
        nanosleep(&(struct timespec){0, REREAD_MS * 1000000L}, NULL);
        index_file_done(&file);
        code = read_once(cache_fd, &file, ret_index, err);
    }
    if (ret_file != NULL)
        *ret_file = file;
    else
        index_file_done(&file);
    return code;
}

void index_file_done(struct index_file *file)
{
    buf_done(&file->text);
    *file = (struct index_file){.exists = false};
}

/* What stands in the way of a directory, but is none: then no blobs are there. */
static bool is_no_dir(int code)
{
    return code == -ENOENT || code == -ENOTDIR || code == -ELOOP || code == -EXDEV;
}

static int find_blobs(int cache_fd)
{
    struct fs_stat stat;
    int blobs_fd, code = fs_open_dir(cache_fd, "blobs", &blobs_fd, NULL);
    if (code < 0)
        return is_no_dir(code) ? 0 : code;
    code = fs_stat_at(blobs_fd, "sha256", &stat, NULL);
    close(blobs_fd);
    if (code < 0)
        return code == -ENOENT ? 0 : code;
    return stat.type == FS_DIR;
}

/* index.json alone is also the name of a file in many a web project. */
static int find_index(int cache_fd)
{
    struct index_file file;
    struct manifest index;
    int code = read_once(cache_fd, &file, &index, NULL);
    /* A list of that name in some other document holds no descriptors. */
    bool found = code == 0 && file.exists && index.odd == NULL;
    index_file_done(&file);
    manifest_done(&index);
    return layout_is_unread(code) && code != ERR_FOREIGN ? code : found;
}

int cache_find_layout(int cache_fd)
{
    struct fs_stat stat;
    int code = fs_stat_at(cache_fd, "oci-layout", &stat, NULL);
    if (code < 0 && code != -ENOENT)
        return code;
    if (code == 0)
        return stat.type == FS_FILE; /* no exporter makes anything else of that name */
    code = find_blobs(cache_fd);
    return code == 0 ? find_index(cache_fd) : code;
}

bool cache_has_layout(int cache_fd)
{
    return cache_find_layout(cache_fd) == 1;
}

bool cache_is_part(const char *name)
{
    return strcmp(name, "blobs") == 0 || strcmp(name, "ingest") == 0;
}

bool cache_is_temporary(const char *name)
{
    return strcmp(name, "index.json.lock") == 0 || strncmp(name, ".fsverity-check-", 16) == 0 ||
           cache_is_ours(name);
}

bool cache_is_ours(const char *name)
{
    return strcmp(name, CACHE_NOTE) == 0 || strncmp(name, ".index.json.bilge-", 18) == 0;
}

bool cache_is_aside(const char *name)
{
    size_t len = strlen(CACHE_ASIDE);
    return strncmp(name, CACHE_ASIDE, len) == 0 && (name[len] == '\0' || name[len] == '.');
}

int cache_open_blobs(int cache_fd, int *ret_fd, struct err *err)
{
    int above, code = fs_open_dir(cache_fd, "blobs", &above, err);
    if (code < 0)
        return code;
    code = fs_open_dir(above, "sha256", ret_fd, err);
    close(above);
    return code;
}
