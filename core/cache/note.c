#include "core/cache/note.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/cache/busy.h"
#include "core/oci/layout.h"

#define NOTE_MAX_BYTES 1024
/* Of a long name so much fits beside the rest. */
#define NAME_PART 200
#define RANDOM_BYTES 8

/* Both prefixes are of one length. */
#define PREFIX_LEN (sizeof CACHE_AWAY - 1)
_Static_assert(sizeof CACHE_AWAY == sizeof CACHE_GONE, "one prefix takes the other's place");

bool note_is_away(const char *name)
{
    return strncmp(name, CACHE_AWAY, PREFIX_LEN) == 0;
}

bool note_is_gone(const char *name)
{
    return strncmp(name, CACHE_GONE, PREFIX_LEN) == 0;
}

int note_away_name(const char *name, uint64_t ino, char ret_name[NOTE_NAME_SIZE], struct err *err)
{
    unsigned char random[RANDOM_BYTES];
    int code = uv_random(NULL, NULL, random, sizeof random, 0, NULL);
    if (code < 0)
        return err_sys(err, code, "removing %s", name);
    int len =
        snprintf(ret_name, NOTE_NAME_SIZE, CACHE_AWAY "%.*s.%" PRIu64 "-", NAME_PART, name, ino);
    for (size_t i = 0; i < sizeof random; i++)
        len += snprintf(ret_name + len, NOTE_NAME_SIZE - (size_t)len, "%02x", random[i]);
    return 0;
}

int note_decide(int root_fd, const char *away, char ret_gone[NOTE_NAME_SIZE], struct err *err)
{
    snprintf(ret_gone, NOTE_NAME_SIZE, CACHE_GONE "%s", away + PREFIX_LEN);
    int code = fs_move(root_fd, away, root_fd, ret_gone);
    return code < 0 ? err_sys(err, code, "renaming %s", away) : 0;
}

/* ---- writing */

static char *note_text(const char *name, uint64_t ino)
{
    return mem_printf("bilge-removing 1\ninode %" PRIu64 "\nname %s\n", ino, name);
}

