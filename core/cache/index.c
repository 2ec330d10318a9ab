#include "core/cache/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/cache/layout.h"

#define TAG_KEY "org.opencontainers.image.ref.name"
#define INDEX_TYPE "application/vnd.oci.image.index.v1+json"
#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"

static cJSON *read_json(int dirfd, const char *name, struct err *err)
{
    struct buf text = {0};
    cJSON *json = NULL;
    if (fs_read_file(dirfd, name, LAYOUT_MAX_BYTES, &text, err) == 0) {
        json = cJSON_ParseWithLength(text.data, text.len);
        if (!cJSON_IsObject(json)) {
            err_set(err, ERR_FORMAT, "reading %s: no JSON object", name);
            cJSON_Delete(json);
            json = NULL;
        }
    }
    buf_done(&text);
    return json;
}

/* What index.json says of a manifest: {mediaType, digest, size, annotations}. */
static cJSON *describe(int cache_fd, const struct digest *manifest, const char *tag,
                       struct err *err)
{
    char hex[DIGEST_HEX_SIZE], text[DIGEST_TEXT_SIZE];
    struct fs_stat stat;
    int dir = -1;
    cJSON *json = NULL, *entry = NULL;
    digest_hex(hex, manifest);
    if (cache_open_blobs(cache_fd, &dir, err) < 0 || fs_stat_at(dir, hex, &stat, err) < 0)
        goto out;
    json = read_json(dir, hex, err);
    if (json == NULL)
        goto out;
    /* Older exporters leave the field out; then the form tells. */
    const cJSON *type = json_get(json, "mediaType");
    const char *form = cJSON_HasObjectItem(json, "layers") ? MANIFEST_TYPE : INDEX_TYPE;
    entry = cJSON_CreateObject();
    cJSON_AddStringToObject(entry, "mediaType", cJSON_IsString(type) ? type->valuestring : form);
    cJSON_AddStringToObject(entry, "digest", digest_text(text, manifest));
    cJSON_AddNumberToObject(entry, "size", (double)stat.size_bytes);
    cJSON *annotations = cJSON_AddObjectToObject(entry, "annotations");
    cJSON_AddStringToObject(annotations, TAG_KEY, tag);
out:
    cJSON_Delete(json);
    if (dir >= 0)
        close(dir);
    return entry;
}

static const char *tag_of(const cJSON *entry)
{
    const cJSON *annotations = json_get(entry, "annotations");
    return json_string(annotations, TAG_KEY, NULL);
}

/* Removes the entries for which `drop` says so. */
static void filter_entries(cJSON *manifests, bool (*drop)(const cJSON *entry, const void *arg),
                           const void *arg)
{
    for (int i = cJSON_GetArraySize(manifests) - 1; i >= 0; i--)
        if (drop(cJSON_GetArrayItem(manifests, i), arg))
            cJSON_DeleteItemFromArray(manifests, i);
}

/* The new index belongs to whom the old one, or else the directory, belongs
 * to: an exporter of that user must be able to write it. */
static int write_index(int cache_fd, const cJSON *index, struct err *err)
{
    struct fs_stat old, directory;
    int code = fs_stat_fd(cache_fd, &directory, err);
    if (code < 0)
        return code;
    bool exists = fs_stat_at(cache_fd, "index.json", &old, NULL) == 0 && old.type == FS_FILE;
    char *text = cJSON_PrintUnformatted(index);
    if (text == NULL)
        return err_set(err, ERR_FORMAT, "writing index.json: it can't be printed");
    code =
        fs_write_file_as(cache_fd, "index.json", text, strlen(text), exists ? old.mode : 0644,
                         exists ? old.uid : directory.uid, exists ? old.gid : directory.gid, err);
    cJSON_free(text);
    return code;
}

static bool has_tag(const cJSON *entry, const void *tag)
{
    const char *name = tag_of(entry);
    return name != NULL && strcmp(name, tag) == 0;
}

int index_point(int cache_fd, const struct digest *manifest, const char *tag, struct err *err)
{
    struct err reason;
    err_clear(&reason);
    cJSON *entry = describe(cache_fd, manifest, tag, &reason);
    if (entry == NULL)
        return err_set(err, reason.code, "%s", reason.text);
    cJSON *index = read_json(cache_fd, "index.json", NULL);
    cJSON *manifests = cJSON_GetObjectItemCaseSensitive(index, "manifests");
    if (!cJSON_IsArray(manifests)) {
        cJSON_Delete(index);
        index = cJSON_CreateObject();
        cJSON_AddNumberToObject(index, "schemaVersion", 2);
        manifests = cJSON_AddArrayToObject(index, "manifests");
    }
    filter_entries(manifests, has_tag, tag);
    cJSON_AddItemToArray(manifests, entry);
    int code = write_index(cache_fd, index, err);
    cJSON_Delete(index);
    return code;
}

struct kept {
    const struct digest *manifests;
    size_t len;
};

static bool is_not_kept(const cJSON *entry, const void *arg)
{
    const struct kept *kept = arg;
    struct digest digest;
    const char *text = json_string(entry, "digest", NULL);
    if (text == NULL || !digest_parse(text, &digest))
        return true;
    for (size_t i = 0; i < kept->len; i++)
        if (digest_equal(&digest, &kept->manifests[i]))
            return false;
    return true;
}

int index_keep(int cache_fd, const struct digest *manifests, size_t len, struct err *err)
{
    struct kept kept = {manifests, len};
    struct err reason;
    err_clear(&reason);
    cJSON *index = read_json(cache_fd, "index.json", &reason);
    if (index == NULL)
        return err_set(err, reason.code, "%s", reason.text);
    cJSON *entries = cJSON_GetObjectItemCaseSensitive(index, "manifests");
    filter_entries(entries, is_not_kept, &kept);
    int code = cJSON_GetArraySize(entries) > 0
                   ? write_index(cache_fd, index, err)
                   : err_set(err, ERR_USAGE, "writing index.json: nothing would be left in it");
    cJSON_Delete(index);
    return code;
}
