#include "core/cache/busy.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/cache/entries.h"

bool busy_is_fresh(int64_t modified_at, int64_t now)
{
    int64_t age = now - modified_at;
    return age < BUSY_GRACE_SECONDS * CLOCK_SECOND && age > -BUSY_GRACE_SECONDS * CLOCK_SECOND;
}

static const char *age_text(char out[TEXT_AGE_SIZE], int64_t modified_at, int64_t now)
{
    int64_t seconds = (now - modified_at) / CLOCK_SECOND;
    return text_age(out, seconds > 0 ? seconds : 0);
}

char *busy_ingest_sign(int64_t modified_at, int64_t now)
{
    char age[TEXT_AGE_SIZE];
    return mem_printf("an export wrote into ingest/ %s ago", age_text(age, modified_at, now));
}

char *busy_blob_sign(int64_t modified_at, int64_t now)
{
    char age[TEXT_AGE_SIZE];
    return mem_printf("a blob came %s ago that index.json does not know yet",
                      age_text(age, modified_at, now));
}

/* ---- the signs of one directory */

/* The newest fresh time of the entries of a directory, and of one level below
 * when `deep`; 0: none. Only those after `since` count. */
static int64_t newest_fresh(int dirfd, bool deep, int64_t since, int64_t now)
{
    struct entries_reader reader = ENTRIES_READER(dirfd);
    struct entries *entries = mem_alloc(sizeof *entries);
    struct entry entry;
    int64_t newest = 0;
    while (entries_read(&reader, entries) > 0) {
        while (entries_next(entries, &entry)) {
            struct fs_stat stat;
            int fd;
            if (entry_stat(dirfd, entry.name, &stat) < 0)
                continue;
            int64_t at = stat.modified_at;
            if (at > since && at > newest && busy_is_fresh(at, now))
                newest = at;
            if (!deep || stat.type != FS_DIR || fs_open_dir(dirfd, entry.name, &fd, NULL) < 0)
                continue;
            at = newest_fresh(fd, false, since, now);
            newest = at > newest ? at : newest;
            close(fd);
        }
    }
    free(entries);
    return newest;
}

static int64_t newest_blob(int cache_fd, int64_t now)
{
    struct fs_stat index = {0};
    int64_t newest = 0;
    int blobs_fd, fd;
    fs_stat_at(cache_fd, "index.json", &index, NULL);
    if (fs_open_dir(cache_fd, "blobs", &blobs_fd, NULL) < 0)
        return 0;
    if (fs_open_dir(blobs_fd, "sha256", &fd, NULL) == 0) {
        newest = newest_fresh(fd, false, index.modified_at, now);
        close(fd);
    }
    close(blobs_fd);
    return newest;
}

char *busy_file_signs(int cache_fd, int64_t now)
{
    int fd;
    int64_t at = 0;
    if (fs_open_dir(cache_fd, "ingest", &fd, NULL) == 0) {
        at = newest_fresh(fd, true, 0, now);
        close(fd);
    }
    if (at != 0)
        return busy_ingest_sign(at, now);
    at = newest_blob(cache_fd, now);
    return at != 0 ? busy_blob_sign(at, now) : NULL;
}