static int write_note(int cache_fd, const char *name, uint64_t ino)
{
    int fd =
        openat(cache_fd, CACHE_NOTE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    int code = fd < 0 ? -errno : 0;
    if (fd >= 0) {
        char *text = note_text(name, ino);
        code = fs_write_all(fd, text, strlen(text));
        if (code == 0 && fchmod(fd, 0644) < 0)
            code = -errno;
        if (close(fd) < 0 && code == 0)
            code = -errno;
        free(text);
    }
    if (code < 0 && fd >= 0)
        unlinkat(cache_fd, CACHE_NOTE, 0);
    return code;
}

int note_write(int cache_fd, const char *name, uint64_t ino, struct err *err)
{
    int64_t touched_at = busy_touched_at(cache_fd);
    unlinkat(cache_fd, CACHE_NOTE, 0); /* of an earlier life */
    int code = write_note(cache_fd, name, ino);
    busy_keep_time(cache_fd, touched_at);
    if (code == -ENOSPC || code == -EDQUOT)
        return 0;
    return code < 0 ? err_sys(err, code, "removing %s", name) : 0;
}

void note_remove(int cache_fd)
{
    int64_t touched_at = busy_touched_at(cache_fd);
    if (unlinkat(cache_fd, CACHE_NOTE, 0) == 0)
        busy_keep_time(cache_fd, touched_at);
}

/* ---- reading */

/* The parts of <prefix><name>.<inode>-<random>. False when it has another form. */
static bool take_apart(const char *gone, size_t *ret_name_len, uint64_t *ret_ino)
{
    const char *name = gone + PREFIX_LEN, *dot = strrchr(gone, '.');
    char *end;
    if ((!note_is_away(gone) && !note_is_gone(gone)) || dot <= name ||
        strspn(dot + 1, "0123456789") == 0)
        return false;
    errno = 0;
    *ret_ino = strtoull(dot + 1, &end, 10);
    *ret_name_len = (size_t)(dot - name);
    return errno == 0 && *end == '-' && strlen(end + 1) == 2 * (size_t)RANDOM_BYTES &&
           strspn(end + 1, "0123456789abcdef") == 2 * (size_t)RANDOM_BYTES;
}

/* Does the note speak of the directory of that name and number? The note has the
 * name whole. */
static bool fits(const struct buf *note, const char *gone, size_t name_len, uint64_t ino)
{
    const char *name = gone + PREFIX_LEN;
    char *part = mem_strndup(name, name_len), *begin = note_text(part, ino);
    size_t len = strlen(begin) - 1; /* without the newline */
    bool whole = name_len < NAME_PART;
    bool same = note->len >= (whole ? len + 1 : len) && memcmp(note->data, begin, len) == 0 &&
                (!whole || (note->len == len + 1 && note->data[len] == '\n'));
    free(part);
    free(begin);
    return same;
}

char *note_first_name(const char *away, int fd)
{
    struct buf note = {0};
    size_t name_len;
    uint64_t ino;
    char *name = NULL;
    if (!take_apart(away, &name_len, &ino))
        return NULL;
    if (name_len < NAME_PART)
        name = mem_strndup(away + PREFIX_LEN, name_len);
    else if (fs_read_file(fd, CACHE_NOTE, NOTE_MAX_BYTES, &note, NULL) == 0 &&
             fits(&note, away, name_len, ino)) {
        char *begin = note_text("", ino);
        size_t before = strlen(begin) - 1; /* without the newline */
        name = mem_strndup(note.data + before, note.len - before - 1);
        free(begin);
    }
    buf_done(&note);
    if (name != NULL && !fs_is_name(name)) {
        free(name);
        name = NULL;
    }
    return name;
}

static bool may_have_written(uint32_t writer, uint32_t owner)
{
    return writer == geteuid() || writer == 0 || (geteuid() == 0 && writer == owner);
}

/* Nobody but the directory's owner and root can give names in the root. */
static bool names_are_safe(const struct fs_stat *root, const struct fs_stat *directory)
{
    bool shared = (root->mode & (S_IWGRP | S_IWOTH)) != 0 && (root->mode & S_ISVTX) == 0;
    return !shared && (root->uid == 0 || root->uid == directory->uid);
}

static int find_any(void *arg, const char *name, enum fs_type type)
{
    (void)arg;
    (void)name;
    (void)type;
    return 1;
}

static int check_without_note(int root_fd, int fd, const struct fs_stat *directory, struct err *err)
{
    struct fs_stat root;
    int code = fs_stat_fd(root_fd, &root, err);
    if (code < 0)
        return code;
    if (names_are_safe(&root, directory))
        return NOTE_OURS;
    code = fs_each(fd, find_any, NULL, err);
    return code < 0 ? code : code > 0 ? NOTE_FOREIGN : NOTE_EMPTY;
}

int note_check(int root_fd, const char *gone, int fd, struct err *err)
{
    struct fs_stat directory, file;
    struct buf note = {0};
    size_t name_len;
    uint64_t ino;
    int code = fs_stat_fd(fd, &directory, err);
    if (code < 0)
        return code;
    if (!take_apart(gone, &name_len, &ino) || ino != directory.ino ||
        (geteuid() != 0 && directory.uid != geteuid()))
        return NOTE_FOREIGN;
    code = fs_look(fd, CACHE_NOTE, &file);
    if (code == -ENOENT || (code == 0 && file.type == FS_FILE && file.size_bytes == 0))
        return check_without_note(root_fd, fd, &directory, err);
    if (code < 0)
        return err_sys(err, code, "looking at " CACHE_NOTE);
    code = fs_read_file(fd, CACHE_NOTE, NOTE_MAX_BYTES, &note, err);
    if (code == ERR_FOREIGN || code == ERR_LIMIT)
        code = NOTE_FOREIGN;
    else if (code == 0)
        code = fits(&note, gone, name_len, ino) && may_have_written(file.uid, directory.uid)
                   ? NOTE_OURS
                   : NOTE_FOREIGN;
    buf_done(&note);
    return code;
}
