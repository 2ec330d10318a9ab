#include "core/oci/index.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"

#define NEW_START "{\"schemaVersion\":2,\"manifests\":["
#define NEW_END "]}"

/* ---- the old one */

/* 0 when it is understood as a whole, or there is none: then it is empty. */
static int read_before(const struct index_edit *edit, struct manifest *ret_index, struct err *err)
{
    *ret_index = (struct manifest){0};
    if (!edit->before->exists)
        return 0;
    int code = index_parse(edit->before, ret_index, err);
    if (code < 0)
        return code;
    if (ret_index->odd == NULL && ret_index->list_start > 0)
        return 0;
    code = err_set(err, ERR_FORMAT, "index.json holds what bilge does not understand: %s",
                   ret_index->odd != NULL ? ret_index->odd : "no list of manifests");
    manifest_done(ret_index);
    return code;
}

int index_check(int cache_fd, const struct index_file *before, struct err *err)
{
    struct index_file now;
    struct manifest index;
    int code = index_read(cache_fd, &now, &index, err);
    bool same = now.exists == before->exists && now.dev == before->dev && now.ino == before->ino &&
                now.modified_at == before->modified_at && now.text.len == before->text.len &&
                (now.text.len == 0 || memcmp(now.text.data, before->text.data, now.text.len) == 0);
    manifest_done(&index);
    index_file_done(&now);
    if (layout_is_unread(code))
        return code;
    return same ? 0
                : err_set(err, ERR_CHANGED,
                          "somebody exported meanwhile: index.json is not what it was");
}

/* ---- the new entry */

static void append_quoted(struct buf *buf, const char *text)
{
    buf_append_str(buf, "\"");
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20)
            buf_printf(buf, "\\u%04x", (unsigned char)*text);
        else
            buf_printf(buf, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
    }
    buf_append_str(buf, "\"");
}

static int read_manifest(int blobs_fd, const char *hex, struct manifest *ret_manifest,
                         int64_t *ret_size, struct err *err)
{
    struct buf text = {0};
    struct err reason;
    int code = fs_read_file(blobs_fd, hex, LAYOUT_MAX_BYTES, &text, err);
    if (code == 0) {
        code = manifest_parse(text.data, text.len, ret_manifest, &reason);
        if (code < 0)
            err_set(err, code, "reading manifest %.12s: %s", hex, reason.text);
    }
    *ret_size = (int64_t)text.len;
    buf_done(&text);
    return code;
}

/* What index.json says of a manifest: {mediaType, digest, size, annotations}. */
static int describe(int cache_fd, const struct digest *digest, const char *tag, struct buf *entry,
                    struct err *err)
{
    char hex[DIGEST_HEX_SIZE];
    struct manifest manifest;
    int64_t size;
    int blobs_fd, code = cache_open_blobs(cache_fd, &blobs_fd, err);
    if (code < 0)
        return code;
    code = read_manifest(blobs_fd, digest_hex(hex, digest), &manifest, &size, err);
    close(blobs_fd);
    if (code < 0)
        return code;
    if (manifest.odd != NULL) {
        code = err_set(err, ERR_FORMAT, "manifest %.12s holds what bilge does not understand: %s",
                       hex, manifest.odd);
        manifest_done(&manifest);
        return code;
    }
    /* Older exporters leave the field out; then the form tells. */
    const char *type = manifest.media_type != NULL ? manifest.media_type
                       : manifest.is_index         ? LAYOUT_INDEX_TYPE
                                                   : LAYOUT_MANIFEST_TYPE;
    buf_printf(entry,
               "{\"mediaType\":\"%s\",\"digest\":\"sha256:%s\",\"size\":%lld,"
               "\"annotations\":{\"" LAYOUT_TAG "\":",
               type, hex, (long long)size);
    append_quoted(entry, tag);
    buf_append_str(entry, "}}");
    manifest_done(&manifest);
    return 0;
}

/* ---- the new one */

typedef bool drop_cb(const struct descriptor *entry, const void *arg);

/* All of the old text but the entries that are dropped, and `added` (may be empty)
 * behind the last. An entry takes the white space before it along. Returns how many
 * entries there are. */
