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

static int read_once(int cache_fd, struct manifest *ret_index, struct err *err)
{
    struct buf text = {0};
    struct err reason;
    int code = fs_read_file(cache_fd, "index.json", LAYOUT_MAX_BYTES, &text, err);
    if (code == 0) {
        code = manifest_parse(text.data, text.len, ret_index, &reason);
        if (code < 0)
            err_set(err, code, "index.json is damaged: %s", reason.text);
    }
    buf_done(&text);
    return code;
}

static bool was_just_written(int cache_fd)
{
    struct fs_stat stat;
    int64_t age = 0;
    if (fs_stat_at(cache_fd, "index.json", &stat, NULL) == 0)
        age = clock_now() - stat.modified_at;
    return age > -CLOCK_SECOND && age < CLOCK_SECOND;
}

int index_read(int cache_fd, struct manifest *ret_index, struct err *err)
{
    int code = read_once(cache_fd, ret_index, err);
    for (int i = 0; i < REREADS && code == ERR_FORMAT && was_just_written(cache_fd); i++) {
        nanosleep(&(struct timespec){0, REREAD_MS * 1000000L}, NULL);
        code = read_once(cache_fd, ret_index, err);
    }
    return code;
}

int cache_find_layout(int cache_fd)
{
    struct fs_stat stat;
    int blobs_fd = -1, code = fs_look(cache_fd, "oci-layout", &stat);
    if (code == 0 && stat.type == FS_FILE)
        return 1;
    if (code == 0 || code == -ENOENT)
        code = fs_open_dir(cache_fd, "blobs", &blobs_fd, NULL);
    if (code == 0) {
        code = fs_look(blobs_fd, "sha256", &stat);
        close(blobs_fd);
        if (code == 0)
            return stat.type == FS_DIR;
    }
    return code == -ENOENT || code == -ENOTDIR || code == -ELOOP ? 0 : code;
}

bool cache_has_layout(int cache_fd)
{
    return cache_find_layout(cache_fd) == 1;
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
