#include "core/cache/glance.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/vfs.h>
#endif

#include "core/base/clock.h"
#include "core/cache/layout.h"

#ifdef O_PATH
#define DIR_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#else
#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#endif

static uint64_t mix(uint64_t sum, uint64_t value)
{
    return (sum ^ value) * UINT64_C(0x100000001B3);
}

static void add_times(struct glance *glance, const struct stat *st)
{
    glance->sum = mix(glance->sum, st->st_ino);
    glance->sum = mix(glance->sum, (uint64_t)st->st_mtim.tv_sec);
    glance->sum = mix(glance->sum, (uint64_t)st->st_mtim.tv_nsec);
    glance->sum = mix(glance->sum, (uint64_t)st->st_size);
    int64_t modified_at = clock_of_file(st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
    if (modified_at > glance->modified_at)
        glance->modified_at = modified_at;
}

/* Only on these does a watch tell of every change, and is it sure that setting one
 * up does not wait for another machine or another program. */
static bool is_remote(int fd)
{
#ifdef __linux__
    static const unsigned long local[] = {
        0xEF53,     /* ext2, ext3, ext4 */
        0x58465342, /* XFS */
        0x9123683E, /* Btrfs */
        0x2FC12FC1, /* ZFS */
        0xCA451A4E, /* bcachefs */
        0xF2F52010, /* F2FS */
        0x01021994, /* tmpfs */
        0x858458F6, /* ramfs */
        0x794C7630, /* overlayfs */
        0x61756673, /* aufs */
        0x3153464A, /* JFS */
        0x52654973, /* ReiserFS */
        0x3434,     /* NILFS */
        0x4D44,     /* FAT */
        0x2011BAB0, /* exFAT */
        0x7366746E, /* NTFS */
        0xF15F,     /* eCryptfs */
    };
    struct statfs fs;
    if (fstatfs(fd, &fs) < 0)
        return true;
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
        if (((unsigned long)fs.f_type & 0xFFFFFFFF) == local[i])
            return false;
    return true;
#else
    (void)fd;
    return false;
#endif
}

void glance_init(struct glance *glance)
{
    *glance = (struct glance){.sum = UINT64_C(0xCBF29CE484222325)};
    for (size_t i = 0; i < GLANCE_PARTS; i++)
        glance->parts[i].fd = -1;
}

/* Takes the descriptor; -1: there is no such part. */
static void add_part(struct glance *glance, size_t index, int fd)
{
    struct stat st;
    glance->sum = mix(glance->sum, 1);
    if (fd < 0)
        return;
    if (fstat(fd, &st) < 0) {
        close(fd);
        return;
    }
    add_times(glance, &st);
    glance->parts[index] = (struct glance_part){fd, st.st_dev, st.st_ino};
}

static void finish(struct glance *glance)
{
    glance->remote = glance->parts[0].fd >= 0 && is_remote(glance->parts[0].fd);
    glance->sum = glance->sum != 0 ? glance->sum : 1;
}

void glance_directory(int fd, struct glance *ret_glance)
{
    glance_init(ret_glance);
    add_part(ret_glance, 0, openat(fd, ".", DIR_FLAGS));
    finish(ret_glance);
}

void glance_cache(int root_fd, const char *name, struct glance *ret_glance)
{
    enum { CACHE, BLOBS, SHA256, INGEST };
    static const struct {
        size_t in; /* the part that it lies in */
        const char *name;
    } below[GLANCE_PARTS] = {
        [BLOBS] = {CACHE, "blobs"}, [SHA256] = {BLOBS, "sha256"}, [INGEST] = {CACHE, "ingest"}};
    struct stat st;
    glance_init(ret_glance);
    add_part(ret_glance, CACHE, openat(root_fd, name, DIR_FLAGS));
    for (size_t i = BLOBS; i < GLANCE_PARTS; i++) {
        int above = ret_glance->parts[below[i].in].fd;
        add_part(ret_glance, i, above >= 0 ? openat(above, below[i].name, DIR_FLAGS) : -1);
    }
    int fd = ret_glance->parts[CACHE].fd;
    if (fd >= 0 && fstatat(fd, "index.json", &st, AT_SYMLINK_NOFOLLOW) == 0)
        add_times(ret_glance, &st);
    ret_glance->layout = fd >= 0 && cache_has_layout(fd);
    finish(ret_glance);
}

void glance_done(struct glance *glance)
{
    for (size_t i = 0; i < GLANCE_PARTS; i++) {
        if (glance->parts[i].fd >= 0)
            close(glance->parts[i].fd);
        glance->parts[i].fd = -1;
    }
}
