#include "core/build/log/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"

#define PREFIX ".bilge-log-"
#define PLACEHOLDER "XXXXXX"

/* Where the file system knows no files without a name, one is made that nobody
 * can guess, and its name taken away at once. */
static int open_nameless(const char *directory)
{
#ifdef O_TMPFILE
    int fd = open(directory, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
#else
    int fd;
#endif
    logfile_sweep(directory);
    char *path = mem_printf("%s/" PREFIX PLACEHOLDER, directory);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    free(path);
    return fd;
}

/* Others may be about to take a name away themselves: that is no harm. */
static int sweep_one(void *arg, const char *name, enum fs_type type)
{
    const int *fd = arg;
    struct fs_stat seen;
    (void)type;
    if (strncmp(name, PREFIX, strlen(PREFIX)) == 0 &&
        strlen(name) == strlen(PREFIX PLACEHOLDER) && fs_stat_at(*fd, name, &seen, NULL) == 0 &&
        seen.type == FS_FILE && seen.uid == geteuid())
        unlinkat(*fd, name, 0);
    return 0;
}

void logfile_sweep(const char *directory)
{
    int fd;
    if (fs_open_root(directory, &fd, NULL) < 0)
        return;
    fs_each(fd, sweep_one, &fd, NULL);
    close(fd);
}

int logfile_open(const char *directory, size_t slot_bytes, struct logfile **ret_file,
                 struct err *err)
{
    mkdir(directory, 0700);
    int fd = open_nameless(directory);
    if (fd < 0)
        return err_sys(err, -errno, "opening a file in %s", directory);
    *ret_file = mem_alloc(sizeof **ret_file);
    **ret_file = (struct logfile){.fd = fd, .slot_bytes = slot_bytes, .refs = 1};
    return 0;
}

struct logfile *logfile_ref(struct logfile *file)
{
    file->refs++;
    return file;
}

void logfile_unref(struct logfile *file)
{
    if (file == NULL || --file->refs > 0)
        return;
    close(file->fd);
    free(file);
}

uint64_t logfile_slots(size_t slot_bytes)
{
    uint64_t slots = (uint64_t)LOGFILE_MAX_BYTES / slot_bytes;
    return slots < LOGFILE_MAX_SLOTS ? slots : LOGFILE_MAX_SLOTS;
}

static off_t place_of(const struct logfile *file, uint64_t slot)
{
    return (off_t)(slot * file->slot_bytes);
}

static int write_all(const struct logfile *file, off_t place, const void *data)
{
    for (size_t done = 0; done < file->slot_bytes;) {
        ssize_t written = pwrite(file->fd, (const char *)data + done, file->slot_bytes - done,
                                 place + (off_t)done);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0)
            done += (size_t)written;
    }
    return 0;
}

int logfile_write(const struct logfile *file, uint64_t slot, bool grows, const void *data)
{
    struct fs_space space;
    off_t place = place_of(file, slot);
    if (grows && fs_space(file->fd, &space, NULL) == 0 && space.free_bytes < LOGFILE_SPARE_BYTES)
        return -ENOSPC;
    int code = write_all(file, place, data);
    if (code < 0 && grows && ftruncate(file->fd, place) != 0)
        return -errno;
    return code;
}

int logfile_read(const struct logfile *file, uint64_t slot, void *data)
{
    off_t place = place_of(file, slot);
    for (size_t done = 0; done < file->slot_bytes;) {
        ssize_t got =
            pread(file->fd, (char *)data + done, file->slot_bytes - done, place + (off_t)done);
        if (got < 0 && errno != EINTR)
            return -errno;
        if (got == 0)
            return -EIO;
        if (got > 0)
            done += (size_t)got;
    }
    return 0;
}
