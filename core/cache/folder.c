#include "core/cache/layout.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/base/mem.h"

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
    bool found = code == 0 && file.exists;
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
    if (code == 0 && stat.type == FS_FILE)
        return 1;
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