static size_t edit_text(const struct index_edit *edit, const struct manifest *index, drop_cb *drop,
                        const void *arg, const struct buf *added, struct buf *ret_text)
{
    const char *old = edit->before->text.data;
    size_t entries = 0, from = index->list_start;
    buf_append(ret_text, old, index->list_start);
    for (size_t i = 0; i < index->len; i++) {
        const struct descriptor *entry = &index->descriptors[i];
        if (!drop(entry, arg)) {
            buf_append_str(ret_text, entries++ > 0 ? "," : "");
            buf_append(ret_text, old + from, entry->end - from);
        }
        from = entry->end;
        if (i + 1 < index->len) /* white space, a comma, white space */
            from += strcspn(old + from, ",") + 1;
    }
    if (added->len > 0) {
        buf_append_str(ret_text, entries++ > 0 ? "," : "");
        buf_append(ret_text, added->data, added->len);
    }
    buf_append(ret_text, old + from, edit->before->text.len - from);
    return entries;
}

static int take_place(const struct index_edit *edit, const char *temporary, struct err *err)
{
    int code = edit->check != NULL ? edit->check(edit->arg, err) : 0;
    if (code == 0)
        code = index_check(edit->cache_fd, edit->before, err);
    if (code == 0 && renameat(edit->cache_fd, temporary, edit->cache_fd, "index.json") < 0)
        code = err_sys(err, -errno, "writing index.json");
    if (code < 0)
        unlinkat(edit->cache_fd, temporary, 0);
    else
        fsync(edit->cache_fd); /* it is in place, whatever this says */
    return code;
}

/* The new index belongs to whom the old one, or else the directory, belongs
 * to: an exporter of that user must be able to write it. */
static int write_index(const struct index_edit *edit, const struct buf *text, struct err *err)
{
    const struct index_file *before = edit->before;
    char temporary[FS_TEMPORARY_SIZE];
    struct fs_stat directory;
    int code = fs_stat_fd(edit->cache_fd, &directory, err);
    if (code == 0)
        code = fs_prepare_file(edit->cache_fd, "index.json", text->data, text->len,
                               before->exists ? before->mode : 0644,
                               before->exists ? before->uid : directory.uid,
                               before->exists ? before->gid : directory.gid, temporary, err);
    return code == 0 ? take_place(edit, temporary, err) : code;
}

static bool has_tag(const struct descriptor *entry, const void *tag)
{
    return entry->tag != NULL && strcmp(entry->tag, tag) == 0;
}

static bool is_any(const struct descriptor *entry, const void *arg)
{
    (void)entry;
    (void)arg;
    return true;
}

int index_point(const struct index_edit *edit, const struct digest *manifest, const char *tag,
                bool alone, struct err *err)
{
    struct manifest index;
    struct buf entry = {0}, text = {0};
    int code = read_before(edit, &index, err);
    if (code < 0)
        return code;
    code = describe(edit->cache_fd, manifest, tag, &entry, err);
    if (code == 0 && edit->before->exists)
        edit_text(edit, &index, alone ? is_any : has_tag, tag, &entry, &text);
    else if (code == 0)
        buf_printf(&text, NEW_START "%s" NEW_END, entry.data);
    if (code == 0)
        code = write_index(edit, &text, err);
    manifest_done(&index);
    buf_done(&entry);
    buf_done(&text);
    return code;
}

struct kept {
    const struct digest *manifests;
    size_t len;
};

static bool is_not_kept(const struct descriptor *entry, const void *arg)
{
    const struct kept *kept = arg;
    for (size_t i = 0; i < kept->len; i++)
        if (digest_equal(&entry->digest, &kept->manifests[i]))
            return false;
    return true;
}

int index_keep(const struct index_edit *edit, const struct digest *manifests, size_t len,
               struct err *err)
{
    const struct kept kept = {manifests, len};
    const struct buf nothing = {0};
    struct manifest index;
    struct buf text = {0};
    int code = read_before(edit, &index, err);
    if (code < 0)
        return code;
    if (!edit->before->exists || edit_text(edit, &index, is_not_kept, &kept, &nothing, &text) == 0)
        code = err_set(err, ERR_USAGE, "writing index.json: nothing would be left in it");
    else
        code = write_index(edit, &text, err);
    manifest_done(&index);
    buf_done(&text);
    return code;
}
