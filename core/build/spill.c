#include "core/build/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"

struct spill {
    int fd;
    size_t block_bytes;
    uint64_t slots; /* the file is a ring of so many */
    uint64_t end;
};

/* Where the file system knows no files without a name, one is made and its
 * name taken away at once. */
static int open_nameless(const char *directory)
{
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    char *path = mem_printf("%s/.log-XXXXXX", directory);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    free(path);
    return fd;
}

int spill_open(const char *directory, size_t block_bytes, struct spill **ret_spill,
               struct err *err)
{
    mkdir(directory, 0700);
    int fd = open_nameless(directory);
    if (fd < 0)
        return err_sys(err, -errno, "opening a file in %s", directory);
    struct spill *spill = mem_zalloc(sizeof *spill);
    spill->fd = fd;
    spill->block_bytes = block_bytes;
    spill->slots = (uint64_t)SPILL_MAX_BYTES / block_bytes;
    *ret_spill = spill;
    return 0;
}

void spill_close(struct spill *spill)
{
    if (spill == NULL)
        return;
    close(spill->fd);
    free(spill);
}

static off_t place_of(const struct spill *spill, uint64_t number)
{
    return (off_t)(number % spill->slots * spill->block_bytes);
}

int spill_add(struct spill *spill, const void *data, size_t len)
{
    struct fs_space space;
    off_t place = place_of(spill, spill->end);
    if (spill->end < spill->slots && fs_space(spill->fd, &space, NULL) == 0 &&
        space.free_bytes < SPILL_SPARE_BYTES)
        return -ENOSPC;
    for (size_t done = 0; done < len;) {
        ssize_t written =
            pwrite(spill->fd, (const char *)data + done, len - done, place + (off_t)done);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0)
            done += (size_t)written;
    }
    spill->end++;
    return 0;
}

uint64_t spill_first(const struct spill *spill)
{
    return spill->end > spill->slots ? spill->end - spill->slots : 0;
}

uint64_t spill_end(const struct spill *spill)
{
    return spill->end;
}

int spill_read(const struct spill *spill, uint64_t number, void *data, size_t len)
{
    off_t place = place_of(spill, number);
    for (size_t done = 0; done < len;) {
        ssize_t got = pread(spill->fd, (char *)data + done, len - done, place + (off_t)done);
        if (got < 0 && errno != EINTR)
            return -errno;
        if (got == 0)
            return -EIO;
        if (got > 0)
            done += (size_t)got;
    }
    return 0;
}
